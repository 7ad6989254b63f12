"""What is known of a hub's people: for how long, of how many, and while the hub does not answer."""

import logging

import pytest

from jupyter_vnc.hub import users
from jupyter_vnc.hub.client import NoAnswer
from jupyter_vnc.hub.users import MEMORY, People
from jupyter_vnc.model.users import User


class Hub:
    """Stands for the hub: knows these groups by name, and fails for everybody else."""

    def __init__(self, **groups):
        self.groups = groups
        self.asked = []
        self.time = 1000.0

    async def get(self, path):
        self.asked.append(path)
        name = path.removeprefix("users/")
        if name not in self.groups:
            raise NoAnswer("HTTP 404: Not Found")
        return {"name": name, "groups": self.groups[name]}

    def people(self):
        return People(self, logging.getLogger("tests"), clock=lambda: self.time)


@pytest.fixture
def hub():
    return Hub(ann=["course-a"])


def test_a_user_is_noted_as_the_hub_gave_them(hub):
    assert hub.people().note({"name": "ann"}) == User("ann")
    noted = hub.people().note({"name": "ada", "groups": ["a", "b"], "admin": True})
    assert noted == User("ada", frozenset({"a", "b"}), admin=True)


async def test_an_answer_counts_for_a_minute(hub):
    people = hub.people()
    assert await people.find("ann") == User("ann", frozenset({"course-a"}))
    hub.groups["ann"] = []
    hub.time += MEMORY - 0.1
    assert (await people.find("ann")).groups == {"course-a"}
    hub.time += 0.1
    assert (await people.find("ann")).groups == frozenset()
    assert len(hub.asked) == 2


async def test_of_those_who_came_by_themselves_the_hub_is_not_asked(hub):
    people = hub.people()
    people.note({"name": "bob", "groups": ["course-b"]})
    assert (await people.find("bob")).groups == {"course-b"}
    assert not hub.asked


async def test_that_there_is_nobody_is_asked_each_time(hub, caplog):
    people = hub.people()
    for _ in range(2):
        assert await people.find("a/b") is None
    assert hub.asked == ["users/a%2Fb"] * 2
    assert "The hub does not tell who 'a/b' is: HTTP 404: Not Found" in caplog.text


async def test_a_hub_that_does_not_answer_leaves_what_was_known(hub):
    people = hub.people()
    before = await people.find("ann")
    hub.groups.clear()
    hub.time += 1000 * MEMORY
    assert await people.find("ann") == before


async def test_of_too_many_the_first_noted_are_forgotten(hub, monkeypatch):
    monkeypatch.setattr(users, "MAX_KNOWN", 2)
    people = hub.people()
    for name in ("one", "two", "one", "three"):
        people.note({"name": name})
    assert [await people.find(name) for name in ("one", "two", "three")] == [User("one"), None, User("three")]


@pytest.mark.parametrize("name", [".", "..", "x" * 256])
async def test_for_what_is_nobodys_name_the_hub_is_not_asked(hub, name):
    assert await hub.people().find(name) is None
    assert not hub.asked
