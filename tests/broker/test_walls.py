"""The wall: whose viewers are asked for pictures, what they may send, and who sees it."""

import asyncio
import json
import logging
from types import MappingProxyType

import pytest

from jupyter_vnc.broker.attention import Attention
from jupyter_vnc.broker.audit import Audit
from jupyter_vnc.broker.hands import Hands
from jupyter_vnc.broker.limits import BrokerLimits
from jupyter_vnc.broker.viewer_notes import LONGEST, ViewerNotes
from jupyter_vnc.broker.walls import AGAIN, ASKS_AT_ONCE, BURST, EVERY, MOST, Walls
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import LimitExceeded, SessionEnded, ViewerError
from jupyter_vnc.hub.scopes import ADMIN, Rights
from jupyter_vnc.model.addresses import TCPAddress, UserServerAddress
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Sharing, Target
from jupyter_vnc.model.users import User
from tests.webp import PICTURE, text, webp

ANN, AMY, BOB = User("ann", frozenset({"a"})), User("amy", frozenset({"a"})), User("bob", frozenset({"b"}))
ADA, BEA = User("ada"), User("bea")
LAB = Target(name="lab", address=TCPAddress("lab", 5901), allow_groups=frozenset({"a", "b"}))
OPEN_TO_ALL = Target(name="all", address=TCPAddress("lab", 5902))
ON, OFF = {"kind": "wall", "every": EVERY}, {"kind": "wall", "every": 0}


class Instructor:
    """Somebody with the scopes of an instructor."""

    def __init__(self, user, scope):
        self.user = user
        self.oversees = Rights.parse([scope]).oversees


def ada(name="ada"):
    return Instructor(User(name), f"{ADMIN}!group=a")


BEAS = Instructor(BEA, f"{ADMIN}!group=b")
ROOT = Instructor(User("root"), ADMIN)


class Service:
    """A service with people at desktops."""

    def __init__(self, **more):
        self.registry = SessionRegistry(SessionLimits(0, 0, 0))
        self.walls = Walls(self.registry, logging.getLogger("walls"), **{"duration": 3600.0} | more)
        self.notes = ViewerNotes(Hands(self.registry), self.walls, Attention(self.registry, logging.getLogger("walls")))

    def sit(self, user, target=LAB, *, owner=None, look_in=False, notes=True):
        """Somebody opens a desktop; return their session, and what their viewer is told."""
        session = Session(user, target, Mode.VIEW if look_in else Mode.CONTROL, owner=owner or user, look_in=look_in)
        told = []
        session.tell = told.append if notes else None
        self.registry.add(session)
        self.notes.came(session)
        return session, told

    def send(self, session, picture=PICTURE):
        self.notes.heard(session, json.dumps({"type": "picture", "data": picture}))


@pytest.fixture
def service(jp_asyncio_loop):
    made = []

    def make(**more):
        made.append(Service(**more))
        return made[-1]

    yield make
    for one in made:
        one.walls.close()


def often(count, do):
    """Do something more often than is permitted at once: time goes on meanwhile."""
    for _ in range(count):
        do()


def seen(service, visitor, stamps=MappingProxyType({})):
    return [(row["session"], row["data"]) for row in service.walls.watch(visitor, stamps)["pictures"]]


async def test_nobody_is_asked_and_nothing_is_kept_while_no_wall_is_open(service):
    service = service()
    ann, told = service.sit(ANN)
    assert told == []
    service.send(ann)
    assert ann.wall_picture is None
    assert service.walls._closing is None, "no timer runs"


async def test_a_wall_asks_those_whom_it_shows_and_shows_what_they_send(service):
    service = service()
    ann, told = service.sit(ANN)
    bob, not_told = service.sit(BOB)
    assert seen(service, ada()) == []
    assert (told, not_told) == ([ON], [])
    service.send(ann)
    service.send(bob)
    assert seen(service, ada()) == [(ann.id, PICTURE)]
    assert told == [ON], "once"
    late, told = service.sit(AMY)
    assert told == [ON]
    answer = service.walls.watch(ada(), {})
    service.send(late, other := text(webp(200, 100)))
    assert seen(service, ada(), {service.walls.process: answer["stamp"]}) == [(late.id, other)]
    assert {one for one, _ in seen(service, ada())} == {ann.id, late.id}


