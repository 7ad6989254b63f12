"""The live list: who is counted where, who may end what, and which reason stays."""

import json

import pytest

from jupyter_vnc.exceptions import LimitExceeded, ServerStopping, SessionEnded, TargetNotFound
from jupyter_vnc.sessions import Session, SessionLimits, SessionRegistry
from jupyter_vnc.targets import Credentials, Mode, Secret, Target, TargetLimits, TCPAddress, UnixAddress, User

ANN, BOB, ROOT = User("ann"), User("bob"), User("root", admin=True)
LAB = Target(name="lab", address=TCPAddress("lab", 5901), credentials=Credentials("u", "password", Secret("hunter2")))
MINE = Target(name="mine", address=UnixAddress("/run/vnc/{username}.sock"))


def session(user=ANN, target=LAB, mode=Mode.CONTROL):
    return Session(user, target, mode)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (SessionLimits(per_user=2, per_target=0, total=0), "You have 2 open desktops"),
        (SessionLimits(per_user=0, per_target=2, total=0), "This desktop has 2 viewers"),
        (SessionLimits(per_user=0, per_target=0, total=2), "The server has 2 open desktops"),
    ],
)
def test_each_limit_says_which_it_is(limits, sentence):
    registry = SessionRegistry(limits)
    first = registry.add(session())
    registry.add(session())
    with pytest.raises(LimitExceeded, match=sentence):
        registry.add(session())
    assert len(registry) == 2
    registry.remove(first)
    registry.add(session())


def test_zero_is_no_limit():
    registry = SessionRegistry(SessionLimits(0, 0, 0))
    for _ in range(100):
        registry.add(session())
    assert len(registry) == 100


def test_a_target_has_its_own_limit():
    registry = SessionRegistry(SessionLimits(per_target=5))
    alone = Target(name="alone", address=TCPAddress("a", 1), limits=TargetLimits(max_sessions=1))
    registry.add(session(target=alone))
    with pytest.raises(LimitExceeded):
        registry.check(BOB, alone)
    registry.check(BOB, LAB)


def test_users_of_one_name_with_sockets_of_their_own_do_not_share_its_limit():
    registry = SessionRegistry(SessionLimits(per_target=1))
    registry.add(session(ANN, MINE.for_user(ANN)))
    registry.add(session(BOB, MINE.for_user(BOB)))
    with pytest.raises(LimitExceeded):
        registry.check(ROOT, MINE.for_user(ANN))


def test_who_sees_which():
    registry = SessionRegistry()
    anns, bobs = registry.add(session(ANN)), registry.add(session(BOB))
    assert registry.of(ANN) == [anns]
    assert registry.of(ROOT) == [anns, bobs]


def test_who_ends_which():
    registry = SessionRegistry()
    anns = registry.add(session(ANN))
    with pytest.raises(TargetNotFound):
        registry.end(anns.id, BOB)
    with pytest.raises(TargetNotFound):
        registry.end("0" * 16, ROOT)
    assert anns.error is None
    registry.end(anns.id, ANN)
    assert str(anns.error) == "You ended this session."
    bobs = registry.add(session(BOB))
    registry.end(bobs.id, ROOT)
    assert str(bobs.error) == "An administrator ended this session."
    # Ended is not gone: it is listed until its owner has cleaned up.
    assert len(registry) == 2


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
    one = session()
    one.note_input()
    one.bytes_in, one.bytes_out = 3, 5
    row = one.public()
    text = json.dumps(row)
    assert {"id", "target", "mode", "user", "since", "last_input", "bytes_in", "bytes_out"} == set(row)
    assert (row["bytes_in"], row["bytes_out"], row["mode"]) == (3, 5, "control")
    assert "5901" not in text
    assert "hunter2" not in text


def test_ids_differ_and_input_is_none_until_there_is_some():
    assert len({session().id for _ in range(100)}) == 100
    assert session().public()["last_input"] is None


def test_removing_twice_is_nothing():
    registry = SessionRegistry()
    one = registry.add(session())
    registry.remove(one)
    registry.remove(one)
    assert len(registry) == 0
    assert list(registry) == []


def test_age_grows():
    one = session()
    first = one.age
    assert 0 <= first <= one.age
