"""What a user's server says of its desktops to the service of its hub."""

from types import SimpleNamespace

from jupyter_vnc.broker.report import VIEWERS, own_sessions, report
from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec, TCPAddress
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

ANN, AMY, GUS = User("ann"), User("amy"), User("gus")
DESK = Target(name="desk", address=DesktopAddress(DesktopSpec()))
LAB = Target(name="lab", address=TCPAddress("127.0.0.1", 5901))
SINCE = "2026-01-02T03:04:05.123456+00:00"


def desktops(*states):
    rows = [
        {"name": f"desk{nth or ''}", "state": state, "since": SINCE, "log": "x"} for nth, state in enumerate(states)
    ]
    return SimpleNamespace(list=lambda owner: rows if owner == "ann" else [])


def registry(*sessions):
    full = SessionRegistry(SessionLimits(0, 0, 0, 0))
    for session in sessions:
        full.add(session)
    return full


def test_what_runs_and_who_has_it_on_the_screen():
    mine, gus = Session(ANN, DESK, Mode.CONTROL), Session(GUS, DESK, Mode.VIEW, owner=ANN)
    others = [Session(ANN, LAB, Mode.CONTROL), Session(AMY, DESK, Mode.CONTROL)]
    said = report(desktops("up", "stopped", "starting"), registry(gus, mine, *others), ANN)
    assert said["desktops"] == [
        {"name": "desk", "state": "up", "since": SINCE},
        {"name": "desk2", "state": "starting", "since": SINCE},
    ]
    assert [(row["id"], row["user"], row["mode"]) for row in said["viewers"]] == [
        (mine.id, "ann", "control"),
        (gus.id, "gus", "view"),
    ]


def test_the_service_may_act_on_the_owners_sessions_at_reported_desktops_only():
    mine = Session(ANN, DESK, Mode.CONTROL)
    others = [
        Session(GUS, DESK, Mode.VIEW, owner=ANN),
        Session(ANN, LAB, Mode.CONTROL),
        Session(ANN, DESK, Mode.VIEW, owner=AMY),
        Session(AMY, DESK, Mode.CONTROL),
    ]
    assert own_sessions(desktops("up"), registry(mine, *others), ANN) == [mine]
    assert own_sessions(desktops("stopped"), registry(mine, *others), ANN) == []


def test_whether_a_viewer_can_show_messages():
    shows, mute = Session(ANN, DESK, Mode.CONTROL), Session(ANN, DESK, Mode.VIEW)
    shows.tell = lambda note: None
    said = report(desktops("up"), registry(shows, mute), ANN)
    assert {row["id"]: row["notes"] for row in said["viewers"]} == {shows.id: True, mute.id: False}


def test_the_owner_is_there_however_many_guests_are():
    guests = [Session(GUS, DESK, Mode.VIEW, owner=ANN) for _ in range(VIEWERS)]
    mine = Session(ANN, DESK, Mode.VIEW)
    viewers = report(desktops("up"), registry(*guests, mine), ANN)["viewers"]
    assert len(viewers) == VIEWERS
    assert viewers[0]["id"] == mine.id


def test_it_says_where_instructors_may_work():
    at, nobody = desktops("up"), registry()
    assert report(at, nobody, ANN, control=True)["control"] is True
    assert "control" not in report(at, nobody, ANN, looks=False, control=True)
    assert "control" not in report(at, nobody, ANN)
