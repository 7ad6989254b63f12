"""Who may have a stream: only beside a session of their own, on that desktop."""

import logging

import pytest

from jupyter_vnc.broker.catalogue import Catalogue
from jupyter_vnc.broker.streams import Streams
from jupyter_vnc.exceptions import MalformedRequest, NotPermitted
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.remote_sessions import decode, describe, encode
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.tokens import TokenRegistry
from tests.broker.test_catalogue import ANN, BOB, Listed, Somebody

LAB = Target(name="lab", address=TCPAddress("lab", 5901))
OTHER = Target(name="other", address=TCPAddress("other", 5901))


class Audible:
    """Every target can be heard."""

    def of(self, target):
        return self

    def has_sound(self, target, owner):
        return True


@pytest.fixture
def registry():
    return SessionRegistry()


@pytest.fixture
def streams(registry):
    log = logging.getLogger("test")
    tokens = TokenRegistry(MemoryTokenStore())
    return Streams(Catalogue([Listed(LAB, OTHER)], log), tokens, registry, Audible(), log, lambda: None, 0)


def sessions(registry):
    """Ann's and Bob's on the same desktop, and Ann's on another."""
    rows = ((ANN, LAB), (BOB, LAB), (ANN, OTHER))
    return [registry.add(Session(user, target, Mode.CONTROL)) for user, target in rows]


async def test_a_stream_is_beside_the_session_that_it_was_asked_for(streams, registry):
    own, *_ = sessions(registry)
    registry.add(Session(ANN, LAB, Mode.VIEW))
    issued = await streams.issue(Somebody(ANN), "lab", own.id)
    assert (await streams.redeem(Somebody(ANN), issued.token)).session is own


@pytest.mark.parametrize("nth", [1, 2])
async def test_a_session_of_somebody_else_or_of_another_desktop(nth, streams, registry):
    with pytest.raises(NotPermitted):
        await streams.issue(Somebody(ANN), "lab", sessions(registry)[nth].id)


async def test_a_session_that_has_ended_meanwhile(streams, registry):
    own, *_ = sessions(registry)
    registry.add(Session(ANN, LAB, Mode.VIEW))
    issued = await streams.issue(Somebody(ANN), "lab", own.id)
    registry.remove(own)
    with pytest.raises(NotPermitted):
        await streams.redeem(Somebody(ANN), issued.token)


async def test_what_is_no_id(streams, registry):
    with pytest.raises(MalformedRequest):
        await streams.issue(Somebody(ANN), "lab", 7)


async def test_a_session_at_another_process_which_has_no_sound_of_it(streams, registry):
    own = Session(ANN, LAB, Mode.CONTROL)
    registry.meet([decode(encode(describe(own)), lambda *notice: None)])
    with pytest.raises(NotPermitted):
        await streams.issue(Somebody(ANN), "lab", own.id)
