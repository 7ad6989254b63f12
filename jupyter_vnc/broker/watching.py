"""Watching: what moves on a desktop, from its streamer to one viewer, in the place of RFB's pictures."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from jupyter_vnc import tasks
from jupyter_vnc.channels import Channel
from jupyter_vnc.desktops.sound.sound import Link
from jupyter_vnc.desktops.video import messages
from jupyter_vnc.desktops.video.messages import Kind
from jupyter_vnc.exceptions import DesktopFailed, Stalled, TargetUnreachable, ViewerError

from .listening import RETRIES, STEADY

#: Pictures that a viewer may have been sent and not yet decoded: what is on its way, half a second of it. It gets no
#: further ones, and later goes on with a key frame.
UNSEEN: Final = 16
#: A viewer that was left behind goes on once it has no more than this to decode.
CAUGHT_UP: Final = 2
#: Pictures that wait until the viewer's socket has room.
WAITING: Final = 3
#: Bytes that a streamer may leave untaken of what a viewer tells it.
UNTAKEN: Final = 4096
#: Seconds in which a viewer that has pictures must have decoded one.
PATIENCE: Final = 5.0

#: Seconds without anything from a streamer whose desktop moves after which it has hung: it has a picture each second.
HUNG: Final = 5.0


class Watching:
    """One viewer that watches.

    Args:
        link: connects to the desktop's streamer.
        viewer: the viewer's end.
        narrow: makes RFB bring one pixel only, or everything again; see :attr:`.Guard.narrow`.
        stall_timeout: seconds for which the viewer may accept nothing; 0 for no limit.
    """

    def __init__(
        self,
        link: Callable[[], Awaitable[Link]],
        viewer: Channel,
        narrow: Callable[[bool], None],
        stall_timeout: float,
    ) -> None:
        self._link = link
        self._viewer = viewer
        self._narrow = narrow
        self._stall_timeout = stall_timeout or None
        self._waiting: deque[bytes] = deque()
        self._came = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._mode = messages.mode(messages.Mode.AUTO)
        #: Whether pictures come; whether the viewer shows them, so that RFB brings one pixel.
        self._moves = self._shows = False
        #: Whether it was left behind, and gets nothing before the next key frame.
        self._behind = False
        self._unseen = 0
        self._seen_at = 0.0
        #: Width and height of the last key frame, as they are in its message.
        self._size = b""

    async def run(self) -> None:
        """Serve until the viewer leaves.

        Raises:
            ViewerError: it broke the protocol.
            Stalled: it accepts nothing, or decodes nothing.
            TargetError: there is no video, or no more.
        """
        try:
            await tasks.beside(self._watch(), self._obey())
        finally:
            self._narrow(False)  # whatever has happened

    # -- what the viewer says ---------------------------------------------------------------------------------------

    async def _obey(self) -> None:
        commands = messages.Commands()
        while data := await self._viewer.read():
            try:
                for command in commands.feed(data):
                    self._follow(command)
            except ValueError as error:
                raise ViewerError("The viewer sent an unknown message.", detail=str(error)) from None

    def _follow(self, command: bytes) -> None:
        if command[0] == Kind.SEEN:
            self._note_seen()
            return
        if command[0] == Kind.MODE:
            self._mode = command
        self._tell_streamer(command)

    def _note_seen(self) -> None:
        self._unseen = max(0, self._unseen - 1)
        self._seen_at = _now()
        if self._behind and self._unseen <= CAUGHT_UP:
            self._tell_streamer(messages.KEY_WANTED)
        if self._moves and not self._shows:
            self._shows = True
            self._narrow(True)
            self._put(messages.way(video=True))

    def _tell_streamer(self, command: bytes) -> None:
        writer = self._writer
        # More than that takes no streamer that runs, and a viewer must not fill the memory with what it says.
        if writer and not writer.is_closing() and writer.transport.get_write_buffer_size() <= UNTAKEN:
            writer.write(command)

    # -- what the streamer brings -----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Be connected to the streamer.

        Raises:
            TargetError: there is none, or none any more.
            Stalled: the viewer accepts nothing, or decodes nothing.
        """
        retries, refused = list(RETRIES), False
        while True:
            began = _now()
            try:
                await self._connect()
                refused = False
            except DesktopFailed:
                if refused:
                    raise
                refused = True  # the streamer may be about to end, and the next one is there in a moment
            if _now() - began > STEADY:
                retries = list(RETRIES)
            if not retries:
                raise TargetUnreachable("The desktop's video has ended.")
            await asyncio.sleep(retries.pop(0))

    async def _connect(self) -> None:
        reader, self._writer = await self._link()
        try:
            self._tell_streamer(self._mode)
            self._rest()  # nothing moves yet, and whatever the viewer had before is over
            await tasks.beside(self._give(), self._take(reader))
        finally:
            self._writer.close()
            self._writer = None
            self._waiting.clear()
            self._rest()
        await self._send_waiting()

    async def _take(self, reader: asyncio.StreamReader) -> None:
        while message := await self._next(reader):
            if message[0] == Kind.MOTION:
                self._moves = bool(message[1])
                self._behind, self._unseen, self._seen_at = False, 0, _now()
                if not self._moves:
                    self._rest()
            elif message[0] == Kind.PICTURE:
                self._take_picture(message)

    async def _next(self, reader: asyncio.StreamReader) -> bytes:
        """Return the streamer's next message; empty once it is gone, or hangs while the viewer waits for pictures."""
        try:
            async with asyncio.timeout(HUNG if self._moves else None):
                return await messages.read(reader)
        except TimeoutError:
            return b""

    def _take_picture(self, message: bytes) -> None:
        """Pass a picture on, unless the viewer has enough to do.

        Raises:
            Stalled: it has done nothing for a while.
        """
        if messages.begins(message) and (size := messages.size(message)) != self._size:
            # The viewer begins anew, and says nothing more of what it had to decode.
            self._size, self._unseen = size, 0
        if self._unseen and _now() - self._seen_at > PATIENCE:
            raise Stalled("The viewer shows no video.")
        if self._behind and messages.begins(message) and self._unseen <= CAUGHT_UP:
            self._behind = False
        if self._unseen >= UNSEEN or len(self._waiting) >= WAITING:
            self._behind = True
        if not self._behind:
            if not self._unseen:
                self._seen_at = _now()
            self._unseen += 1
            self._put(message)

    def _rest(self) -> None:
        """It moves no more, or nobody knows: RFB brings everything again."""
        self._moves = self._shows = False
        self._narrow(False)
        self._waiting.clear()
        self._put(messages.way(video=False))

    def _put(self, message: bytes) -> None:
        self._waiting.append(message)
        self._came.set()

    async def _give(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            await self._send_waiting()

    async def _send_waiting(self) -> None:
        """Send what waits, each once the viewer's socket has room for it.

        Raises:
            Stalled: it has none, within the limit.
        """
        while self._waiting:
            try:
                async with asyncio.timeout(self._stall_timeout):
                    await self._viewer.write(self._waiting.popleft())
            except TimeoutError:
                raise Stalled("The viewer accepts no video.") from None
            except ConnectionError:
                await asyncio.get_running_loop().create_future()  # it has left, as who reads from it is about to learn


def _now() -> float:
    return asyncio.get_running_loop().time()
