"""A session's run: whether it started, what goes on after its first program, and the sentence for its end."""

import asyncio
from pathlib import Path

import pytest

from jupyter_vnc.desktops import desktop, session_end, session_run
from jupyter_vnc.desktops.processes.tree import Exit
from jupyter_vnc.desktops.session import SessionCommand
from jupyter_vnc.desktops.session_run import SessionRun
from jupyter_vnc.exceptions import DesktopFailed

AUTHORITY = Path("/run/Xauthority")
DONE = "The desktop's session ended."


class Programs:
    """What a run knows of a tree: how its programs ended, if they did."""

    def __init__(self):
        self.ends = {name: asyncio.get_running_loop().create_future() for name in session_run.VITAL}
        self.orders = []

    async def run(self, name, command, environ, *, folder):
        self.orders.append((name, command, environ, folder))

    def exited(self, name):
        return self.ends[name]


async def started(monkeypatch, *, clients, alone=True, status=None):
    """A run that found so many programs on its display before and after its start, and maybe its program's end."""
    counts = iter(clients)
    monkeypatch.setattr(session_run, "count_clients", lambda display: next(counts))
    monkeypatch.setattr(session_run, "settles", lambda *about: asyncio.sleep(0))
    tree = Programs()
    run = SessionRun(tree, 101, AUTHORITY, SessionCommand("Its name", ("editor",), {}, alone=alone))
    await run.start({"DISPLAY": ":101"}, "/home/ada")
    assert tree.orders == [("session", ("editor",), {"DISPLAY": ":101"}, "/home/ada")]
    if status is not None:
        tree.ends["session"].set_result(Exit(status))
    return run, tree


def left(monkeypatch, *, goes_on):
    """Let there be something, or nothing, of a session whose first program has ended."""

    async def over(*about):
        assert about[1:] == (101, AUTHORITY)
        return goes_on

    monkeypatch.setattr(session_end, "goes_on", lambda *about: goes_on)
    monkeypatch.setattr(session_end, "over", over)


async def test_a_session_that_runs_is_not_looked_at(monkeypatch):
    run, _ = await started(monkeypatch, clients=(0, 1))
    await run.check()


@pytest.mark.parametrize(
    ("alone", "goes_on", "why"),
    [
        (True, True, None),
        (True, False, "left no program"),
        (False, True, "session ended at once"),
    ],
)
async def test_a_first_program_that_ends_at_once(monkeypatch, alone, goes_on, why):
    run, _ = await started(monkeypatch, clients=(0, 0), alone=alone, status=0)
    left(monkeypatch, goes_on=goes_on)
    if why is None:
        await run.check()
        return
    with pytest.raises(DesktopFailed, match=why):
        await run.check()


@pytest.mark.parametrize(
    ("alone", "goes_on", "status", "well"),
    [
        (True, True, 1, True),
        (True, False, 1, False),
        (True, False, 0, True),
        (False, True, 1, False),
    ],
)
async def test_whether_it_ended_well(monkeypatch, alone, goes_on, status, well):
    run, _ = await started(monkeypatch, clients=(0, 1), alone=alone, status=status)
    left(monkeypatch, goes_on=goes_on)
    await run.see_out()
    assert run.ended_well is well


async def test_without_an_x_server_nothing_goes_on(monkeypatch):
    run, tree = await started(monkeypatch, clients=(0, 1), status=1)
    left(monkeypatch, goes_on=True)
    tree.ends["server"].set_result(Exit(-9))
    await run.see_out()
    assert not run.went_on


@pytest.mark.parametrize(
    ("clients", "goes_on", "alone", "seconds", "sentence"),
    [
        ((0, 1), False, True, 1, DONE),
        ((0, 0), True, True, 1, DONE),
        ((0, 0), False, False, 1, DONE),
        ((0, 0), False, True, 60, DONE),
        ((0, 0), False, True, 1, session_end._WHAT_TO_DO),
    ],
)
async def test_what_is_said_at_its_end(monkeypatch, clients, goes_on, alone, seconds, sentence):
    run, _ = await started(monkeypatch, clients=clients, alone=alone, status=0)
    left(monkeypatch, goes_on=goes_on)
    await run.see_out()
    assert run.farewell(seconds) == sentence


def test_what_serves_viewers_is_no_reason_to_stay():
    """All programs of a desktop that have a log, but for its session."""
    assert set(desktop.LOGGED) - {"session"} <= set(session_end._NOT_THE_SESSIONS)
