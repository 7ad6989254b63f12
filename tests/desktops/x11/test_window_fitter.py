"""Desktops without a window manager, with the real TigerVNC: windows fill the screen and have the keys."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_vnc.desktops import launch
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.processes import tree as process
from jupyter_vnc.desktops.session import choose
from jupyter_vnc.desktops.x11 import protocol as x11
from jupyter_vnc.desktops.x11 import requests
from jupyter_vnc.desktops.x11.connection import Link
from jupyter_vnc.desktops.x11.protocol import Geometry
from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.model.targets import State
from tests.needs import require

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("nothing_left")]

#: A session that shows nothing: what shows is ours.
EMPTY = ("/bin/sh", "-c", "exec sleep 300")
WHOLE = Geometry(0, 0, 640, 480, 0)
KEY_PRESSED, FOCUS_IN = 2, 9


@contextlib.asynccontextmanager
async def desktop(*command, **keys):
    """A desktop of 640x480; yields its manager, and its environment."""
    manager = DesktopManager()
    try:
        await manager.ensure("ann", "desktop", DesktopSpec(command, "640x480", **keys))
        yield manager, {"PATH": os.environ["PATH"], **manager.environment("ann", "desktop")}
    finally:
        await manager.close()


def tree_of(manager):
    return manager._entries["ann", "desktop"].desktop._tree


async def eventually(condition):
    async with asyncio.timeout(60):
        while not (value := condition()):
            await asyncio.sleep(0.02)
        return value


def run(environ, *command):
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False).stdout


def shown(environ, name):
    """Place, size and border of a window by its name."""
    found = re.findall(
        r"(?:Absolute upper-left [XY]|Width|Height|Border width): +(-?\d+)", run(environ, "xwininfo", "-name", name)
    )
    return Geometry(*map(int, found)) if found else None


class Guest(Link):
    """A program with windows of all kinds."""

    base = 0

    @classmethod
    def of(cls, environ):
        guest = cls.open(int(environ["DISPLAY"][1:]), Path(environ["XAUTHORITY"]))
        guest.received = []
        return guest

    def _packet(self):
        packet = super()._packet()
        if not self.base:
            (self.base,) = struct.unpack_from("<12xI", packet)
        elif packet[0] in {KEY_PRESSED, FOCUS_IN}:
            self.received.append(
                (packet[0], *struct.unpack_from("<12xI" if packet[0] == KEY_PRESSED else "<4xI", packet))
            )
        return packet

    def window(self, geometry, *, override=False, **properties):
        """Show a new window with these properties; return its number."""
        self.base += 1
        values = struct.pack("<II", override, 1 | 1 << 21)
        body = struct.pack("<IIhhHHHHII", self.base, self.screen.root, *geometry, 1, 0, 1 << 9 | 1 << 11)
        self.send(struct.pack("<BBH", 1, 0, 10) + body + values)
        for name, numbers in properties.items():
            self.set(self.base, name, *numbers)
        self.send(struct.pack("<BxHI", 8, 2, self.base))
        return self.base

    def set(self, window, name, *numbers):
        """ChangeProperty: numbers of 32 bits, or atoms by their names."""
        values = [self.atom(number) if isinstance(number, str) else number for number in numbers]
        head = struct.pack("<BBHIIIB3xI", 18, 0, 6 + len(values), window, self.atom(name), 4, 32, len(values))
        self.send(head + struct.pack(f"<{len(values)}I", *values))

    def atom(self, name):
        return x11.number(self.ask(requests.intern_atom(name)))

    def place(self, window):
        return x11.geometry(self.ask(requests.get_geometry(window)))

    def order(self):
        return x11.children(self.ask(requests.query_tree(self.screen.root)))

    def focused(self):
        (window,) = struct.unpack_from("<8xI", self.ask(struct.pack("<BBH", 43, 0, 1)))
        return window

    def destroy(self, window):
        self.send(struct.pack("<BxHI", 4, 2, window))


@contextlib.asynccontextmanager
async def guest_on(*command, **keys):
    """A desktop, a program with windows on it, and its environment."""
    async with desktop(*(command or EMPTY), **keys) as (manager, environ):
        guest = Guest.of(environ)
        try:
            yield guest, environ, manager
        finally:
            guest.close()


def ask_for_size(path, width, height):
    """As a viewer does: SetDesktopSize with one screen."""
    with socket.socket(socket.AF_UNIX) as link, link.makefile("rb") as answers:
        link.settimeout(60)
        link.connect(path)
        link.sendall(answers.read(12))
        link.sendall(bytes(answers.read(answers.read(1)[0])[:1]))
        assert answers.read(4) == bytes(4)
        link.sendall(b"\1")
        answers.read(20 + 4 - 4)
        answers.read(*struct.unpack(">I", answers.read(4)))
        link.sendall(struct.pack(">BxHi", 2, 1, -308) + struct.pack(">BBHHHH", 3, 0, 0, 0, 1, 1))
        link.sendall(struct.pack(">BxHHBxIHHHHI", 251, width, height, 1, 0, 0, 0, width, height, 0))
        answers.read(1)


async def test_an_application_fills_the_screen_and_follows_its_size(runtime_dir):
    async with desktop("xclock") as (manager, environ):
        await eventually(lambda: shown(environ, "xclock") == WHOLE)
        run(environ, "xrandr", "-s", "800x600")
        await eventually(lambda: shown(environ, "xclock") == Geometry(0, 0, 800, 600, 0))
        address = await manager.ensure("ann", "desktop", DesktopSpec(("xclock",)))
        await asyncio.to_thread(ask_for_size, address.path, 517, 391)
        await eventually(lambda: shown(environ, "xclock") == Geometry(0, 0, 517, 391, 0))
        await manager.stop("ann", "desktop")
        assert "any more" not in manager.log_text("ann", "desktop")


DIALOG = Geometry(3, 3, 200, 100, 1)
CENTRED = Geometry(219, 189, 200, 100, 1)


#: Properties of a window, and its expected place.
KINDS = (
    ({}, WHOLE),
    ({"_NET_WM_WINDOW_TYPE": ["_NET_WM_WINDOW_TYPE_NORMAL"]}, WHOLE),
    ({"_NET_WM_WINDOW_TYPE": ["_KDE_OVERRIDE", "_NET_WM_WINDOW_TYPE_NORMAL"]}, WHOLE),
    ({"WM_TRANSIENT_FOR": [0]}, CENTRED),
    ({"WM_TRANSIENT_FOR": [0], "_NET_WM_WINDOW_TYPE": ["_NET_WM_WINDOW_TYPE_NORMAL"]}, CENTRED),
    ({"_NET_WM_WINDOW_TYPE": ["_NET_WM_WINDOW_TYPE_DIALOG"]}, CENTRED),
    ({"_NET_WM_WINDOW_TYPE": ["_NET_WM_WINDOW_TYPE_SPLASH"]}, CENTRED),
    ({"_NET_WM_WINDOW_TYPE": ["_NET_WM_WINDOW_TYPE_NOTIFICATION"]}, DIALOG),
    ({"override": True}, DIALOG),
    ({"WM_NORMAL_HINTS": [0x30, 0, 0, 0, 0, 200, 100, 200, 100]}, Geometry(220, 190, 200, 100, 0)),
)


async def test_kinds_of_windows():
    async with guest_on() as (guest, _, _manager):
        windows = [guest.window(DIALOG, **properties) for properties, _ in KINDS]
        last = guest.window(DIALOG)
        await eventually(lambda: guest.focused() == last)  # so those before have been looked at, too
        assert [guest.place(window) for window in windows] == [expected for _, expected in KINDS]


async def test_the_keys_go_to_the_newest_window_wherever_the_pointer_is():
    require("xdotool")
    async with guest_on() as (guest, environ, _):
        main = guest.window(DIALOG)
        await eventually(lambda: guest.focused() == main)
        dialog = guest.window(DIALOG, WM_TRANSIENT_FOR=[main])
        await eventually(lambda: guest.focused() == dialog)
        assert guest.order()[-2:] == (main, dialog)
        run(environ, "xdotool", "mousemove", "600", "10", "key", "a")
        await eventually(lambda: guest.order() and (KEY_PRESSED, dialog) in guest.received)
        guest.destroy(dialog)
        await eventually(lambda: guest.focused() == main)
        run(environ, "xdotool", "key", "a")
        await eventually(lambda: guest.order() and (KEY_PRESSED, main) in guest.received)
        pressed = [window for kind, window in guest.received if kind == KEY_PRESSED]
        assert [*dict.fromkeys(pressed)] == [dialog, main]  # a key that is held for long repeats itself


async def test_a_click_gives_a_window_the_keys_and_no_window_hides_its_dialog():
    require("xdotool")
    async with guest_on() as (guest, environ, _):
        main = guest.window(DIALOG)
        dialog = guest.window(DIALOG, WM_TRANSIENT_FOR=[main])
        await eventually(lambda: guest.focused() == dialog)
        for x, expected in ((600, main), (320, dialog), (600, main)):
            run(environ, "xdotool", "mousemove", str(x), "240", "click", "1")
            await eventually(lambda: guest.focused() == expected)  # noqa: B023 - it does not outlive the turn
            await eventually(lambda: guest.order()[-2:] == (main, dialog))


#: A main window that asks for a name, and writes it down.
ASKING = """
import sys
from pathlib import Path
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import QApplication, QInputDialog, QMainWindow

