"""Real VNC servers for tests: TigerVNC on TCP or a Unix socket, x11vnc, a window that answers, a tap on the line.

All of it is a context manager that stops what it started, by process, and leaves nothing.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo.machines import wait_for_display
from demo.processes import free_port, running, write_private
from jupyter_vnc.desktops.x11 import xauthority
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from tests.integration import lamp
from tests.needs import require

#: The colour of a server's background.
BACKGROUND = "#1f5fbf"
#: Where a lamp's window has its top left corner; two points well inside, one for the eye and one for the pointer, which
#: servers draw into the picture of a viewer that does not do it itself.
LAMP_CORNER, LAMP_POINT, LAMP_HAND = (100, 100), (200, 200), (240, 240)

#: Seconds that something real may take.
PATIENCE = 30.0


def wait_until(condition, what):
    """Wait for something that another process does."""
    for _ in range(int(PATIENCE / 0.05)):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail(f"still not so: {what}")


@dataclass
class RealServer:
    """A VNC server that runs, its display, and how a target of it is configured."""

    address: TCPAddress | UnixAddress
    process: subprocess.Popen
    env: dict[str, str]
    folder: Path
    password_file: Path | None = None
    password: str = field(default="", repr=False)
    #: What its desktop's background looks like, and a part of its name.
    background: str = BACKGROUND
    title: str = "a real desktop"
    #: A context manager that watches what reaches its desktop; it gives an object with ``events``.
    watch: Callable | None = None

    def keys(self):
        """The keys of its target in the configuration."""
        if isinstance(self.address, UnixAddress):
            keys = {"socket": self.address.path}
        else:
            keys = {"host": self.address.host, "port": self.address.port}
        return keys | ({"password_file": str(self.password_file)} if self.password_file else {})

    def watching(self):
        """Watch what reaches the desktop: ``key g``, ``click``."""
        return self.watch() if self.watch else lighting(self)

    def run(self, *argv, **more):
        """Run a program on its display to its end."""
        return subprocess.run(argv, env=self.env, check=True, timeout=PATIENCE, **more)

    def kill(self):
        """Kill it as in a crash."""
        self.process.kill()
        self.process.wait()


def scramble(password):
    """The password as VNC servers keep it in a file."""
    require("tigervncpasswd")
    return subprocess.run(
        ["tigervncpasswd", "-f"], input=password.encode(), stdout=subprocess.PIPE, check=True, timeout=PATIENCE
    ).stdout


def write_passwords(folder, password):
    """Write the server's scrambled password, and ours as text; return where each is."""
    write_private(folder / "server.passwd", scramble(password))
    write_private(folder / "our.passwd", f"{password}\n".encode())
    return folder / "server.passwd", folder / "our.passwd"


@contextmanager
def tigervnc(folder, *, unix=False, password="", options=(), more_env=()):
    """Start TigerVNC, with VNC authentication if there is a password, and with a known background.

    Of options that are given twice the later counts, so ``options`` can overrule what stands here.
    """
    require("Xtigervnc", "xsetroot")
    folder.mkdir(mode=0o700, exist_ok=True)
    xauthority.write(folder / "Xauthority")
    log = folder / "Xtigervnc.log"
    if unix:
        address = UnixAddress(str(folder / "vnc.sock"))
        listen = ["-rfbunixpath", address.path, "-rfbunixmode", "0600", "-rfbport", "-1"]
    else:
        address = TCPAddress("127.0.0.1", free_port())
        listen = ["-rfbport", str(address.port), "-localhost"]
    security, ours = ["-SecurityTypes", "None"], None
    if password:
        theirs, ours = write_passwords(folder, password)
        security = ["-SecurityTypes", "VncAuth", "-PasswordFile", str(theirs)]
    env = os.environ | {"HOME": str(folder), "XAUTHORITY": str(folder / "Xauthority")}
    reader, writer = os.pipe()
    with ExitStack() as stack:
        stack.callback(os.close, reader)
        argv = ["Xtigervnc", "-displayfd", str(writer), "-auth", env["XAUTHORITY"], "-geometry", "640x480"]
        argv += ["-nolisten", "tcp", "-desktop", "a real desktop", *listen, *security, *options]
        try:
            process = stack.enter_context(running(argv, log, env=env | dict(more_env), cwd=folder, pass_fds=[writer]))
        finally:
            os.close(writer)
        env["DISPLAY"] = wait_for_display(process, reader, log)
        server = RealServer(address, process, env, folder, ours, password)
        server.run("xsetroot", "-solid", BACKGROUND)
        yield server


