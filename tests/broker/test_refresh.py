"""Pools that change while people wait: the sources are asked again, whether anybody opens a page or not."""

import asyncio
import logging

import pytest

from jupyter_vnc.broker import refresh
from jupyter_vnc.broker.access.kinds import access_kinds
from jupyter_vnc.broker.catalogue import Catalogue
from jupyter_vnc.broker.refresh import Refresher
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.sources.base import TargetSource

LOG = logging.getLogger(__name__)
USERS = [User(name) for name in ("ann", "bob", "eve")]
SCREEN = Target(name="screen", address=TCPAddress("127.0.0.1", 1))


def lab(*ports):
    machines = (PoolMachine(f"m{port}", TCPAddress("127.0.0.1", port)) for port in ports)
    return Target(name="lab", address=PoolAddress(tuple(machines)))


class Source(TargetSource):
    """What an administrator has written; counts who asks for what."""

    def __init__(self, *targets):
        super().__init__()
        self.now = targets
        self.asked = []

    async def targets(self, user):
        return self.now

    async def target(self, user, name):
        self.asked.append((user.name, name))
        if self.now is None:
            raise RuntimeError("the file is being written")
        return await super().target(user, name)


class Site:
    """A source, the pools, and the people in front of them."""

    def __init__(self):
        self.source = Source(lab(1), SCREEN)
        self.registry = SessionRegistry()
        self.pools = PoolManager()
        kinds = access_kinds(None, None, self.pools, self.registry, LOG)
        self.catalogue = Catalogue([self.source], LOG, found=kinds.found)
        self.refresher = Refresher(self.registry, self.catalogue, kinds, LOG)
        self.tasks = {}

    async def come(self):
        """All open the pool, one after the other; each session keeps the target as it was then."""
        for user in USERS:
            target = await self.catalogue.current(user, "lab")
            self.registry.add(Session(user, target, Mode.CONTROL))
            self.tasks[user.name] = asyncio.create_task(self.pools.lease(user.name, "lab"))
            await self.until(
                lambda name=user.name: any(self.pools.summary(name, "lab")[key] for key in ("machine", "place"))
            )

    async def until(self, condition):
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)

    def places(self):
        return [self.pools.summary(user.name, "lab")["place"] for user in USERS]

    def machines(self):
        return [self.pools.summary(user.name, "lab")["machine"] for user in USERS]

    async def close(self):
        await self.refresher.close()
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        await self.pools.close()


@pytest.fixture
def site(jp_asyncio_loop, monkeypatch):
    monkeypatch.setattr(refresh, "INTERVAL", 0.01)
    monkeypatch.setattr(refresh, "AFTER_FAILURE", 0.02)
    site = Site()
    yield site
    jp_asyncio_loop.run_until_complete(site.close())


async def test_a_new_machine_is_found_and_given_to_the_first_though_nobody_asks(site):
    await site.come()
    site.refresher.start()
    site.source.now = [lab(1, 2), SCREEN]
    await site.until(site.tasks["bob"].done)
    assert site.machines() == ["m1", "m2", None]
    assert site.places() == [None, None, 1]


async def test_a_machine_that_is_taken_out_is_given_to_nobody_who_waits(site):
    site.source.now = [lab(1, 2), SCREEN]
    await site.come()
    site.refresher.start()
    site.source.now = [lab(1), SCREEN]
    await site.until(lambda: site.machines() == ["m1", None, None])
    assert site.places() == [None, 1, 2], "who lost it is the next"
    assert not site.tasks["eve"].done()


async def test_a_source_that_fails_for_a_moment_changes_nothing_and_ends_nothing(site, caplog):
    await site.come()
    site.refresher.start()
    site.source.now = None
    await site.until(lambda: "Target source Source failed" in caplog.text)
    assert site.machines() == ["m1", None, None]
    site.source.now = [lab(1, 2), SCREEN]
    await site.until(site.tasks["bob"].done)


GONE = {"removed": [SCREEN], "another kind of target": [Target(name="lab", address=TCPAddress("127.0.0.1", 2))]}


@pytest.mark.parametrize("now", GONE.values(), ids=GONE)
async def test_a_pool_that_is_gone_gives_no_machine_to_whoever_waits_until_it_is_back(site, now):
    await site.come()
    site.source.now = now
    assert await site.refresher.look(), "that it is gone is an answer, and other pools need not wait for it"
    site.pools.release("ann", "lab")
    site.pools.sweep()
    assert site.places() == [None, 1, 2]
    site.source.now = [lab(1), SCREEN]
    await site.refresher.look()
    await site.until(site.tasks["bob"].done)
    assert site.machines() == [None, "m1", None]


async def test_a_pool_that_one_owner_has_no_more_is_not_gone(site, monkeypatch):
    async def target(user, name):
        return None if user.name == "ann" else lab(1, 2)

    await site.come()
    monkeypatch.setattr(site.source, "target", target)
    assert await site.refresher.look()
    await site.until(site.tasks["bob"].done)


async def test_one_question_for_each_pool_and_none_for_other_targets(site):
    await site.come()
    site.registry.add(Session(USERS[0], SCREEN, Mode.CONTROL))
    site.source.asked.clear()
    await site.refresher.look()
    assert [name for _, name in site.source.asked] == ["lab"]
