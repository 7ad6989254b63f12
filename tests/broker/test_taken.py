"""Which targets are busy: those that somebody else has."""

import pytest
from traitlets.config import Config

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.users import User
from tests.broker.test_look_in_limits import ANN, HOST, Person

BOB = User("bob")
TARGETS = {
    "one": HOST | {"sharing": "exclusive"},
    "watched": HOST | {"port": 2, "sharing": "exclusive", "mode": "view"},
    "shared": HOST | {"port": 3},
    "taken-over": HOST | {"port": 4, "sharing": "takeover"},
    "pool": {"pool": {"machines": ["127.0.0.1:5"]}},
}


@pytest.fixture
def broker():
    return VNCBroker(config=Config(VNCBroker={"targets": TARGETS}))


async def states(broker, user):
    return {row["name"]: row["state"] for row in await broker.list_targets(Person(user))}


@pytest.mark.parametrize(("mode", "shown"), [(Mode.CONTROL, "busy"), (Mode.VIEW, "unknown")])
async def test_an_exclusive_desktop_is_busy_while_somebody_else_is_in_control(broker, mode, shown):
    assert (await states(broker, BOB))["one"] == "unknown"
    for name in ("one", "watched", "shared", "taken-over"):
        broker.registry.add(Session(ANN, await broker.catalogue.current(ANN, name), mode))
    assert await states(broker, ANN) == await states(VNCBroker(config=broker.config), ANN)
    assert {name: state for name, state in (await states(broker, BOB)).items() if state == "busy"} == (
        {"one": "busy"} if shown == "busy" else {}
    )


async def test_a_pool_is_busy_while_others_have_all_its_machines(broker):
    assert (await states(broker, BOB))["pool"] == "up"
    await broker.pools.start()
    try:
        await broker.pools.lease(ANN.name, "pool")
        assert (await states(broker, ANN))["pool"] == "up"
        assert (await states(broker, BOB))["pool"] == "busy"
        broker.pools.release(ANN.name, "pool")
        assert (await states(broker, BOB))["pool"] == "up"
    finally:
        await broker.pools.close()
