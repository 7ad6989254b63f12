"""The streamer: a process of a desktop that records what its sound server plays, and gives it to whoever connects.

One recording and one encoder, whatever the number of listeners, and none without any. It is started for the first
listener, ends some seconds after the last has left, and never runs in Jupyter's process: the library that does the work
is native code.

A listener that does not keep up is given less, and never delays another.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from jupyter_vnc.desktops.sound import messages

#: Seconds without a listener after which it ends.
LINGER: Final = 10.0
#: Seconds between looks at a recording, which may fail at any time.
LOOK: Final = 0.5
#: Bytes that a listener may leave unread in our buffer, about a second of sound; further packets are not for it.
UNREAD: Final = 16 * 1024

#: Milliseconds of a packet, and bits a second: transparent for music, and a tenth of what a picture takes.
FRAME: Final = 20.0
BITRATE: Final = 96000
#: The least effort of the encoder (0 to 10) at which music of this rate sounds as with the most.
EFFORT: Final = 5

#: Starts a recording that passes each packet on with its time; returns what stops it and what tells its failure.
Recorder = Callable[[Callable[[int, bytes], None]], tuple[Callable[[], None], Callable[[], str]]]


def record(source: str, heard: Callable[[int, bytes], None]) -> tuple[Callable[[], None], Callable[[], str]]:
    """Record from a source of the sound server that the environment names; ``heard`` is called in another thread.

    Raises:
        RuntimeError: the sound server cannot be reached.
    """
    pcmflux = importlib.import_module("pcmflux")  # native code that only this process loads
    settings = pcmflux.AudioCaptureSettings()
    settings.device_name = source
    settings.frame_duration_ms = FRAME
    settings.opus_bitrate = BITRATE
    settings.opus_complexity = EFFORT
    settings.omit_audio_header = True
    settings.latency_ms = int(FRAME)
    capture = pcmflux.AudioCapture()
    capture.start_capture(settings, lambda frame: heard(frame.pts, bytes(frame)))
    return capture.stop_capture, lambda: (capture.last_error or "failed") if capture.state == "failed" else ""


class Streamer:
    """Gives what is recorded to all who are connected.

    Args:
        recorder: begins to record, and takes what to call with each packet.
        linger: see :data:`LINGER`.
    """

    def __init__(self, recorder: Recorder, linger: float = LINGER) -> None:
        self._recorder = recorder
        self._linger = linger
        self._listeners: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    async def serve(self, path: str) -> None:
        """Serve until nobody has listened for a while.

        Raises:
            RuntimeError: recording failed.
        """
        before = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._greet, path)
        finally:
            os.umask(before)
        try:
            while await self._somebody():
                await self._record()
        finally:  # without waiting for listeners, as ``async with`` does since Python 3.12.1: they wait for us
            server.close()
            for writer in tuple(self._listeners):
                writer.transport.abort()

    async def _somebody(self) -> bool:
        try:
            async with asyncio.timeout(self._linger):
                while not self._listeners:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _record(self) -> None:
        """Record while somebody listens."""
        stop, failure = await asyncio.to_thread(self._recorder, self._heard)
        try:
            while self._listeners:
                if why := failure():
                    raise RuntimeError(why)
                self._changed.clear()
                with suppress(TimeoutError):
                    # Unlike wait_for() of Python 3.11, this never takes a cancellation for the news that came with it.
                    async with asyncio.timeout(LOOK):
                        await self._changed.wait()
        finally:
            await asyncio.to_thread(stop)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Keep a listener until it hangs up."""
        self._listeners.add(writer)
        self._changed.set()
        try:
            with suppress(OSError):
                while await reader.read(1024):
                    pass
        finally:
            self._listeners.discard(writer)
            self._changed.set()
            writer.close()

    def _heard(self, samples: int, packet: bytes) -> None:
        self._loop.call_soon_threadsafe(self._give, messages.framed(messages.sound(samples, packet)))

    def _give(self, message: bytes) -> None:
        for writer in self._listeners:
            if writer.transport.get_write_buffer_size() + len(message) <= UNREAD:
                writer.write(message)


async def _run(path: str, source: str) -> None:
    await Streamer(lambda heard: record(source, heard)).serve(path)


def main(path: str, source: str, library: str) -> None:
    """Serve on a Unix socket what a source of the sound server plays.

    Args:
        path: of the socket.
        source: its name.
        library: the folder in which pcmflux is.
    """
    sys.path.append(library)
    try:
        asyncio.run(_run(path, source))
    except (OSError, RuntimeError) as error:
        sys.exit(f"No sound: {error}")
