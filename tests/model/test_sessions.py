"""A session: where it is, which reason ends it, and what a row says of it."""

import json
from datetime import UTC, datetime, timedelta

from jupyter_vnc.exceptions import ServerStopping, SessionEnded
from jupyter_vnc.model.addresses import DesktopAddress, TCPAddress, UserServerAddress
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.holds import ATTENTION, Hold
from jupyter_vnc.model.sessions import Session, place_of
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

ANN, BOB, ROOT = User("ann"), User("bob"), User("root", admin=True)
LAB = Target(name="lab", address=TCPAddress("lab", 5901), credentials=Credentials("u", "password", Secret("hunter2")))
DESK = Target(name="desk", address=DesktopAddress())


def session(user=ANN, target=LAB, mode=Mode.CONTROL, **more):
    return Session(user, target, mode, **more)


def test_a_session_is_where_its_owner_is():
    help_for_ann = session(User("eve"), DESK, owner=ANN)
    assert help_for_ann.place == session(ANN, DESK).place == place_of(ANN, DESK)
    assert help_for_ann.public()["owner"] == "ann"


def test_a_desktop_in_a_users_server_is_not_at_the_target_of_its_name():
    elsewhere = Target(name="lab", address=UserServerAddress(server=""))
    assert (session().is_at("lab"), session().is_at("desk")) == (True, False)
    assert not session(target=elsewhere).is_at("lab")


def test_it_is_noted_when_its_viewer_has_a_picture():
    one = session()
    assert one.seen_at is None
    one.note_picture()
    assert one.since <= one.seen_at <= datetime.now(UTC)


def test_a_session_is_in_use_while_somebody_does_something():
    one = session()
    assert not one.in_use
    one.note_input()
    assert one.in_use


def test_the_log_names_whose_desktop_it_is():
    assert (session().about, session(User("ada"), owner=ANN).about) == ("lab", "lab of ann")


def test_people_are_renewed():
    one = session()
    newer = User("ann", frozenset({"b"}))
    one.renew(newer, newer)
    assert (one.user, one.owner) == (newer, newer)


def test_a_note_reaches_viewers_that_can_show_it():
    told = []
    session().note("viewers", viewers=[], count=0)
    session(tell=told.append).note("message", text="hello")
    assert told == [{"kind": "message", "text": "hello"}]


def test_the_first_reason_stays_and_stops_once():
    calls = []
    one = session()
    one.run_by(lambda: calls.append(1))
    one.end(SessionEnded())
    one.end(ServerStopping())
    assert isinstance(one.error, SessionEnded)
    assert calls == [1]


def test_a_session_that_was_ended_before_it_ran_stops_at_once():
    calls = []
    one = session()
    one.end(SessionEnded())
    one.run_by(lambda: calls.append(1))
    assert calls == [1]


def test_a_row_tells_neither_address_nor_credential():
    one = session(owner=BOB, machine="m1")
    one.note_input()
    one.bytes_in, one.bytes_out = 3, 5
    row = one.public()
    text = json.dumps(row)
    since, last_input = (datetime.fromisoformat(row.pop(key)) for key in ("since", "last_input"))
    assert row == {
        "id": one.id,
        "target": "lab",
        "mode": "control",
        "user": "ann",
        "owner": "bob",
        "machine": "m1",
        "hand": None,
        "hand_sentence": "",
        "bytes_in": 3,
        "bytes_out": 5,
    }
    assert timedelta() <= last_input - since <= datetime.now(UTC) - since
    assert since.utcoffset() == last_input.utcoffset() == timedelta()
    assert "5901" not in text
    assert "hunter2" not in text


def test_ids_differ_and_input_is_none_until_there_is_some():
    assert len({session().id for _ in range(100)}) == 100
    assert session().public()["last_input"] is None
    assert session().public()["machine"] is None


def test_age_grows():
    one = session()
    first = one.age
    assert 0 <= first <= one.age


def test_a_row_of_viewers_has_these_keys_and_no_other():
    one = session()
    row = {"user": "ann", "mode": "control", "since": one.since.isoformat()}
    assert [one.as_seen_by(user) for user in (ANN, BOB)] == [{**row, "you": True}, {**row, "you": False}]


def test_who_is_held_is_told_once_and_followed():
    session = Session(User("ann"), Target(name="lab", address=TCPAddress("lab", 5901)), Mode.CONTROL)
    told, followed = [], []
    session.tell = told.append
    session.be_held(None)
    session.be_held(Hold("a\nda", ATTENTION, "Look."))
    session.on_held = lambda: followed.append(session.held)
    session.be_held(Hold("a\nda", ATTENTION, "Look."))
    session.be_held(None)
    assert followed == [None]
    assert [(note["kind"], note["why"], note["text"]) for note in told] == [
        ("held", "attention", "Look."),
        ("held", None, ""),
    ]
    assert "\n" not in told[0]["by"]
    assert told[1]["by"] is None
