"""The start of a display: the next number where another program was faster, and an error where there is none."""

import asyncio

import pytest

from jupyter_vnc.desktops import display_start, launch
from jupyter_vnc.desktops.display_start import NO_DISPLAY, DisplayStart
from jupyter_vnc.desktops.processes.tree import Exit
from jupyter_vnc.exceptions import DesktopFailed

PID = 4711


class Numbers:
    """A display that may have one number after the other."""

    def __init__(self, *numbers):
        self._numbers = numbers
        self.number = 0
        self.cookies = []

    def candidates(self):
        yield from self._numbers

    def use(self, number):
        self.number = number

    def prepare_cookie(self, folder):
        self.cookies.append(self.number)

    def variables(self, folder):
        return {"DISPLAY": f":{self.number}", "XAUTHORITY": str(folder / "Xauthority")}


class Servers:
    """A tree that starts an X server; ``ends`` is how it ended on each display."""

    def __init__(self, ends):
        self._ends = ends
        self.displays = []

    async def run(self, name, command, environ, *, last, display):
        assert (name, last) == ("server", True)
        self.displays.append(display)
        return PID

    def exited(self, name):
        future = asyncio.get_running_loop().create_future()
        if (how := self._ends[self.displays[-1]]) is not None:
            future.set_result(how)
        return future


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Return what starts a display, with the end of the X server on each number, and the holder of its lock."""

    def begin(ends, holders=None):
        async def bus(tree, environ, *rest):
            environ["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/bus"

        async def answers(path, exited):
            return exited.result() if exited.done() else None

        monkeypatch.setattr(launch, "session_environment", lambda folder, display, *rest: {**display})
        monkeypatch.setattr(launch, "start_bus", bus)
        monkeypatch.setattr(display_start, "answers", answers)
        monkeypatch.setattr(display_start, "display_holder", (holders or {}).get)
        monkeypatch.setattr(display_start.xvnc, "arguments", lambda server, spec, where, title: [title])
        monkeypatch.setattr(display_start.xvnc, "environment", dict)

        class Settings:
            server, home, environ = None, "/home/ada", {}

        tree, display = Servers(ends), Numbers(*ends)
        return DisplayStart(tree, display, tmp_path, "desktop", None, None, Settings(), None), tree, display

    return begin


async def test_an_x_server_that_answers(start, tmp_path):
    starting, tree, display = start({101: None})
    pid, environ = await starting.run()
    assert (pid, tree.displays, display.cookies) == (PID, [101], [101])
    assert environ == {**display.variables(tmp_path), "DBUS_SESSION_BUS_ADDRESS": "unix:path=/bus"}


async def test_a_display_that_another_program_took_first(start):
    starting, tree, display = start({101: Exit(1, "Server is already active"), 102: None}, {101: 999})
    assert (await starting.run())[1]["DISPLAY"] == ":102"
    assert tree.displays == display.cookies == [101, 102]


@pytest.mark.parametrize("holder", [0, PID])
async def test_an_x_server_that_fails_on_its_own_display(start, holder):
    starting, tree, _ = start({101: Exit(1, "no fonts"), 102: None}, {101: holder})
    with pytest.raises(DesktopFailed, match=r"^The X server did not start: no fonts"):
        await starting.run()
    assert tree.displays == [101]


async def test_no_number_is_free(start):
    with pytest.raises(DesktopFailed) as caught:
        await start({})[0].run()
    assert str(caught.value) == NO_DISPLAY
