"""From a streamer to one viewer: what is sent when, and that RFB brings all again whatever fails."""

import asyncio
import contextlib

import pytest

from jupyter_vnc.broker import watching
from jupyter_vnc.broker.watching import UNSEEN, Watching
from jupyter_vnc.desktops.video import messages
from jupyter_vnc.exceptions import DesktopFailed, Stalled, TargetUnreachable, ViewerError
from tests.broker.test_listening import Viewer

MOVES, RESTS = messages.motion(moves=True), messages.motion(moves=False)
VIDEO, RFB = messages.way(video=True), messages.way(video=False)
KEY, DELTA = (messages.picture(b"\0\0\1" + unit, 640, 480) for unit in (b"\x65", b"\x41"))
LATE = messages.picture(b"\0\0\1\x41late", 640, 480)
SEEN, ALWAYS = b"\x11", b"\x13\x01"


class Writer:
    """What the streamer is told."""

    def __init__(self):
        self.said, self.closed, self.untaken = b"", False, 0
        self.transport = self

    def write(self, data):
        self.said += data

    def is_closing(self):
        return self.closed

    def get_write_buffer_size(self):
        return self.untaken

    def close(self):
        self.closed = True


class Reader(asyncio.StreamReader):
    """Knows whether all that it was fed has been read, and its reader has come back for more."""

    fed = taken = 0
    asked_after = -1

    def feed_data(self, data):
        self.fed += len(data)
        super().feed_data(data)

    async def readexactly(self, n):
        self.asked_after = self.taken
        data = await super().readexactly(n)
        self.taken += n
        return data


class Streamer:
    """What is connected to: each connection is a reader, which a test feeds."""

    def __init__(self):
        self.links = []

    async def link(self):
        self.links.append((Reader(), Writer()))
        return self.links[-1]

    @property
    def all_read(self):
        """Whether the next message is waited for, and all before it have been dealt with."""
        reader = self.links[-1][0]
        return reader.asked_after == reader.fed

    def send(self, *several):
        for message in several:
            self.links[-1][0].feed_data(messages.framed(message))

    def end(self):
        self.links[-1][0].feed_eof()

    @property
    def heard(self):
        return self.links[-1][1].said


async def until(true):
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def placed(stall=0.2):
    viewer, streamer, narrowed = Viewer(), Streamer(), []
    task = asyncio.create_task(Watching(streamer.link, viewer, narrowed.append, stall).run())
    await until(lambda: viewer.got == [RFB] or task.done())
    viewer.got.clear()
    narrowed.clear()
    yield viewer, streamer, narrowed, task
    task.cancel()
    await asyncio.wait([task])
    assert narrowed[-1] is False


async def test_rfb_brings_less_once_the_viewer_shows_a_picture_and_all_when_it_rests():
    async with placed() as (viewer, streamer, narrowed, _):
        streamer.send(MOVES, KEY, DELTA)
        await until(lambda: viewer.got == [KEY, DELTA])
        assert narrowed == []
        viewer.say(SEEN)
        await until(lambda: viewer.got == [KEY, DELTA, VIDEO])
        assert narrowed == [True]
        viewer.say(SEEN)
        streamer.send(RESTS)
        await until(lambda: viewer.got == [KEY, DELTA, VIDEO, RFB])
        assert narrowed == [True, False]


async def test_a_picture_that_is_seen_after_the_rest_changes_nothing():
    async with placed() as (viewer, streamer, narrowed, _):
        streamer.send(MOVES, KEY, RESTS)
        await until(lambda: viewer.got[-1:] == [RFB])
        viewer.say(SEEN + ALWAYS)
        await until(lambda: ALWAYS in streamer.heard)
        assert True not in narrowed


async def test_what_the_viewer_wants_is_told_and_told_again_to_the_next_streamer(monkeypatch):
    monkeypatch.setattr(watching, "RETRIES", (0.0, 0.0))
    async with placed() as (viewer, streamer, _, _):
        assert streamer.heard == b"\x13\x00"
        viewer.say(ALWAYS + b"\x10")
        await until(lambda: streamer.heard == b"\x13\x00\x13\x01\x10")
        streamer.end()
        await until(lambda: len(streamer.links) == 2)
        await until(lambda: streamer.heard == ALWAYS)


async def test_a_streamer_that_takes_nothing_is_told_no_more():
    async with placed() as (viewer, streamer, _, _):
        writer = streamer.links[-1][1]
        writer.untaken = watching.UNTAKEN + 1
        viewer.say(b"\x10" * 100 + ALWAYS)
        await until(viewer._said.empty)
        writer.untaken = 0
        viewer.say(b"\x10")
        await until(lambda: streamer.heard == b"\x13\x00\x10")


async def test_one_that_does_not_keep_up_goes_on_with_a_key_frame():
    async with placed() as (viewer, streamer, _, _):
        streamer.send(MOVES, KEY)
        await until(lambda: viewer.got == [KEY])
        for number in range(2, UNSEEN + 1):
            streamer.send(DELTA)
            await until(lambda number=number: len(viewer.got) == number)
        streamer.send(*[LATE] * 5)
        await until(lambda: streamer.all_read)
        viewer.say(SEEN * UNSEEN)
        await until(lambda: b"\x10" in streamer.heard)
        streamer.send(LATE, KEY, DELTA)
        await until(lambda: viewer.got[-2:] == [KEY, DELTA])
        # What came in between would be in between.
        assert viewer.got == [KEY, *[DELTA] * (UNSEEN - 1), VIDEO, KEY, DELTA]


