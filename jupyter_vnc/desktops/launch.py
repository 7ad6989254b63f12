"""The parts of a desktop's start that know nothing of its state: what its programs need, its bus, its fitter."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.processes.isolated import isolated
from jupyter_vnc.desktops.processes.tree import Tree
from jupyter_vnc.escaping import quote_remote
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.system.logs import Log

from . import session
from .readiness import appears
from .settings import Settings
from .sound import pulseaudio

#: The program that fits windows to the screen where no window manager does; its one line is in the log, too.
FITTER: Final = "fullscreen"
#: The one that paints a background where the session does not.
PAINTER: Final = "background"

#: Seconds to wait for a session bus; a session starts without one, too.
BUS_TIMEOUT: Final = 2.0


def check_home(folder: str) -> None:
    """Prove that a home folder can be written.

    Raises:
        DesktopFailed: it cannot.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
    except OSError as error:
        said = f"The home folder cannot be written ({error.strerror}), and a desktop keeps its settings there."
        raise DesktopFailed(said, detail=str(error)) from error


def session_environment(
    folder: Path, display: dict[str, str], command: session.SessionCommand, settings: Settings
) -> dict[str, str]:
    """Return the environment of a session's programs.

    A user without a runtime directory (in a container, say) gets one that goes with the desktop.

    Args:
        folder: the desktop's own.
        display: the variables that name its display, and its sound server.
        command: the session.
        settings: those of the server.
    """
    # Names of devices are another sound server's, if the desktop has its own.
    inherited = pulseaudio.without(settings.environ) if pulseaudio.SERVER in display else settings.environ
    environ = session.environment(inherited, command, display, settings.variables)
    environ["HOME"] = environ.get("HOME") or settings.home
    with suppress(OSError):
        if not os.access(environ.get("XDG_RUNTIME_DIR", ""), os.W_OK):
            (folder / "run").mkdir(mode=0o700, exist_ok=True)
            environ["XDG_RUNTIME_DIR"] = str(folder / "run")
        if not settings.screen_lock:
            session.mask_lockers(folder / "xdg")
        if command.bare:
            session.write_menu(folder / "xdg", environ)
        if (folder / "xdg").exists():
            environ["XDG_CONFIG_DIRS"] = session.config_dirs(folder / "xdg", environ)
    return environ


async def start_bus(tree: Tree, environ: dict[str, str], folder: Path, home: str, log: Log) -> None:
    """Start a session's D-Bus, if there is one here, and add its address to the environment.

    Args:
        tree: where it runs.
        environ: the environment of the session's programs, and of those that the bus starts for them.
        folder: the desktop's own, in which the bus listens.
        home: the home folder of the desktop's programs.
        log: for a warning when there will be no bus.
    """
    socket = folder / "bus"
    address = {"DBUS_SESSION_BUS_ADDRESS": session.bus_address(socket)}
    if (daemon := session.bus_command(session.bus_address(socket))) is None:
        return
    await tree.run("bus", daemon, {**environ, **address}, folder=home, last=True)
    if await appears(socket, tree.exited("bus"), BUS_TIMEOUT):
        environ.update(address)
    else:
        log.warning("Desktop in %s: no D-Bus session bus: %s", folder.name, quote_remote(tree.log("bus")))


async def furnish(
    tree: Tree,
    display: int,
    authority: Path,
    settings: Settings,
    command: session.SessionCommand,
    *,
    fit: bool,
    log: Log,
) -> None:
    """Give a session what it does not bring along: a background, and the whole screen to an application.

    A desktop is usable even if that fails.

    Args:
        tree: where the programs run.
        display: the number of its display.
        authority: that display's X authority file.
        settings: those of the server.
        command: the session.
        fit: whether an application without a window manager gets the whole screen.
        log: for a warning.
    """
    wanted = ((PAINTER, "x11.background", command.bare), (FITTER, "x11.window_fitter", command.alone and fit))
    for name, module, needed in wanted:
        if not needed:
            continue
        try:
            await tree.run(name, isolated(module, str(display), str(authority)), settings.environ)
        except DesktopFailed as error:
            log.warning("Display %d goes without its %s: %s", display, name, error.log_line)