async def test_the_instructor_of_another_course_sees_none_of_it(service):
    service = service()
    ann, _ = service.sit(ANN)
    service.walls.watch(ada(), {})
    service.send(ann)
    assert seen(service, BEAS) == []
    assert seen(service, ROOT) == [(ann.id, PICTURE)]


async def test_only_people_at_their_own_desktops_are_asked_where_the_target_permits_it(service):
    service = service()
    own = {"wall": True}
    there = [
        service.sit(ANN, OPEN_TO_ALL),
        service.sit(ANN, Target(name="off", address=LAB.address, allow_groups=LAB.allow_groups, wall=False)),
        service.sit(ADA, LAB, owner=ANN, look_in=True),
        service.sit(AMY, LAB, owner=ANN),
        service.sit(ANN, Target(name="desk", address=UserServerAddress(""), **own)),
        service.sit(ANN, notes=False),
    ]
    _, told = service.sit(ANN, Target(name="on", address=TCPAddress("lab", 1), **own))
    service.walls.watch(ROOT, {})
    assert [said for _, said in there] == [[]] * len(there)
    assert told == [ON]
    assert not any(session.walled for session, _ in there)


async def test_what_is_usual_on_a_server_is_an_option(service):
    for usual, target, expected in ((True, OPEN_TO_ALL, [ON]), (False, LAB, []), (None, LAB, [ON])):
        one = service(usual=usual)
        _, told = one.sit(ANN, target)
        one.walls.watch(ROOT, {})
        assert told == expected


async def test_a_wall_that_nobody_asks_for_any_more_is_closed_and_its_pictures_are_gone(service):
    service = service(duration=0.05)
    ann, told = service.sit(ANN)
    service.walls.watch(ada(), {})
    service.send(ann)
    async with asyncio.timeout(20):
        while service.walls._closing is not None:
            await asyncio.sleep(0.01)
    assert told == [ON, OFF]
    assert ann.wall_picture is None
    service.send(ann)
    assert ann.wall_picture is None, "it was under way when the wall was closed"


async def test_one_wall_of_two_goes_on(service):
    service = service(duration=3600)
    _, told = service.sit(ANN)
    _, of_bob = service.sit(BOB)
    service.walls.watch(ada(), {})
    service.walls.watch(BEAS, {})
    service.walls._watchers["bea"].until = 0
    service.walls._close_old()
    assert (told, of_bob) == ([ON], [ON, OFF])
    assert service.walls._closing is not None


@pytest.mark.parametrize(
    "message",
    [
        {"type": "picture"},
        {"type": "picture", "data": None},
        {"type": "picture", "data": "x"},
        {"type": "picture", "data": PICTURE, "session": "0" * 16},
        {"type": "picture", "data": text(webp(321))},
        {"type": "picture", "data": text(webp(body=bytes(24 * 1024)))},
        {"type": "picture", "data": PICTURE + " " * LONGEST},
        {"type": "pictures", "data": PICTURE},
        [PICTURE],
    ],
)
async def test_anything_else_ends_the_session(service, message):
    service = service()
    ann, _ = service.sit(ANN)
    service.walls.watch(ada(), {})
    with pytest.raises(ViewerError) as caught:
        service.notes.heard(ann, json.dumps(message))
    assert caught.value.close_code is CloseCode.VIEWER_PROTOCOL
    assert ann.wall_picture is None


async def test_more_often_than_that_ends_the_session_and_nobody_elses(service):
    service = service()
    ann, _ = service.sit(ANN)
    amy, _ = service.sit(AMY)
    service.walls.watch(ada(), {})
    with pytest.raises(LimitExceeded):
        often(5 * BURST, lambda: service.send(ann))
    service.send(amy)
    assert amy.wall_picture is not None


