"""One service of several processes: the sessions of the others count, are shown, and are told of."""

import logging
from types import SimpleNamespace

import pytest

from jupyter_vnc.broker.access.pool import PoolAccess
from jupyter_vnc.broker.course_room import Room
from jupyter_vnc.broker.elsewhere import Elsewhere
from jupyter_vnc.broker.hands import Hands, is_own
from jupyter_vnc.broker.live_sessions import LiveSessions
from jupyter_vnc.broker.presence import Presence
from jupyter_vnc.exceptions import LimitExceeded, TargetBusy, TargetNotFound
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.model.causes import given_back
from jupyter_vnc.model.remote_sessions import apply, decode, describe, encode
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Sharing, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.pools.manager import PoolManager

LOG = logging.getLogger("tests.sessions")
ANN, BOB, ADA = User("ann"), User("bob"), User("ada")
LAB = Target(name="lab", address=TCPAddress("lab", 5901))
EXCLUSIVE = Target(name="lab", address=TCPAddress("lab", 5901), sharing=Sharing.EXCLUSIVE)
POOL = Target(name="pool", address=PoolAddress((PoolMachine("m1", TCPAddress("m1", 5901)),)))


class Overseer:
    """Ada, who oversees everybody."""

    user = ADA

    def oversees(self, person, target):
        return True


class Process:
    """One process: its registry, and what it has sent to others."""

    def __init__(self, **limits):
        self.registry = SessionRegistry(SessionLimits(**limits))
        self.sent = []

    def sit(self, user, target=LAB, mode=Mode.CONTROL, **more):
        session = Session(user, target, mode, **more)
        session.tell = (told := []).append
        self.registry.add(session)
        return session, told

    def hear(self, *others):
        """Take what another process tells of its sessions, and do there what is sent."""

        def send(session_id, notice):
            self.sent.append(notice)
            apply(next(one for other in others for one in other.registry if one.id == session_id), notice)

        told = [encode(describe(one)) for other in others for one in other.registry]
        self.registry.meet([decode(one, send) for one in told])


@pytest.fixture
def two():
    return Process(per_user=2, per_target=3, total=4), Process(per_user=2, per_target=3, total=4)


def other(target, port):
    return Target(name=f"{target.name}{port}", address=TCPAddress("lab", port))


def test_each_limit_counts_all(two):
    here, there = two
    there.sit(ANN)
    there.sit(ANN, other(LAB, 2))
    here.hear(there)
    with pytest.raises(LimitExceeded, match="You have 2 open desktops"):
        here.sit(ANN, other(LAB, 3))
    there.sit(BOB)
    here.hear(there)
    here.sit(User("cat"))
    with pytest.raises(LimitExceeded, match="The server has 4 open desktops"):
        here.sit(User("dan"), other(LAB, 4))
    here.registry.limits = SessionLimits(0, 3, 0)
    with pytest.raises(LimitExceeded, match="This desktop has 3 viewers"):
        here.sit(User("dan"))
    there.registry.remove(next(iter(there.registry)))
    here.hear(there)
    here.sit(User("dan"))


def test_only_its_own_take_the_files_of_a_process():
    counts = []
    here = Process()
    here.registry = SessionRegistry(refusal=counts.append)
    there = Process()
    there.sit(ANN)
    here.hear(there)
    here.sit(BOB)
    assert counts == [0]


def test_somebody_in_control_at_another_process_makes_way_for_whoever_takes_over(two):
    here, there = two
    ann, _ = there.sit(ANN, EXCLUSIVE)
    here.hear(there)
    with pytest.raises(TargetBusy, match="ann is using this desktop"):
        here.sit(BOB, EXCLUSIVE)
    here.sit(BOB, EXCLUSIVE, takeover=True)
    assert (type(ann.error), str(ann.error)) == (TargetBusy, "bob is using it now.")


def live_of(process):
    async def find(visitor, name, owner=""):
        return SimpleNamespace(target=LAB, owner=ANN)

    return LiveSessions(process.registry, SimpleNamespace(find=find), None, LOG)


