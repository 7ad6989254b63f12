"""A stream: ended once, with the first reason, by whoever runs it."""

import pytest

from jupyter_vnc.exceptions import SessionEnded
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.streams import Stream
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

ANN = User("ann")
LAB = Target(name="lab", address=TCPAddress("127.0.0.1", 5901))


@pytest.fixture
def stream():
    return Stream(Session(ANN, LAB, Mode.VIEW), LAB, ANN)


def test_it_is_stopped_once_and_keeps_the_first_reason(stream):
    stops, reason = [], SessionEnded("You ended this session.")
    stream.run_by(lambda: stops.append(1))
    assert (stream.ended, stream.error, stops) == (False, None, [])
    stream.end(reason)
    stream.end(SessionEnded("another"))
    assert (stream.ended, stream.error, stops) == (True, reason, [1])


def test_one_that_was_ended_before_it_ran_stops_at_once(stream):
    stops = []
    stream.end()
    stream.run_by(lambda: stops.append(1))
    assert (stream.ended, stream.error, stops) == (True, None, [1])


def test_ids_differ():
    assert len({Stream(Session(ANN, LAB, Mode.VIEW), LAB, ANN).id for _ in range(100)}) == 100