async def test_what_comes_after_the_end_of_a_session_is_nothing_and_a_hand_still_is_one(service):
    service = service()
    ann, _ = service.sit(ANN)
    amy, _ = service.sit(AMY)
    service.notes._hands.seen = lambda session: True
    service.notes.heard(amy, '{"type": "hand", "up": true}')
    assert amy.hand is not None
    service.walls.watch(ada(), {})
    ann.end(SessionEnded())
    service.send(ann)
    service.notes.heard(ann, "nonsense")
    assert ann.wall_picture is None


async def test_an_answer_is_bounded_and_the_next_one_has_the_rest(service, monkeypatch):
    monkeypatch.setattr("jupyter_vnc.broker.walls.LONGEST_ANSWER", 2 * len(PICTURE))
    service = service()
    sessions = [service.sit(User(f"s{nth}", frozenset({"a"})))[0] for nth in range(5)]
    service.walls.watch(ada(), {})
    for session in sessions:
        service.send(session)
    found, answer = [], {"process": "", "stamp": 0, "more": True}
    while answer["more"]:
        answer = service.walls.watch(ada(), {answer["process"]: answer["stamp"]})
        assert len(answer["pictures"]) <= 2
        found += [row["session"] for row in answer["pictures"]]
    assert found == [session.id for session in sessions]


async def test_stamps_of_another_process_keep_no_picture_back(service):
    """Also one that was started anew, or later: each counts by itself."""
    one, other = service(), service()
    first, _ = one.sit(ANN)
    second, _ = other.sit(AMY)
    stamps = {}
    for walls, session in ((one, first), (other, second)):
        walls.walls.watch(ada(), {})
        walls.send(session)
    for walls, session in ((other, second), (one, first)):
        answer = walls.walls.watch(ada(), stamps)
        assert [row["session"] for row in answer["pictures"]] == [session.id]
        stamps[answer["process"]] = answer["stamp"]
    assert len(stamps) == 2
    assert not any(seen(walls, ada(), stamps) for walls in (one, other))


async def test_questions_do_not_have_it_worked_out_each_time_who_is_asked(service):
    now = [1000.0]
    service = service(clock=lambda: now[0])
    _, told = service.sit(ANN)
    shown = []
    service.walls.elsewhere.show = shown.append
    for _ in range(9):
        service.walls.watch(ada(), {})
    assert (len(shown), told) == (1, [ON])
    service.walls.watch(BEAS, {})
    assert len(shown) == 2, "another instructor may see others"
    now[0] += AGAIN
    service.walls.watch(Instructor(ADA, f"{ADMIN}!group=b"), {})
    service.walls._watchers["bea"].until = 0
    assert (len(shown), told) == (3, [ON, OFF]), "rights that have changed are noticed"


def test_what_a_browser_may_send_has_room_for_the_longest_picture():
    assert BrokerLimits.class_traits()["max_message"].min >= LONGEST


async def test_who_asks_too_often_is_refused_and_so_is_one_wall_too_many(service):
    service = service()
    with pytest.raises(LimitExceeded) as refusal:
        often(5 * ASKS_AT_ONCE, lambda: service.walls.watch(ada(), {}))
    assert refusal.value.retry_after > 0
    for nth in range(MOST - 1):
        service.walls.watch(ada(f"i{nth}"), {})
    with pytest.raises(LimitExceeded):
        service.walls.watch(BEAS, {})
    assert service.walls.watch(ada("i0"), {})


async def test_the_log_says_who_opens_a_wall_once(service, caplog):
    caplog.set_level(logging.INFO, "walls")
    service = service()
    for _ in range(3):
        service.walls.watch(ada(), {})
    assert [record.getMessage() for record in caplog.records] == ["ada opens the wall of the course room"]


async def test_a_session_that_was_replaced_leaves_no_picture_and_takes_none(service):
    service = service()
    desk = Target(name="desk", address=LAB.address, allow_groups=LAB.allow_groups, sharing=Sharing.TAKEOVER)
    first, _ = service.sit(ANN, desk)
    service.walls.watch(ada(), {})
    service.send(first)
    second, _ = service.sit(ANN, desk)
    assert second.replaced == (first,)
    Audit(logging.getLogger("walls")).opened(second)
    assert second.replaced == ()
    service.registry.remove(first)
    service.send(first)
    assert (first.walled, first.wall_picture) == (False, None)
