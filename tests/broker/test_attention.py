"""Attention: who holds whose input, for how long, and what those who are held are told."""

import asyncio
import json
import logging

import pytest

from jupyter_vnc.broker.attention import BURST, Attention
from jupyter_vnc.broker.elsewhere import Elsewhere
from jupyter_vnc.broker.hands import Hands
from jupyter_vnc.broker.holds import Holds
from jupyter_vnc.broker.viewer_notes import ViewerNotes
from jupyter_vnc.broker.walls import Walls
from jupyter_vnc.exceptions import LimitExceeded, TargetNotFound, ViewerError
from jupyter_vnc.hub.scopes import ADMIN, Rights
from jupyter_vnc.model.addresses import TCPAddress, UserServerAddress
from jupyter_vnc.model.holds import ATTENTION, CONTROL, LASTS, LONGEST, Hold
from jupyter_vnc.model.remote_sessions import apply, decode, describe, encode
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

ANN, BOB, GUS = User("ann", frozenset({"a"})), User("bob", frozenset({"b"})), User("gus", frozenset({"b"}))
LAB = Target(name="lab", address=TCPAddress("lab", 5901), allow_groups=frozenset({"a", "b"}))
FREE = {"kind": "held", "by": None, "why": None, "text": ""}


class Instructor:
    """Somebody with the scopes of an instructor of a group."""

    def __init__(self, name="ada", group="a"):
        self.user = User(name)
        self.oversees = Rights.parse([f"{ADMIN}!group={group}"]).oversees


ADA, BEA = Instructor(), Instructor("bea", "b")


class Servers(Elsewhere):
    """Ann's own server, with one desktop."""

    def __init__(self):
        self.asked = []
        self.away = False

    def may_hold(self, visitor, owner, server, name):
        return visitor.oversees(ANN, LAB) and (owner, server, name) == ("ann", "", "desk")

    def hold(self, by, owner, server, name, hold, *, on):
        if self.away:
            raise TargetNotFound
        self.asked.append((by.name, owner, server, name, hold.kind, on))


class Service:
    """A service with people at desktops, and a clock."""

    def __init__(self):
        self.now = 1000.0
        self.registry = SessionRegistry(SessionLimits(0, 0, 0))
        log = logging.getLogger("attention")
        self.attention = Attention(self.registry, log)
        self.attention.holds = self.holds = Holds(self.registry, clock=lambda: self.now)
        self.attention.elsewhere = self.servers = Servers()
        self.notes = ViewerNotes(Hands(self.registry), Walls(self.registry, log), self.attention)

    def sit(self, user, *, owner=None, look_in=False, mode=Mode.CONTROL, target=LAB):
        """Somebody opens a desktop; return their session, and what their viewer is told of holds."""
        session = Session(user, target, mode, owner=owner or user, look_in=look_in)
        told = []
        session.tell = lambda note: told.append(note) if note["kind"] == "held" else None
        self.registry.add(session)
        self.notes.came(session)
        return session, told

    def leave(self, session):
        self.registry.remove(session)
        self.notes.left(session)

    def hold(self, visitor, *owners, on=True, server=None, target="lab", text="", again=False):
        desktops = [{"target": target, "owner": owner, "server": server} for owner in owners]
        return self.attention.ask(visitor, desktops, text, on=on, again=again)

    def say(self, session, **message):
        self.notes.heard(session, json.dumps(message))


@pytest.fixture
def service(jp_asyncio_loop):
    made = Service()
    yield made
    made.holds.close()


async def test_those_who_are_shown_are_held_until_it_is_lifted(service, caplog):
    caplog.set_level(logging.INFO)
    ann, told = service.sit(ANN)
    bob, not_told = service.sit(BOB)
    assert service.hold(ADA, "ann", text="Look here.") == {"done": 1, "missed": []}
    assert ann.held == Hold("ada", ATTENTION, "Look here.")
    assert told == [{"kind": "held", "by": "ada", "why": "attention", "text": "Look here."}]
    service.hold(ADA, "ann", text="Look here.", again=True)
    assert len(told) == 1, "nothing is new"
    assert (bob.held, not_told) == (None, [])
    service.hold(ADA, "ann", on=False)
    assert ann.held is None
    assert told[1:] == [FREE]
    assert caplog.messages == [
        "ada holds the input at 1 desktops",
        "ada does not hold the input at 1 desktops any more",
    ]


