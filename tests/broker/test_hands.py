"""Hands: who raises one, who is told, and when it is down again."""

import json
from datetime import UTC, datetime

import pytest

from jupyter_vnc.broker.hands import BURST, LONGEST, LONGEST_SENTENCE, Hands, is_own
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import LimitExceeded, TargetNotFound, ViewerError
from jupyter_vnc.model.addresses import DesktopAddress, TCPAddress
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

ANN, AMY, SUE = User("ann"), User("amy"), User("sue")
DESK = Target(name="desk", address=DesktopAddress())
LAB = Target(name="lab", address=TCPAddress("lab", 5901))
UP, DOWN = '{"type": "hand", "up": true}', '{"type": "hand", "up": false}'


class Desktops:
    """A server's sessions."""

    def __init__(self, *, seen=True):
        self.registry = SessionRegistry()
        self.hands = Hands(self.registry)
        self.there = seen
        self.hands.seen = lambda session: self.there and is_own(session)

    def sit(self, user=ANN, target=DESK, owner=None, *, look_in=False):
        """Somebody opens a desktop; return their session, and what their viewer is told."""
        session = Session(user, target, Mode.VIEW if look_in else Mode.CONTROL, owner=owner or user, look_in=look_in)
        told = []
        session.tell = told.append
        self.registry.add(session)
        self.hands.came(session)
        return session, told

    def see(self, session):
        """A session gets its picture."""
        session.pictured = True
        self.hands.seated(session)

    def leave(self, session):
        """A session ends."""
        self.registry.remove(session)


def note(since, **more):
    return {"kind": "overseen", "hands": True, "looks": True, "since": since and since.isoformat(), **more}


def test_a_hand_goes_up_and_down_for_all_viewers_of_its_user_there():
    desktops = Desktops()
    first, told = desktops.sit()
    second, also = desktops.sit()
    other, not_told = desktops.sit(AMY)
    elsewhere, _ = desktops.sit(ANN, LAB)
    assert told == also == not_told == [note(None)]
    desktops.hands.heard(first, UP)
    assert first.hand == second.hand
    assert abs((datetime.now(UTC) - first.hand).total_seconds()) < 60
    assert first.public()["hand"] == first.hand.isoformat()
    assert told[-1] == also[-1] == note(first.hand)
    since = first.hand
    desktops.hands.heard(second, UP)
    assert (first.hand, len(told)) == (since, 2), "it is up for as long as before"
    assert (other.hand, elsewhere.hand) == (None, None)
    desktops.hands.heard(second, DOWN)
    assert (first.hand, second.hand) == (None, None)
    assert told[-1] == note(None)


def with_sentence(sentence):
    return json.dumps({"type": "hand", "up": True, "sentence": sentence})


def test_a_sentence_may_be_said_with_it_or_later_and_goes_down_with_it():
    desktops = Desktops()
    first, told = desktops.sit()
    second, _ = desktops.sit()
    desktops.hands.heard(first, UP)
    since, said = first.hand, len(told)
    desktops.hands.heard(first, with_sentence(" It does\nnot \u202ecompile. "))
    sentence = "It does not \\u202ecompile."
    assert [one.public()["hand_sentence"] for one in (first, second)] == [sentence] * 2
    assert (first.hand, len(told)) == (since, said), "it is up for as long as before"
    desktops.hands.heard(second, UP)
    assert first.hand_sentence == sentence
    third, _ = desktops.sit()
    assert (third.hand, third.hand_sentence) == (since, sentence)
    desktops.hands.heard(third, DOWN)
    assert [(one.hand, one.hand_sentence) for one in (first, second, third)] == [(None, "")] * 3
    for longest in ("\N{PILE OF POO}" * LONGEST_SENTENCE, "\u202e" * LONGEST_SENTENCE):
        desktops.hands.heard(first, with_sentence(longest))
        assert 0 < len(first.hand_sentence) <= LONGEST_SENTENCE
    ada, _ = desktops.sit(User("ada"), owner=ANN, look_in=True)
    desktops.hands.seated(ada)
    assert (first.hand, first.hand_sentence) == (None, "")


