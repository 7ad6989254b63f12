"""From a streamer to one viewer: what is sent when, and that a slow viewer costs a bounded amount of memory."""

import asyncio
import contextlib

import pytest

from jupyter_vnc.broker import listening
from jupyter_vnc.broker.listening import WAITING, Listening
from jupyter_vnc.desktops.sound import messages
from jupyter_vnc.exceptions import DesktopFailed, Stalled, TargetUnreachable, ViewerError

ON, OFF = b"\x12\x01", b"\x12\x00"
HEARD, UNHEARD = messages.state(heard=True), messages.state(heard=False)


class Viewer:
    """A viewer's end: a test says what it sends, and when it accepts something."""

    def __init__(self):
        self.got, self._said = [], asyncio.Queue()
        self.accepts = asyncio.Event()
        self.accepts.set()
        self.gone = False

    def say(self, data):
        self._said.put_nowait(data)

    async def read(self):
        return await self._said.get()

    async def write(self, data):
        await self.accepts.wait()
        if self.gone:
            raise ConnectionResetError
        self.got.append(data)


class Writer:
    closed = False

    def close(self):
        self.closed = True


class Streamer:
    """What is connected to: each connection is a reader, which a test feeds."""

    def __init__(self):
        self.links = []

    async def link(self):
        self.links.append((asyncio.StreamReader(), Writer()))
        return self.links[-1]

    def send(self, *packets):
        for packet in packets:
            self.links[-1][0].feed_data(messages.framed(packet))

    def end(self):
        self.links[-1][0].feed_eof()


async def until(true):
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def placed(stall=60.0):
    viewer, streamer = Viewer(), Streamer()
    task = asyncio.create_task(Listening(streamer.link, viewer, stall).run())
    yield viewer, streamer, task
    task.cancel()
    await asyncio.wait([task])


async def test_nothing_is_connected_before_the_viewer_wants_it():
    async with placed() as (viewer, streamer, task):
        for _ in range(20):
            await asyncio.sleep(0)
        assert (viewer.got, streamer.links) == ([], [])
        viewer.say(b"")
        await asyncio.wait_for(task, 30)


async def test_on_off_and_on_again():
    async with placed() as (viewer, streamer, _):
        viewer.say(ON[:1])
        viewer.say(ON[1:])
        await until(lambda: viewer.got == [HEARD])
        streamer.send(b"one")
        await until(lambda: viewer.got == [HEARD, b"one"])
        viewer.say(OFF)
        await until(lambda: streamer.links[0][1].closed)
        viewer.say(ON + ON)
        await until(lambda: len(streamer.links) == 2)
        streamer.send(b"two")
        await until(lambda: viewer.got == [HEARD, b"one", HEARD, b"two"])


async def test_of_what_a_slow_viewer_misses_the_newest_is_kept():
    async with placed() as (viewer, streamer, _):
        viewer.say(ON)
        await until(lambda: viewer.got == [HEARD])
        viewer.accepts.clear()
        packets = [number.to_bytes(2) for number in range(500)]
        streamer.send(*packets)
        for _ in range(1000):
            await asyncio.sleep(0)
        viewer.accepts.set()
        await until(lambda: viewer.got[-1] == packets[-1])
        heard = viewer.got[1:]
        assert heard[-WAITING:] == packets[-WAITING:]
        # Beside them the one that was being written.
        assert len(heard) <= WAITING + 1


async def test_one_that_accepts_nothing_is_closed():
    async with placed(0.1) as (viewer, _, task):
        viewer.accepts.clear()
        viewer.say(ON)
        with pytest.raises(Stalled):
            await asyncio.wait_for(task, 30)


async def test_one_that_leaves_while_it_is_written_to():
    async with placed() as (viewer, streamer, task):
        viewer.say(ON)
        await until(lambda: viewer.got == [HEARD])
        viewer.gone = True
        streamer.send(b"lost")
        viewer.say(b"")
        await asyncio.wait_for(task, 30)
        assert streamer.links[0][1].closed


async def test_a_streamer_that_ends_is_connected_again_a_few_times(monkeypatch):
    monkeypatch.setattr(listening, "RETRIES", (0.0, 0.0))
    async with placed() as (viewer, streamer, task):
        viewer.say(ON)
        for count in (1, 2, 3):
            await until(lambda count=count: len(streamer.links) == count)
            streamer.end()
        with pytest.raises(TargetUnreachable):
            await asyncio.wait_for(task, 30)
        assert viewer.got == [HEARD, UNHEARD, HEARD, UNHEARD, HEARD]


@pytest.mark.parametrize("said", [b"\x12\x02", b"\x11\x01", ON + b"\x00\x00"])
async def test_what_is_no_message(said):
    async with placed() as (viewer, _, task):
        viewer.say(said)
        with pytest.raises(ViewerError):
            await asyncio.wait_for(task, 30)


async def test_a_desktop_without_sound():
    async def none():
        raise DesktopFailed("This desktop has no sound.")

    viewer = Viewer()
    viewer.say(ON)
    with pytest.raises(DesktopFailed):
        await asyncio.wait_for(Listening(none, viewer, 0).run(), 10)


async def test_one_refusal_is_no_end(monkeypatch):
    """A streamer that is about to end refuses, and the next one does not."""
    monkeypatch.setattr(listening, "RETRIES", (0.0, 0.0, 0.0))
    streamer, refusals = Streamer(), [True, False, True, False]

    async def link():
        if refusals.pop(0):
            raise DesktopFailed("This desktop has no sound.")
        return await streamer.link()

    viewer = Viewer()
    viewer.say(ON)
    task = asyncio.create_task(Listening(link, viewer, 0).run())
    await until(lambda: viewer.got == [UNHEARD, HEARD])
    streamer.end()
    await until(lambda: viewer.got == [UNHEARD, HEARD, UNHEARD, UNHEARD, HEARD])
    viewer.say(b"")
    await asyncio.wait_for(task, 30)
