"""Cookie files, logs' last lines, free displays, the manager's books."""

import asyncio
import stat

import pytest

from jupyter_vnc import tasks
from jupyter_vnc.desktops import readiness
from jupyter_vnc.desktops.checks import failure
from jupyter_vnc.desktops.ownership import trust
from jupyter_vnc.desktops.processes import procfs as processes
from jupyter_vnc.desktops.processes.tree import Exit
from jupyter_vnc.desktops.record import FAILURE_MEMORY, Entry, check_room
from jupyter_vnc.desktops.x11 import xauthority
from jupyter_vnc.exceptions import DesktopFailed, LimitExceeded
from jupyter_vnc.model.targets import State

# -- cookie files ------------------------------------------------------------------------------------------------


def test_cookie_record():
    assert xauthority.encode(b"\x01" * 16) == (
        b"\xff\xff" + b"\x00\x00" + b"\x00\x00" + b"\x00\x12MIT-MAGIC-COOKIE-1" + b"\x00\x10" + b"\x01" * 16
    )


def test_cookie_file_is_private_new_and_random(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    xauthority.write(first)
    xauthority.write(second)
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert first.read_bytes()[:-16] == second.read_bytes()[:-16]
    assert first.read_bytes() != second.read_bytes()
    with pytest.raises(FileExistsError):
        xauthority.write(first)


# -- how a program ended -----------------------------------------------------------------------------------------

X_FATAL = """
vncext: Listening
(EE)
Fatal server error:
(EE) Cannot establish any listening sockets - Make sure an X server isn't already running
(EE)
"""


@pytest.mark.parametrize(
    ("tail", "line"),
    [
        ("", ""),
        ("one\ntwo\n", "two"),
        ("said this\n\n---\n", "said this"),
        (X_FATAL, "Cannot establish any listening sockets - Make sure an X server isn't already running"),
        ("(EE)\nFatal server error:\n", "Fatal server error:"),
        ("(EE) broken\n(EE)\n", "broken"),
    ],
)
def test_last_line(tail, line):
    assert Exit(1, tail).last_line == line


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        (Exit(7, "first\nno such theme\n"), "It ended: no such theme"),
        (Exit(7), "It ended."),
        (Exit(-11, X_FATAL), f"It ended: {Exit(1, X_FATAL).last_line}"),
        (Exit(-9, "Listening on /a/rfb.sock\n"), "It ended: it was killed, as happens when memory runs out."),
    ],
)
def test_why_a_program_ended_is_what_its_log_says_unless_it_was_killed(how, sentence):
    assert str(failure("It ended", how)) == sentence


# -- side by side ------------------------------------------------------------------------------------------------


async def test_two_things_side_by_side():
    started = asyncio.Event()

    async def start():
        started.set()
        return 1

    async def wait():
        await started.wait()
        return "b"

    assert await asyncio.wait_for(tasks.together(wait(), start()), 60) == ("b", 1)


@pytest.mark.parametrize("swap", [False, True])
async def test_when_one_of_two_things_fails_the_other_has_ended(swap):
    ended = []

    async def fail():
        await asyncio.sleep(0)
        raise DesktopFailed("broken")

    async def go_on():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    both = (go_on(), fail()) if swap else (fail(), go_on())
    with pytest.raises(DesktopFailed, match="broken"):
        await tasks.together(*both)
    assert ended == [True]


# -- displays ----------------------------------------------------------------------------------------------------


@pytest.fixture
def holders(monkeypatch):
    taken = {}
    monkeypatch.setattr(readiness, "display_holder", lambda display: taken.get(display, 0))
    monkeypatch.setattr(readiness, "is_left_over", lambda display: False)
    return taken


def test_the_same_desktop_gets_the_same_display(holders):
    first = next(readiness.free_displays("0/ann/desktop"))
    assert first == next(readiness.free_displays("0/ann/desktop"))
    assert first in readiness.DISPLAYS
    holders[first] = 4711
    assert next(readiness.free_displays("0/ann/desktop")) in {first + 1, readiness.DISPLAYS[0]}


