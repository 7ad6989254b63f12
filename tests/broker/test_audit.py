"""What is reported of sessions and desktops: log lines, metrics by name and value, and events that fit their schema."""

import logging
from types import SimpleNamespace

import pytest
from jsonschema import ValidationError
from jupyter_events.schema import EventSchema
from prometheus_client import CollectorRegistry

from jupyter_vnc.broker.audit import DESKTOP_EVENT, EVENT_SCHEMA_FILES, SESSION_EVENT, Audit, adopt_loggers
from jupyter_vnc.broker.metrics import Metrics
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.model import sessions
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, State, Target
from jupyter_vnc.model.users import User

ANN, BOB = User("ann"), User("bob")
LAB = Target(name="lab", address=TCPAddress("lab.example", 5901))
SCHEMAS = {schema.id: schema for schema in map(EventSchema, EVENT_SCHEMA_FILES)}


class Bus:
    """Takes events that fit the schema they name."""

    def __init__(self):
        self.heard = []

    def emit(self, *, schema_id, data):
        SCHEMAS[schema_id].validate(data)
        self.heard.append((schema_id, data))


class BrokenBus:
    """Somebody's listener fails."""

    def emit(self, **event):
        raise BrokenPipeError


@pytest.fixture
def counted():
    """A registry of metrics of its own; what it has, by name and labels."""
    registry = CollectorRegistry()
    return registry, lambda name, **labels: registry.get_sample_value(f"jupyter_vnc_{name}", labels)


@pytest.fixture
def audit(counted, caplog):
    caplog.set_level(logging.INFO)
    audit = Audit(logging.getLogger("test"), metrics=Metrics(counted[0]))
    audit.events = Bus()
    return audit


@pytest.fixture
def session(monkeypatch):
    """A session that has lasted for 90 seconds, and has moved some bytes."""
    one = Session(ANN, LAB, Mode.CONTROL, id="0123456789abcdef", bytes_in=30, bytes_out=7000)
    monkeypatch.setattr(sessions, "time", SimpleNamespace(monotonic=lambda: one._began + 90.4567))
    return one


# Sessions

OF_SESSION = {
    "session": "0123456789abcdef",
    "target": "lab",
    "user": "ann",
    "owner": "ann",
    "mode": "control",
    "bytes_in": 30,
    "bytes_out": 7000,
}


def test_the_events_of_a_session_fit_their_schema(audit, session):
    audit.opened(session)
    audit.closed(session, CloseCode.STALLED, "The viewer stopped reading.")
    assert audit.events.heard == [
        (SESSION_EVENT, {"action": "opened", **OF_SESSION}),
        (SESSION_EVENT, {"action": "closed", **OF_SESSION, "code": 4408, "seconds": 90.457}),
    ]


def test_the_event_of_a_session_that_takes_over_names_those_that_made_way(audit, session):
    session.replaced = (Session(BOB, LAB, Mode.CONTROL, id="b" * 16), Session(BOB, LAB, Mode.CONTROL, id="c" * 16))
    audit.opened(session)
    assert audit.events.heard == [(SESSION_EVENT, {"action": "opened", **OF_SESSION, "replaced": ["b" * 16, "c" * 16]})]


@pytest.mark.parametrize(
    "change", [{"action": "begun"}, {"mode": "admire"}, {"user": None}, {"bytes_in": "30"}, {"replaced": "b"}]
)
def test_the_schema_refuses_what_is_no_event_of_a_session(change):
    event = {"action": "opened", **OF_SESSION}
    SCHEMAS[SESSION_EVENT].validate(event)
    with pytest.raises(ValidationError):
        SCHEMAS[SESSION_EVENT].validate(event | change)


def test_the_log_has_a_line_of_each_end_of_a_session(audit, session, caplog):
    session.replaced = (Session(BOB, LAB, Mode.CONTROL, id="b" * 16),)
    audit.opened(session)
    audit.closed(session, CloseCode.NORMAL, "The viewer left.")
    assert caplog.messages == [
        "Session 0123456789abcdef: ann opens lab (control)",
        "Session 0123456789abcdef takes over from session bbbbbbbbbbbbbbbb of bob",
        "Session 0123456789abcdef: ann left lab after 90 s, 30 bytes in, 7000 bytes out, code 1000: The viewer left.",
    ]
    assert {record.levelname for record in caplog.records} == {"INFO"}


