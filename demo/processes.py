"""Programs that the demo runs: their ports, their start, and their end with the demo."""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

#: Seconds for a VNC server, and for JupyterLab, to answer; and for a process to end when it is asked to.
START_TIMEOUT: Final = 60.0
STOP_TIMEOUT: Final = 10.0


class DemoError(Exception):
    """The demo cannot start; the text says why, and what to do."""


#: The ports that are given out: below the kernel's ephemeral ports (``ip_local_port_range``), because those could be
#: taken before the program has started.
_RANGE: Final = range(16000, 32000)
#: The abstract sockets by which processes claim ports begin with this.
CLAIM: Final = "jupyter-vnc-ports"
#: How many of them each process has to itself, as long as there are some for each: of two that are given out by two
#: processes at the same time, none is taken yet.
_OWN: Final = 1000


def _own_ports() -> range:
    """Claim the ports that no other process of this machine has claimed; the claim ends with this process."""
    for first in _RANGE[::_OWN]:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0{CLAIM}-{first}")
        except OSError:
            claim.close()
        else:
            claim.detach()  # never closed
            return range(first, first + _OWN)
    return range(0)


def _order() -> list[int]:
    """In what order ports are tried: this process's own first, and each once."""
    own, shuffled = _own_ports(), secrets.SystemRandom().sample
    return [*shuffled(own, len(own)), *shuffled([port for port in _RANGE if port not in own], len(_RANGE) - len(own))]


_PORTS: Final = itertools.cycle(_order())


def free_port() -> int:
    """Return a free TCP port of the loopback interface; a different one each time."""
    return next(port for port in _PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def running(
    argv: Sequence[str],
    log: Path,
    *,
    env: Mapping[str, str],
    cwd: Path,
    pass_fds: Sequence[int] = (),
    patience: float = STOP_TIMEOUT,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in its own process group; at the end it gets ``patience`` seconds, then the group is killed."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(env),
            cwd=cwd,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(process, patience)


def stop(process: subprocess.Popen[bytes], patience: float = STOP_TIMEOUT) -> None:
    """Terminate a process, then kill it and the rest of its group."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read, not even for a moment."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a URL answers with 200.

    Raises:
        DemoError: the process ended, or nothing answered in time.
    """
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            with error:
                time.sleep(0.2)
        except OSError:
            time.sleep(0.2)
    raise DemoError(f"{log.stem} did not start:\n{log.read_text('utf-8', 'replace')}")
