"""The live list: who is counted where, and who may end what."""

from dataclasses import replace

import pytest

from jupyter_vnc.exceptions import LimitExceeded, ServerStopping, SessionEnded, TargetBusy, TargetNotFound
from jupyter_vnc.model.addresses import DesktopAddress, TCPAddress, UnixAddress
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session, place_of
from jupyter_vnc.model.targets import Mode, Sharing, Target, TargetLimits
from jupyter_vnc.model.users import User

ANN, BOB, ROOT = User("ann"), User("bob"), User("root", admin=True)
LAB = Target(name="lab", address=TCPAddress("lab", 5901), credentials=Credentials("u", "password", Secret("hunter2")))
MINE = Target(name="mine", address=UnixAddress("/run/vnc/{username}.sock"))


def session(user=ANN, target=LAB, mode=Mode.CONTROL, **more):
    return Session(user, target, mode, **more)


class Looking:
    """A visitor and the people whom they oversee: everybody, for an admin. At one target, as ``person/target``."""

    def __init__(self, user, *wards):
        self.user = user
        self._wards = wards

    def oversees(self, person, target):
        at_one = f"{person.name}/{target.name}"
        return self.user.admin or person.name in self._wards or at_one in self._wards


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (SessionLimits(per_user=2, per_target=0, total=0), "You have 2 open desktops."),
        (SessionLimits(per_user=0, per_target=2, total=0), "This desktop has 2 viewers."),
        (SessionLimits(per_user=0, per_target=0, total=2), "The server has 2 open desktops, its limit."),
    ],
)
def test_each_limit_says_which_it_is(limits, sentence):
    registry = SessionRegistry(limits)
    first = registry.add(session())
    registry.add(session())
    with pytest.raises(LimitExceeded) as caught:
        registry.add(session())
    assert str(caught.value) == f"{sentence} Close one and try again."
    assert caught.value.retry_after == 5
    assert len(registry) == 2
    registry.remove(first)
    registry.add(session())


def test_zero_is_no_limit():
    registry = SessionRegistry(SessionLimits(0, 0, 0))
    for _ in range(100):
        registry.add(session())
    assert len(registry) == 100


def test_whoever_keeps_the_list_may_refuse_a_session_and_is_told_how_many_stay():
    counts = []

    def refusal(sessions):
        counts.append(sessions)
        return ServerStopping() if sessions else None

    registry = SessionRegistry(refusal=refusal)
    first = registry.add(session())
    with pytest.raises(ServerStopping):
        registry.add(session(BOB))
    assert list(registry) == [first]
    assert counts == [0, 1]


def test_whoever_opens_something_beside_a_session_is_told_why_there_is_no_room():
    full = SessionRegistry(refusal=lambda sessions: ServerStopping() if sessions else None)
    assert full.refusal() is None
    full.add(session())
    assert isinstance(full.refusal(), ServerStopping)


def test_a_target_has_its_own_limit():
    registry = SessionRegistry(SessionLimits(per_target=5))
    alone = Target(name="alone", address=TCPAddress("a", 1), limits=TargetLimits(max_sessions=1))
    registry.add(session(target=alone))
    with pytest.raises(LimitExceeded):
        registry.check(session(BOB, alone))
    registry.check(session(BOB, LAB))


def test_a_class_may_watch_a_target_that_is_only_watched():
    registry = SessionRegistry(SessionLimits(per_target=2, total=0))
    screen = replace(LAB, name="screen", mode=Mode.VIEW)
    for number in range(100):
        registry.add(session(User(f"student{number}"), screen, Mode.VIEW))
    few = replace(screen, name="few", address=TCPAddress("few", 1), limits=TargetLimits(max_sessions=1))
    registry.add(session(ANN, few, Mode.VIEW))
    with pytest.raises(LimitExceeded, match="This desktop has 1 viewers"):
        registry.check(session(BOB, few, Mode.VIEW))
    for person in (ANN, User("cem")):
        registry.add(session(person, LAB, Mode.VIEW))
    with pytest.raises(LimitExceeded, match="This desktop has"):
        registry.check(session(BOB, LAB, Mode.VIEW))


def test_nobody_keeps_others_out_of_a_desktop_with_many_windows():
    registry = SessionRegistry(SessionLimits(per_user=0, per_target=3, total=0))
    for _ in range(3):
        registry.add(session(ANN, LAB, Mode.VIEW))
    for person in (BOB, User("cem")):
        registry.add(session(person, LAB, Mode.VIEW))
        with pytest.raises(LimitExceeded, match=f"This desktop has {len(registry)} viewers"):
            registry.check(session(person, LAB, Mode.VIEW))
    with pytest.raises(LimitExceeded, match="This desktop has 3 viewers"):
        registry.check(session(User("dee"), LAB, Mode.VIEW))
    # Somebody who goes makes room for somebody who comes, whatever others have open.
    for theirs in [one for one in registry if one.user == BOB]:
        registry.remove(theirs)
    registry.add(session(User("dee"), LAB, Mode.VIEW))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("limit", [1, 3])
