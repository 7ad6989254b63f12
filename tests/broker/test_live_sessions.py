"""What may be done to sessions that run: to one's own, and to those of users whom one oversees."""

import logging
from types import SimpleNamespace

import pytest

from jupyter_vnc.broker.live_sessions import MAX_MESSAGE, LiveSessions
from jupyter_vnc.exceptions import MalformedRequest, NotPermitted, TargetBusy, TargetNotFound
from jupyter_vnc.model.addresses import TCPAddress, UserServerAddress
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.system.logs import one_line

ANN, BOB, TEA = User("ann"), User("bob"), User("tea")
LAB = Target(name="lab", address=TCPAddress("127.0.0.1", 5901))


class Looking:
    """A visitor and the names of whom they oversee."""

    def __init__(self, user, *wards):
        self.user = user
        self._wards = wards

    def oversees(self, person, target):
        return person.name in self._wards


class Machines:
    """Everybody's machine of a pool; ``done`` is what was asked for."""

    def __init__(self):
        self.done = []

    def of(self, target):
        return self

    def keep(self, target, owner):
        self.done.append(("keep", owner.name))

    def release(self, target, owner, why):
        self.done.append(("release", owner.name, str(why.told_to(owner))))


@pytest.fixture
def machines():
    return Machines()


@pytest.fixture
def registry():
    return SessionRegistry()


@pytest.fixture
def live(registry, machines):
    async def find(visitor, name, owner=""):
        return SimpleNamespace(target=LAB, owner=User(owner) if owner else visitor.user)

    return LiveSessions(registry, SimpleNamespace(find=find), machines, one_line(logging.getLogger("test")))


@pytest.fixture
def session(registry):
    """Return what adds a session, with the notes that its viewer has shown."""

    def add(user=ANN, target=LAB, machine="", *, shows=True):
        one = registry.add(Session(user, target, Mode.CONTROL, machine=machine))
        notes = []
        one.tell = notes.append if shows else None
        return one, notes

    return add


async def test_whose_sessions_are_listed(live, session):
    mine, _ = session()
    assert [row["id"] for row in live.rows(Looking(ANN))] == [mine.id]
    assert live.rows(Looking(BOB)) == []
    assert [row["you"] for row in await live.viewers(Looking(BOB), "lab")] == [False]


def test_whose_sessions_are_ended(live, session):
    one, _ = session()
    with pytest.raises(TargetNotFound):
        live.end(one.id, Looking(BOB))
    live.end(one.id, Looking(TEA, "ann"))
    assert "tea" in str(one.error)


def test_a_guest_who_is_none_any_more_has_no_session_left(live, session):
    (first, _), (second, _), (other, _) = session(), session(shows=False), session(BOB)
    live.dismiss("ann")
    assert [type(one.error) for one in (first, second)] == [NotPermitted] * 2
    assert other.error is None


async def test_whose_machine_is_kept(live, machines):
    await live.keep(Looking(ANN), "lab")
    assert machines.done == [("keep", "ann")]


async def test_nobody_keeps_the_machine_of_another(registry, machines):
    async def find(visitor, name):
        return SimpleNamespace(target=LAB, owner=BOB)

    live = LiveSessions(registry, SimpleNamespace(find=find), machines, None)
    with pytest.raises(TargetNotFound):
        await live.keep(Looking(ANN), "lab")
    assert machines.done == []


@pytest.mark.parametrize(
    ("visitor", "owner", "said"),
    [
        (Looking(ANN), "", "ann gave back their machine or place at lab"),
        (Looking(TEA, "ann"), "ann", "tea took back the machine or place of ann at lab"),
    ],
)
async def test_whose_machine_is_given_back(live, machines, caplog, visitor, owner, said):
    caplog.set_level(logging.INFO)
    await live.release(visitor, "lab", owner)
    assert [done[:2] for done in machines.done] == [("release", "ann")]
    assert said in caplog.text


async def test_nobody_gives_back_the_machine_of_another(live, machines):
    with pytest.raises(TargetNotFound):
        await live.release(Looking(BOB), "lab", "ann")
    assert machines.done == []


def test_a_message_is_shown_with_its_sender(live, session):
    one, notes = session()
    live.send_message(Looking(TEA, "ann"), one.id, "  Save your work. ")
    assert notes == [{"kind": "message", "text": "Save your work.", "sender": "tea"}]


@pytest.mark.parametrize("text", ["", " ", "x" * (MAX_MESSAGE + 1), 7, None])
def test_what_is_no_message(live, session, text):
    one, notes = session()
    with pytest.raises(MalformedRequest):
        live.send_message(Looking(ANN), one.id, text)
    assert notes == []


def test_who_is_sent_no_message(live, session):
    mute, _ = session(shows=False)
    with pytest.raises(TargetNotFound):
        live.send_message(Looking(BOB), mute.id, "Hello")
    with pytest.raises(TargetBusy):
        live.send_message(Looking(ANN), mute.id, "Hello")


@pytest.mark.parametrize(("machine", "told"), [("", [1, 1, 0]), ("m1", [1, 0, 0])])
def test_who_is_told_of_maintenance(live, session, machine, told):
    other = Target(name="other", address=TCPAddress("127.0.0.1", 5902))
    notes = [session(ANN, LAB, "m1")[1], session(BOB, LAB, "m2")[1], session(TEA, other, "m1")[1]]
    namesake = session(ANN, Target(name="lab", address=UserServerAddress("")), "m1")[1]
    live.maintain(("lab", machine), True, "root")
    assert [len(shown) for shown in notes] == told
    assert "goes into maintenance" in notes[0][0]["text"]
    assert namesake == [], "a desktop in a user's server is in no maintenance"
    live.maintain(("lab", machine), False, "root")
    assert notes[0][-1] == {"kind": "message", "text": "The maintenance of this machine is over.", "sender": "root"}
