"""Tones: made, played on a desktop by a program of PulseAudio's, and recognised by their frequency."""

import asyncio
import math
import struct
import subprocess

RATE = 48000
TONE = 440.0
#: Bytes of one second: two channels of 16 bits.
SECOND = 4 * RATE
FORM = (f"--rate={RATE}", "--format=s16le", "--channels=2")

#: Seconds for a whole dialogue with PulseAudio.
PATIENCE = 60


def tone(seconds, hertz=TONE):
    samples = (int(20000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(int(seconds * RATE)))
    return b"".join(struct.pack("<hh", sample, sample) for sample in samples)


def frequency(data):
    """The frequency of a tone (Hz), by its rising zero crossings in the left channel, once it is loud."""
    left = [left for left, _ in struct.iter_unpack("<hh", data[: len(data) // 4 * 4])]
    loud = next(n for n, value in enumerate(left) if abs(value) > 1000)
    left = left[loud:]
    rises = [n for n in range(1, len(left)) if left[n - 1] < 0 <= left[n]]
    return RATE * (len(rises) - 1) / (rises[-1] - rises[0])


async def play(environ, data):
    """Play to the end; the player has heard everything out when this returns."""
    async with running("pacat", "--playback", *FORM, environ=environ) as player:
        await asyncio.wait_for(player.communicate(data), PATIENCE)
        assert player.returncode == 0


class running:  # noqa: N801 - used like a function
    """A program whose pipes are read until it has ended, whatever happens: one that is full would never end."""

    def __init__(self, *command, environ):
        self._command, self._environ = command, environ

    async def __aenter__(self):
        pipe = subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, env=self._environ, stdin=pipe, stdout=pipe)
        return self._process

    async def __aexit__(self, *_):
        if self._process.returncode is None:
            self._process.terminate()
        await asyncio.wait_for(self._process.communicate(), PATIENCE)


async def record(environ, played):
    """Record what is played: a second from where it begins to sound."""
    recorder = ("pacat", "--record", "--device=desktop.monitor", "--latency-msec=20", *FORM)
    async with running(*recorder, environ=environ) as process, asyncio.timeout(PATIENCE):
        heard = await process.stdout.read(1 << 16)  # silence: from here on nothing is missed
        playing = asyncio.create_task(play(environ, played))
        while len(heard.lstrip(b"\0")) < SECOND:
            some = await process.stdout.read(1 << 16)
            assert some, "the recorder ended"
            heard += some
        await playing
    return heard
