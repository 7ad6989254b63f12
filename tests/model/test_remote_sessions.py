"""Sessions at other processes: told whole, and what is done to them is done there."""

import json
from datetime import UTC, datetime

import pytest

from jupyter_vnc.exceptions import LimitExceeded, SessionEnded, TargetBusy
from jupyter_vnc.model import remote_sessions
from jupyter_vnc.model.addresses import PoolAddress, TCPAddress, UserServerAddress
from jupyter_vnc.model.holds import ATTENTION, Hold
from jupyter_vnc.model.remote_sessions import VOLATILE, decode, describe, encode
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Sharing, Target
from jupyter_vnc.model.users import User

ANN = User("a\0\ud800 漢", frozenset({"course-a", "all"}))
ADA = User("ada", frozenset({"staff"}))
GROUPS = {"allow_groups": frozenset({"course-a"}), "sharing": Sharing.TAKEOVER}
TARGETS = [
    Target(name="lab", address=TCPAddress("lab", 5901), allow_users=frozenset({"ann"}), **GROUPS),
    Target(name="pool", address=PoolAddress(())),
    Target(name="desk", address=UserServerAddress("own")),
]


@pytest.fixture
def sent():
    return []


@pytest.fixture
def between(sent):
    """Tell of a session as its process does, and read that as another one does."""

    def between(session):
        return decode(encode(describe(session)), lambda *notice: sent.append(json.loads(json.dumps(notice))))

    return between


def session(target=TARGETS[0], **more):
    return Session(ADA, target, Mode.VIEW, owner=ANN, look_in=True, **more)


@pytest.mark.parametrize("target", TARGETS, ids=lambda one: one.name)
def test_all_that_others_show_and_count_is_told(between, target):
    one = session(target, machine="m1", bytes_in=3, bytes_out=4, hand=datetime.now(UTC))
    one.note_input()
    there = between(one)
    assert there.public() == one.public()
    assert (there.user, there.owner, there.place, there.look_in) == (ADA, ANN, one.place, True)
    assert (one.is_here, there.is_here) == (True, False)
    assert there.is_at(target.name) == one.is_at(target.name)
    assert (there.target.sharing, there.target.allow_groups) == (target.sharing, target.allow_groups)
    assert bool(there.target.allow_users) == bool(target.allow_users)
    assert between(session(target)).last_input is None
    assert {*VOLATILE} < describe(one).keys()


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", "[" * 100_000, '{"id": "1", "user": ["ann"], "groups": 7}'])
def test_what_is_no_session_is_none(text):
    with pytest.raises(ValueError):
        decode(text, print)


def test_an_end_is_sent_once_and_tells_the_same(between, sent):
    one = session()
    there = between(one)
    there.end(TargetBusy("Eve is using it now.", detail="by eve"))
    there.end(SessionEnded("late"))
    assert str(there.error) == "Eve is using it now."
    ((session_id, notice),) = sent
    assert session_id == one.id
    remote_sessions.apply(one, notice)
    assert (type(one.error), str(one.error), one.error.detail) == (TargetBusy, "Eve is using it now.", "by eve")


def test_an_end_of_another_kind_is_one_all_the_same(between, sent):
    one = session()
    between(one).end(LimitExceeded("Too many."))
    remote_sessions.apply(one, sent[0][1])
    assert (type(one.error), str(one.error)) == (SessionEnded, "Too many.")


def test_notes_reach_the_viewer_if_it_can_show_any(between, sent):
    one, told = session(), []
    between(one).note("message", text="hello")
    assert between(one).tell is None
    assert sent == []
    one.tell = told.append
    between(one).note("message", text="hello", sender="eve")
    remote_sessions.apply(one, sent[0][1])
    assert told == [{"kind": "message", "text": "hello", "sender": "eve"}]


def test_hands_go_up_and_down(between, sent):
    one, since = session(), datetime.now(UTC)
    for hand, sentence in ((since, ""), (since, "It does not start."), (None, "")):
        there = between(one)
        there.put_hand(hand, sentence)
        assert (there.hand, there.hand_sentence) == (hand, sentence)
        remote_sessions.apply(one, sent[-1][1])
        assert (one.hand, one.hand_sentence) == (hand, sentence)
        assert between(one).hand_sentence == sentence


def test_what_is_unknown_does_nothing():
    one = session()
    remote_sessions.apply(one, {"dance": True})
    assert one.error is None


def test_a_hold_reaches_the_desktop_and_one_of_no_known_kind_does_not(between, sent):
    here, taken = session(), []
    there = between(here)
    here.take_hold = lambda hold, on: taken.append((hold, on))
    hold = Hold("ada", ATTENTION, "Look.")
    there.put_hold(hold, on=True)
    there.put_hold(hold, on=False)
    for _, notice in sent:
        remote_sessions.apply(here, notice)
    assert taken == [(hold, True), (hold, False)]
    with pytest.raises(ValueError, match="kind"):
        remote_sessions.apply(here, {"hold": {"by": "ada", "kind": "fun", "text": ""}, "on": True})
    here.take_hold = None
    remote_sessions.apply(here, sent[0][1])
    assert here.held is None
