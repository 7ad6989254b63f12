"""Attention and users' servers: which of them are asked to hold the input, and what they do then."""

import json

import pytest

from jupyter_vnc.broker.holds import Holds
from jupyter_vnc.exceptions import LimitExceeded, TargetNotFound
from jupyter_vnc.hub.uplink.deeds import holder_of
from jupyter_vnc.hub.uplink.messages import NOTICE, read
from jupyter_vnc.hub.uplink.uplinks import NOTICES_AT_ONCE
from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec
from jupyter_vnc.model.holds import ATTENTION, LONGEST_TEXT, Hold
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from tests.hub.conftest import until
from tests.hub.uplink.test_server_end import Hub, made, service  # noqa: F401 - a fixture
from tests.hub.uplink.test_uplinks import REPORTED, Instructor, Link, connected

ADA, BEA = Instructor(), Instructor("bea", "custom:jupyter-vnc:admin!group=course-b")
HOLD = Hold("ada", ATTENTION, "Look.")
NOTE = {"type": "hold", "target": "desk", "sender": "ada", "why": "attention", "text": "Look.", "on": True}


def test_a_server_is_asked_by_those_who_oversee_its_owner_also_where_nobody_may_look():
    ann = Link(report=REPORTED | {"looks": False})
    uplinks = connected(ann)
    assert uplinks.may_hold(ADA, "ann", "", "desk")
    for visitor, *wrong in ((BEA, "ann", "", "desk"), (ADA, "bob", "", "desk"), (ADA, "ann", "", "other")):
        assert not uplinks.may_hold(visitor, *wrong)
    uplinks.hold(ADA.user, "ann", "", "desk", HOLD, on=True)
    uplinks.hold(ADA.user, "ann", "", "desk", HOLD, on=False)
    assert ann.sent == [NOTE, NOTE | {"on": False}]
    with pytest.raises(TargetNotFound):
        uplinks.hold(ADA.user, "bob", "", "desk", HOLD, on=True)


def test_one_instructor_does_not_flood_a_server():
    ann = Link()
    uplinks = connected(ann)

    def often():
        for _ in range(3 * NOTICES_AT_ONCE):
            uplinks.hold(ADA.user, "ann", "", "desk", HOLD, on=True)

    with pytest.raises(LimitExceeded):
        often()
    assert len(ann.sent) < 2 * NOTICES_AT_ONCE


@pytest.mark.parametrize(
    "wrong", [{"why": "fun"}, {"text": "x" * (LONGEST_TEXT + 1)}, {"on": 1}, {"target": "../desk"}, {"more": 1}]
)
def test_what_is_no_hold_is_no_notice(wrong):
    with pytest.raises(ValueError, match="shape"):
        read(json.dumps(NOTE | wrong), NOTICE)


async def test_a_server_holds_the_desktop_of_its_owner(service):  # noqa: F811 - the fixture
    ann = User("ann")
    registry = SessionRegistry()
    holds = Holds(registry)
    session = registry.add(Session(ann, Target(name="desk", address=DesktopAddress(DesktopSpec())), Mode.CONTROL))
    holds.came(session)
    service.says = [json.dumps(NOTE)]
    one = made(Hub({}), service.url, sessions=lambda: [session], hold=holder_of(holds, ann))
    one.start()
    await until(lambda: session.held == HOLD)
    await service.came[0].write_message(json.dumps(NOTE | {"on": False}))
    await until(lambda: session.held is None)
    await one.close()
    holds.close()
