"""Desktops that the server starts: the tokens of one that has ended open no other."""

import asyncio
import gc
import logging
from types import SimpleNamespace

import pytest

from jupyter_vnc.broker.catalogue import Catalogue
from jupyter_vnc.broker.managed_desktops import ManagedDesktops
from jupyter_vnc.desktops import windows
from jupyter_vnc.exceptions import NotPermitted, StoreUnavailable, TargetNotFound, TokenRefused
from jupyter_vnc.model.addresses import DesktopAddress, TCPAddress
from jupyter_vnc.model.targets import Mode, State, Target
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.tokens import Grant, TokenRegistry
from tests.broker.test_catalogue import ANN, Listed, Somebody

DESK = Target(name="desk", address=DesktopAddress())
OTHER = Target(name="other", address=DesktopAddress())
LOOKED_AT = Target(name="look", address=DesktopAddress(), mode=Mode.VIEW)
REMOTE = Target(name="remote", address=TCPAddress("lab", 5901))


class Manager:
    """Notes what it is to stop; nothing has ended before a test says so."""

    def __init__(self):
        self.stopped = []
        self.said = []
        self.available = True

    async def stop(self, user, name):
        self.stopped.append((user, name))

    def forgive(self, user, name):
        self.said.append(("forgive", user, name))

    async def ensure(self, user, name, spec):
        self.said.append(("ensure", user, name))

    async def restart(self, user, name, spec):
        self.said.append(("restart", user, name))

    async def settle(self, user, name):
        self.said.append(("settle", user, name))

    def environment(self, user, name):
        return {"DISPLAY": f"{user}/{name}"}

    def touch(self, user, name):
        self.said.append(("touch", user, name))


class Store(MemoryTokenStore):
    """A store that can go away."""

    down = False

    async def revoke(self, **which):
        if self.down:
            raise StoreUnavailable
        return await super().revoke(**which)


@pytest.fixture
def place():
    """Managed desktops with a manager of the test's own, and the tokens."""
    log, manager, store = logging.getLogger("test"), Manager(), Store()
    tokens = TokenRegistry(store)
    catalogue = Catalogue([Listed(DESK, OTHER, LOOKED_AT, REMOTE)], log)
    desktops = ManagedDesktops(manager, catalogue, tokens, SimpleNamespace(), log, lambda: None)
    return SimpleNamespace(desktops=desktops, manager=manager, tokens=tokens, store=store)


async def issued(place):
    """A token of Ann's for each of two desktops, and one of Bob's for the first of these names."""
    grants = [
        Grant(user, name, "g", Mode.CONTROL) for user, name in (("ann", "desk"), ("ann", "other"), ("bob", "desk"))
    ]
    return [((await place.tokens.issue(grant)).token, grant.user) for grant in grants]


async def is_good(place, token, user):
    try:
        await place.tokens.redeem(token, user)
    except TokenRefused:
        return False
    return True


async def test_stopping_a_desktop_drops_its_tokens_and_no_others(place):
    tokens = await issued(place)
    await place.desktops.stop(Somebody(ANN), "desk")
    assert place.manager.stopped == [("ann", "desk")]
    assert [await is_good(place, *one) for one in tokens] == [False, True, True]


async def test_a_desktop_that_ends_by_itself_drops_its_tokens_and_no_others(place):
    tokens = await issued(place)
    place.manager.on_exit("ann", "desk")
    await asyncio.sleep(0)
    assert [await is_good(place, *one) for one in tokens] == [False, True, True]


async def test_a_desktop_may_end_while_the_store_is_down(place):
    """Nobody waits for that; an error that nobody takes in would be one of the event loop's."""
    loop, heard = asyncio.get_running_loop(), []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: heard.append(context))
    try:
        place.store.down = True
        place.manager.on_exit("ann", "desk")
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        assert heard == []
    finally:
        loop.set_exception_handler(before)


@pytest.mark.parametrize(
    ("visitor", "name", "error"),
    [
        (Somebody(ANN), "remote", TargetNotFound),
        (Somebody(ANN), "none", TargetNotFound),
        (Somebody(ANN, denied=[("write", "vnc:desk")]), "desk", NotPermitted),
    ],
)
async def test_a_desktop_that_one_may_not_stop_keeps_its_tokens(place, visitor, name, error):
    tokens = await issued(place)
    with pytest.raises(error):
        await place.desktops.stop(visitor, name)
    assert place.manager.stopped == []
    assert [await is_good(place, *one) for one in tokens] == [True, True, True]


