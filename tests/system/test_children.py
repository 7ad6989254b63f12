"""Commands that are run for what they print: bounded in bytes and in time, and nothing of them is left."""

import asyncio
import os
import resource
import sys
import time
from pathlib import Path

import pytest

from jupyter_vnc.system import children
from jupyter_vnc.system.children import Finished, TooMuchOutput

LIMIT = 4096
#: Prints for ever; its child says who it is first, and would outlive it.
ENDLESS = "sleep 60 & echo $! > {}; exec yes"


async def in_thread(command, **bounds):
    return await asyncio.to_thread(children.run_blocking, command, **bounds)


@pytest.fixture(params=[children.run, in_thread], ids=["asyncio", "blocking"])
def run(request):
    return request.param


async def gone(pid):
    """Wait until a process that is not our child has ended."""
    async with asyncio.timeout(30):
        while True:
            try:
                os.kill(pid, 0)
                if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                    return
            except (ProcessLookupError, FileNotFoundError):
                return
            await asyncio.sleep(0.01)


@pytest.fixture
def fifo(tmp_path):
    """A FIFO that a command has open for writing, as long as a process of it lives."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    class Fifo:
        opened = f"exec 9> {path}"

        async def until_closed(self):
            """Wait until no process has it open; on a busy machine, the command may be killed before it has."""
            async with asyncio.timeout(30):
                while True:
                    try:
                        if not os.read(reader, 1):
                            return
                    except BlockingIOError:
                        await asyncio.sleep(0.01)

    yield Fifo()
    os.close(reader)


@pytest.mark.parametrize("size", [0, 1, LIMIT - 1, LIMIT])
async def test_what_is_within_the_limit_comes_whole(run, size):
    command = [sys.executable, "-c", f"print('x' * {size}, end='')"]
    assert await run(command, limit=LIMIT, timeout=20) == Finished(0, b"x" * size)


async def test_one_byte_too_many_is_an_error(run):
    command = [sys.executable, "-c", f"print('x' * {LIMIT + 1}, end='')"]
    with pytest.raises(TooMuchOutput, match="more than 4096 bytes"):
        await run(command, limit=LIMIT, timeout=20)


@pytest.mark.parametrize("script", ["exit 3", "kill -9 $$"])
async def test_the_status_is_returned(run, script):
    done = await run(["sh", "-c", script], limit=LIMIT, timeout=20)
    assert done.status == {"exit 3": 3, "kill -9 $$": -9}[script]


@pytest.mark.parametrize("program", ["/no/such/program", "/"])
async def test_what_cannot_be_started(run, program):
    with pytest.raises(OSError):
        await run([program], limit=LIMIT, timeout=20)


async def test_a_command_that_prints_without_end_is_killed_with_its_children(run, tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooMuchOutput):
        await run(["sh", "-c", ENDLESS.format(tmp_path / "pid")], limit=LIMIT, timeout=20)
    await gone(int((tmp_path / "pid").read_text()))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024  # KiB


async def test_a_command_that_says_nothing_is_killed_with_its_children(run, fifo):
    with pytest.raises(TimeoutError):
        await run(["sh", "-c", f"{fifo.opened}; sleep 60 & wait"], limit=LIMIT, timeout=0.5)
    await fifo.until_closed()


async def test_a_child_that_keeps_the_output_open_is_waited_for_until_the_limit(run, fifo):
    with pytest.raises(TimeoutError):
        await run(["sh", "-c", f"{fifo.opened}; sleep 60 &"], limit=LIMIT, timeout=0.5)
    await fifo.until_closed()


async def test_errors_without_end_are_not_kept(tmp_path):
    """Standard error of a password command goes nowhere: the kernel throws it away."""
    script = "head -c 100000000 /dev/zero >&2; echo word"
    assert await children.run(["sh", "-c", script], limit=LIMIT, timeout=20) == Finished(0, b"word\n")


async def test_a_caller_that_gives_up_leaves_nothing(tmp_path):
    script = f"sleep 60 & echo $! > {tmp_path / 'new'}; mv {tmp_path / 'new'} {tmp_path / 'pid'}; wait"
    task = asyncio.create_task(children.run(["sh", "-c", script], limit=LIMIT, timeout=20))
    async with asyncio.timeout(30):
        while not (tmp_path / "pid").exists():
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("turns", range(8))
async def test_a_caller_that_gives_up_while_it_starts_leaves_nothing(turns, fifo):
    """However far the start is."""
    task = asyncio.create_task(children.run(["sh", "-c", f"{fifo.opened}; sleep 60 & wait"], limit=LIMIT, timeout=20))
    for _ in range(turns):
        await asyncio.sleep(0)
    time.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await fifo.until_closed()


async def test_a_command_that_closes_its_output_and_goes_on_is_killed_too(run, fifo):
    with pytest.raises(TimeoutError):
        await run(["sh", "-c", f"{fifo.opened}; exec >&- 2>&-; exec sleep 60"], limit=LIMIT, timeout=0.5)
    await fifo.until_closed()


async def test_what_comes_after_too_much_is_not_kept():
    watch = children._Watch(4)
    watch.pipe_data_received(1, b"12345")
    watch.pipe_data_received(1, b"more")
    assert bytes(watch.output) == b"12345"
    with pytest.raises(children.TooMuchOutput):
        await watch.finished