def test_whoever_opens_another_window_has_the_same_hand_and_it_goes_with_the_last_session():
    desktops = Desktops()
    first, _ = desktops.sit()
    desktops.hands.heard(first, UP)
    second, told = desktops.sit()
    assert told == [note(first.hand)]
    for session in (first, second):
        desktops.registry.remove(session)
    third, told = desktops.sit()
    assert (third.hand, told) == (None, [note(None)])


def test_looking_in_takes_it_down():
    desktops = Desktops()
    ann, told = desktops.sit()
    amy, _ = desktops.sit(AMY)
    for one in (ann, amy):
        desktops.hands.heard(one, UP)
    sue, of_sue = desktops.sit(SUE, owner=ANN, look_in=True)
    assert ann.hand is not None, "there is nothing to see yet"
    desktops.see(sue)
    assert (ann.hand, told[-1]) == (None, note(None))
    assert amy.hand is not None
    assert of_sue == []
    desktops.hands.heard(sue, UP)
    assert sue.hand is None


def test_a_look_that_fails_takes_no_hand_down_and_each_that_sees_something_does():
    desktops = Desktops()
    ann, _ = desktops.sit()
    desktops.hands.heard(ann, UP)
    failed, _ = desktops.sit(SUE, owner=ANN, look_in=True)
    desktops.leave(failed)
    assert ann.hand is not None, "they had seen nothing"
    for _ in range(2):
        desktops.hands.heard(ann, UP)
        sue, _ = desktops.sit(SUE, owner=ANN, look_in=True)
        desktops.see(sue)
        assert ann.hand is None
        desktops.leave(sue)


def test_a_guest_takes_nothing_down_and_has_no_hand():
    desktops = Desktops()
    ann, _ = desktops.sit()
    desktops.hands.heard(ann, UP)
    gus, told = desktops.sit(User("gus"), owner=ANN)
    desktops.hands.heard(gus, UP)
    assert (gus.hand, told) == (None, [])
    assert ann.hand is not None


def test_where_nobody_sees_it_nothing_is_said_until_somebody_does():
    desktops = Desktops(seen=False)
    ann, told = desktops.sit()
    desktops.hands.heard(ann, UP)
    assert (ann.hand, told) == (None, [])
    desktops.there = True
    desktops.hands.looks = lambda: False
    desktops.hands.changed()
    assert told == [note(None, looks=False)]
    desktops.there = False
    desktops.hands.changed()
    assert told[-1] == note(None, hands=False, looks=False)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "null",
        "[" * 200,
        "{}",
        '{"type": "picture", "up": true}',
        '{"type": "hand"}',
        '{"type": "hand", "up": 1}',
        '{"type": "hand", "up": true, "text": "x"}',
        '{"type": "hand", "up": true, "sentence": 7}',
        '{"type": "hand", "up": true, "sentence": null}',
        '{"type": "hand", "up": false, "sentence": "x"}',
        json.dumps({"type": "hand", "up": True, "sentence": "x" * (LONGEST_SENTENCE + 1)}),
        json.dumps({"type": "hand", "up": True, "x": "x" * LONGEST}),
        UP + " " * LONGEST,
    ],
)
def test_anything_else_is_against_the_protocol(said):
    desktops = Desktops()
    ann, _ = desktops.sit()
    with pytest.raises(ViewerError) as caught:
        desktops.hands.heard(ann, said)
    assert caught.value.close_code is CloseCode.VIEWER_PROTOCOL
    assert ann.hand is None


def test_what_comes_after_the_end_of_a_session_is_nothing():
    desktops = Desktops()
    first, _ = desktops.sit()
    second, told = desktops.sit()
    first.end(TargetNotFound())
    for text in (UP, "nonsense", *[DOWN] * (BURST + 1)):
        desktops.hands.heard(first, text)
    assert (second.hand, told) == (None, [note(None)])


def test_too_many_messages_are_too_many():
    desktops = Desktops()
    ann, _ = desktops.sit()
    amy, _ = desktops.sit(AMY)
    for _ in range(BURST):
        desktops.hands.heard(ann, UP)
    with pytest.raises(LimitExceeded):
        desktops.hands.heard(ann, DOWN)
    desktops.hands.heard(amy, UP)
