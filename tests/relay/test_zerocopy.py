"""Zero copy and copying give the same bytes, whatever interleaves; and nothing stays open behind either."""

import asyncio
import contextlib
import errno
import fcntl
import gc
import hashlib
import itertools
import logging
import os
import random
import socket
import struct
import termios
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tornado.httpserver import HTTPServer
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from jupyter_vnc.channels import StreamChannel
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import Stalled
from jupyter_vnc.relay import zerocopy
from jupyter_vnc.relay.frames import FrameWriter, header
from jupyter_vnc.relay.pipes import PipePool, permitted
from jupyter_vnc.relay.relay import Copier, Relay
from jupyter_vnc.relay.scheduler import FairScheduler
from jupyter_vnc.relay.zerocopy import Splicer, pump_to_viewer
from jupyter_vnc.rfb.first_update import FirstUpdate
from jupyter_vnc.viewer_channel import WebSocketChannel

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
WAYS = pytest.mark.parametrize("splices", [True, False], ids=["spliced", "copied"])


class Handler(WebSocketHandler):
    """The viewer's end, as the product has it, without login and tokens."""

    def initialize(self, rig):
        self.rig = rig

    def open(self):
        self.set_nodelay(True)
        self.channel = WebSocketChannel(self)
        self.rig.begin(self.channel)

    async def on_message(self, message):
        await self.channel.feed(message)

    def on_close(self):
        self.channel.feed_eof()


class WatchedPool(PipePool):
    """Knows which pipes are out, and takes none back that has bytes in it: the next session would send them."""

    def __init__(self, **options):
        super().__init__(**options)
        self.out = []

    def borrow(self):
        if (pipe := super().borrow()) is not None:
            self.out.append(pipe)
        return pipe

    def give_back(self, pipe):
        assert fcntl.ioctl(pipe.source, termios.FIONREAD, bytes(4)) == bytes(4)
        self.out.remove(pipe)
        super().give_back(pipe)


class Rig:
    """A browser, a relay and a target: three ends of two real connections."""

    def __init__(self, *, stall_timeout=10.0, tcp=False, pipes=None, scheduler=None, look=None, early=b""):
        self.stall_timeout = stall_timeout
        self.early = early
        self.look = look
        self.tcp = tcp
        self.pipes = pipes or WatchedPool()
        self.scheduler = scheduler or FairScheduler()
        self.counted = 0
        self.error = None
        self.pump = None

    def begin(self, viewer):
        self.viewer = viewer
        self.task = asyncio.create_task(self._relay(viewer))

    async def _relay(self, viewer):
        up = Copier(viewer, self.channel, bytes, stall_timeout=self.stall_timeout)
        self.pump = pump_to_viewer(
            self.channel,
            viewer,
            count=self._count,
            stall_timeout=self.stall_timeout,
            pipes=self.pipes,
            scheduler=self.scheduler,
            session_id="1",
            look=self.look,
        )
        code = CloseCode.NORMAL
        try:
            await Relay(up, self.pump).run()
        except Stalled as error:
            self.error, code = error, error.close_code
        finally:
            await viewer.close(code, "over")
            await self.channel.close()

    def _count(self, size):
        self.counted += size

    async def __aenter__(self):
        async with contextlib.AsyncExitStack() as stack:
            ours, self.target = _tcp_pair() if self.tcp else socket.socketpair()
            self.target.setblocking(False)
            stack.callback(self.target.close)
            self.target.sendall(self.early)
            self.channel = StreamChannel(*await asyncio.open_connection(sock=ours))
            stack.push_async_callback(self.channel.close)
            server = HTTPServer(Application([("/ws", Handler, {"rig": self})]))
            listener = socket.create_server(("127.0.0.1", 0))
            listener.setblocking(False)
            server.add_socket(listener)
            stack.push_async_callback(server.close_all_connections)
            stack.callback(server.stop)
            self.browser = await _upgraded(listener.getsockname()[1])
            stack.callback(self.browser.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_):
        self.target.close()
        self.browser.close()
        async with asyncio.timeout(60):
            await asyncio.wait([self.task])
        await self._stack.aclose()
        self.task.result()
        assert not self.pipes.out