def test_a_place_is_kept_for_whoever_oversees(limit, mode):
    registry = SessionRegistry(SessionLimits(per_user=0, per_target=limit, total=0))
    for number in range(limit):
        registry.add(session(User(f"guest{number}"), DESK, Mode.VIEW, owner=ANN))
    for number in range(limit):
        registry.add(session(User(f"teacher{number}"), DESK, mode, owner=ANN, look_in=True))
    with pytest.raises(LimitExceeded, match=f"This desktop has {limit} viewers"):
        registry.check(session(User("inspector"), DESK, mode, owner=ANN, look_in=True))
    # Nor do those who oversee keep out whom they oversee.
    for theirs in [one for one in registry if not one.look_in]:
        registry.remove(theirs)
    registry.add(session(ANN, DESK))


def test_whoever_looks_in_has_a_limit_of_their_own():
    registry = SessionRegistry(SessionLimits(per_user=2, look_ins=20, total=0))
    ada = User("ada")
    for number in range(20):
        registry.add(session(ada, DESK, Mode.VIEW, owner=User(f"student{number}"), look_in=True))
    with pytest.raises(LimitExceeded, match=r"^You look in on 20 desktops, the limit\. Close one"):
        registry.check(session(ada, DESK, Mode.VIEW, owner=ANN, look_in=True))
    for _ in range(2):
        registry.add(session(ada, DESK))
    with pytest.raises(LimitExceeded, match="You have 2 open desktops"):
        registry.check(session(ada, DESK))
    # A guest is no instructor.
    for _ in range(2):
        registry.add(session(BOB, DESK, owner=ANN))
    with pytest.raises(LimitExceeded, match="You have 2 open desktops"):
        registry.check(session(BOB, DESK, owner=ANN))


def test_users_of_one_name_with_sockets_of_their_own_do_not_share_its_limit():
    registry = SessionRegistry(SessionLimits(per_target=1))
    registry.add(session(ANN, MINE.for_user(ANN)))
    registry.add(session(BOB, MINE.for_user(BOB)))
    with pytest.raises(LimitExceeded):
        registry.check(session(ROOT, MINE.for_user(ANN)))


def test_which_visitor_sees_which_session():
    registry = SessionRegistry()
    anns, bobs = registry.add(session(ANN)), registry.add(session(BOB))
    assert registry.seen_by(Looking(ANN)) == [anns]
    assert registry.seen_by(Looking(ROOT)) == [anns, bobs]


def test_an_instructor_of_one_person_sees_them_and_the_sessions_on_their_desktop():
    registry = SessionRegistry()
    ada = Looking(User("ada"), "ann", "eve")
    anns = registry.add(session(ANN))
    bobs = registry.add(session(BOB))
    help_for_bob = registry.add(session(User("eve"), owner=BOB))
    help_for_ann = registry.add(session(User("eve"), owner=ANN))
    assert registry.seen_by(ada) == [anns, help_for_ann]
    assert registry.find(anns.id, ada) is anns
    for other in (bobs, help_for_bob):
        with pytest.raises(TargetNotFound) as caught:
            registry.find(other.id, ada)
        assert str(caught.value) == "There is no such session."


def test_an_instructor_of_one_target_sees_the_sessions_on_it():
    registry = SessionRegistry()
    registry.add(session(ANN))
    there = registry.add(session(ANN, MINE))
    assert registry.seen_by(Looking(User("ada"), "ann/mine")) == [there]


def test_an_owner_ends_the_session_of_an_instructor_who_looks_in():
    registry = SessionRegistry()
    help_for_ann = registry.add(session(User("eve"), owner=ANN))
    registry.end(help_for_ann.id, Looking(ANN, "eve", "ann"))
    assert str(help_for_ann.error) == "ann ended this session."


def test_an_instructor_ends_a_session_and_is_named_so_that_no_line_can_be_forged():
    registry = SessionRegistry()
    anns = registry.add(session())
    registry.end(anns.id, Looking(User("ada\nroot", admin=True)))
    assert str(anns.error) == "ada\\nroot ended this session."


def test_which_visitor_ends_which_session():
    registry = SessionRegistry()
    anns = registry.add(session(ANN))
    with pytest.raises(TargetNotFound):
        registry.end(anns.id, Looking(BOB))
    with pytest.raises(TargetNotFound):
        registry.end("0" * 16, Looking(ROOT))
    assert anns.error is None
    registry.end(anns.id, Looking(ANN))
    assert str(anns.error) == "You ended this session."
    assert anns.error.log_line == "You ended this session. (by ann)", "the log names who it was"
    bobs = registry.add(session(BOB))
    registry.end(bobs.id, Looking(ROOT))
    assert str(bobs.error) == "root ended this session."
    # Ended is not gone: it is listed until its owner has cleaned up.
    assert len(registry) == 2


def test_removing_twice_is_nothing():
    registry = SessionRegistry()
    one = registry.add(session())
    registry.remove(one)
    registry.remove(one)
    assert len(registry) == 0
    assert list(registry) == []


