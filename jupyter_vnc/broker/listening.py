"""Listening: from the streamer of a desktop to one viewer, while the viewer wants it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from jupyter_vnc import tasks
from jupyter_vnc.channels import Channel
from jupyter_vnc.desktops.sound import messages
from jupyter_vnc.desktops.sound.sound import Link
from jupyter_vnc.exceptions import DesktopFailed, Stalled, TargetUnreachable, ViewerError

#: Packets (20 ms each) that wait for a viewer that does not keep up; of more, the oldest are dropped, since nobody
#: wants to hear late what is over.
WAITING: Final = 10

#: Seconds before each attempt to reach a streamer again that has ended; after the last, the stream ends.
RETRIES: Final = (0.2, 1.0, 2.0, 4.0)
#: A streamer that has served for so many seconds starts this list again when it ends.
STEADY: Final = 30.0


class Listening:
    """One viewer that listens.

    Args:
        link: connects to the desktop's streamer.
        viewer: the viewer's end.
        stall_timeout: seconds for which it may accept nothing; 0 for no limit.
    """

    def __init__(self, link: Callable[[], Awaitable[Link]], viewer: Channel, stall_timeout: float) -> None:
        self._link = link
        self._viewer = viewer
        self._stall_timeout = stall_timeout or None
        self._on, self._off = asyncio.Event(), asyncio.Event()
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._came = asyncio.Event()
        self._refused = False

    async def run(self) -> None:
        """Serve until the viewer leaves.

        Raises:
            ViewerError: it broke the protocol.
            Stalled: it accepts nothing.
            TargetError: there is no sound, or no more.
        """
        await tasks.beside(self._play(), self._obey())

    async def _obey(self) -> None:
        """Follow what the viewer says, until it leaves.

        Raises:
            ViewerError: it is not of the protocol.
        """
        rest = b""
        while data := await self._viewer.read():
            rest += data
            while len(rest) >= messages.SWITCH_SIZE:
                command, rest = rest[: messages.SWITCH_SIZE], rest[messages.SWITCH_SIZE :]
                if (on := messages.switched(command)) is None:
                    raise ViewerError("The viewer sent an unknown message.")
                self._switch(on=on)

    def _switch(self, *, on: bool) -> None:
        came, gone = (self._on, self._off) if on else (self._off, self._on)
        came.set()
        gone.clear()

    async def _play(self) -> None:
        """Listen whenever that is wanted.

        Raises:
            TargetError: there is no sound, or no more.
            Stalled: the viewer accepts nothing.
        """
        loop = asyncio.get_running_loop()
        retries = list(RETRIES)
        while True:
            await self._on.wait()
            began = loop.time()
            await self._try()
            if not self._on.is_set():
                continue
            if loop.time() - began > STEADY:
                retries = list(RETRIES)
            if not retries:
                raise TargetUnreachable("The desktop's sound has ended.")
            await self._send(messages.state(heard=False))
            await asyncio.sleep(retries.pop(0))

    async def _try(self) -> None:
        """Listen; one refusal in a row counts as an end, since the sound server may be about to come back.

        Raises:
            DesktopFailed: there is no sound.
        """
        try:
            await self._listen()
        except DesktopFailed:
            if self._refused:
                raise
            self._refused = True
        else:
            self._refused = False

    async def _listen(self) -> None:
        """Pass the sound on until the streamer ends or the viewer does not want it any more."""
        reader, writer = await self._link()
        try:
            await self._send(messages.state(heard=True))
            await tasks.beside(self._give(), self._take_until_off(reader))
        finally:
            self._waiting.clear()
            writer.close()

    async def _take_until_off(self, reader: asyncio.StreamReader) -> None:
        first = [asyncio.ensure_future(self._take(reader)), asyncio.ensure_future(self._off.wait())]
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.end(first)

    async def _take(self, reader: asyncio.StreamReader) -> None:
        while message := await messages.read(reader):
            self._waiting.append(message)
            self._came.set()

    async def _give(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            while self._waiting:
                await self._send(self._waiting.popleft())

    async def _send(self, message: bytes) -> None:
        """Send a message, and wait until the viewer's socket has accepted it.

        Raises:
            Stalled: it does not, within the limit.
        """
        try:
            async with asyncio.timeout(self._stall_timeout):
                await self._viewer.write(message)
        except TimeoutError:
            raise Stalled("The viewer accepts no sound.") from None
        except ConnectionError:
            await asyncio.get_running_loop().create_future()  # it has left, as who reads from it is about to learn
