"""The streamer: a process of a desktop that gives what moves on it, as H.264, to whoever is connected.

One capture and one encoder, whatever the number of viewers, and none while nothing moves. It is started for the first
viewer, ends some seconds after the last has left, and never runs in Jupyter's process: the library that does the work
is native code. It ends with the X server at once.

A viewer that does not keep up gets nothing until the next key frame, and never delays another.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from . import messages
from .damage import Damage, follow
from .encoder import Encoder, Wishes, load
from .messages import Kind, Mode
from .motion import LARGEST, Motion

#: Seconds without a viewer after which it ends.
LINGER: Final = 10.0
#: Seconds between looks at whether it still moves, while it does.
LOOK: Final = 0.05
#: Seconds from one key frame that is asked for to the next, whatever viewers ask: all of them get it, and it is many
#: times as large as another picture.
KEYS_APART: Final = 0.25
#: Seconds without a picture after which a capture is asked for a key frame: it passes on nothing where a program draws
#: what is there already, but always a key frame.
SILENT: Final = 1.0
#: And after which it has hung. Only time in which we run ourselves counts.
HUNG: Final = 4.0
#: Seconds that a capture may take to end, before all of the process does.
STOPPING: Final = 3.0
#: Bytes that a viewer may leave unread in our buffer, a second of a picture that moves fast.
UNREAD: Final = 2 << 20


class Capture(Protocol):
    """A capture that runs; see :class:`.encoder.Encoder`."""

    width: int
    height: int

    def want_key(self) -> None:
        """Make the next picture a key frame."""

    def stop(self) -> None:
        """Capture no more."""


#: Starts a capture of a screen of this size, which passes on each picture.
Start = Callable[[tuple[int, int], Callable[[bytes], None]], Capture]


class Viewer:
    """One who is connected."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.mode = Mode.AUTO
        #: Whether it gets pictures now, and whether it has to wait for a key frame.
        self.moves = False
        self.waits = True

    def tell(self, *, moves: bool) -> None:
        """Tell it whether pictures follow."""
        if moves != self.moves:
            self.moves, self.waits = moves, True
            self.writer.write(messages.framed(messages.motion(moves=moves)))

    def give(self, message: bytes) -> bool:
        """Give it a picture; return whether it needs a key frame first."""
        if not self.moves:
            return False
        full = self.writer.transport.get_write_buffer_size() + len(message) > UNREAD
        self.waits = full or (self.waits and not messages.begins(message))
        if not self.waits:
            self.writer.write(messages.framed(message))
        return self.waits and not full


