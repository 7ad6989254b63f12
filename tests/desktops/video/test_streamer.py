"""The streamer with a display and a capture of the test's own: who gets what, and when it captures and ends."""

import asyncio
import contextlib
import socket
import stat
import threading

import pytest

from jupyter_vnc.desktops.video import messages, motion, streamer
from jupyter_vnc.desktops.video.messages import Mode

KEY, DELTA = b"\0\0\1\x65key", b"\0\0\1\x41delta"
MOVES, RESTS = messages.motion(moves=True), messages.motion(moves=False)
FIRST = messages.picture(KEY, 640, 480)


@pytest.fixture(autouse=True)
def never_rests(monkeypatch):
    """It goes on to move until a test says otherwise, however long this process had to wait for its turn."""
    for name in ("REST", "LONG_REST"):
        monkeypatch.setattr(motion, name, 600)
    monkeypatch.setattr(streamer, "SILENT", 600)
    monkeypatch.setattr(streamer, "HUNG", 600)


class Captures:
    """Starts captures; a test says what they see."""

    def __init__(self):
        self.running, self.sizes, self.stops, self.keys = None, [], 0, 0

    def __call__(self, size, seen):
        self.sizes.append(size)
        self.width, self.height = size[0] & ~1, size[1] & ~1
        self.running = seen
        return self

    def want_key(self):
        self.keys += 1

    def stop(self):
        self.running, self.stops = None, self.stops + 1


async def until(true):
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def placed(tmp_path, linger=20):
    captures, path = Captures(), tmp_path / "video"
    one = streamer.Streamer(captures, linger)
    serving = asyncio.create_task(one.serve(str(path)))
    await until(path.exists)
    yield one, captures, path, serving
    serving.cancel()
    await asyncio.wait([serving])