async def test_sizes_one_after_another_leave_no_picture_for_which_it_has_to_answer():
    """A viewer's decoder of one size is closed with what it has not decoded when there is a picture of the next."""
    async with placed() as (viewer, streamer, _, _):
        streamer.send(MOVES)
        for number in range(2 * UNSEEN):
            streamer.send(messages.picture(b"\0\0\1\x65", 640 + 2 * number, 480))
            await until(lambda number=number: len(viewer.got) == number + 1)
        assert viewer.got[-1][2:6] == bytes((2, 190, 1, 224))


async def test_what_waits_for_a_slow_socket_is_bounded():
    async with placed(stall=20) as (viewer, streamer, _, _):
        viewer.accepts.clear()
        streamer.send(MOVES, KEY, *[DELTA] * 500)
        for _ in range(2000):
            await asyncio.sleep(0)
        viewer.accepts.set()
        await until(lambda: viewer.got)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(viewer.got) <= watching.WAITING + 1


async def test_one_that_accepts_nothing_is_closed_and_has_all_of_rfb():
    async with placed() as (viewer, streamer, narrowed, task):
        viewer.accepts.clear()
        streamer.send(MOVES, KEY)
        with pytest.raises(Stalled):
            await asyncio.wait_for(task, 20)
        assert narrowed[-1] is False


async def test_one_that_shows_nothing_is_closed_and_has_all_of_rfb(monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0.05)
    async with placed() as (viewer, streamer, narrowed, task):
        streamer.send(MOVES, KEY)
        viewer.say(SEEN)
        await until(lambda: narrowed == [True])
        streamer.send(DELTA)
        await until(lambda: DELTA in viewer.got)
        await asyncio.sleep(0.1)
        streamer.send(DELTA)
        with pytest.raises(Stalled):
            await asyncio.wait_for(task, 20)
        assert narrowed[-1] is False


async def test_a_streamer_that_is_killed_leaves_all_to_rfb_at_once(monkeypatch):
    monkeypatch.setattr(watching, "RETRIES", (60.0,))
    async with placed() as (viewer, streamer, narrowed, _):
        streamer.send(MOVES, KEY)
        viewer.say(SEEN)
        await until(lambda: narrowed == [True])
        streamer.end()
        await until(lambda: viewer.got[-1:] == [RFB])
        assert narrowed[-1] is False
        assert streamer.links[0][1].closed


async def test_a_streamer_that_hangs_leaves_all_to_rfb(monkeypatch):
    monkeypatch.setattr(watching, "RETRIES", (60.0,))
    async with placed() as (viewer, streamer, narrowed, _):
        streamer.send(MOVES, KEY)
        viewer.say(SEEN)
        await until(lambda: narrowed == [True])
        monkeypatch.setattr(watching, "HUNG", 0.1)
        streamer.send(DELTA)
        await until(lambda: viewer.got[-1:] == [RFB])
        assert narrowed[-1] is False
        assert streamer.links[0][1].closed


async def test_a_streamer_of_what_rests_may_say_nothing(monkeypatch):
    monkeypatch.setattr(watching, "HUNG", 0.01)
    async with placed() as (_, streamer, _, _):
        await asyncio.sleep(0.1)
        assert not streamer.links[0][1].closed


async def test_one_that_ends_again_and_again_is_given_up(monkeypatch):
    monkeypatch.setattr(watching, "RETRIES", (0.0, 0.0))
    async with placed() as (_, streamer, _, task):
        for count in (1, 2, 3):
            await until(lambda count=count: len(streamer.links) == count)
            streamer.end()
        with pytest.raises(TargetUnreachable):
            await asyncio.wait_for(task, 20)


async def test_one_refusal_is_no_end(monkeypatch):
    """A streamer that is about to end refuses, and the next one does not."""
    monkeypatch.setattr(watching, "RETRIES", (0.0, 0.0, 0.0))
    streamer, refusals = Streamer(), [True, False]

    async def link():
        if refusals.pop(0):
            raise DesktopFailed("This desktop has no video.")
        return await streamer.link()

    viewer = Viewer()
    task = asyncio.create_task(Watching(link, viewer, lambda on: None, 0).run())
    await until(lambda: streamer.links)
    viewer.say(b"")
    await asyncio.wait_for(task, 20)


async def test_a_desktop_without_video(monkeypatch):
    monkeypatch.setattr(watching, "RETRIES", (0.0, 0.0))

    async def none():
        raise DesktopFailed("This desktop has no video.")

    with pytest.raises(DesktopFailed):
        await asyncio.wait_for(Watching(none, Viewer(), lambda on: None, 0).run(), 20)


@pytest.mark.parametrize("said", [b"\x12\x01", b"\x13\x02", b"\x00"])
async def test_what_is_no_message(said):
    async with placed() as (viewer, _, _, task):
        viewer.say(said)
        with pytest.raises(ViewerError):
            await asyncio.wait_for(task, 20)


async def test_one_that_leaves_while_it_is_written_to():
    async with placed() as (viewer, streamer, _, task):
        viewer.gone = True
        streamer.send(MOVES, KEY)
        viewer.say(b"")
        await asyncio.wait_for(task, 20)
        assert streamer.links[0][1].closed