class Streamer:
    """Gives what is captured to all who are connected.

    Args:
        start: begins to capture.
        linger: see :data:`LINGER`.
    """

    def __init__(self, start: Start, linger: float = LINGER) -> None:
        self._start = start
        self._linger = linger
        self._loop = asyncio.get_running_loop()
        self._viewers: set[Viewer] = set()
        self._motion = Motion()
        self._size = (0, 0)
        self._capture: Capture | None = None
        #: Which capture is the present one: of an earlier one, pictures may still be on their way.
        self._number = 0
        #: Whether it needs a key frame, and the earliest time (of the loop) for it.
        self._lacks_key = False
        self._next_key = 0.0
        #: Seconds that the capture has brought nothing, and when that was counted (time of the loop).
        self._silent = self._counted_at = 0.0
        self._news = asyncio.Event()
        self._failure = ""

    # -- the display, from its thread -------------------------------------------------------------------------------

    def changed(self, share: float, width: int, height: int) -> None:
        """Note that a share of the screen, which has this size, has changed."""
        self._soon(self._note, share, (width, height))

    def ended(self, why: str) -> None:
        """Note that the display is gone."""
        self._soon(self._fail, why or "the display is gone")

    def _soon(self, do: Callable[..., None], *what: object) -> None:
        """Do something in the loop; nothing if that has ended, while its process is about to."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(do, *what)

    def _note(self, share: float, size: tuple[int, int]) -> None:
        self._size = size
        self._motion.changed(self._loop.time(), share)
        self._news.set()

    def _fail(self, why: str) -> None:
        self._failure = why
        self._news.set()

    # -- viewers ----------------------------------------------------------------------------------------------------

    async def serve(self, path: str) -> None:
        """Serve until nobody has been connected for a while.

        Raises:
            RuntimeError: the display is gone, or cannot be captured, or its capture hangs.
        """
        before = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._greet, path)
        finally:
            os.umask(before)
        try:
            await self._run()
        finally:  # without waiting for viewers, as ``async with`` does since Python 3.12.1: they wait for us
            server.close()
            for viewer in tuple(self._viewers):
                viewer.writer.transport.abort()
            with suppress(TimeoutError):
                async with asyncio.timeout(STOPPING):
                    await self._rest()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Follow what a viewer's server says until it hangs up."""
        viewer, commands = Viewer(writer), messages.Commands()
        self._viewers.add(viewer)
        self._news.set()
        try:
            with suppress(OSError, ValueError):
                while data := await reader.read(1024):
                    for command in commands.feed(data):
                        self._obey(viewer, command)
        finally:
            self._viewers.discard(viewer)
            self._news.set()
            writer.close()

    def _obey(self, viewer: Viewer, command: bytes) -> None:
        if command[0] == Kind.MODE:
            viewer.mode = Mode(command[1])
            self._news.set()
        elif command[0] == Kind.KEY:
            viewer.waits = True
            self._want_key()

    # -- the capture ------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        alone_since = self._loop.time()
        while not self._failure:
            self._news.clear()
            await self._follow()
            if self._viewers:
                alone_since = self._loop.time()
            elif self._loop.time() - alone_since > self._linger:
                return
            patience = LOOK if self._capture else self._linger / 2
            with suppress(TimeoutError):
                # Unlike wait_for() of Python 3.11, this never takes a cancellation for the news that came with it.
                async with asyncio.timeout(patience):
                    await self._news.wait()
        raise RuntimeError(self._failure)

    async def _follow(self) -> None:
        """Capture if somebody wants that now, at the size that the screen has now."""
        now = self._loop.time()
        shown = self._size[0] * self._size[1] <= LARGEST
        wanting = [one for one in self._viewers if shown and self._motion.wanted(now, one.mode)]
        if self._capture and (not wanting or self._is_outgrown()):
            await self._rest()
        if wanting and self._capture is None:
            await self._begin()
        for viewer in self._viewers:
            came = viewer in wanting and not viewer.moves
            viewer.tell(moves=viewer in wanting)
            self._lacks_key = self._lacks_key or came
        self._ask_for_key()
        self._listen(now)

    def _listen(self, now: float) -> None:
        """Notice a capture that hangs: whoever waits for its pictures would see one that is frozen."""
        since, self._counted_at = now - self._counted_at, now
        self._silent = self._silent + min(since, 2 * LOOK) if self._capture else 0.0
        if self._silent > HUNG:
            self._fail("the encoder brings nothing")
        elif self._silent > SILENT:
            self._want_key()

    def _is_outgrown(self) -> bool:
        size = self._size[0] & ~1, self._size[1] & ~1
        return self._capture is not None and (self._capture.width, self._capture.height) != size

    async def _begin(self) -> None:
        self._number += 1
        self._silent = 0.0
        number, size = self._number, self._size
        for viewer in self._viewers:
            viewer.waits = True  # for the first picture of this one, which may come before it is ours

        def seen(data: bytes) -> None:
            self._soon(self._give, number, data)

        self._capture = await asyncio.to_thread(self._start, size, seen)

    async def _rest(self) -> None:
        capture, self._capture = self._capture, None
        self._number += 1
        if capture is not None:
            await asyncio.to_thread(capture.stop)

    def _want_key(self) -> None:
        self._lacks_key = True
        self._ask_for_key()

    def _ask_for_key(self) -> None:
        """Ask for a key frame if somebody needs one, and the last one is not of just now."""
        now = self._loop.time()
        if self._lacks_key and self._capture is not None and now >= self._next_key:
            self._lacks_key, self._next_key = False, now + KEYS_APART
            self._capture.want_key()

    def _give(self, number: int, data: bytes) -> None:
        if number != self._number or self._capture is None or not data:
            return
        self._silent = 0.0
        message = messages.picture(data, self._capture.width, self._capture.height)
        lacking = [viewer for viewer in self._viewers if viewer.give(message)]
        self._lacks_key = self._lacks_key or bool(lacking)
        self._ask_for_key()


async def _run(path: str, damage: Damage, wishes: Wishes) -> None:
    streamer = Streamer(lambda size, seen: Encoder(wishes, size, seen))
    follow(damage, streamer.changed, streamer.ended)
    try:
        await streamer.serve(path)
    except RuntimeError as error:
        sys.stderr.write(f"No video: {error}\n")
        sys.stderr.flush()
        os._exit(1)  # what hangs would never let the process end


def main(path: str, display: str, authority: str, library: str, rate: str, quality: str) -> None:
    """Serve on a Unix socket what moves on a display.

    Args:
        path: of the socket.
        display: its number.
        authority: the file with its cookie.
        library: the folder in which pixelflux is.
        rate: pictures a second.
        quality: 0 to 9.
    """
    try:
        load(library)
        damage = Damage.open(int(display), Path(authority))
        asyncio.run(_run(path, damage, Wishes(int(rate), int(quality))))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        sys.exit(f"No video: {error}")
