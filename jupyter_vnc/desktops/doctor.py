"""What this machine lacks for managed desktops, and the one command that adds it.

``jupyter vnc doctor`` prints it, and so does the page of somebody who has no desktop. It only looks: nothing is started
but an X server with ``-version``, and nothing is left behind.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jupyter_vnc.desktops.ownership import trust
from jupyter_vnc.desktops.processes.runtime_folder import LONGEST_SOCKET, SOCKET, places
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.model.addresses import DesktopSpec

from . import session
from .packages import install_command
from .sound import pulseaudio
from .video import video
from .x11 import xvnc

#: Bytes of shared memory below which browsers and similar programs crash.
SHARED_MEMORY: Final = 128 << 20

_FONT_FOLDERS: Final = ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/texmf/fonts")
_FONTS: Final = (".ttf", ".otf", ".ttc", ".pfb", ".pcf.gz")
_LIBRARIES: Final = ("/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
#: What draws in software (Mesa before and since 24.2).
_DRIVERS: Final = ("dri/swrast_dri.so", "libgallium-*.so")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    ``needed``: no desktop starts without it. ``said`` is what was found, or what happens without it; ``remedy`` is
    what to do if no package is the remedy.
    """

    name: str
    good: bool
    said: str
    needed: bool = True
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and the command that adds what can be installed; empty if nothing is missing."""

    findings: Sequence[Finding]
    command: str

    @property
    def usable(self) -> bool:
        """Whether desktops can start."""
        return all(finding.good for finding in self.findings if finding.needed)

    @property
    def wrong(self) -> list[Finding]:
        """What is missing."""
        return [finding for finding in self.findings if not finding.good]

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        rows = [
            {"name": one.name, "ok": one.good, "needed": one.needed, "message": one.said, "remedy": one.remedy}
            for one in self.findings
        ]
        return {"ok": not self.wrong, "usable": self.usable, "command": self.command, "checks": rows}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is looked at. Tests replace parts of it; ``root`` is where file names begin."""

    server: Callable[[], xvnc.XServer | None]
    runtime_dir: str
    which: session.Which = session.which
    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    sound_library: Callable[[], bool] = pulseaudio.has_library
    video_library: Callable[[], bool] = video.has_library
    video_trouble: Callable[[], str] = video.trouble

    def at(self, name: str) -> Path:
        """Return where a file of the system is."""
        return self.root / name.lstrip("/")


def examine(here: Surroundings) -> Report:
    """Make all checks."""
    findings = [check(here) for check in CHECKS]
    return Report(findings, install_command(here.at("/etc/os-release"), [one.name for one in findings if not one.good]))


# -- the checks -------------------------------------------------------------------------------------------------------


def _x_server(here: Surroundings) -> Finding:
    if (server := here.server()) is not None:
        version = ".".join(map(str, server.version))
        return Finding("X server", good=True, said=f"{server.flavour.name} {version} ({server.path})")
    return Finding(
        "X server", good=False, said="No X server with VNC is installed (TigerVNC 1.11 or TurboVNC 3.1, or later)."
    )


def _session(here: Surroundings) -> Finding:
    try:
        found = session.choose(DesktopSpec(), here.which)
    except DesktopFailed:
        return Finding("session", good=False, said="No desktop session and no terminal is installed.")
    if found.bare:
        said = f"Only {found.name} is installed, which is no complete desktop."
        return Finding("session", good=False, said=said, needed=False)
    return Finding("session", good=True, said=f"{found.name} ({found.command[0]})")


def _bus(here: Surroundings) -> Finding:
    if (daemon := here.which("dbus-daemon")) is not None:
        return Finding("D-Bus", good=True, said=daemon)
    said = "There is no dbus-daemon: settings, file managers and notifications of a session do not work."
    return Finding("D-Bus", good=False, said=said, needed=False)


def _fonts(here: Surroundings) -> Finding:
    home = here.environ.get("HOME", "/nonexistent")
    for folder in (*map(here.at, _FONT_FOLDERS), Path(home, ".fonts"), Path(home, ".local", "share", "fonts")):
        for _, _, names in os.walk(folder):
            if any(name.endswith(_FONTS) for name in names):
                return Finding("fonts", good=True, said=str(folder))
    return Finding("fonts", good=False, said="No font is installed: applications show boxes, or nothing.", needed=False)


def _opengl(here: Surroundings) -> Finding:
    folders = [here.at(name) for name in _LIBRARIES]
    found = [path for folder in folders for name in _DRIVERS for path in folder.glob(name)]
    library = any(path for folder in folders for path in folder.glob("libGLX.so*"))
    if found and library:
        return Finding("OpenGL", good=True, said=f"in software ({found[0]})")
    said = "Mesa's software driver is not installed: applications with 3D graphics do not start."
    return Finding("OpenGL", good=False, said=said, needed=False)


def _keyboard(here: Surroundings) -> Finding:
    rules = here.at("/usr/share/X11/xkb/rules/evdev")
    if rules.is_file() and (compiler := here.which("xkbcomp")) is not None:
        return Finding("keyboard data", good=True, said=f"{rules.parent.parent}, {compiler}")
    said = "The X server's keyboard data (xkb) or xkbcomp is not installed, and it does not start without them."
    return Finding("keyboard data", good=False, said=said)