def _tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        return one, listener.accept()[0]


async def _upgraded(port):
    """A browser's socket after the upgrade, non-blocking."""
    loop = asyncio.get_running_loop()
    browser = socket.socket()
    browser.setblocking(False)
    await loop.sock_connect(browser, ("127.0.0.1", port))
    lines = "GET /ws HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"
    request = "\r\n".join([*lines, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""])
    await loop.sock_sendall(browser, request.encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += await loop.sock_recv(browser, 1)
    assert b" 101 " in answer
    return browser


def masked(opcode, payload=b""):
    """A frame as a browser sends it; the mask is zero, so it changes nothing."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


class Frames:
    """Takes a stream of frames apart, and says when it is none."""

    def __init__(self):
        self.data = bytearray()
        self.binary = bytearray()
        self.pongs, self.pings, self.close = [], [], None

    def feed(self, data):
        self.data += data
        while (whole := self._one()) is not None:
            opcode, payload = whole
            if opcode == BINARY:
                self.binary += payload
            else:
                self._control(opcode, payload)

    def _control(self, opcode, payload):
        if opcode == CLOSE:
            self.close = struct.unpack("!H", payload[:2])[0]
        else:
            {PING: self.pings, PONG: self.pongs}[opcode].append(payload)

    def _one(self):
        if len(self.data) < 2:
            return None
        assert self.data[0] & 0xF0 == 0x80, "a frame begins in the middle of another"
        assert not self.data[1] & 0x80
        size, start = self.data[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(self.data) < start:
                return None
            size = int.from_bytes(self.data[2:start], "big")
        if len(self.data) < start + size:
            return None
        whole = self.data[0] & 15, bytes(self.data[start : start + size])
        del self.data[: start + size]
        return whole


async def read_all(rig, frames, pauses=()):
    """Read to the close frame, or to the end; with pauses."""
    loop, pauses = asyncio.get_running_loop(), list(pauses)
    with contextlib.suppress(ConnectionError):
        while data := await loop.sock_recv(rig.browser, random.choice([17, 4096, 1 << 18])):
            frames.feed(data)
            if frames.close is not None:
                break
            if pauses:
                await asyncio.sleep(pauses.pop())


@contextlib.contextmanager
def way(splices):
    """Zero copy, or a system that has none."""
    with pytest.MonkeyPatch.context() as patch:
        if not splices:
            patch.setattr(zerocopy, "available", lambda: False)
        yield


#: What a busy machine does is no fault of the strategies.
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("target"), st.integers(1, 300_000)),
        st.tuples(st.just("ping"), st.integers(0, 125)),
        st.tuples(st.just("message"), st.integers(1, 3000)),
        st.tuples(st.just("our ping"), st.just(0)),
        st.tuples(st.just("pause"), st.sampled_from([0, 1, 5])),
    ),
    max_size=25,
)


async def scenario(steps, pauses, end, tcp):
    loop, frames = asyncio.get_running_loop(), Frames()
    sent, said, pings, ours = bytearray(), bytearray(), [], 0
    async with Rig(tcp=tcp) as rig:
        reading = asyncio.create_task(read_all(rig, frames, pauses))
        received = bytearray()
        listening = asyncio.create_task(collect(rig.target, received))
        while rig.pump is None:
            await asyncio.sleep(0)
        for number, (kind, size) in enumerate(steps):
            data = random.randbytes(size)
            if kind == "target":
                sent += data
                await loop.sock_sendall(rig.target, data)
            elif kind == "ping":
                pings.append(data)
                await loop.sock_sendall(rig.browser, masked(PING, data))
            elif kind == "message":
                said += data
                await loop.sock_sendall(rig.browser, masked(BINARY, data))
            elif kind == "our ping":
                ours += 1
                rig.viewer._handler.ping(b"%d" % number)
            else:
                await asyncio.sleep(size / 1000)
        if end == "target":
            async with asyncio.timeout(60):
                while len(received) < len(said) or len(frames.pongs) < len(pings):
                    await asyncio.sleep(0.002)
            rig.target.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(60):
                await reading
        else:
            reading.cancel()
            await asyncio.wait([reading])
            rig.browser.close()
        async with asyncio.timeout(60):
            await listening
            rig.target.close()
            await asyncio.wait([rig.task])
        assert bytes(said).startswith(received)
        assert bytes(sent).startswith(frames.binary)
        if end == "target":
            assert frames.binary == sent
            assert rig.counted == len(sent)
            assert frames.pongs == pings
            assert len(frames.pings) >= ours
            assert frames.close == CloseCode.NORMAL
            assert not frames.data
        return type(rig.pump)


async def collect(target, received):
    """Read what the target is told."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, ValueError):
        while data := await loop.sock_recv(target, 65536):
            received += data


@WAYS
@settings(deadline=None, max_examples=40, suppress_health_check=SLOW)
@given(
    steps=STEPS,
    pauses=st.lists(st.sampled_from([0, 0.001, 0.01]), max_size=10),
    end=st.sampled_from(["target", "target", "browser"]),
    tcp=st.booleans(),
)
def test_the_bytes_are_the_same_whatever_interleaves(splices, steps, pauses, end, tcp):
    with way(splices):
        assert asyncio.run(scenario(steps, pauses, end, tcp)) is (Splicer if splices else Copier)


ENDURANCE = (pytest.mark.endurance, pytest.mark.timeout(1200))


@pytest.mark.parametrize(
    ("splices", "count"),
    [
        pytest.param(True, 64, id="spliced"),
        pytest.param(False, 64, id="copied"),
        pytest.param(True, 10 << 10, id="10 GiB spliced", marks=ENDURANCE),
        pytest.param(False, 10 << 10, id="10 GiB copied", marks=ENDURANCE),
    ],
)
async def test_much_arrives_as_it_was(splices, count):
    """And whatever the browser sends meanwhile is answered between two frames."""
    block = random.randbytes(1 << 20)
    with way(splices):
        async with Rig() as rig:
            loop, frames, digest = asyncio.get_running_loop(), Frames(), hashlib.sha256()

            async def flood():
                for _ in range(count):
                    await loop.sock_sendall(rig.target, block)
                rig.target.shutdown(socket.SHUT_WR)

            flooding = asyncio.create_task(flood())
            asked = total = 0
            while frames.close is None:
                frames.feed(await loop.sock_recv(rig.browser, 1 << 20))
                digest.update(frames.binary)
                total += len(frames.binary)
                frames.binary.clear()
                if asked < 100 and total > asked * (1 << 20) // 4:
                    asked += 1
                    await loop.sock_sendall(rig.browser, masked(PING, b"%d" % asked))
            await flooding
            expected = hashlib.sha256()
            for _ in range(count):
                expected.update(block)
            assert digest.digest() == expected.digest()
            assert len(frames.pongs) > 50
            assert frames.pongs == [b"%d" % (number + 1) for number in range(len(frames.pongs))]


@WAYS
async def test_a_browser_that_stops_in_the_middle_of_a_frame(splices):
    """Memory stays bounded, the session ends at its time, and the frame that was begun is finished."""
    with way(splices):
        async with Rig(stall_timeout=1.0) as rig:
            loop, frames = asyncio.get_running_loop(), Frames()
            filling = asyncio.create_task(loop.sock_sendall(rig.target, bytes(64 << 20)))
            async with asyncio.timeout(60):
                await asyncio.wait([rig.task])
            filling.cancel()
            assert isinstance(rig.error, Stalled)
            assert rig.counted < 16 << 20
            rig.target.close()
            await read_all(rig, frames)
            assert frames.close == CloseCode.STALLED
            assert not frames.data
            assert len(frames.binary) == rig.counted


AHEAD = b"\2" + struct.pack(">B3xi", 3, 1 << 20) + random.randbytes(1 << 20)
HEAD = struct.pack(">BxHHHHHi", 0, 1, 0, 0, 1024, 1024, 0)
PIXELS = random.randbytes(4 << 20)
#: Where the target pauses until the browser has all that was sent, by how it is told.
CUTS = {
    "whole": [],
    "at the picture": [len(AHEAD)],
    "within its head": [len(AHEAD) + 1, len(AHEAD) + len(HEAD) - 1],
    "behind its head": [len(AHEAD + HEAD)],
    "within its pixels": [len(AHEAD + HEAD) + 1, len(AHEAD + HEAD) + (1 << 20)],
    "byte by byte": [0, 1, 5, *range(len(AHEAD) - 1, len(AHEAD + HEAD) + 3)],
}


class Look:
    """Is shown what comes until the first picture has begun; knows where the kernel moved what comes afterwards."""

    def __init__(self, patch):
        self.shown = bytearray()
        self.unseen_from = None
        self._update, self._splice = FirstUpdate(), os.splice
        patch.setattr(os, "splice", self._note)

    def __call__(self, data):
        assert not self._update.done
        self.shown += data
        self._update.feed(data)
        return not self._update.done

    def _note(self, *arguments, **options):
        if self.unseen_from is None:
            self.unseen_from = len(self.shown)
        return self._splice(*arguments, **options)


async def pour(rig, data, cuts):
    """Send bytes through to the end of the session, and wait at each cut until they are there; return them."""
    frames, loop = Frames(), asyncio.get_running_loop()
    reading = asyncio.create_task(read_all(rig, frames))
    async with asyncio.timeout(60):
        for begin, end in itertools.pairwise([0, *cuts, len(data)]):
            await loop.sock_sendall(rig.target, data[begin:end])
            while len(frames.binary) < end < len(data):
                await asyncio.sleep(0)
        rig.target.shutdown(socket.SHUT_WR)
        await reading
    return bytes(frames.binary)


@WAYS
@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
async def test_what_comes_up_to_the_first_picture_is_shown_and_its_pixels_are_not(splices, cuts, monkeypatch):
    """However much comes ahead of it: a picture that the kernel moved unseen would be one that never came."""
    data, look = AHEAD + HEAD + PIXELS, Look(monkeypatch)
    with way(splices):
        async with Rig(look=look) as rig:
            assert await pour(rig, data, cuts) == data
            assert rig.counted == len(data)
    assert data.startswith(look.shown)
    assert len(AHEAD + HEAD) <= len(look.shown) < len(AHEAD + HEAD) + (1 << 20)
    assert look.unseen_from == (len(look.shown) if splices else None)


@WAYS
async def test_a_picture_that_came_before_the_browser_is_seen(splices, monkeypatch):
    early, look = AHEAD[:1] + HEAD + b"pixels", Look(monkeypatch)
    with way(splices):
        async with Rig(look=look, early=early) as rig:
            assert await through(rig, PIXELS) == early + PIXELS
            assert rig.counted == len(early + PIXELS)
    assert (early + PIXELS).startswith(look.shown)
    assert look.shown.startswith(early)


async def test_where_no_picture_comes_all_is_shown(monkeypatch):
    data, look = 3 * AHEAD, Look(monkeypatch)
    async with Rig(look=look) as rig:
        assert await pour(rig, data, [1, len(AHEAD)]) == data
    assert look.shown == data
    assert look.unseen_from is None


async def test_a_system_that_turns_out_not_to_splice(monkeypatch):
    """In the middle of a session it goes on with copies, and no byte is lost."""
    real, calls = os.splice, []

    def refuse(*arguments, **options):
        calls.append(1)
        if len(calls) > 5:
            raise OSError(errno.EINVAL, "no")
        return real(*arguments, **options)

    monkeypatch.setattr(os, "splice", refuse)
    data = random.randbytes(3 << 20)
    async with Rig() as rig:
        assert await through(rig, data) == data
    assert len(calls) == 6


async def test_without_a_pipe_bytes_are_copied():
    data = random.randbytes(1 << 20)
    async with Rig(pipes=WatchedPool(most=0)) as rig:
        assert await through(rig, data) == data
        assert isinstance(rig.pump, Splicer)


async def test_several_that_have_much_to_move_queue():
    """And each gets its own bytes, the last of them too."""
    pieces = [random.randbytes(12 << 20) for _ in range(3)]
    waited = []

    class Watched(FairScheduler):
        def wait(self, mover):
            waited.append(mover)
            super().wait(mover)

    scheduler = Watched()
    async with contextlib.AsyncExitStack() as stack:
        rigs = [await stack.enter_async_context(Rig(scheduler=scheduler, tcp=number == 1)) for number in range(3)]
        assert await asyncio.gather(*(through(rig, piece) for rig, piece in zip(rigs, pieces, strict=True))) == pieces
        assert len(set(waited)) == len(rigs)
        assert scheduler.busy == 0


async def test_the_log_says_which_way(caplog):
    caplog.set_level(logging.DEBUG, "jupyter_vnc")
    async with Rig() as rig:
        await through(rig, b"x")
    assert "Session 1: zero copy" in caplog.text
    with way(splices=False):
        async with Rig() as rig:
            await through(rig, b"x")
    assert "Session 1: bytes are copied: this system does not splice" in caplog.text


async def test_another_tornado_is_not_written_past(monkeypatch, caplog):
    caplog.set_level(logging.DEBUG, "jupyter_vnc")
    monkeypatch.setattr(FrameWriter, "write", lambda self, data: self._write(data))
    async with Rig() as rig:
        assert await through(rig, b"abc") == b"abc"
        assert isinstance(rig.pump, Copier)
    assert "this version of tornado writes in an unknown way" in caplog.text


async def test_nothing_stays_open():
    """Descriptors, tasks and pipes are at the baseline after connections that broke at any moment."""
    descriptors = Path("/proc/self/fd")

    async def cycle():
        async with Rig(tcp=random.random() < 0.5) as rig:
            await asyncio.sleep(random.choice([0, 0.001]))
            loop = asyncio.get_running_loop()
            with contextlib.suppress(OSError):
                await loop.sock_sendall(rig.target, bytes(random.choice([0, 10, 300_000])))
            random.choice([rig.target.close, rig.browser.close, lambda: None])()
            while not hasattr(rig, "task"):
                await asyncio.sleep(0.001)

    await cycle()
    gc.collect()
    before, tasks = len(list(descriptors.iterdir())), len(asyncio.all_tasks())
    for _ in range(150):
        async with asyncio.timeout(30):
            await cycle()

    def is_left():
        gc.collect()
        return len(list(descriptors.iterdir())) > before or len(asyncio.all_tasks()) > tasks

    async with asyncio.timeout(30):
        while is_left():
            await asyncio.sleep(0.05)


async def through(rig, data):
    """Send bytes through, to the end of the session; return what arrived."""
    frames, loop = Frames(), asyncio.get_running_loop()
    reading = asyncio.create_task(read_all(rig, frames))
    await loop.sock_sendall(rig.target, data)
    rig.target.shutdown(socket.SHUT_WR)
    async with asyncio.timeout(60):
        await reading
    return bytes(frames.binary)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 1 << 20])