async def test_the_instructor_of_another_course_and_a_student_hold_nobody(service):
    ann, told = service.sit(ANN)
    answer = service.hold(BEA, "ann", "nobody")
    assert answer["done"] == 0
    assert [row["message"] for row in answer["missed"]] == [
        "ann is not at this desktop now.",
        "nobody is not at this desktop now.",
    ]
    service.hold(ADA, "ann")
    service.hold(BEA, "ann", on=False)
    assert ann.held
    assert service.hold(Instructor("ann"), "ann")["missed"][0]["message"] == "You cannot hold your own input."
    assert len(told) == 1


async def test_a_desktop_is_held_with_guests_and_without_those_who_look_in(service):
    guest, _ = service.sit(GUS, owner=ANN)
    service.sit(ANN)
    looker, told = service.sit(BOB, owner=ANN, look_in=True)
    holder, _ = service.sit(ADA.user, owner=ANN)
    service.hold(ADA, "ann")
    assert guest.held
    assert (looker.held, told, holder.held) == (None, [], None)


async def test_who_loads_the_page_again_is_held_from_the_beginning(service):
    ann, _ = service.sit(ANN)
    service.hold(ADA, "ann", text="Stop.")
    service.leave(ann)
    again, told = service.sit(ANN)
    assert again.held
    assert told == [{"kind": "held", "by": "ada", "why": "attention", "text": "Stop."}]


async def test_a_hold_ends_when_its_page_is_gone(service):
    ann, told = service.sit(ANN)
    service.hold(ADA, "ann")
    service.now += LASTS - 1
    service.holds._settle()
    assert ann.held
    service.hold(ADA, "ann", again=True)
    service.now += LASTS - 1
    service.holds._settle()
    assert ann.held
    service.now += 1
    service.holds._settle()
    assert ann.held is None
    assert told[-1] == FREE
    service.now += LASTS
    service.holds._settle()
    assert service.holds._timer is None, "no timer runs when nobody is held"


async def test_it_ends_by_itself_without_a_word(jp_asyncio_loop):
    registry = SessionRegistry()
    holds = Holds(registry, lasts=0.05)
    ann = registry.add(Session(ANN, LAB, Mode.CONTROL))
    holds.came(ann)
    free = asyncio.Event()
    assert holds.put(("ann", "lab"), Hold("ada", ATTENTION), on=True)
    ann.on_held = free.set
    await asyncio.wait_for(free.wait(), 30)
    assert ann.held is None


async def test_what_is_lifted_leaves_nothing_behind(service):
    service.sit(ANN)
    service.hold(ADA, "ann")
    assert service.holds._timer
    service.hold(ADA, "ann", "nobody", on=False)
    assert (service.holds._leases, service.holds._timer) == ({}, None)


async def test_each_desktop_has_its_own_end(service):
    """Whoever is held later is held longer, and a hold that goes on puts no other one off."""
    (ann, _), (gus, _) = service.sit(ANN), service.sit(ANN, target=Target(name="gpu", address=LAB.address))
    service.hold(ADA, "ann")
    service.now += LASTS / 2
    service.hold(ADA, "ann", target="gpu")
    assert service.holds._next == service.now + LASTS / 2
    service.now += LASTS / 2
    service.holds._settle()
    assert (ann.held, bool(gus.held)) == (None, True)
    assert service.holds._next == service.now + LASTS / 2
    service.now += LASTS / 2
    service.holds._settle()
    assert gus.held is None