@contextmanager
def x11vnc(folder, *, unix=False, password="", options=()):
    """Start x11vnc on the display of a TigerVNC that nobody connects to; options as there."""
    require("x11vnc")
    with ExitStack() as stack:
        display = stack.enter_context(tigervnc(folder, unix=True))
        port, flag = free_port(), folder / "x11vnc.flag"
        security, ours = ["-nopw"], None
        if password:
            theirs, ours = write_passwords(folder, password)
            security = ["-rfbauth", str(theirs)]
        # Its -localhost refuses connections over a Unix socket.
        listen = ["-unixsock", str(folder / "x11vnc.sock"), "-listen", "127.0.0.1"] if unix else ["-localhost"]
        argv = ["x11vnc", "-display", display.env["DISPLAY"], "-auth", display.env["XAUTHORITY"], "-flag", str(flag)]
        argv += ["-rfbport", str(port), "-forever", "-shared", "-norc", "-desktop", "a real desktop"]
        log = folder / "x11vnc.log"
        process = stack.enter_context(running([*argv, *security, *listen, *options], log, env=display.env, cwd=folder))
        wait_until(flag.exists, "x11vnc listens")
        address = UnixAddress(str(folder / "x11vnc.sock")) if unix else TCPAddress("127.0.0.1", port)
        yield RealServer(address, process, display.env, folder, ours, password)


class Lamp:
    """A window on a server's display: what it has seen so far."""

    def __init__(self, log):
        self._log = log

    @property
    def events(self):
        """What came: ``key g``, ``click``."""
        return self._log.read_text().splitlines()[1:] if self._log.exists() else []

    @property
    def ready(self):
        return self._log.exists() and self._log.read_text().startswith("ready")


@contextmanager
def lighting(server):
    """Open a lamp on a server; without a window manager, keys go to where the pointer is."""
    require("xterm")
    events = server.folder / "lamp.events"
    x, y = LAMP_CORNER
    argv = ["xterm", "-geometry", f"40x15+{x}+{y}", "-xrm", "XTerm*allowColorOps: true", "-fn", "fixed"]
    argv += ["-e", sys.executable, lamp.__file__, str(events)]
    with running(argv, server.folder / "xterm.log", env=server.env, cwd=server.folder):
        window = Lamp(events)
        wait_until(lambda: window.ready, "the lamp is ready")
        yield window


class Tap:
    """What went over a line: all bytes of each direction, and how many connections."""

    def __init__(self, address):
        self.address = address
        self.connections = 0
        self.to_server = bytearray()
        self.from_server = bytearray()


def _dial(address):
    """Connect to where a server listens."""
    if isinstance(address, UnixAddress):
        return asyncio.open_unix_connection(address.path)
    return asyncio.open_connection(address.host, address.port)


@asynccontextmanager
async def tapping(server, host="127.0.0.1", *, path=""):
    """Listen on a port of this host, or on a Unix socket; pass everything to and from the server, and keep a copy."""
    busy = set()

    async def pump(reader, writer, copy):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                copy += data
                writer.write(data)
                await writer.drain()
        writer.close()

    async def join(reader, writer):
        tap.connections += 1
        try:
            there = await _dial(server.address)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, there[1], tap.to_server), pump(there[0], writer, tap.from_server))

    def connected(reader, writer):
        task = asyncio.get_running_loop().create_task(join(reader, writer))
        busy.add(task)
        task.add_done_callback(busy.discard)

    if path:
        listener = await asyncio.start_unix_server(connected, path)
        tap = Tap(UnixAddress(path))
    else:
        listener = await asyncio.start_server(connected, host, 0)
        tap = Tap(TCPAddress(host, listener.sockets[0].getsockname()[1]))
    try:
        yield tap
    finally:
        listener.close()
        await asyncio.wait_for(asyncio.gather(*busy, return_exceptions=True), PATIENCE)
        await listener.wait_closed()
