"""The streamer with a recorder of the test's own: who gets what, and when it records and ends."""

import asyncio
import contextlib
import socket
import stat

import pytest

from jupyter_vnc.desktops.sound import messages, streamer


class Recorder:
    """Records when it is told to; a test says what it hears."""

    def __init__(self):
        self.heard, self.failure, self.starts, self.stops = None, "", 0, 0
        self.streamer = None

    def __call__(self, heard):
        self.heard, self.starts = heard, self.starts + 1
        return self._stop, lambda: self.failure

    def _stop(self):
        self.heard, self.stops = None, self.stops + 1


async def until(true):
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def placed(tmp_path):
    """A streamer that serves, and would wait for listeners for ever."""
    recorder, path = Recorder(), tmp_path / "stream"
    recorder.streamer = streamer.Streamer(recorder, linger=600)
    serving = asyncio.create_task(recorder.streamer.serve(str(path)))
    await until(path.exists)
    yield recorder, path, serving
    serving.cancel()
    await asyncio.wait([serving])


async def test_its_socket_is_private_and_what_the_process_makes_later_is_not(tmp_path):
    async with placed(tmp_path) as (_, path, _):
        _, listener = await asyncio.open_unix_connection(path)
        (tmp_path / "later").mkdir()
        listener.close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "later").stat().st_mode) & 0o700 == 0o700


async def test_it_records_for_listeners_only_and_ends_without(tmp_path):
    async with placed(tmp_path) as (recorder, path, serving):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert recorder.starts == 0
        first, second = [await asyncio.open_unix_connection(path) for _ in range(2)]
        await until(lambda: recorder.heard)
        recorder.heard(960, b"opus")
        for reader, _ in (first, second):
            assert await asyncio.wait_for(messages.read(reader), 60) == messages.sound(960, b"opus")
        first[1].close()
        await first[1].wait_closed()
        assert (recorder.starts, recorder.stops) == (1, 0)
        recorder.streamer._linger = 0.05
        second[1].close()
        await second[1].wait_closed()
        await asyncio.wait_for(serving, 60)
        assert (recorder.starts, recorder.stops) == (1, 1)


async def test_it_ends_though_somebody_leaves_at_the_same_moment(tmp_path):
    async with placed(tmp_path) as (recorder, path, serving):
        _, listener = await asyncio.open_unix_connection(path)
        await until(lambda: recorder.heard and recorder.streamer._changed._waiters)
        recorder.streamer._changed.set()
        await asyncio.sleep(0)  # what waits for it has it, and has not gone on
        serving.cancel()
        done, _ = await asyncio.wait([serving], timeout=20)
        assert done
        assert serving.cancelled()
        assert recorder.stops == 1
        listener.close()


async def test_one_that_does_not_read_gets_less_and_delays_nobody(tmp_path):
    async with placed(tmp_path) as (recorder, path, _):
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(str(path))
            reader, writer = await asyncio.open_unix_connection(path)
            await until(lambda: recorder.heard)
            count = 3000
            for number in range(count):
                recorder.heard(number, bytes(1000))
                assert (await asyncio.wait_for(messages.read(reader), 60))[1:5] == number.to_bytes(4)
            deaf.setblocking(False)
            waiting = 0
            while True:
                try:
                    waiting += len(deaf.recv(1 << 20))
                except BlockingIOError:
                    break
                await asyncio.sleep(0.005)
            # What is in the kernel, and a second of sound in our buffer: not 3 MB.
            assert waiting < count * 1000 / 4
            writer.close()
            await writer.wait_closed()


async def test_a_recording_that_fails_ends_it(tmp_path, monkeypatch):
    async with placed(tmp_path) as (recorder, path, serving):
        monkeypatch.setattr(streamer, "LOOK", 0.01)
        reader, writer = await asyncio.open_unix_connection(path)
        await until(lambda: recorder.heard)
        recorder.failure = "the sound server is gone"
        with pytest.raises(RuntimeError, match="the sound server is gone"):
            await asyncio.wait_for(serving, 60)
        assert recorder.stops == 1
        assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()
        await writer.wait_closed()
