"""What is done beside a server's desktops."""

import asyncio

import pytest

from jupyter_vnc.desktops import housekeeping
from jupyter_vnc.desktops.housekeeping import Housekeeping

ROUNDS = "vnc-desktop-rounds"


def names():
    """The names of the tasks that have not ended."""
    return {task.get_name() for task in asyncio.all_tasks()}


class Runtime:
    """Counts what is done with a runtime folder."""

    swept = touched = 0

    def sweep(self):
        self.swept += 1
        return 3

    def touch(self):
        self.touched += 1


@pytest.mark.parametrize("idle_timeout", [0.0, 600.0])
async def test_leftovers_are_swept_once_and_rounds_go_on_until_the_end(monkeypatch, idle_timeout):
    monkeypatch.setattr(housekeeping, "ROUND", 0.001)
    runtime, looks = Runtime(), asyncio.Queue()
    house = Housekeeping(runtime, lambda: idle_timeout, lambda: looks.put(runtime.touched))
    await house.begin()
    await house.begin()
    assert runtime.swept == 1
    async with asyncio.timeout(20):
        assert [await looks.get() for _ in range(3)] == [1, 2, 3]
    assert ROUNDS in names()
    await house.close()
    assert ROUNDS not in names()


async def test_idle_desktops_are_looked_for_twice_in_their_time():
    looks = asyncio.Queue()
    house = Housekeeping(Runtime(), lambda: 0.002, lambda: looks.put(None))
    await house.begin()
    async with asyncio.timeout(20):
        await looks.get()
    await house.close()


async def test_a_sweep_says_how_many_servers_left_something():
    assert await Housekeeping(Runtime(), lambda: 0.0, None).sweep() == 3


async def test_without_a_desktop_there_is_nothing_to_end():
    await Housekeeping(Runtime(), lambda: 0.0, None).close()
