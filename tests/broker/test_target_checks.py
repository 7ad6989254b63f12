"""Logging in to many targets, to find out which of them answer."""

import time
from contextlib import AsyncExitStack

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.broker.target_checks import try_all
from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import ConnectLimits
from jupyter_vnc.model.users import User
from tests.fakes import vnc_server


async def test_silent_machines_are_tried_at_once():
    """Each waits for its limit of time; together they wait once."""
    async with vnc_server.recorder() as server, AsyncExitStack() as silent:
        machines = [await silent.enter_async_context(vnc_server.silent()) for _ in range(20)]
        places = {"good": server.address, **{f"s{place}": one.address for place, one in enumerate(machines)}}
        keys = {name: {"host": address.host, "port": address.port} for name, address in places.items()}
        broker = VNCBroker(targets=keys)
        targets = await broker.sources[0].targets(User("ann"))
        connector = Connector(ConnectLimits(5.0, 1.0))
        started = time.monotonic()
        found = [one async for one in try_all(targets, User("ann"), broker.access, connector)]
        assert time.monotonic() - started < len(machines)  # one after the other they take at least so long
        await broker.close()
    assert [(one.target, one.good) for one in found] == [(name, name == "good") for name in keys]
    assert {one.sentence.partition("(")[0] for one in found[1:]} == {
        "The desktop did not finish its greeting in time. "
    }