async def test_nobody_is_held_for_longer_than_an_hour(service):
    ann, _ = service.sit(ANN)
    for _ in range(LONGEST // 60):
        assert service.holds.put(("ann", "lab"), Hold("ada", ATTENTION), on=True)
        service.now += 60
    assert "an hour" in service.hold(ADA, "ann", again=True)["missed"][0]["message"]
    assert ann.held is None
    service.hold(ADA, "ann", on=False)
    assert service.hold(ADA, "ann")["done"] == 1
    assert ann.held


async def test_two_who_hold_are_lifted_one_by_one(service):
    ann, told = service.sit(ANN)
    cy = Instructor("cy")
    service.hold(ADA, "ann")
    service.now += 1
    service.hold(cy, "ann")
    service.hold(ADA, "ann", on=False)
    assert [note["by"] for note in told] == ["ada", "cy"]
    service.hold(cy, "ann", on=False)
    assert ann.held is None


async def test_whoever_looks_in_and_works_may_have_the_desktop_alone(service):
    ann, told = service.sit(ANN)
    ada, _ = service.sit(ADA.user, owner=ANN, look_in=True)
    service.say(ada, type="alone", on=True)
    assert ann.held == Hold("ada", CONTROL)
    assert ada.held is None
    service.say(ada, type="alone", on=False)
    assert ann.held is None
    service.say(ada, type="alone", on=True)
    service.hold(ADA, "ann")
    service.leave(ada)
    assert ann.held == Hold("ada", ATTENTION), "which is another thing"
    assert [note["why"] for note in told] == ["control", None, "control", "attention"]


@pytest.mark.parametrize(
    ("who", "message"),
    [
        ({"look_in": True, "mode": Mode.VIEW}, {"on": True}),
        ({"look_in": False}, {"on": True}),
        ({"look_in": True}, {"on": 1}),
        ({"look_in": True}, {"on": True, "more": 1}),
    ],
)
async def test_others_cannot(service, who, message):
    ann, _ = service.sit(ANN)
    gus, _ = service.sit(GUS, owner=ANN, **who)
    with pytest.raises(ViewerError):
        service.say(gus, type="alone", **message)
    assert ann.held is None


async def test_desktops_in_other_servers_are_held_there(service):
    assert service.hold(ADA, "ann", server="", target="desk") == {"done": 1, "missed": []}
    assert service.hold(BEA, "ann", server="", target="desk")["done"] == 0
    service.servers.away = True
    assert service.hold(ADA, "ann", server="", target="desk")["done"] == 0
    service.servers.away = False
    there = Target(name="desk", address=UserServerAddress(""))
    ada, _ = service.sit(ADA.user, owner=ANN, look_in=True, target=there)
    service.say(ada, type="alone", on=True)
    service.leave(ada)
    service.servers.away = True
    again, _ = service.sit(ADA.user, owner=ANN, look_in=True, target=there)
    service.say(again, type="alone", on=True)  # and soon again, by its viewer
    here = ("ada", "ann", "", "desk")
    assert service.servers.asked == [
        (*here, "attention", True),
        (*here, "control", True),
        (*here, "control", False),
    ]


def often(count, do):
    """Do something more often than is permitted at once: time goes on meanwhile."""
    for _ in range(count):
        do()


async def test_who_asks_too_often_waits(service):
    for _ in range(BURST):
        service.hold(ADA)
    with pytest.raises(LimitExceeded):
        often(BURST, lambda: service.hold(ADA))


async def test_a_desktop_at_another_process_is_held_there(service):
    """Two processes: what one is asked for reaches the sessions of the other as notices."""
    other = Service()
    ann, told = other.sit(ANN)
    sent = []
    there = decode(encode(describe(ann)), lambda session_id, notice: sent.append((session_id, json.dumps(notice))))
    service.registry.meet([there])

    def arrive():
        for session_id, notice in sent:
            assert session_id == ann.id
            apply(ann, json.loads(notice))
        sent.clear()

    assert service.hold(ADA, "ann", text="Hello.")["done"] == 1
    arrive()
    assert ann.held == Hold("ada", ATTENTION, "Hello.")
    again, _ = other.sit(ANN)
    assert again.held
    service.hold(ADA, "ann", on=False)
    arrive()
    assert (ann.held, again.held) == (None, None)
    assert told[-1] == FREE
    other.holds.close()
