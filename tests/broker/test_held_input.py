"""Input that is held while a session's bytes pass: from which byte on, and what the desktop gets for it."""

import asyncio

import pytest

from jupyter_vnc.broker.first_picture import FirstPicture
from jupyter_vnc.broker.held_input import HeldInput
from jupyter_vnc.broker.traffic import Activity, Watch
from jupyter_vnc.exceptions import TargetUnreachable
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.holds import ATTENTION, Hold
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.rfb.permissions import Permissions
from tests.rfb import viewer_says as say

HOLD = Hold("ada", ATTENTION)
SHIFT = 0xFFE1


class Desktop:
    """The way to a desktop; takes what it gets when ``open`` is set, or is gone."""

    def __init__(self):
        self.got = b""
        self.gone = False

    async def write(self, data):
        if self.gone:
            raise ConnectionResetError
        self.got += data


@pytest.fixture
def made(jp_asyncio_loop):
    session = Session(User("ann"), Target(name="lab", address=TCPAddress("lab", 5901)), Mode.CONTROL)
    watch = Watch(session, Permissions(), Activity("input", lambda: None), lambda one: None, FirstPicture())
    return session, watch, Desktop()


async def rest():
    """Let what was begun go on."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_is_pressed_is_released_at_once_and_nothing_passes_until_it_is_lifted(made):
    session, watch, desktop = made
    with HeldInput(session, watch, desktop):
        assert watch.from_viewer(say.key(SHIFT)) == say.key(SHIFT)
        session.be_held(HOLD)
        await rest()
        assert desktop.got == say.key(SHIFT, down=False), "without waiting for the viewer"
        session.last_input = None
        assert watch.from_viewer(say.key() + say.update_request()) == say.update_request()
        assert session.last_input is None
        session.be_held(None)
        assert watch.from_viewer(say.key()) == say.key()
        await rest()
    assert desktop.got == say.key(SHIFT, down=False)
    assert session.bytes_in == 8 + 8 + 10 + 8
    assert session.on_held is None


async def test_a_key_that_comes_first_does_not_overtake_what_is_released(made):
    session, watch, desktop = made
    with HeldInput(session, watch, desktop):
        watch.from_viewer(say.key(SHIFT))
        session.be_held(HOLD)
        session.be_held(None)
        assert watch.from_viewer(say.key()) == say.key(SHIFT, down=False) + say.key()
        await rest()
    assert desktop.got == b""


async def test_a_session_that_begins_held_passes_no_first_key(made):
    session, watch, desktop = made
    session.be_held(HOLD)
    with HeldInput(session, watch, desktop):
        assert watch.from_viewer(say.key()) == b""


async def test_a_viewer_that_cannot_be_held_has_to_come_again(made):
    session, watch, desktop = made
    with HeldInput(session, watch, desktop):
        watch.from_viewer(b"\x63" + say.key())
        session.be_held(HOLD)
    assert isinstance(session.error, TargetUnreachable)


async def test_a_desktop_that_is_gone_is_no_trouble(made):
    session, watch, desktop = made
    desktop.gone = True
    with HeldInput(session, watch, desktop):
        watch.from_viewer(say.key(SHIFT))
        session.be_held(HOLD)
        await rest()
