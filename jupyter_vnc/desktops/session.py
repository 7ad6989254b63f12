"""Desktop sessions: which one is installed, its command line, and an environment in which it works.

Pure but for looking programs up on PATH.
"""

from __future__ import annotations

import os
import shlex
import shutil
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops import applications
from jupyter_vnc.desktops.x11.xvnc import SYSTEM_PATH
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.model.addresses import DesktopSpec

#: What stands for itself in the address of a bus.
_PLAIN_IN_ADDRESS: Final = frozenset(string.ascii_letters + string.digits + "-_/.")

Which = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class SessionKind:
    """A desktop session that we know.

    ``needs`` are programs that must be there besides the first of ``command``; ``bare`` marks a window manager that
    gets a terminal, because alone it is an empty screen.
    """

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    bare: bool = False


def _desktop(name: str) -> dict[str, str]:
    return {"XDG_CURRENT_DESKTOP": name, "XDG_SESSION_DESKTOP": name.lower(), "DESKTOP_SESSION": name.lower()}


#: In the order in which they are taken when the admin names none.
SESSIONS: Final = (
    SessionKind("Xfce", ("xfce4-session",), {**_desktop("XFCE"), "XDG_MENU_PREFIX": "xfce-"}),
    SessionKind("MATE", ("mate-session",), {**_desktop("MATE"), "XDG_MENU_PREFIX": "mate-"}),
    SessionKind("LXQt", ("startlxqt",), _desktop("LXQt")),
    SessionKind(
        "GNOME Flashback",
        ("gnome-session", "--session=gnome-flashback-metacity"),
        {**_desktop("GNOME-Flashback:GNOME"), "XDG_MENU_PREFIX": "gnome-flashback-"},
        needs=("gnome-flashback", "metacity"),
    ),
    SessionKind("Openbox", ("openbox",), bare=True),
    SessionKind("IceWM", ("icewm",), bare=True),
    SessionKind("twm", ("twm",), bare=True),
)

#: Terminals for a bare window manager. What is marked in xterm goes to the clipboard, which it would not by itself, and
#: its own font is too small to read on today's screens.
TERMINALS: Final = (
    (
        *("xterm", "-fa", "Monospace", "-fs", "12", "-bg", "#1b1f27", "-fg", "#e6e6e6", "-geometry", "80x22+40+40"),
        *("-xrm", "XTerm*selectToClipboard: true"),
    ),
    ("xfce4-terminal",),
    ("mate-terminal",),
    ("lxterminal",),
    ("qterminal",),
    ("x-terminal-emulator",),
)

#: What must not reach a desktop: another display or session, and what conda's activation sets for its own libraries
#: and breaks the system's programs with.
DROPPED: Final = (
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SESSION_BUS_PID",
    "DBUS_SESSION_BUS_WINDOWID",
    "SESSION_MANAGER",
    "WAYLAND_DISPLAY",
    "WINDOWID",
    "XDG_SESSION_ID",
    "XDG_VTNR",
    "XDG_SEAT",
    "GDK_BACKEND",
    "QT_QPA_PLATFORM",
    "GSETTINGS_SCHEMA_DIR",
    "GDK_PIXBUF_MODULE_FILE",
    "GIO_MODULE_DIR",
    "GTK_PATH",
    "QT_PLUGIN_PATH",
    "QT_QPA_PLATFORM_PLUGIN_PATH",
)


#: Screen lockers that sessions start by themselves. The person in front of a desktop is logged in to Jupyter already,
#: and in a container has no password that would open a locked screen.
LOCKERS: Final = (
    "gnome-screensaver",
    "light-locker",
    "lxqt-xscreensaver-autostart",
    "mate-screensaver",
    "xfce4-screensaver",
    "xscreensaver",
)


@dataclass(frozen=True, slots=True)
class SessionCommand:
    """What to run, and the variables that the session wants.

    ``alone``: as far as we know, no window manager comes with it. ``bare``: it paints no background and has no menu.
    """

    name: str
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    alone: bool = False
    bare: bool = False


def which(program: str) -> str | None:
    """Find a program of the system's first, then on PATH: conda may carry a D-Bus or a session that does not match."""
    return shutil.which(program, path=":".join(SYSTEM_PATH)) or shutil.which(program)


