"""Answers of a hub: nobody waits for one while the last one will do, and many questions are one."""

import asyncio

import pytest

from jupyter_vnc.hub import answers
from jupyter_vnc.hub.answers import STALE, Answers

FRESH = 30.0


class Hub:
    """Answers when the test says so."""

    def __init__(self):
        self.time = 1000.0
        self.asked = 0
        self.say = "ann"
        self.busy = asyncio.Event()
        self.busy.set()

    async def ask(self):
        self.asked += 1
        await self.busy.wait()
        if isinstance(self.say, Exception):
            raise self.say
        return self.say


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr(answers, "PATIENCE", 0.02)
    return Hub()


@pytest.fixture
def known(hub):
    return Answers(FRESH, clock=lambda: hub.time)


async def get(known, hub, key="key"):
    async with asyncio.timeout(60):
        return await known.get(key, hub.ask)


async def test_an_answer_counts_for_its_time_and_a_quick_hub_is_heard_after_it(hub, known):
    assert await get(known, hub) == "ann"
    hub.say = "bob"
    hub.time += FRESH - 0.1
    assert (await get(known, hub), hub.asked) == ("ann", 1)
    hub.time += 0.1
    assert (await get(known, hub), hub.asked) == ("bob", 2)


async def test_what_is_known_is_served_while_a_busy_hub_is_asked_once(hub, known):
    await get(known, hub)
    hub.busy.clear()
    hub.say = "bob"
    hub.time += FRESH
    assert await asyncio.gather(*(get(known, hub) for _ in range(50))) == ["ann"] * 50
    assert hub.asked == 2
    hub.busy.set()
    await asyncio.sleep(0)
    assert await get(known, hub) == "bob"
    assert hub.asked == 2


async def test_nobody_is_served_for_ever(hub, known):
    await get(known, hub)
    hub.busy.clear()
    hub.time += STALE
    waiting = asyncio.create_task(get(known, hub))
    await asyncio.wait({waiting}, timeout=0.1)
    assert not waiting.done()
    hub.busy.set()
    assert await waiting == "ann"


async def test_a_stranger_waits_and_is_not_let_in_meanwhile(hub, known):
    hub.say = None
    assert await get(known, hub) is None
    hub.busy.clear()
    hub.time += FRESH
    hub.say = "ann"
    waiting = asyncio.create_task(get(known, hub))
    await asyncio.wait({waiting}, timeout=0.1)
    assert not waiting.done()
    hub.busy.set()
    assert await waiting == "ann"


async def test_whoever_has_logged_out_is_out_as_soon_as_the_hub_says_so(hub, known):
    await get(known, hub)
    hub.time += FRESH
    known.put("key", None)
    assert await get(known, hub) is None
    assert hub.asked == 1


async def test_an_error_is_everybodys_who_waits_and_is_not_remembered(hub, known):
    hub.say = ConnectionError("away")
    for error in await asyncio.gather(*(get(known, hub) for _ in range(3)), return_exceptions=True):
        assert isinstance(error, ConnectionError)
    assert hub.asked == 1
    hub.say = "ann"
    assert await get(known, hub) == "ann"


async def test_who_stops_waiting_disturbs_nobody_else(hub, known):
    hub.busy.clear()
    first, second = (asyncio.create_task(get(known, hub)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    hub.busy.set()
    assert await second == "ann"
    assert hub.asked == 1