def test_the_head_of_a_frame(size):
    frames = Frames()
    frames.feed(header(size) + bytes(size))
    assert len(frames.binary) == size
    assert not frames.data


class TestPipePool:
    def test_it_lends_so_many(self):
        pool = PipePool(most=2)
        with pool.member():
            one, two = pool.borrow(), pool.borrow()
            assert pool.borrow() is None
            pool.give_back(one)
            assert pool.borrow() is one
            pool.give_back(one)
            pool.give_back(two)

    def test_the_rig_sees_a_pipe_with_bytes_in_it(self):
        pool = WatchedPool(most=1)
        with pool.member():
            used = pool.borrow()
            os.write(used.sink, b"left")
            with pytest.raises(AssertionError):
                pool.give_back(used)
            used.take(4)
            pool.give_back(used)
            assert not pool.out

    def test_the_last_session_takes_them_all_along(self):
        pool = PipePool(most=1)
        with pool.member():
            pipe = pool.borrow()
            pool.give_back(pipe)
        with pytest.raises(OSError, match="Bad file"):
            os.fstat(pipe.source)

    def test_a_user_has_a_share(self):
        assert 1 <= permitted() <= 64

    def test_no_descriptors_no_pipe(self, monkeypatch):
        def none(flags):
            raise OSError(errno.EMFILE, "too many")

        monkeypatch.setattr(os, "pipe2", none)
        assert PipePool(most=1).borrow() is None
