"""The live list where several processes serve the same users: all count, and come and go."""

from dataclasses import replace

import pytest

from jupyter_vnc.exceptions import LimitExceeded, SessionEnded
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.remote_sessions import decode, describe, encode
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Sharing, Target
from jupyter_vnc.model.users import User

LAB = Target(name="lab", address=TCPAddress("lab", 5901))


def remote(user):
    session = Session(User(user), LAB, Mode.CONTROL)
    return decode(encode(describe(session)), lambda *notice: None)


def test_the_list_is_of_this_process_and_everybody_is_of_all():
    registry = SessionRegistry()
    ann, bob = registry.add(Session(User("ann"), LAB, Mode.CONTROL)), remote("bob")
    registry.meet([bob])
    assert ([*registry], len(registry), registry.everybody()) == ([ann], 1, (ann, bob))
    assert registry.at(ann.place) == [ann, bob]


def test_a_desktop_is_named_when_somebody_comes_or_leaves_and_not_when_nothing_changes():
    registry, named = SessionRegistry(), []
    registry.meet([remote("ann")])
    registry.on_meet = named.append
    bob = remote("bob")
    for others in ([bob], [bob], [], []):
        registry.meet(others)
    assert named == [bob.place] * 2
    bob.end(SessionEnded("over"))
    registry.meet([bob])
    assert len(named) == 2


async def test_a_registry_alone_admits_by_its_own_rules():
    registry = SessionRegistry(SessionLimits(total=1))
    await registry.admit(Session(User("ann"), LAB, Mode.CONTROL))
    with pytest.raises(LimitExceeded):
        await registry.admit(Session(User("bob"), LAB, Mode.CONTROL))
    assert len(registry) == 1


def told(session):
    return decode(encode(describe(session)), lambda *notice: None)


@pytest.mark.parametrize("sharing", [Sharing.EXCLUSIVE, Sharing.TAKEOVER])
def test_after_a_while_away_the_desktop_is_theirs_to_whom_others_have_given_it(sharing):
    registry, alone = SessionRegistry(), Target(name="one", address=TCPAddress("one", 5901), sharing=sharing)
    ann, watcher, elsewhere = (
        registry.add(Session(User(name), target, mode))
        for name, target, mode in (("ann", alone, Mode.CONTROL), ("eve", alone, Mode.VIEW), ("eve", LAB, Mode.CONTROL))
    )
    bob, viewer = told(Session(User("bob"), alone, Mode.CONTROL)), told(Session(User("dee"), alone, Mode.VIEW))
    registry.meet([viewer, remote("dee")])
    registry.yield_places()
    assert ann.error is None
    registry.meet([viewer, bob])
    registry.yield_places()
    assert [str(one.error) for one in (ann, watcher, elsewhere, bob)] == [
        "bob is using it now.",
        "None",
        "None",
        "None",
    ]


def test_who_came_to_somebody_at_another_process_does_not_make_way_for_them():
    """Their desktop may have been exclusive then, and shared when the other came."""
    registry = SessionRegistry()
    one = Target(name="one", address=TCPAddress("one", 5901), sharing=Sharing.EXCLUSIVE)
    ann = told(Session(User("ann"), one, Mode.CONTROL))
    bob = registry.add(Session(User("bob"), replace(one, sharing=Sharing.SHARED), Mode.CONTROL))
    registry.meet([ann])
    registry.yield_places()
    assert bob.error is None


def test_who_was_ended_here_keeps_nobody_from_their_desktop():
    registry, alone = SessionRegistry(), Target(name="one", address=TCPAddress("one", 5901), sharing=Sharing.TAKEOVER)
    bob = told(Session(User("bob"), alone, Mode.CONTROL))
    registry.meet([bob])
    ann = registry.add(Session(User("ann"), alone, Mode.CONTROL))
    registry.yield_places()
    assert (str(bob.error), ann.error) == ("ann is using it now.", None)