@contextlib.asynccontextmanager
async def looking(path, mode=Mode.AUTO):
    """A viewer; yields what reads the next message."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(messages.mode(mode))
    yield lambda: asyncio.wait_for(messages.read(reader), 30)
    writer.close()
    await writer.wait_closed()


def move(one, size=(640, 480), share=0.5):
    for _ in range(motion.CHANGES):
        one.changed(share, *size)


@contextlib.contextmanager
def moving(one, **how):
    """Something that moves until the end of the block."""

    async def go():
        while True:
            move(one, **how)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(go())
    try:
        yield
    finally:
        task.cancel()


async def test_it_captures_while_it_moves_and_tells_when_it_rests(tmp_path, monkeypatch):
    async with placed(tmp_path) as (one, captures, path, _), looking(path) as read:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        await until(lambda: one._viewers)
        assert captures.sizes == []
        with moving(one):
            assert await read() == MOVES
            captures.running(KEY)
            captures.running(DELTA)
            assert [await read(), await read()] == [FIRST, messages.picture(DELTA, 640, 480)]
        monkeypatch.setattr(motion, "REST", 0.1)
        assert await read() == RESTS
        await until(lambda: captures.stops == 1)
        assert captures.sizes == [(640, 480)]


async def test_one_capture_for_all_and_newcomers_begin_with_a_key_frame(tmp_path):
    async with placed(tmp_path) as (one, captures, path, _), looking(path) as first:
        with moving(one):
            assert await first() == MOVES
            captures.running(KEY)
            assert await first() == FIRST
            before = captures.keys
            async with looking(path) as second:
                assert await second() == MOVES
                await until(lambda: captures.keys > before)
                captures.running(DELTA)
                captures.running(KEY)
                assert await second() == FIRST
            assert captures.sizes == [(640, 480)]


async def test_who_asks_for_key_frames_all_the_time_gets_no_more_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(streamer, "KEYS_APART", 600)
    async with placed(tmp_path) as (one, captures, path, _), looking(path) as read:
        _, writer = await asyncio.open_unix_connection(path)
        with moving(one):
            assert await read() == MOVES
            await until(lambda: captures.keys == 1)
            writer.write(b"\x10" * 100)
            await until(lambda: one._lacks_key)
            for _ in range(20):
                captures.running(KEY)
                assert await read() == FIRST
            assert captures.keys == 1
            one._next_key = 0  # it is time
            await until(lambda: captures.keys == 2)
            assert not one._lacks_key
        writer.close()


async def test_little_is_shown_to_those_who_want_it_always(tmp_path):
    async with placed(tmp_path) as (one, captures, path, _), looking(path), looking(path, Mode.ALWAYS) as always:
        with moving(one, share=0.001):
            assert await always() == MOVES
            captures.running(KEY)
            assert await always() == FIRST
            assert [viewer.moves for viewer in one._viewers].count(True) == 1


async def test_a_screen_of_another_size_is_captured_anew(tmp_path):
    async with placed(tmp_path) as (one, captures, path, _), looking(path) as read:
        with moving(one):
            assert await read() == MOVES
        with moving(one, size=(801, 601)):
            await until(lambda: captures.sizes[-1:] == [(801, 601)] and one._capture)
            before = captures.keys
            captures.running(DELTA)  # of one whose first picture has been missed
            await until(lambda: captures.keys > before)
            captures.running(KEY)
            while (message := await read())[0] != messages.Kind.PICTURE:
                pass
            assert message == messages.picture(KEY, 800, 600)


async def test_a_screen_that_is_too_large_is_not_captured(tmp_path):
    async with placed(tmp_path) as (one, captures, path, _), looking(path):
        await until(lambda: one._viewers)
        with moving(one, size=(8192, 8192)):
            await until(lambda: one._size == (8192, 8192))
            await asyncio.sleep(0.1)
            assert captures.sizes == []


async def test_one_that_does_not_read_gets_less_and_delays_nobody(tmp_path):
    async with placed(tmp_path) as (one, captures, path, _), looking(path) as read:
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.connect(str(path))
            with moving(one):
                assert await read() == MOVES
                await until(lambda: sum(viewer.moves for viewer in one._viewers) == 2)
                captures.running(KEY)
                assert await read() == FIRST
                for _ in range(100):
                    captures.running(DELTA + bytes(100_000))
                    assert len(await read()) > 100_000
                waiting = [viewer.writer.transport.get_write_buffer_size() for viewer in one._viewers]
                assert max(waiting) <= streamer.UNREAD + 200_000


async def test_without_viewers_it_ends(tmp_path):
    async with placed(tmp_path) as (one, captures, path, serving):
        one._linger = 0.1
        async with looking(path):
            await asyncio.sleep(0.3)
            assert not serving.done()
        await asyncio.wait_for(serving, 30)
        assert captures.sizes == []


async def test_it_ends_with_the_display(tmp_path):
    async with placed(tmp_path) as (one, captures, path, serving), looking(path) as read:
        with moving(one):
            assert await read() == MOVES
            one.ended("the X server closed the connection")
            with pytest.raises(RuntimeError, match="closed the connection"):
                await asyncio.wait_for(serving, 30)
        assert captures.running is None
        while await read():
            pass


async def test_a_capture_that_brings_nothing_is_asked_for_a_key_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(streamer, "KEYS_APART", 0.05)
    async with placed(tmp_path) as (one, captures, path, _), looking(path) as read:
        with moving(one):
            assert await read() == MOVES
            captures.running(KEY)
            assert await read() == FIRST
            await until(lambda: not one._lacks_key)
            before = captures.keys
            monkeypatch.setattr(streamer, "SILENT", 0.1)
            await until(lambda: captures.keys >= before + 3)


@pytest.mark.parametrize("stops", [True, False])
async def test_a_capture_that_hangs_is_the_end_though_it_cannot_be_stopped(stops, tmp_path, monkeypatch):
    monkeypatch.setattr(streamer, "STOPPING", 0.1)
    monkeypatch.setattr(streamer, "HUNG", 0.3)
    ended = threading.Event()
    async with placed(tmp_path) as (one, captures, path, serving), looking(path) as read:
        if not stops:
            monkeypatch.setattr(captures, "stop", lambda: ended.wait(60))
        try:
            with moving(one):
                assert await read() == MOVES
                with pytest.raises(RuntimeError, match="brings nothing"):
                    await asyncio.wait_for(serving, 30)
            assert await read() == b""
        finally:
            ended.set()


async def test_it_ends_though_there_are_news_at_the_same_moment(tmp_path):
    async with placed(tmp_path) as (one, captures, path, serving), looking(path) as read:
        with moving(one):
            assert await read() == MOVES
        await until(lambda: one._news._waiters)
        one._news.set()
        await asyncio.sleep(0)  # what waits for them has them, and has not gone on
        serving.cancel()
        done, _ = await asyncio.wait([serving], timeout=20)
        assert done
        assert serving.cancelled()
        assert captures.running is None


def test_what_changes_after_its_end_is_nobodys_concern():
    async def made():
        return streamer.Streamer(Captures())

    one = asyncio.run(made())
    one.changed(1.0, 640, 480)
    one.ended("the X server closed the connection")


async def test_who_says_what_is_none_is_hung_up_on(tmp_path):
    async with placed(tmp_path) as (one, _, path, _):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"\xff")
        assert await asyncio.wait_for(reader.read(), 30) == b""
        await until(lambda: not one._viewers)
        writer.close()
