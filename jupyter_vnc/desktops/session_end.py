"""What goes on of a session whose first program has ended: many programs fork, return, and have their windows then.

A desktop environment ends with its first program, whatever it leaves behind (agents, caches). Other commands may be a
launcher: the desktop stays as long as there is a window on it, or a process that the command has started.
"""

from __future__ import annotations

import asyncio
import struct
import time
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.processes.procfs import name_of
from jupyter_vnc.desktops.processes.tree import Exit, Tree
from jupyter_vnc.desktops.x11 import protocol as x11
from jupyter_vnc.desktops.x11 import requests
from jupyter_vnc.desktops.x11.connection import Link
from jupyter_vnc.exceptions import DesktopFailed

from .checks import failure
from .launch import FITTER
from .sound import pulseaudio
from .sound.sound import STREAMER
from .video import video

#: What runs on a desktop beside its session. Services that the bus starts stay idle for ever.
_NOT_THE_SESSIONS: Final = ("server", "bus", FITTER, pulseaudio.NAME, STREAMER, video.NAME)

#: What sessions leave behind in the background when they end (names as the kernel cuts them): no reason to stay.
_AGENTS: Final = (
    *("ssh-agent", "gpg-agent", "gnome-keyring-d", "dbus-daemon", "dbus-launch", "at-spi-bus-laun", "at-spi2-registr"),
    *("gvfsd", "dconf-service", "xfconfd", "pulseaudio", "pipewire", "wireplumber"),
)

#: Seconds between two looks at what is left.
LOOK: Final = 1.0

#: How many looks in a row may find nothing while the bus has services: one of them may be about to open a window.
_CHANCES: Final = 3

#: So many times in a row nothing must be found, and the pause between them (seconds).
_GLANCES: Final = 3
_BLINK: Final = 0.05

#: A command that has ended by itself this soon (seconds), and never was on the display, was no session.
SOON: Final = 10.0

_WHAT_TO_DO: Final = (
    "Its command ended and left no program. It has to run as long as the desktop, or start one that does."
)


def goes_on(tree: Tree, display: int, authority: Path) -> bool:
    """Whether there is something of a session, whose first program has ended, or may be soon."""
    how = tree.exited("session").result()
    return _is_left(tree, display, authority, how) or (how.status == 0 and _has_services(tree))


async def over(tree: Tree, display: int, authority: Path) -> bool:
    """Wait until nothing is left of a session whose first program has ended; return whether there was something."""
    how, found, missed = tree.exited("session").result(), False, 0
    while True:
        if await asyncio.to_thread(_is_left, tree, display, authority, how):
            found, missed = True, 0
        elif missed < _CHANCES and how.status == 0 and await asyncio.to_thread(_has_services, tree):
            missed += 1
        else:
            return found
        await asyncio.sleep(LOOK)


def at_once(how: Exit, *, alone: bool) -> DesktopFailed:
    """The error of a session that ended at once; ``alone``: it is an admin's own command."""
    if alone and how.status == 0:
        return DesktopFailed(_WHAT_TO_DO, detail=f"its last line: {how.last_line}")
    return failure("The desktop's session ended at once", how)


def farewell(seconds: float, *, unseen: bool) -> str:
    """The sentence for a session that ended after so many seconds; ``unseen``: nothing of it was on the display."""
    return _WHAT_TO_DO if unseen and seconds < SOON else "The desktop's session ended."


def _has_services(tree: Tree) -> bool:
    return len(tree.below("bus")) > 1


def _is_left(tree: Tree, display: int, authority: Path, how: Exit) -> bool:
    """Whether something is left of a session; looks again before it says that there is nothing.

    A process that forks, and whose parent ends, is missed by a look that has just passed it.
    """
    for _ in range(_GLANCES):
        if _is_seen(tree, display, authority, how):
            return True
        time.sleep(_BLINK)
    return False


def _is_seen(tree: Tree, display: int, authority: Path, how: Exit) -> bool:
    """Whether there are windows; or processes, if it was not an error that ended the session's first program."""
    others = tree.below() - tree.below(*_NOT_THE_SESSIONS) if how.status == 0 else set()
    return any((name := name_of(pid)) and not name.startswith(_AGENTS) for pid in others) or _has_windows(
        display, authority
    )


def _has_windows(display: int, authority: Path) -> bool:
    """Whether a window shows; menus and hints are none, and nothing shows where there is no X server any more."""
    try:
        link = Link.open(display, authority)
        try:
            return any(_shows(link, window) for window in _children(link, link.screen.root))
        finally:
            link.close()
    except (OSError, ValueError, struct.error):
        return False


def _shows(link: Link, window: int) -> bool:
    """Whether it is a window of a program, or a window manager's frame around one."""
    if (reply := link.ask(requests.get_attributes(window))) is None:
        return False
    what = x11.attributes(reply)
    return what.viewable and not what.input_only and (not what.override or bool(_children(link, window)))


def _children(link: Link, window: int) -> tuple[int, ...]:
    reply = link.ask(requests.query_tree(window))
    return x11.children(reply) if reply else ()
