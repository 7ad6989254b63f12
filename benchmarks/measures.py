"""What is measured of a contestant. Each function returns one sample; a run takes several, in alternation."""

from __future__ import annotations

import contextlib
import multiprocessing
import selectors
import statistics
import struct
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from typing import Final

from .browser import Browser
from .contestants import Contestant, JupyterServer
from .source import TICK_SIZE, Source
from .trace import Trace

#: A contestant whose memory has grown by this much (bytes) is considered unbounded.
ENOUGH: Final = 1 << 30
#: Sessions that run at full speed while Jupyter is queried.
LOUD: Final = 8
#: Samples at the beginning of a run that do not count: connections and caches are cold.
COLD: Final = 5
_SMALL_BUFFER: Final = 1 << 16

Sample = dict[str, float]


def pour(contestant: Contestant, size: int) -> Sample:
    """Send many bytes to one browser as fast as they go: CPU per gigabyte (seconds) and throughput (bytes a second)."""
    browser = contestant.open("pour")
    spent, began = contestant.cpu(), time.perf_counter()
    browser.go()
    browser.skip(size)
    took, spent = time.perf_counter() - began, contestant.cpu() - spent
    browser.close()
    return {"cpu": spent / size * 1e9, "rate": size / took}


def small_updates(contestant: Contestant, count: int) -> Sample:
    """Send small updates to one browser while another reads as fast as it can: how late they are (seconds)."""
    with loud(contestant, 1):
        browser = contestant.open("tick")
        browser.go()
        late = []
        for _ in range(count + COLD):
            (sent,) = struct.unpack(">d", browser.exactly(TICK_SIZE)[:8])
            late.append(time.monotonic() - sent)
        browser.close()
    return _percentiles(late[COLD:])


def jupyter_requests(contestant: Contestant, count: int) -> Sample:
    """Ask Jupyter for its status while sessions run flat out: how long it takes (seconds)."""
    assert isinstance(contestant, JupyterServer)
    with loud(contestant, LOUD):
        return _percentiles(contestant.rest(count + COLD)[COLD:])


def idle(contestant: Contestant, sessions: int) -> Sample:
    """Open idle sessions: user-space memory for each (bytes)."""
    with ExitStack() as stack:
        for _ in range(4):  # memory that the first ones load is kept
            stack.callback(contestant.open("still").close)
        before = contestant.memory()
        for _ in range(sessions):
            stack.callback(contestant.open("still").close)
        time.sleep(1)
        return {"memory": (contestant.memory() - before) / sessions}


def never_reads(contestant: Contestant, seconds: float) -> Sample:
    """Send as much as possible to a browser that reads nothing: growth of user-space memory (bytes), and time."""
    browser = contestant.open("endless", _SMALL_BUFFER)
    before, began, grown = contestant.memory(), time.perf_counter(), 0
    browser.go()
    while (took := time.perf_counter() - began) < seconds and grown < ENOUGH:
        time.sleep(0.25)
        grown = max(grown, contestant.memory() - before)
    browser.close()
    return {"memory": grown, "seconds": took}


def replay(contestant: Contestant, source: Source, trace: Trace, sessions: int) -> Sample:
    """Replay a desktop's traffic to many browsers: CPU for a session's minute, how late each piece is (seconds)."""
    browsers = [contestant.open("replay") for _ in range(sessions)]
    spent, began = contestant.cpu(), time.monotonic()
    for number, browser in enumerate(browsers):
        browser.go(number)
    arrived = _take_all(browsers, trace)
    took, spent = time.monotonic() - began, contestant.cpu() - spent
    for browser in browsers:
        browser.close()
    late = [
        there - sent
        for number, times in enumerate(arrived)
        for there, sent in zip(times, source.stamps(number), strict=True)
    ]
    return {"cpu": spent / sessions / took * 60, **_percentiles(late)}


def _take_all(browsers: list[Browser], trace: Trace) -> list[list[float]]:
    """Read until every browser has everything; return when the last byte of each piece was there, for each browser."""
    ends = list(accumulate(len(data) for _, data in trace))
    counts = [0] * len(browsers)
    arrived: list[list[float]] = [[] for _ in browsers]
    with selectors.DefaultSelector() as selector:
        for number, browser in enumerate(browsers):
            selector.register(browser.socket, selectors.EVENT_READ, number)
        while selector.get_map():
            for key, _ in selector.select():
                number = key.data
                counts[number] += len(browsers[number].read())
                arrived[number] += [time.monotonic()] * (bisect_right(ends, counts[number]) - len(arrived[number]))
                if len(arrived[number]) == len(ends):
                    selector.unregister(key.fileobj)
    return arrived


@contextmanager
def loud(contestant: Contestant, count: int) -> Iterator[None]:
    """That many browsers that read as fast as they can, each in a process of its own."""
    fork = multiprocessing.get_context("fork")
    with ExitStack() as stack:
        for _ in range(count):
            browser = contestant.open("endless")
            process = fork.Process(target=_take_forever, args=(browser,), daemon=True)
            process.start()
            browser.close()
            stack.callback(process.join)
            stack.callback(process.kill)
        time.sleep(0.5)
        yield


def _take_forever(browser: Browser) -> None:
    browser.go()
    with contextlib.suppress(EOFError, OSError):
        browser.skip(1 << 62)


def _percentiles(values: list[float]) -> Sample:
    cuts = statistics.quantiles(values, n=100)
    return {"median": cuts[49], "p99": cuts[98]}
