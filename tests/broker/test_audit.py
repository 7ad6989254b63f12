"""Events of managed desktops: they fit their schema."""

import logging

import pytest
from jsonschema import ValidationError
from jupyter_events.schema import EventSchema

from jupyter_vnc.broker.audit import DESKTOP_EVENT, EVENT_SCHEMA_FILES, Audit
from jupyter_vnc.model.targets import State


class Bus:
    """Takes events, and has their schema to hold them against."""

    def __init__(self):
        self.schema = next(one for one in map(EventSchema, EVENT_SCHEMA_FILES) if one.id == DESKTOP_EVENT)
        self.data = []

    def emit(self, *, schema_id, data):
        assert schema_id == self.schema.id
        self.schema.validate(data)
        self.data.append(data)


@pytest.mark.parametrize("state", State)
def test_every_state_of_a_desktop_is_an_event_that_fits_the_schema(state):
    audit = Audit(logging.getLogger("test"))
    audit.events = Bus()
    audit.desktop_changed("ann", "desktop", state)
    assert audit.events.data == [{"desktop": "desktop", "user": "ann", "state": state.value}]


@pytest.mark.parametrize(
    "data", [{"desktop": "one", "user": "ann", "state": "melted"}, {"desktop": "one", "state": "up"}]
)
def test_the_schema_refuses_what_is_no_such_event(data):
    with pytest.raises(ValidationError):
        Bus().schema.validate(data)


def test_where_nobody_listens_nothing_is_told():
    Audit(logging.getLogger("test")).desktop_changed("ann", "desktop", State.UP)


class BrokenBus:
    """Somebody's listener fails."""

    def emit(self, **event):
        raise BrokenPipeError


def test_a_bus_that_fails_stops_nothing(caplog):
    """A failing bus does not stop the caller, which is cleaning up."""
    audit = Audit(logging.getLogger("test"))
    audit.events = BrokenBus()
    audit.desktop_changed("ann", "desktop", State.DOWN)
    assert "An event could not be emitted" in caplog.text
