"""What the log and the event stream say of a session on somebody else's desktop, and of one that somebody ended."""

import logging

import pytest
from jupyter_events.schema import EventSchema

from jupyter_vnc.broker.audit import EVENT_SCHEMA_FILES, SESSION_EVENT, Audit
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.causes import ended_by
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

ANN, ADA = User("ann"), User("ada")
LAB = Target(name="lab", address=TCPAddress("lab", 5901))


class Bus:
    """Takes session events, and has their schema to hold them against."""

    def __init__(self):
        self.schema = next(one for one in map(EventSchema, EVENT_SCHEMA_FILES) if one.id == SESSION_EVENT)
        self.data = []

    def emit(self, *, schema_id, data):
        assert schema_id == SESSION_EVENT
        self.schema.validate(data)
        self.data.append(data)


@pytest.fixture
def audit(caplog):
    caplog.set_level(logging.INFO)
    made = Audit(logging.getLogger("test"))
    made.events = Bus()
    return made


def test_a_look_in_names_whose_desktop_it_is(audit, caplog):
    one = Session(ADA, LAB, Mode.VIEW, owner=ANN)
    audit.opened(one)
    audit.closed(one, CloseCode.NORMAL, "The viewer left.")
    opened, closed = caplog.messages
    assert opened == f"Session {one.id}: ada opens lab of ann (view)"
    assert closed.startswith(f"Session {one.id}: ada left lab of ann after 0 s")
    assert closed.endswith("code 1000: The viewer left.")
    assert [(event["user"], event["owner"]) for event in audit.events.data] == [("ada", "ann")] * 2


def test_ones_own_session_names_nobody_else(audit, caplog):
    one = Session(ANN, LAB, Mode.CONTROL)
    audit.opened(one)
    assert caplog.messages == [f"Session {one.id}: ann opens lab (control)"]
    audit.closed(one, CloseCode.NORMAL, "")


@pytest.mark.parametrize(
    ("by", "line"), [(ADA, "ada ended this session."), (ANN, "You ended this session. (by ann)")], ids=lambda one: one
)
def test_the_closing_line_names_who_ended_a_session(audit, caplog, by, line):
    one = Session(ANN, LAB, Mode.CONTROL)
    audit.opened(one)
    one.end(ended_by(by).told_to(ANN))
    audit.closed(one, CloseCode.ENDED, str(one.error))
    assert caplog.messages[-1].endswith(f"code 4410: {line}")