def _writable(here: Surroundings) -> list[Path]:
    """The places for a server's folder that can be written: they, or the nearest folder above that exists."""
    found = []
    for place in places(here.runtime_dir):
        above = next((folder for folder in (place, *place.parents) if folder.exists()), Path("/"))
        if above.is_dir() and os.access(above, os.W_OK | os.X_OK):
            found.append(place)
    return found


def _runtime(here: Surroundings) -> Finding:
    if found := _writable(here):
        return Finding("runtime folder", good=True, said=str(found[0]))
    said = f"No folder for the desktops' sockets can be written: {', '.join(map(str, places(here.runtime_dir)))}."
    return Finding("runtime folder", good=False, said=said, remedy="Set JUPYTER_RUNTIME_DIR to a folder of your own.")


def _length(here: Surroundings) -> Finding:
    length = min(map(_socket_length, _writable(here) or places(here.runtime_dir)))
    if length <= LONGEST_SOCKET:
        return Finding("socket path", good=True, said=f"{length} bytes, and {LONGEST_SOCKET} are possible")
    said = f"The paths of sockets would be {length} bytes long, and {LONGEST_SOCKET} are possible."
    return Finding(
        "socket path", good=False, said=said, remedy="Set JUPYTER_RUNTIME_DIR to a folder with a shorter path."
    )


def _socket_length(place: Path) -> int:
    """The length of a desktop's socket (bytes); a server's folder and a desktop's have names of eight characters."""
    return len(os.fsencode(place / ("x" * 8) / ("x" * 8) / SOCKET))


def _x_sockets(here: Surroundings) -> Finding:
    folder = trust.X_SOCKETS
    try:
        if said := trust.flaw(folder):
            what, _, remedy = said.partition(". Run as root: ")
            return Finding("X sockets", good=False, said=f"{what}.", remedy=f"sudo {remedy}")
    except FileNotFoundError:
        return Finding("X sockets", good=True, said=f"{folder} will be made")
    except OSError as error:
        return Finding(
            "X sockets", good=False, said=f"{folder}: {error.strerror}.", remedy=f"sudo mkdir -m 1777 {folder}"
        )
    return Finding("X sockets", good=True, said=str(folder))


def _shared_memory(here: Surroundings) -> Finding:
    folder = here.at("/dev/shm")  # noqa: S108 - only looked at
    try:
        found = os.statvfs(folder)
    except OSError:
        size = 0
    else:
        size = found.f_blocks * found.f_frsize if os.access(folder, os.W_OK) else 0
    if size >= SHARED_MEMORY:
        return Finding("shared memory", good=True, said=f"{folder}, {size >> 20} MiB")
    said = f"/dev/shm has {size >> 20} MiB that can be used: browsers and similar programs crash."  # noqa: S108
    remedy = "In a container: docker run --shm-size=1g, or shm_size: 1gb in compose.yaml."
    return Finding("shared memory", good=False, said=said, needed=False, remedy=remedy)


def _sound(here: Surroundings) -> Finding:
    library = here.sound_library()
    if lack := pulseaudio.lack(here.which, library=library):
        # Whoever has not asked for the extra lacks nothing.
        said = lack if library else f"{lack} To add it: pip install 'jupyter-vnc[sound]', and PulseAudio."
        return Finding("sound", good=not library, said=said, needed=False)
    return Finding("sound", good=True, said=str(here.which("pulseaudio")))


def _video(here: Surroundings) -> Finding:
    if here.video_library():
        if why := here.video_trouble():
            said = f"{video.LIBRARY} cannot be loaded, so what moves on desktops comes as single pictures: {why}"
            return Finding("video", good=False, said=said, needed=False)
        said = f"{video.LIBRARY}, whose wheels contain code under the GPL; what moves takes up to a processor"
        return Finding("video", good=True, said=said, needed=False)
    # Whoever has not asked for the extra lacks nothing.
    said = (
        "The extra jupyter-vnc[stream] is not installed, so what moves on desktops comes as single pictures. "
        "To add it: pip install 'jupyter-vnc[stream]', which brings code under the GPL (x264, x265)."
    )
    return Finding("video", good=True, said=said, needed=False)


CHECKS: Final[Sequence[Callable[[Surroundings], Finding]]] = (
    _x_server,
    _session,
    _bus,
    _fonts,
    _opengl,
    _keyboard,
    _runtime,
    _length,
    _x_sockets,
    _shared_memory,
    _sound,
    _video,
)


def lines(report: Report) -> Iterator[str]:
    """Yield what ``jupyter vnc doctor`` prints."""
    marks = {True: "ok", False: "MISSING"}
    for one in report.findings:
        mark = marks[one.good] if one.good or one.needed else "advised"
        yield f"{mark:8} {one.name}: {one.said}"
        if one.remedy:
            yield f"         {one.remedy}"
    if report.command:
        yield ""
        yield "This installs what is missing. A running Jupyter finds it; only windows of kernels need a restart:"
        yield f"  {report.command}"
    elif not report.usable:
        yield ""
        yield "Install the equivalents of what is missing on your distribution."