def test_displays_are_bounded_and_different(holders):
    tried = list(readiness.free_displays("seed"))
    assert len(tried) == len(set(tried)) == readiness.ATTEMPTS
    holders.update(dict.fromkeys(readiness.DISPLAYS, -1))
    assert list(readiness.free_displays("seed")) == []


def test_display_holder_reads_the_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "lock_file", lambda display: tmp_path / f".X{display}-lock")
    monkeypatch.setattr(trust, "X_SOCKETS", tmp_path)
    assert processes.display_holder(107) == 0
    (tmp_path / "X107").touch()
    assert processes.display_holder(107) == -1
    (tmp_path / ".X107-lock").write_text("      4711\n")
    assert processes.display_holder(107) == 4711
    processes.remove_display(107, 4712)
    assert (tmp_path / "X107").exists()
    processes.remove_display(107, 4711)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".X107-lock").write_text("who?")
    assert processes.display_holder(107) == -1


# -- the manager's books -----------------------------------------------------------------------------------------


class FakeDesktop:
    def __init__(self):
        self.state = State.UP
        self.message = ""


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_failures_are_counted_forgiven_and_forgotten():
    clock = Clock()
    entry = Entry(FakeDesktop(), clock=clock)
    entry.note_failure()
    clock.now = 10.0
    entry.note_failure()
    assert entry.failures == 2
    clock.now = FAILURE_MEMORY + 5.0
    assert entry.failures == 1
    entry.forgive()
    assert entry.failures == 0


def test_too_many_failures_refuse_a_start_until_somebody_asks():
    entry = Entry(FakeDesktop(), clock=Clock())
    entry.desktop.message = "The session crashed."
    entry.note_failure()
    entry.check_failures(2)
    entry.note_failure()
    with pytest.raises(DesktopFailed) as caught:
        entry.check_failures(2)
    assert str(caught.value) == "This desktop failed 2 times. Start it again by hand. The session crashed."
    entry.forgive()
    entry.check_failures(2)


def test_desktops_that_run_or_start_count_for_the_limit():
    desktops = [FakeDesktop() for _ in range(4)]
    for desktop, state in zip(desktops, (State.UP, State.STARTING, State.STOPPED, State.DOWN), strict=True):
        desktop.state = state
    check_room(desktops, 0)
    check_room(desktops, 3)
    with pytest.raises(LimitExceeded, match="You have 2 running desktops"):
        check_room(desktops, 2)


def test_idle_means_up_without_viewer_and_unused():
    clock = Clock()
    entry = Entry(FakeDesktop(), clock=clock)
    clock.now = 10.0
    assert entry.is_idle(10.0)
    assert not entry.is_idle(11.0)
    entry.viewers = 1
    assert not entry.is_idle(10.0)
    entry.viewers = 0
    entry.desktop.state = State.STARTING
    assert not entry.is_idle(10.0)
    entry.desktop.state = State.UP
    entry.touch()
    assert not entry.is_idle(10.0)


async def test_waiters_share_a_start_and_cannot_stop_it():
    entry = Entry(FakeDesktop())
    go = asyncio.Event()
    entry.starting = asyncio.create_task(go.wait())
    impatient, patient = (asyncio.create_task(entry.started()) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    assert impatient.cancelled()
    go.set()
    await patient


async def test_a_start_that_is_cancelled_is_an_error_for_its_waiters():
    entry = Entry(FakeDesktop())
    entry.starting = asyncio.create_task(asyncio.Event().wait())
    waiter = asyncio.create_task(entry.started())
    await asyncio.sleep(0)
    await asyncio.gather(entry.cancel_start(), entry.cancel_start())
    with pytest.raises(DesktopFailed, match="stopped while it started"):
        await waiter
