"""The X server with VNC: which one is installed, and the options with which only we can reach it.

Pure but for :func:`ask`, which runs the binary for its version: the program's own output is the only thing that
tells TigerVNC from TurboVNC under the name ``Xvnc``. No Perl wrapper is ever run or read.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.system import children

#: Where an X server with VNC is looked for, in this order: first on PATH, then where packages put it.
CANDIDATES: Final = ("Xtigervnc", "Xvnc", "/usr/bin/Xtigervnc", "/usr/bin/Xvnc", "/opt/TurboVNC/bin/Xvnc")

#: A binary that does not print its version within this many seconds did not answer.
VERSION_TIMEOUT: Final = 5.0
#: Seconds until a binary that did not answer is asked again.
RETRY: Final = 30.0
#: Neither is one that prints more than this (bytes); real ones print a dozen lines.
MAX_VERSION: Final = 65536

#: Folders of the system's own programs; an X server finds its helpers (``xkbcomp``) there, whatever conda put on PATH.
SYSTEM_PATH: Final = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Flavour:
    """How one make of X server identifies itself, the oldest version that we can use, and its own options."""

    name: str
    banner: re.Pattern[str]
    oldest: tuple[int, int]
    options: tuple[str, ...]
    #: Keeps the text of the desktop's clipboard back from all viewers.
    mute: tuple[str, ...]


#: TigerVNC: ``-rfbport -1`` (no TCP port at all) came with 1.11. The blacklist is off because every connection comes
#: from the proxy and has one name, the socket's path: one bad peer would lock everybody out. The primary selection is
#: not sent, or marking text in the desktop would overwrite the clipboard of the person who looks at it.
TIGERVNC: Final = Flavour(
    "TigerVNC",
    re.compile(r"TigerVNC\s+v?(\d+)\.(\d+)"),
    (1, 11),
    ("-rfbport", "-1", "-SecurityTypes", "None", "-UseBlacklist", "0", "-AlwaysShared", "-SendPrimary=0"),
    ("-SendCutText=0",),
)

#: TurboVNC: with a path for a Unix socket, known since 3.1, it opens no TCP port.
TURBOVNC: Final = Flavour(
    "TurboVNC",
    re.compile(r"TurboVNC Server .*? v(\d+)\.(\d+)"),
    (3, 1),
    ("-securitytypes", "none", "-alwaysshared", "-noprimarysync"),
    ("-noclipboardsend",),
)

FLAVOURS: Final = (TIGERVNC, TURBOVNC)


@dataclass(frozen=True, slots=True)
class XServer:
    """An X server that is installed and that we can use."""

    path: str
    flavour: Flavour
    version: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Listening:
    """Where an X server can be reached: display number, RFB socket and X authority file."""

    display: int
    socket: Path
    authority: Path


#: What makes an X server print its name and version. TigerVNC 1.15 prints nothing with ``-version``, but has them in
#: the middle of its help, as all others have.
QUESTIONS: Final = ("-version", "-help")


class _Answer(NamedTuple):
    """What a binary printed, None if it failed; whether it took too long; when that was, and which binary it was."""

    banner: str | None
    late: bool
    when: float
    sign: tuple[int, ...]

    def usable(self, path: str) -> bool:
        """Whether it is an X server that we can use."""
        return self.banner is not None and identify(path, self.banner) is not None


#: The last answer of each binary.
_ANSWERS: Final[dict[str, _Answer]] = {}


def ask(path: str) -> str:
    """Run a binary for its version and return its output; empty if it cannot be run.

    An answer that names an X server we can use counts for as long as the binary is the same. Without one it is asked
    again after :data:`RETRY`: on a cold network disk the first answer may take longer than any limit, and a library or
    an interpreter that it lacks may come.
    """
    sign = _sign(path)
    known = _ANSWERS.get(path)
    if known is None or known.sign != sign or (not known.usable(path) and time.monotonic() - known.when >= RETRY):
        known = _ANSWERS[path] = _run(path, sign)
    return known.banner or ""


def silent(candidates: Iterable[str] = CANDIDATES, *, which: Callable[[str], str | None] = shutil.which) -> str:
    """Return the first of the candidates that is installed and did not answer in time, or an empty string."""
    paths = (which(candidate) for candidate in candidates)
    return next((path for path in paths if path in _ANSWERS and _ANSWERS[path].late), None) or ""


def _run(path: str, sign: tuple[int, ...]) -> _Answer:
    banner, late = None, False
    try:
        banner = next(filter(None, (_output(path, question) for question in QUESTIONS)), "")
    except TimeoutError:
        late = True
    except (OSError, ValueError):  # one of them may pass: no descriptor or no memory was left
        pass
    return _Answer(banner, late, time.monotonic(), sign)


def _output(path: str, question: str) -> str:
    answer = children.run_blocking([path, question], limit=MAX_VERSION, timeout=VERSION_TIMEOUT)
    return answer.output.decode("utf-8", "replace").strip()


def _sign(path: str) -> tuple[int, ...]:
    """What changes when a binary is replaced."""
    try:
        status = Path(path).stat()
    except OSError:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def identify(path: str, banner: str) -> XServer | None:
    """Return the X server that prints this, or None if it is of no make or version that we can use."""
    for flavour in FLAVOURS:
        if found := flavour.banner.search(banner):
            version = (int(found[1]), int(found[2]))
            return XServer(path, flavour, version) if version >= flavour.oldest else None
    return None


def find(
    candidates: Iterable[str] = CANDIDATES,
    *,
    which: Callable[[str], str | None] = shutil.which,
    ask: Callable[[str], str] = ask,
) -> XServer | None:
    """Return the first usable X server among the candidates (names on PATH or paths), or None."""
    asked: set[str] = set()
    for candidate in candidates:
        path = which(candidate)
        if path is None or path in asked:
            continue
        asked.add(path)
        if (server := identify(path, ask(path))) is not None:
            return server
    return None


def arguments(server: XServer, spec: DesktopSpec, listening: Listening, *, title: str) -> list[str]:
    """Return the command line that starts an X server for one desktop.

    The display number is given, not asked for with ``-displayfd``: that option turns the lock file off, and without
    the abstract socket (``-nolisten local``) two servers would then take the same number from each other.
    """
    return [
        server.path,
        f":{listening.display}",
        *("-auth", str(listening.authority)),
        *("-nolisten", "tcp", "-nolisten", "local"),
        "-noreset",
        *("-geometry", spec.geometry, "-depth", "24", "-dpi", str(spec.dpi)),
        *("-rfbunixpath", str(listening.socket), "-rfbunixmode", "0600"),
        *("-desktop", title),
        *server.flavour.options,
        *(() if spec.sends_clipboard else server.flavour.mute),
    ]


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an X server: ours, with the system's programs first on PATH."""
    inherited = [part for part in environ.get("PATH", "").split(":") if part and part not in SYSTEM_PATH]
    return {**environ, "PATH": ":".join([*SYSTEM_PATH, *inherited])}