def choose(spec: DesktopSpec, which: Which = which) -> SessionCommand:
    """Return the session of a desktop: what the admin names, else the first one that is installed.

    Raises:
        DesktopFailed: it is not installed, or none is.
    """
    if spec.command:
        return _named(spec.command)
    for kind in SESSIONS:
        if all(which(program) for program in (kind.command[0], *kind.needs)):
            command = (str(which(kind.command[0])), *kind.command[1:])
            if kind.bare:
                command = _with_terminal(command, which)
            return SessionCommand(kind.name, command, kind.variables, bare=kind.bare)
    if found := terminal(which):
        return SessionCommand("Terminal", found, alone=True, bare=True)
    names = ", ".join(kind.name for kind in SESSIONS)
    raise DesktopFailed(f"No desktop session is installed: install one of {names}, or name a command for this desktop.")


def _named(command: Sequence[str]) -> SessionCommand:
    """The admin's command; of one that we know by name, its variables too."""
    program = os.path.expanduser(command[0])  # noqa: PTH111 - a name without a slash must stay one
    found = shutil.which(program)
    if found is None:
        said = f"The program of this desktop, {Path(program).name}, is not installed, or may not be run."
        raise DesktopFailed(said, detail=program)
    known = next((kind for kind in SESSIONS if kind.command[0] == Path(program).name), None)
    return SessionCommand(
        Path(program).name, (found, *command[1:]), known.variables if known else {}, alone=known is None
    )


def terminal(which: Which = which) -> tuple[str, ...]:
    """Return the command of the first terminal that is installed; empty if none is."""
    for program, *arguments in TERMINALS:
        if (path := which(program)) is not None:
            return (path, *arguments)
    return ()


def _with_terminal(command: tuple[str, ...], which: Which) -> tuple[str, ...]:
    if found := terminal(which):
        return ("/bin/sh", "-c", f"{shlex.join(found)} & exec {shlex.join(command)}")
    return command


def environment(
    environ: Mapping[str, str], session: SessionCommand, display: Mapping[str, str], extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a session: ours without what would lead it astray; ``extra`` is the admin's."""
    kept = {name: value for name, value in environ.items() if name not in DROPPED}
    return {**kept, "XDG_SESSION_TYPE": "x11", **session.variables, **display, **extra}


def bus_address(socket: Path) -> str:
    """Return a bus's address: most bytes of a path are escaped in it (D-Bus Specification, "Server Addresses")."""
    path = "".join(chr(byte) if chr(byte) in _PLAIN_IN_ADDRESS else f"%{byte:02x}" for byte in os.fsencode(socket))
    return f"unix:path={path}"


def bus_command(address: str, which: Which = which) -> tuple[str, ...] | None:
    """Return the command of a session bus of its own that listens on a Unix socket, or None if D-Bus is not installed.

    ``dbus-run-session`` does the same, but finds its daemon on PATH, where conda's may come first, and has it listen
    on an abstract socket.
    """
    daemon = which("dbus-daemon")
    return (daemon, "--session", "--nofork", "--nopidfile", "--nosyslog", f"--address={address}") if daemon else None


def config_dirs(folder: Path, environ: Mapping[str, str]) -> str:
    """Return ``XDG_CONFIG_DIRS`` with a folder of ours first."""
    return ":".join([str(folder), environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"])


def mask_lockers(folder: Path) -> str:
    """Fill a configuration folder that keeps screen lockers from starting; return ``XDG_CONFIG_DIRS`` with it first.

    An entry of the same name in the user's own ``~/.config/autostart`` has precedence (Desktop Application Autostart
    Specification), so a user who wants a locker has it.

    Raises:
        OSError: the folder cannot be written.
    """
    autostart = folder / "autostart"
    autostart.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in LOCKERS:
        (autostart / f"{name}.desktop").write_text("[Desktop Entry]\nType=Application\nHidden=true\n")
    return config_dirs(folder, os.environ)


def write_menu(folder: Path, environ: Mapping[str, str], which: Which = which) -> None:
    """Write Openbox's menu, with what is installed, into a configuration folder; the user's own has precedence.

    Raises:
        OSError: it cannot be written.
    """
    shown = terminal(which)
    menu = folder / "openbox" / "menu.xml"
    menu.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    menu.write_text(applications.openbox_menu(applications.installed(environ, which, shown), shown), "utf-8")
