"""The broker's configuration: what its parts are made from."""

import asyncio

import pytest
from traitlets.config import Config

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.exceptions import ConfigError, ServerStopping
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.sources.base import TargetSource
from jupyter_vnc.tokens import TokenStore

ANN = User("ann")


class Kept(TokenStore):
    """A store of somebody else's."""


class Narrow(TokenStore):
    """One that was written for another contract."""

    def __init__(self, *, per_user, total):
        super().__init__()


class Rooms(TargetSource):
    async def targets(self, user):
        return [Target(name="room", address=TCPAddress("127.0.0.1", 1))]


class NarrowRooms(Rooms):
    def __init__(self):
        super().__init__()


def broker(**config):
    return VNCBroker(config=Config(VNCBroker=config))


async def names(broker):
    return [target.name for target in await broker.catalogue.known(ANN)]


@pytest.fixture
def xvnc(monkeypatch):
    """Whether an X server with VNC is installed."""

    def installed(yes):
        monkeypatch.setattr(DesktopManager, "available", yes)

    installed(True)
    return installed


async def test_without_any_configuration_there_is_a_desktop_and_the_option_stays_as_it_is(xvnc):
    one = broker()
    assert await names(one) == ["desktop"]
    assert one.targets == {}


@pytest.mark.parametrize(
    ("config", "there"),
    [
        ({"targets": {}}, ["desktop"]),
        ({"targets": {"lab": {"host": "127.0.0.1"}}}, ["lab"]),
        ({"targets": {"lab": {"host": "127.0.0.1", "port": 0}}}, []),
        ({"target_sources": []}, []),
        ({"target_sources": [f"{__name__}.Rooms"]}, ["room"]),
        ({"target_sources": ["config", f"{__name__}.Rooms"]}, ["room"]),
    ],
)
async def test_the_default_is_there_only_where_nobody_says_anything(xvnc, config, there):
    assert await names(broker(**config)) == there


async def test_the_default_needs_an_x_server_and_a_server_that_may_start_it(xvnc):
    xvnc(False)
    assert await names(broker()) == []
    xvnc(True)
    assert await names(VNCBroker(managed_desktops=False)) == []


def test_a_token_store_of_somebody_elses_gets_the_limits():
    store = broker(token_store=f"{__name__}.Kept", tokens_per_user=3, tokens_total=7).tokens._store
    assert (type(store), store.per_user, store.total) == (Kept, 3, 7)


def test_a_token_store_that_cannot_be_made_is_refused_at_the_start():
    with pytest.raises(ConfigError, match=r"'VNCBroker\.token_store': Narrow cannot be made with parent, per_user"):
        broker(token_store=f"{__name__}.Narrow")


async def test_a_source_that_cannot_be_made_is_left_out_and_named(caplog):
    one = broker(target_sources=[f"{__name__}.NarrowRooms", f"{__name__}.Rooms"])
    assert await names(one) == ["room"]
    assert "'target_sources': NarrowRooms cannot be made with parent" in caplog.text


class Viewer:
    """A viewer that notes how its session was closed."""

    code = None

    async def read(self):
        await asyncio.Event().wait()

    async def write(self, data):
        pass

    async def close(self, code, reason=""):
        self.code = code


@pytest.mark.parametrize("when", ["begins", "waits"])
async def test_a_session_that_is_being_admitted_is_told_that_the_server_stops(when):
    one, viewer, asked = broker(targets={"lab": {"host": "127.0.0.1"}}), Viewer(), asyncio.Event()

    async def admit(session):
        asked.set()
        await asyncio.Event().wait()

    one.registry.admit = admit
    task = one.open(Session(ANN, await one.catalogue.current(ANN, "lab"), Mode.CONTROL), viewer, None)
    if when == "waits":
        await asked.wait()
    async with asyncio.timeout(60):
        await one.close()
    assert (task.done(), viewer.code) == (True, ServerStopping.close_code)