async def test_sessions_are_listed_told_and_ended_wherever_they_are(two):
    here, there = two
    ann, told = there.sit(ANN)
    here.hear(there)
    live = live_of(here)
    assert [row["id"] for row in live.rows(Overseer())] == [ann.id]
    assert [row["user"] for row in await live.viewers(Overseer(), "lab")] == ["ann"]
    live.send_message(Overseer(), ann.id, "hello")
    assert told == [{"kind": "message", "text": "hello", "sender": "ada"}]
    live.end(ann.id, Overseer())
    assert str(ann.error) == "ada ended this session."
    assert await live.viewers(Overseer(), "lab") == []
    ann.tell = None
    here.hear(there)
    with pytest.raises(TargetNotFound):
        live.end("another", Overseer())


async def test_the_room_has_the_sessions_of_all(two):
    here, there = two
    there.sit(ANN)
    here.sit(BOB, other(LAB, 2))
    here.hear(there)

    async def nothing(*_):
        return {}

    room = Room(here.registry, SimpleNamespace(visible=nothing), None)
    visitor = Overseer()
    visitor.people = nothing
    room.elsewhere = Elsewhere()
    assert {row["user"] for row in (await room.rows(visitor))["sessions"]} == {"ann", "bob"}


async def test_viewers_are_told_who_comes_and_leaves_elsewhere(two):
    here, there = two
    presence = Presence(here.registry, pause=3600)
    here.registry.on_meet = presence.changed
    _, told = here.sit(BOB)
    ann, not_told = there.sit(ANN)
    here.hear(there)
    (note,) = told
    assert (note["count"], [row["user"] for row in note["viewers"]]) == (2, ["bob", "ann"])
    assert not_told == here.sent == []
    here.hear(there)
    there.registry.remove(ann)
    presence.close()
    here.hear(there)
    assert [note["count"] for note in told] == [2, 1]
    presence.close()
    there.sit(ANN, other(LAB, 2))
    here.hear(there)
    assert (len(told), presence._pauses) == (2, {}), "nobody of this process is there"
    presence.close()


def test_a_hand_is_one_hand_of_all_viewers_and_goes_down_when_somebody_looks(two):
    here, there = two
    hands = Hands(here.registry)
    hands.seen = is_own
    mine, _ = here.sit(ANN)
    also, told = there.sit(ANN)
    here.hear(there)
    hands.heard(mine, '{"type": "hand", "up": true}')
    assert also.hand == mine.hand is not None
    assert told[-1]["since"] == also.hand.isoformat()
    hands.heard(mine, '{"type": "hand", "up": true, "sentence": "It does not start."}')
    here.hear(there)
    assert also.hand_sentence == mine.hand_sentence == "It does not start."
    assert {one.public()["hand_sentence"] for one in here.registry} == {"It does not start."}
    ada, _ = here.sit(ADA, mode=Mode.VIEW, owner=ANN, look_in=True)
    hands.seated(ada)
    assert (mine.hand, also.hand) == (None, None)
    assert (mine.hand_sentence, also.hand_sentence) == ("", "")
    assert told[-1]["since"] is None


async def test_who_takes_a_machine_back_ends_the_sessions_there_wherever_they_are(two):
    here, there = two
    manager = PoolManager()
    access = PoolAccess(manager, None, here.registry, LOG)
    access.found(POOL)
    await manager.lease("ann", "pool")
    ann, _ = there.sit(ANN, POOL)
    here.hear(there)
    access.release(POOL, ANN, given_back(ADA, ANN))
    assert str(ann.error) == "ada took the machine back."
    await manager.close()


def test_there_is_news_for_others_whenever_somebody_comes_or_leaves_or_raises_a_hand(two):
    here, _ = two
    news = []
    here.registry.on_change = lambda: news.append(len(here.registry))
    ann, _ = here.sit(ANN)
    hands = Hands(here.registry)
    hands.seen = is_own
    hands.heard(ann, '{"type": "hand", "up": true}')
    hands.heard(ann, '{"type": "hand", "up": true}')
    here.registry.remove(ann)
    here.registry.remove(ann)
    assert news == [1, 1, 0]