def test_who_keeps_the_history_hears_of_a_session_from_its_picture_on(audit, session):
    heard = []
    audit.on_open, audit.on_close = heard.append, lambda one, reason: heard.append(reason)
    audit.opened(session)
    audit.closed(session, CloseCode.ENDED, "It never had a picture.")
    assert (heard, session.seen_at) == ([], None)
    for _ in "12":
        audit.seated(session)
    assert session.seen_at >= session.since
    audit.closed(session, CloseCode.NORMAL, "The viewer left.")
    assert heard == [session, "The viewer left."]


def test_a_history_that_fails_disturbs_no_session(audit, session, caplog):
    audit.on_open = audit.on_close = lambda *what: what[99]
    audit.opened(session)
    audit.seated(session)
    audit.closed(session, CloseCode.NORMAL, "The viewer left.")
    assert caplog.text.count("A visit could not be noted") == 2


def test_the_metrics_count_what_happens(audit, session, counted):
    _, value = counted
    audit.opened(session)
    audit.opened(Session(BOB, LAB, Mode.VIEW))
    assert (value("sessions"), value("sessions_ended_total", code="1000")) == (2, 0)
    audit.closed(session, CloseCode.NORMAL, "")
    assert value("sessions") == 1
    audit.opened(session)
    audit.closed(session, CloseCode.LIMIT, "")
    assert value("sessions") == 1
    ended = {code.value: value("sessions_ended_total", code=str(code.value)) for code in CloseCode}
    assert ended == {code.value: float(code in {CloseCode.NORMAL, CloseCode.LIMIT}) for code in CloseCode}
    assert (value("bytes_total", direction="in"), value("bytes_total", direction="out")) == (60, 14000)


# Desktops


@pytest.mark.parametrize("state", State)
def test_every_state_of_a_desktop_is_an_event_that_fits_the_schema(audit, state):
    audit.desktop_changed("ann", "desktop", state)
    assert audit.events.heard == [(DESKTOP_EVENT, {"desktop": "desktop", "user": "ann", "state": state.value})]


@pytest.mark.parametrize(
    "data", [{"desktop": "one", "user": "ann", "state": "melted"}, {"desktop": "one", "state": "up"}]
)
def test_the_schema_refuses_what_is_no_event_of_a_desktop(data):
    with pytest.raises(ValidationError):
        SCHEMAS[DESKTOP_EVENT].validate(data)


# Whoever listens


def report_all(audit, session):
    """Report everything that becomes an event."""
    audit.opened(session)
    audit.desktop_changed("ann", "desktop", State.DOWN)
    audit.closed(session, CloseCode.NORMAL, "")


def test_where_nobody_listens_it_is_counted_and_logged_all_the_same(session, caplog):
    caplog.set_level(logging.INFO)
    registry = CollectorRegistry()
    audit = Audit(logging.getLogger("test"), metrics=Metrics(registry))
    assert audit.events is None
    report_all(audit, session)
    assert len(caplog.messages) == 2
    assert registry.get_sample_value("jupyter_vnc_sessions_ended_total", {"code": "1000"}) == 1


def test_a_bus_that_fails_stops_nothing(audit, session, counted, caplog):
    """A failing bus does not stop the caller, which is cleaning up."""
    audit.events = BrokenBus()
    report_all(audit, session)
    assert caplog.messages.count("An event could not be emitted") == 3
    assert counted[1]("sessions_ended_total", code="1000") == 1


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
def test_our_modules_write_where_the_host_writes(wrapped, level, monkeypatch):
    ours, host = logging.getLogger("jupyter_vnc"), logging.Logger("host", level)
    monkeypatch.setattr(ours, "parent", ours.parent)
    monkeypatch.setattr(ours, "level", ours.level)
    adopt_loggers(logging.LoggerAdapter(host, {}) if wrapped else host)
    assert (ours.parent, ours.level) == (host, level)
