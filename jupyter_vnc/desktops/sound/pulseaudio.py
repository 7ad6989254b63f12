"""PulseAudio for one desktop: how it is run, and how programs find it.

It has a sink that nobody hears by itself, listens on a socket in the desktop's folder, reads no configuration of the
user's or the system's, and touches no sound card.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops import session
from jupyter_vnc.model.addresses import MAX_SOCKET_PATH, DesktopSpec

#: The socket's name in the desktop's folder, and the program's in a tree.
NAME: Final = "sound"
#: The file in the desktop's folder that stands in for the cookie which clients make in the home folder otherwise.
_COOKIE: Final = "sound-cookie"

#: What programs find a sound server by (*pulse-client.conf(5)*).
SERVER: Final = "PULSE_SERVER"
#: What else they take from the environment, and would carry from one sound server to another: the names of devices.
DEVICES: Final = ("PULSE_SINK", "PULSE_SOURCE")
#: All of it.
VARIABLES: Final = (SERVER, "PULSE_COOKIE", *DEVICES)

#: What leads to the session in which the Jupyter server was started, or to a display that starts when it is opened.
_ELSEWHERE: Final = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")
#: The address of a bus that there is none: without any, D-Bus would look for one by the display, and start one.
_NO_BUS: Final = "disabled:"

#: The sink that programs play to, and where what they play can be recorded.
SINK: Final = "desktop"
SOURCE: Final = f"{SINK}.monitor"

#: The library of the extra ``jupyter-vnc[sound]``: without it, desktops have no sound server.
LIBRARY: Final = "pcmflux"

#: Hertz, and the only rate of Opus that needs no resampling (RFC 6716, section 2).
RATE: Final = 48000


def has_library(name: str = LIBRARY) -> bool:
    """Whether the extra's library is installed."""
    return importlib.util.find_spec(name) is not None


def program() -> str | None:
    """Return where PulseAudio is, if desktops get one."""
    return session.which("pulseaudio") if has_library() else None


def lack(which: Callable[[str], str | None] | None = None, *, library: bool | None = None) -> str:
    """Say why desktops have no sound here; empty where they have."""
    if not (has_library() if library is None else library):
        return "The extra jupyter-vnc[sound] is not installed, so desktops have no sound."
    if (which or session.which)("pulseaudio") is None:
        return "PulseAudio is not installed, so desktops have no sound."
    return ""


def variables(folder: Path) -> dict[str, str]:
    """Return what programs need to reach the sound server of a desktop in ``folder``; nothing if it has none.

    It has none where PulseAudio or the extra is not installed, or where the folder's name has white space, which
    separates servers in the variable, or is too long for the name of a socket.
    """
    socket = folder / NAME
    if program() is None or re.search(r"\s", str(socket)) or len(os.fsencode(socket)) > MAX_SOCKET_PATH - 1:
        return {}
    return {SERVER: f"unix:{socket}", "PULSE_COOKIE": str(folder / _COOKIE)}


def wanted(spec: DesktopSpec, variables: Mapping[str, str]) -> bool:
    """Whether a desktop is to have a sound server of its own; ``variables`` are the administrator's for desktops.

    An administrator may name another server in them.
    """
    return spec.sound and SERVER not in variables


def own(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an environment that speak of a sound server, whichever."""
    return {name: environ[name] for name in VARIABLES if name in environ}


def without(environ: Mapping[str, str], names: tuple[str, ...] = VARIABLES) -> dict[str, str]:
    """Return an environment without :data:`VARIABLES`, or some of them."""
    return {name: value for name, value in environ.items() if name not in names}


def apart(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that leads to no display, no bus and no sound server.

    PulseAudio takes a name on the session bus, and ends where another has it: a user's second desktop would be silent.
    """
    return {**without(environ, (*VARIABLES, *_ELSEWHERE)), "DBUS_SESSION_BUS_ADDRESS": _NO_BUS}


def command(path: str, socket: Path) -> tuple[str, ...]:
    """Return the command of a sound server that listens on a socket.

    It lets in its own account only, which the kernel vouches for. While nothing plays and nobody records, its sink is
    suspended, and the server rests. It shares no memory by name, which would stay in ``/dev/shm`` after a kill. No
    client can have it listen on the network, or end it.
    """
    return (
        *(path, "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes"),
        *("--disallow-module-loading=yes", "--disallow-exit=yes"),
        *("--realtime=no", "--high-priority=no", "--log-target=stderr", "--log-level=error"),
        f"--load=module-null-sink sink_name={SINK} rate={RATE} channels=2",
        f'--load=module-native-protocol-unix socket="{socket}" auth-cookie-enabled=0',
        "--load=module-suspend-on-idle timeout=1",
    )


def environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment of a sound server: what it would read or write elsewhere is in the desktop's folder."""
    kept = {name: value for name, value in apart(environ).items() if not name.startswith("PULSE_")}
    places = {name: str(folder / "pulse") for name in ("PULSE_RUNTIME_PATH", "PULSE_STATE_PATH")}
    # There is no switch that keeps the daemon from reading ~/.config/pulse/daemon.conf.
    return {**kept, **places, "PULSE_CONFIG": os.devnull}
