"""Waiting for a desktop's programs: a free display number, an X server that answers, a bus that listens."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.processes.listeners import rows
from jupyter_vnc.desktops.processes.procfs import display_holder, is_left_over, take_back, x_socket
from jupyter_vnc.desktops.processes.tree import Exit

#: X displays that we use: above those of machines' own screens, of SSH and of other tools that start at 0 or 10.
DISPLAYS: Final = range(100, 1000)

#: How many display numbers are tried; more than one is needed only when somebody takes it at the same moment.
ATTEMPTS: Final = 20

#: Seconds from a desktop's start to its first windows: a window manager that is still starting may lose one.
SETTLING: Final = 0.5

#: Seconds between two looks at a program that is starting.
POLL: Final = 0.002

#: Columns of ``/proc/net/unix``, and a state in it.
_STATE, _PATH, _CONNECTED = 5, 7, "03"

_GREETING: Final = b"RFB 003."
_GREETING_BYTES: Final = 12


def free_displays(seed: str, usable: Callable[[int], bool] = lambda display: True) -> Iterator[int]:
    """Yield display numbers that nobody uses; the same seed gets the same number again where it can.

    A kernel that was told a desktop's DISPLAY can then still use it after a restart. What X servers of our account
    left behind when they were killed is taken back on the way.

    Args:
        seed: where to begin.
        usable: what else is asked of a number that looks free.
    """
    first = zlib.crc32(seed.encode()) % len(DISPLAYS)
    attempts = 0
    for step in range(len(DISPLAYS)):
        display = DISPLAYS[(first + step) % len(DISPLAYS)]
        free = display_holder(display) == 0
        if (free or is_left_over(display)) and usable(display) and (free or take_back(display)):
            yield display
            attempts += 1
            if attempts == ATTEMPTS:
                return


async def answers(path: Path, exited: asyncio.Future[Exit]) -> Exit | None:
    """Wait until an RFB server answers on a socket (None), or until its program exits (how).

    There is no time limit: a server that listens but sends nothing keeps the caller waiting, which has one.
    """
    while not exited.done():
        if await _greets(path):
            return None
        await asyncio.wait([exited], timeout=POLL)
    return exited.result()


async def _greets(path: Path) -> bool:
    """Whether an RFB server sends its version (RFC 6143, section 7.1.1) on a socket now."""
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    try:
        return (await reader.readexactly(_GREETING_BYTES)).startswith(_GREETING)
    except (OSError, asyncio.IncompleteReadError):
        return False
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def settles(display: int, clients: int, ends: Sequence[asyncio.Future[Exit]], grace: float) -> None:
    """Wait for a session: until its first program is on the display, or one that it needs has ended.

    Args:
        display: the display's number.
        clients: how many programs were connected to it before.
        ends: the ends of what has to run.
        grace: seconds after which the wait ends.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace
    while not (count_clients(display) > clients or any(end.done() for end in ends)) and loop.time() < deadline:
        await asyncio.wait(ends, timeout=POLL, return_when=asyncio.FIRST_COMPLETED)


def count_clients(display: int) -> int:
    """Count connections to the socket of a display (``/proc/net/unix``, see ``proc(5)``).

    Programs that connected before there was an X server are among them.
    """
    path = str(x_socket(display))
    return sum(row[_PATH:] == [path] and row[_STATE] == _CONNECTED for row in rows(Path("/proc/net/unix")))


async def appears(path: Path, exited: asyncio.Future[Exit], timeout: float) -> bool:  # noqa: ASYNC109 - no error
    """Wait until a file is there; False if the program that should make it exits, or ``timeout`` seconds are over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while not path.exists():  # noqa: ASYNC240 - in our own folder
        if exited.done() or loop.time() > deadline:
            return False
        await asyncio.wait([exited], timeout=POLL)
    return True
