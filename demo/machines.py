"""The demo's machines: VNC servers with a window manager and a terminal, on ports of the loopback interface."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.processes import START_TIMEOUT, DemoError, running, write_private
from jupyter_vnc.desktops.x11 import xauthority


@dataclass(frozen=True, slots=True)
class Machine:
    """A VNC server to start: its target's name and title, colour of its background, and what its terminal runs."""

    name: str
    title: str
    colour: str
    password: str = ""
    command: tuple[str, ...] = ()


def wait_for_display(process: subprocess.Popen[bytes], descriptor: int, log: Path) -> str:
    """Return ``:N`` once the X server reports that it is ready (its option ``-displayfd``).

    Raises:
        DemoError: it ended, or did not report in time.
    """
    readable, _, _ = select.select([descriptor], [], [], START_TIMEOUT)
    number = os.read(descriptor, 16).decode().strip() if readable else ""
    if not number:
        raise DemoError(f"{process.args!r} did not start:\n{log.read_text('utf-8', 'replace')}")
    return f":{number}"


def _password_options(machine: Machine, folder: Path) -> list[str]:
    if not machine.password:
        return ["-SecurityTypes", "None"]
    file = folder / "passwd"
    scrambled = subprocess.run(
        ["tigervncpasswd", "-f"], input=machine.password.encode(), stdout=subprocess.PIPE, check=True
    ).stdout
    write_private(file, scrambled)
    return ["-SecurityTypes", "VncAuth", "-PasswordFile", str(file)]


@contextmanager
def x_server(machine: Machine, folder: Path, env: Mapping[str, str], port: int) -> Iterator[str]:
    """Start TigerVNC; yields its display."""
    log = folder / "Xtigervnc.log"
    authority = folder / "Xauthority"
    xauthority.write(authority)
    reader, writer = os.pipe()
    with ExitStack() as stack:
        stack.callback(os.close, reader)
        argv = ["Xtigervnc", "-displayfd", str(writer), "-rfbport", str(port), "-localhost", "-auth", str(authority)]
        argv += ["-geometry", "1280x800", "-AlwaysShared", "-nolisten", "tcp", "-desktop", machine.title]
        argv += _password_options(machine, folder)
        try:
            process = stack.enter_context(running(argv, log, env=env, cwd=folder, pass_fds=[writer]))
        finally:
            os.close(writer)
        yield wait_for_display(process, reader, log)


@contextmanager
def serving(machine: Machine, folder: Path, port: int) -> Iterator[None]:
    """Start a machine, with its RFB port: X server, background, window manager and a terminal."""
    folder.mkdir(mode=0o700)
    # xterm leaves a file in TMPDIR if it is stopped early.
    env = os.environ | {"HOME": str(folder), "TMPDIR": str(folder), "XAUTHORITY": str(folder / "Xauthority")}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
        env.pop(name, None)
    with ExitStack() as stack:
        env["DISPLAY"] = stack.enter_context(x_server(machine, folder, env, port))
        subprocess.run(["xsetroot", "-solid", machine.colour], env=env, check=True, timeout=START_TIMEOUT)
        terminal = ["xterm", "-fa", "Monospace", "-fs", "14", "-geometry", "70x20+120+80", "-T", machine.title]
        terminal += ["-bg", machine.colour, "-fg", "white", *(("-e", *machine.command) if machine.command else ())]
        for argv in (["openbox"], terminal):
            stack.enter_context(running(argv, folder / f"{argv[0]}.log", env=env, cwd=folder))
        yield