DESK = Target(name="desk", address=DesktopAddress())
EXCLUSIVE = replace(LAB, name="alone", sharing=Sharing.EXCLUSIVE)
TAKEOVER = replace(LAB, name="open", sharing=Sharing.TAKEOVER)


def test_a_shared_target_is_never_busy():
    registry = SessionRegistry()
    first = registry.add(session(ANN))
    assert registry.add(session(BOB)).replaced == ()
    assert first.error is None


def test_an_exclusive_target_names_who_is_in_control():
    registry = SessionRegistry()
    first = registry.add(session(ANN, EXCLUSIVE))
    for attempt in (registry.check, registry.add):
        with pytest.raises(TargetBusy, match="ann is using this desktop"):
            attempt(session(BOB, EXCLUSIVE))
    assert list(registry) == [first]
    assert first.error is None


def test_a_user_who_confirms_takes_an_exclusive_target_over():
    registry = SessionRegistry()
    first = registry.add(session(ANN, EXCLUSIVE))
    registry.check(session(BOB, EXCLUSIVE, takeover=True))
    assert first.error is None, "a check alone ends nobody"
    second = registry.add(Session(BOB, EXCLUSIVE, Mode.CONTROL, takeover=True))
    assert second.replaced == (first,)
    assert (first.error.close_code, str(first.error)) == (4409, "bob is using it now.")
    registry.check(session(BOB, EXCLUSIVE))
    with pytest.raises(TargetBusy, match="bob"):
        registry.check(session(ANN, EXCLUSIVE))


@pytest.mark.parametrize("target", [EXCLUSIVE, TAKEOVER], ids=lambda target: target.name)
def test_a_user_replaces_their_own_session_without_asking(target):
    registry = SessionRegistry()
    first = registry.add(session(ANN, target))
    assert registry.add(session(ANN, target)).replaced == (first,)
    assert str(first.error) == "You have opened it in another window."


def test_a_takeover_target_is_the_last_comers():
    registry = SessionRegistry()
    first = registry.add(session(ANN, TAKEOVER))
    second = registry.add(session(BOB, TAKEOVER))
    assert first.error.close_code == 4409
    assert second.error is None


@pytest.mark.parametrize("target", [EXCLUSIVE, TAKEOVER], ids=lambda target: target.name)
@pytest.mark.parametrize("modes", [(Mode.CONTROL, Mode.VIEW), (Mode.VIEW, Mode.CONTROL), (Mode.VIEW, Mode.VIEW)])
def test_a_viewer_in_view_mode_displaces_nobody(target, modes):
    registry = SessionRegistry()
    first = registry.add(session(ANN, target, modes[0]))
    assert registry.add(session(BOB, target, modes[1])).replaced == ()
    assert first.error is None


def test_a_session_that_makes_way_does_not_count_against_a_limit():
    registry = SessionRegistry(SessionLimits(per_user=1, per_target=1, total=1))
    registry.add(session(ANN, TAKEOVER))
    registry.check(session(ANN, TAKEOVER))
    registry.add(session(BOB, TAKEOVER))


def test_a_session_that_has_made_way_blocks_nobody_while_it_ends():
    registry = SessionRegistry()
    first = registry.add(session(ANN, EXCLUSIVE))
    first.end(SessionEnded())
    registry.check(session(BOB, EXCLUSIVE))
    assert registry.at(place_of(BOB, EXCLUSIVE)) == []


def test_a_refused_takeover_ends_nobody():
    registry = SessionRegistry(SessionLimits(per_user=1))
    first = registry.add(session(ANN, TAKEOVER))
    registry.add(session(BOB, MINE))
    with pytest.raises(LimitExceeded):
        registry.add(session(BOB, TAKEOVER))
    assert first.error is None


def test_one_server_is_one_place_under_every_name_and_a_managed_desktop_its_users_own():
    registry = SessionRegistry()
    here = [registry.add(session(ANN, LAB)), registry.add(session(BOB, replace(LAB, name="watch"), Mode.VIEW))]
    registry.add(session(ANN, DESK))
    assert registry.at(place_of(ROOT, EXCLUSIVE)) == here
    assert registry.at(place_of(BOB, DESK)) == []
    assert [(row["user"], row["mode"], row["you"]) for row in (one.as_seen_by(BOB) for one in here)] == [
        ("ann", "control", False),
        ("bob", "view", True),
    ]


def test_the_owner_of_a_desktop_may_always_change_its_size_and_others_while_the_owner_is_away():
    registry = SessionRegistry()
    mine = Target(name="mine", address=DesktopAddress())
    assert registry.resizing_by(session(ANN, mine)) is None
    guest = registry.add(session(BOB, mine, owner=ANN))
    may_resize = registry.resizing_by(guest)
    assert may_resize()
    owner = registry.add(session(ANN, mine, Mode.VIEW))
    assert not may_resize()
    registry.remove(owner)
    assert may_resize()
    # Another desktop of hers is another desktop.
    registry.add(session(ANN, replace(mine, name="other")))
    assert may_resize()
