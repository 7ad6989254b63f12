"""The login and the greeting after it have one deadline."""

import asyncio

import pytest

from jupyter_vnc.broker.session_runner import _begin
from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import ConnectLimits, TargetLeg
from jupyter_vnc.exceptions import TargetUnreachable
from jupyter_vnc.model.targets import Target
from tests.fakes import vnc_server


class Silent:
    """A server that has logged us in and says nothing more."""

    async def write(self, data):
        pass

    async def read(self):
        await asyncio.Event().wait()


async def test_a_greeting_has_no_more_time_than_the_login_left():
    leg = TargetLeg(Silent(), b"", "None", deadline=asyncio.get_running_loop().time() + 0.01)
    async with asyncio.timeout(20):
        with pytest.raises(TargetUnreachable, match="did not finish its greeting in time"):
            await _begin(leg, 3600.0)


async def test_a_login_says_until_when_the_greeting_must_be_there():
    loop = asyncio.get_running_loop()
    async with vnc_server.recorder() as server:
        began = loop.time()
        target = Target(name="lab", address=server.address)
        leg = await Connector(ConnectLimits(handshake_timeout=7.0)).connect(target, server.address)
        await leg.channel.close()
        assert began + 7.0 <= leg.deadline <= loop.time() + 7.0
