"""Who is at a desktop, told to its viewers: everybody in the end, and nobody more than once in a pause."""

import asyncio
from itertools import count

import pytest

from jupyter_vnc.broker.presence import NAMED, Presence
from jupyter_vnc.exceptions import SessionEnded
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

SCREEN = Target(name="screen", address=TCPAddress("lab", 5901), mode=Mode.VIEW)
OTHER = Target(name="other", address=TCPAddress("lab", 5902))


class Watcher(Session):
    """A session whose viewer was told something."""

    def __init__(self, *args):
        super().__init__(*args)
        self.told = []
        self.tell = self.told.append


class Class:
    """People who come to a desktop and leave it, and what their viewers were told."""

    def __init__(self, pause=3600.0):
        self.registry = SessionRegistry(SessionLimits(0, 0, 0))
        self.presence = Presence(self.registry, pause=pause)
        self._numbers = count(1)

    def come(self, name="", mode=Mode.VIEW, target=SCREEN):
        one = Watcher(User(name or f"student{next(self._numbers):03}"), target, mode)
        self.registry.add(one)
        self.presence.changed(one.place)
        return one

    def leave(self, one):
        self.registry.remove(one)
        self.presence.changed(one.place)


@pytest.fixture
def people():
    made = []

    def make(**options):
        made.append(Class(**options))
        return made[-1]

    yield make
    for one in made:
        one.presence.close()


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def test_whoever_is_there_is_told_at_once_who_came(people):
    here = people(pause=0.01)
    ann = here.come("ann", Mode.CONTROL)
    assert [(note["kind"], note["count"]) for note in ann.told] == [("viewers", 1)]
    await until(lambda: not here.presence._pauses)
    bob = here.come("bob")
    for one in (ann, bob):
        rows = [(row["user"], row["mode"], row["you"]) for row in one.told[-1]["viewers"]]
        assert sorted(rows) == [("ann", "control", one is ann), ("bob", "view", one is bob)]
    await until(lambda: not here.presence._pauses)
    here.leave(bob)
    assert [row["user"] for row in ann.told[-1]["viewers"]] == ["ann"]


async def test_a_class_that_comes_at_once_is_told_of_in_one_note_each(people):
    """Sent notes grow with the number of people, not with its square."""
    here = people(pause=0.2)
    sessions = [here.come() for _ in range(100)]
    assert sum(len(one.told) for one in sessions) == 1, "the others wait for the end of the pause"
    await until(lambda: all(one.told and one.told[-1]["count"] == 100 for one in sessions))
    assert sum(len(one.told) for one in sessions) <= 2 * len(sessions)
    here.leave(sessions[0])
    for one in sessions[1:50]:
        here.leave(one)
    await until(lambda: sessions[-1].told[-1]["count"] == 50)
    assert max(len(one.told) for one in sessions) <= 4


async def test_a_note_names_the_readers_own_sessions_then_control_and_counts_the_rest(people):
    here = people(pause=0.05)
    sessions = [here.come() for _ in range(3 * NAMED)]
    ann, prof = here.come("ann"), here.come("prof", Mode.CONTROL)
    again = here.come("ann")
    await until(lambda: again.told)
    note = again.told[-1]
    assert (note["count"], len(note["viewers"])) == (3 * NAMED + 3, NAMED)
    rows = [(row["user"], row["you"]) for row in note["viewers"]]
    assert rows[:4] == [("ann", True), ("ann", True), ("prof", False), ("student001", False)]
    assert ann.told[-1] == note
    assert prof.told[-1]["viewers"][0]["user"] == "prof"
    assert sessions[-1].told[-1]["viewers"][0]["you"]


async def test_desktops_do_not_wait_for_each_other(people):
    here = people()
    here.come("ann")
    assert here.come("bob", target=OTHER).told


async def test_whoever_is_leaving_is_not_told_and_not_named(people):
    here = people(pause=0.01)
    ann, bob = here.come("ann"), here.come("bob")
    bob.end(SessionEnded())
    here.presence.changed(ann.place)
    await until(lambda: not here.presence._pauses)
    assert ann.told[-1]["count"] == 1
    assert not bob.told


async def test_nothing_stays_when_all_have_left(people):
    here = people(pause=0.01)
    here.leave(here.come("ann"))
    await until(lambda: not here.presence._pauses)
    assert not here.presence._changed
