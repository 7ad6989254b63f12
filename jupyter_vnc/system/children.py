"""Commands that are run for their output: limited in bytes and time, and nothing of them is left.

A command leads a process group of its own. Whatever ends the wait for it (too much output, the time limit, a caller
that is cancelled), the whole group is killed and the command is reaped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

from .environment import without_secrets

_CHUNK: Final = 65536


class TooMuchOutput(ValueError):
    """A command printed more than its caller accepts."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the command printed more than {limit} bytes, so it was ended")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended: exit status, or minus the number of the signal that killed it; and what it printed."""

    status: int
    output: bytes


async def run(command: Sequence[str], *, limit: int, timeout: float) -> Finished:  # noqa: ASYNC109 - the group is killed
    """Run a command for its standard output; its standard error is thrown away by the kernel.

    Args:
        command: program and arguments.
        limit: the most that it may print (bytes).
        timeout: seconds until its output is closed and it has exited.

    Raises:
        OSError: it cannot be started.
        TooMuchOutput: it printed more than ``limit``.
        TimeoutError: it took too long.
    """
    transport, watch = await _start(command, limit)
    try:
        async with asyncio.timeout(timeout):
            await watch.finished
    except BaseException:
        await _end(transport, watch)
        raise
    finally:
        transport.close()
    return Finished(transport.get_returncode() or 0, bytes(watch.output))


async def _start(command: Sequence[str], limit: int) -> tuple[asyncio.SubprocessTransport, _Watch]:
    """Start a command; a caller that is cancelled meanwhile waits for it, since asyncio would kill the leader only."""
    devnull = asyncio.subprocess.DEVNULL
    starting = asyncio.ensure_future(
        asyncio.get_running_loop().subprocess_exec(
            lambda: _Watch(limit),
            *command,
            stdin=devnull,
            stderr=devnull,
            env=without_secrets(os.environ),
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(OSError):
            transport, watch = await starting
            await _end(transport, watch)
            transport.close()
        raise


async def _end(transport: asyncio.SubprocessTransport, watch: _Watch) -> None:
    """Kill a command and its group, and wait until it is reaped."""
    _kill_group(transport.get_pid())
    await watch.exited.wait()


class _Watch(asyncio.SubprocessProtocol):
    """Collects a command's output, and waits until it has exited and closed it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.output = bytearray()
        self.exited = asyncio.Event()
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep the output; once there is too much, nothing more."""
        if self.finished.done():
            return
        self.output += data
        if len(self.output) > self._limit:
            self.finished.set_exception(TooMuchOutput(self._limit))

    def process_exited(self) -> None:
        """Note that it is reaped; something that it started may still print."""
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it is reaped and its output closed."""
        if not self.finished.done():
            self.finished.set_result(None)


def run_blocking(command: Sequence[str], *, limit: int, timeout: float) -> Finished:
    """Run a command for its standard output and error; see :func:`run`. Blocks.

    Raises:
        OSError: it cannot be started.
        TooMuchOutput: it printed more than ``limit``.
        TimeoutError: it took too long.
    """
    deadline = time.monotonic() + timeout
    with subprocess.Popen(  # noqa: S603 - the command is the caller's
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=without_secrets(os.environ),
        start_new_session=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        try:
            output = _read(process.stdout, limit, deadline)
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _kill_group(process.pid)
            raise TimeoutError from None
        except BaseException:
            _kill_group(process.pid)
            raise
    return Finished(process.returncode, output)


def _read(pipe: IO[bytes], limit: int, deadline: float) -> bytes:
    """Read a pipe to its end.

    Raises:
        TooMuchOutput: there is more than ``limit``.
        TimeoutError: it is still open at the deadline.
    """
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            if not (data := os.read(pipe.fileno(), _CHUNK)):
                return bytes(output)
            output += data
            if len(output) > limit:
                raise TooMuchOutput(limit)


def _kill_group(leader: int) -> None:
    """Kill a command and what it has started, as far as that has not left its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