def ask():
    answer, _ = QInputDialog.getText(window, "asking", "Name:")
    Path.home().joinpath("answer").write_text(f"{answer} {window.width()}x{window.height()}")
    app.quit()

app = QApplication(sys.argv)
window = QMainWindow()
window.setWindowTitle("main")
window.show()
QTimer.singleShot(300, ask)
app.exec()
"""


def is_small_and_centred(place):
    """Whether a dialog has come to rest in the middle: it makes itself smaller once it has been shown."""
    return (
        place is not None
        and place.width < 640
        and abs(place.x + place.width / 2 - 320) <= 1
        and abs(place.y + place.height / 2 - 240) <= 1
    )


async def test_an_application_of_a_real_toolkit():
    require("xdotool")
    async with desktop(sys.executable, "-c", ASKING) as (manager, environ):
        await eventually(lambda: shown(environ, "main") == WHOLE)
        await eventually(lambda: is_small_and_centred(shown(environ, "asking")))
        run(environ, "xdotool", "mousemove", "2", "2")
        await eventually(lambda: run(environ, "xdotool", "getwindowfocus", "getwindowname") == "asking\n")
        run(environ, "xdotool", "type", "Ann")
        run(environ, "xdotool", "key", "Return")
        answer = Path.home() / "answer"
        await eventually(lambda: answer.exists() and answer.read_text())
        assert answer.read_text() == "Ann 640x480"
        await eventually(lambda: manager.state("ann", "desktop") is State.STOPPED)


async def test_a_dialog_that_comes_before_its_window_is_above_it():
    async with guest_on() as (guest, _, _manager):
        main = guest.base + 2
        dialog = guest.window(DIALOG, WM_TRANSIENT_FOR=[main])
        await eventually(lambda: guest.focused() == dialog)
        assert guest.window(DIALOG) == main
        await eventually(lambda: guest.focused() == main)
        await eventually(lambda: guest.order()[-2:] == (main, dialog))


async def test_a_window_may_ask_to_take_the_keys_by_itself():
    """As those of Java do (ICCCM 4.1.7: input is False, and WM_TAKE_FOCUS)."""
    async with guest_on() as (guest, _, _manager):
        main = guest.window(DIALOG)
        await eventually(lambda: guest.focused() == main)
        shy = guest.window(DIALOG, WM_HINTS=[1, 0], WM_PROTOCOLS=["WM_DELETE_WINDOW", "WM_TAKE_FOCUS"])
        packets = []
        guest._keep = packets.append
        await eventually(lambda: guest.order() and [packet for packet in packets if packet[0] & 0x7F == 33])
        told = next(packet for packet in packets if packet[0] & 0x7F == 33)
        names = guest.atom("WM_PROTOCOLS"), guest.atom("WM_TAKE_FOCUS")
        assert struct.unpack_from("<4xIII", told) == (shy, *names)
        assert guest.focused() == main


async def test_a_window_that_chooses_another_size_is_not_fought_with_for_ever():
    async with guest_on() as (guest, environ, _):
        window = guest.window(DIALOG)
        await eventually(lambda: guest.place(window) == WHOLE)
        for _ in range(3):
            guest.send(requests.configure(window, DIALOG))
            await eventually(lambda: guest.place(window) == WHOLE)
        guest.send(requests.configure(window, DIALOG))
        last = guest.window(DIALOG)
        await eventually(lambda: guest.place(last) == WHOLE)
        assert guest.place(window) == DIALOG
        run(environ, "xrandr", "-s", "800x600")
        await eventually(lambda: guest.place(window) == Geometry(0, 0, 800, 600, 0))


async def test_a_dialog_that_makes_itself_larger_is_centred_anew():
    """And once more when the screen grows."""
    async with guest_on() as (guest, environ, _):
        dialog = guest.window(DIALOG, WM_TRANSIENT_FOR=[0])
        await eventually(lambda: guest.place(dialog) == CENTRED)
        guest.send(requests.configure(dialog, CENTRED._replace(width=400, height=300)))
        await eventually(lambda: guest.place(dialog) == Geometry(119, 89, 400, 300, 1))
        run(environ, "xrandr", "-s", "800x600")
        await eventually(lambda: guest.place(dialog) == Geometry(199, 149, 400, 300, 1))


async def test_windows_that_were_there_before_a_window_manager_get_their_size_back():
    """It has ended by then."""
    session = "xclock -geometry 300x200 & while ! [ -e $HOME/go ]; do sleep 0.02; done; exec openbox"
    async with guest_on("/bin/sh", "-c", session) as (guest, environ, manager):
        await eventually(lambda: shown(environ, "xclock") == WHOLE)
        (Path.home() / "go").touch()
        how = await asyncio.wait_for(asyncio.shield(tree_of(manager).exited("fullscreen")), 60)
        assert (how.status, how.tail) == (0, "")
        await eventually(lambda: (found := shown(environ, "xclock")) and found[2:4] == (300, 200))
        window = guest.window(DIALOG)
        await eventually(lambda: window not in guest.order())  # in a frame of openbox
        assert guest.place(window)[2:4] == DIALOG[2:4]
        assert manager.state("ann", "desktop") is State.UP


async def test_with_a_window_manager_nothing_is_changed():
    session = "openbox & xclock -geometry 300x200 & while ! [ -e $HOME/go ]; do sleep 0.02; done; wait"
    async with desktop("/bin/sh", "-c", session) as (manager, environ):
        await asyncio.wait_for(asyncio.shield(tree_of(manager).exited("fullscreen")), 60)
        await eventually(lambda: (found := shown(environ, "xclock")) and found[2:4] == (300, 200))
        assert manager.state("ann", "desktop") is State.UP


@pytest.mark.parametrize(("command", "fullscreen"), [((), True), (("openbox",), True), (("xclock",), False)])
async def test_where_it_does_not_run(command, fullscreen):
    async with desktop(*command, fullscreen=fullscreen) as (manager, environ):
        bare = choose(DesktopSpec(command)).bare
        await eventually(lambda: ("background" in tree_of(manager)._started) == bare)
        started = set(tree_of(manager)._started) - {"sound"}  # where PulseAudio is installed, after the desktop is up
        assert started == {"server", "bus", "session", *(["background"] * bare)}
        if not fullscreen:
            await eventually(lambda: shown(environ, "xclock") == Geometry(0, 0, 164, 164, 1))


async def test_a_desktop_goes_on_without_it():
    async with guest_on() as (guest, _, manager):
        window = guest.window(DIALOG)
        await eventually(lambda: guest.focused() == window)
        os.kill(await tree_of(manager)._started["fullscreen"], signal.SIGKILL)
        await tree_of(manager).exited("fullscreen")
        assert manager.state("ann", "desktop") is State.UP
        assert guest.focused() == window


async def test_windows_that_come_and_go_at_once_do_it_no_harm():
    async with guest_on() as (guest, _, _manager):
        for _ in range(200):
            guest.destroy(guest.window(DIALOG, WM_TRANSIENT_FOR=[0]))
        window = guest.window(DIALOG)
        await eventually(lambda: guest.place(window) == WHOLE)
        await eventually(lambda: guest.focused() == window)


async def test_why_it_ended_is_a_line_in_the_desktops_log(monkeypatch):
    def astray(module, _, authority):
        return process.isolated(module, "99999", authority)

    monkeypatch.setattr(launch, "isolated", astray)
    async with desktop("xclock") as (manager, environ):
        await tree_of(manager).exited("fullscreen")
        line = "Windows are not fitted to the screen any more: [Errno 2] No such file or directory\n"
        assert line in manager.log_text("ann", "desktop")  # the log of a sound server may follow
        assert manager.state("ann", "desktop") is State.UP
        await eventually(lambda: shown(environ, "xclock") == Geometry(0, 0, 164, 164, 1))