@pytest.mark.parametrize(("restart", "steps"), [(False, ["forgive", "ensure"]), (True, ["restart"])])
async def test_a_person_starts_a_desktop_however_often_it_failed(place, restart, steps):
    await place.desktops.start(Somebody(ANN), "desk", restart=restart)
    assert place.manager.said == [(step, "ann", "desk") for step in [*steps, "settle"]]


@pytest.fixture
def offer(place):
    """Offer the display of a desktop that is up; the manager's settings are the test's, and it returns what is told."""
    manager, told = place.manager, {}
    manager.kernel_display, manager.start_on, manager.own_sound = "auto", "view", {}
    manager.log = logging.getLogger("test")
    manager.state = lambda user, name: State.UP

    async def reserve(user, name, spec):
        return {"DISPLAY": ":7", "FOR": name, "PULSE_SERVER": "unix:/run/vnc/sound"}

    async def offered(*, occupied=False, **settings):
        vars(manager).update(settings)
        await place.desktops.offer_display(ANN, told.update, occupied=occupied)
        return told

    manager.reserve = reserve
    return offered


@pytest.mark.parametrize(("own", "told"), [({}, ["DISPLAY", "PULSE_SERVER"]), ({"PULSE_SERVER": "mine"}, ["DISPLAY"])])
async def test_kernels_keep_a_sound_server_that_they_have(place, offer, own, told):
    """Of the desktop whose display they get they have the sound, too, unless the server was started with another."""
    variables = await offer(occupied=True, kernel_display="desk", own_sound=own)
    assert sorted(variables.keys() - {"FOR"}) == told
    await place.desktops.close()


@pytest.mark.parametrize(
    ("settings", "whose"),
    [
        ({}, "desk"),
        ({"kernel_display": "other"}, "other"),
        ({"kernel_display": "other", "occupied": True}, "other"),
        ({"occupied": True}, None),
        ({"kernel_display": ""}, None),
        ({"kernel_display": "remote"}, None),
        ({"kernel_display": "nowhere"}, None),
        ({"available": False}, None),
    ],
)
async def test_whose_display_kernels_get(place, offer, caplog, settings, whose):
    assert (await offer(**settings)).get("FOR") == whose
    wrong = [name for name in ("remote", "nowhere") if name in settings.values()]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == [
        f"DesktopManager.kernel_display: {name!r} is not a managed desktop" for name in wrong
    ]
    await place.desktops.close()


@pytest.mark.parametrize(("start_on", "said"), [("server", [("ensure", "ann", "desk")]), ("view", []), ("window", [])])
async def test_whether_that_desktop_starts_with_the_server(place, offer, start_on, said):
    await offer(start_on=start_on)
    await asyncio.sleep(0)
    assert place.manager.said == said
    await place.desktops.close()


@pytest.fixture
def opened(monkeypatch):
    """The windows of every desktop: 7 is the only one. Returns whose windows were asked for."""
    asked = []
    row = SimpleNamespace(public=lambda: {"id": 7})
    there = SimpleNamespace(list=lambda: [row], focus=lambda window: window == 7)

    async def ask(environ, question):
        asked.append(environ["DISPLAY"])
        return question(there)

    monkeypatch.setattr(windows, "ask", ask)
    return asked


async def test_whoever_sees_a_desktop_sees_its_windows(place, opened):
    for name in ("desk", "look"):
        assert await place.desktops.windows(Somebody(ANN), name) == [{"id": 7}]
    assert opened == ["ann/desk", "ann/look"]
    for name in ("remote", "none"):
        with pytest.raises(TargetNotFound):
            await place.desktops.windows(Somebody(ANN), name)


async def test_giving_a_window_the_keys_is_use_of_the_desktop(place, opened):
    await place.desktops.focus(Somebody(ANN), "desk", 7)
    assert place.manager.said == [("touch", "ann", "desk")]


@pytest.mark.parametrize(
    ("visitor", "name", "window", "error"),
    [
        (Somebody(ANN), "look", 7, NotPermitted),
        (Somebody(ANN, denied=[("execute", "vnc:desk")]), "desk", 7, NotPermitted),
        (Somebody(ANN), "remote", 7, TargetNotFound),
        (Somebody(ANN), "desk", 8, TargetNotFound),
    ],
)
async def test_who_cannot_give_a_window_the_keys(place, opened, visitor, name, window, error):
    with pytest.raises(error):
        await place.desktops.focus(visitor, name, window)
    assert place.manager.said == []
    assert opened == ([] if window == 7 else ["ann/desk"])
