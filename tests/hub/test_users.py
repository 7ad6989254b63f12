"""What is known of a hub's people: for how long, of how many, and while the hub does not answer."""

import logging
from urllib.parse import parse_qs

import pytest

from jupyter_vnc.hub import users
from jupyter_vnc.hub.client import NoAnswer
from jupyter_vnc.hub.scopes import ADMIN, VIEW, Rights
from jupyter_vnc.hub.users import MEMORY, People
from jupyter_vnc.model.users import User


class Hub:
    """Stands for the hub: knows these groups by name, and fails for everybody else."""

    #: What it says to whoever lists its groups; None for nothing.
    refusal = None
    #: Groups in one of its answers.
    page = 2

    def __init__(self, **groups):
        self.groups = groups
        self.asked = []
        self.time = 1000.0

    def _list(self, query):
        if self.refusal:
            raise self.refusal
        names = sorted({group for groups in self.groups.values() for group in groups})
        offset = int(parse_qs(query)["offset"][0])
        items = [
            {"name": name, "users": [user for user, groups in self.groups.items() if name in groups]}
            for name in names[offset : offset + self.page]
        ]
        after = offset + self.page
        return {"items": items, "_pagination": {"next": {"offset": after} if after < len(names) else None}}

    async def get(self, path):
        self.asked.append(path)
        if path.startswith("groups?"):
            return self._list(path.removeprefix("groups?"))
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


CROWD = {f"student{number:03}": ["course-a", f"team-{number % 5}"] for number in range(200)}


async def test_for_two_hundred_people_who_are_away_the_hub_is_asked_for_its_groups(hub):
    hub.groups = CROWD | {"ann": ["course-b"], "nora": []}
    people = hub.people()
    found = await people.find_all([*CROWD, "nora"])
    assert {name: user.groups for name, user in found.items()} == {
        name: set(groups) for name, groups in (CROWD | {"nora": []}).items()
    }
    assert hub.asked == [f"groups?offset={offset}&limit=200" for offset in (0, 2, 4, 6)], "a page has two of seven"
    await people.find_all(CROWD)
    assert (await people.find("student007")).groups == {"course-a", "team-2"}
    assert len(hub.asked) == 4


async def test_of_a_few_people_each_is_asked_for(hub):
    people = hub.people()
    assert set(await people.find_all(["ann", "nobody"])) == {"ann"}
    assert sorted(hub.asked) == ["users/ann", "users/nobody"]


async def test_a_hub_that_does_not_list_its_groups_is_asked_for_each_and_that_is_logged_once(hub, caplog):
    hub.groups, hub.refusal = CROWD, NoAnswer("HTTP 403: Forbidden", status=403)
    people = hub.people()
    for _ in range(3):
        assert set(await people.find_all(CROWD)) == set(CROWD)
        hub.time += MEMORY
    assert caplog.text.count("The hub does not tell who is in which group: HTTP 403: Forbidden") == 1
    assert sum(path.startswith("users/") for path in hub.asked) == 3 * len(CROWD)


async def test_a_hub_that_is_away_is_asked_once_and_leaves_what_was_known(hub, caplog):
    hub.groups = CROWD
    people = hub.people()
    before = await people.find_all(CROWD)
    hub.time += 10 * MEMORY
    hub.refusal = NoAnswer("Connection refused")
    hub.asked.clear()
    for _ in range(3):
        assert await people.find_all(CROWD) == before
    assert [path.partition("?")[0] for path in hub.asked] == ["groups"] * 3
    hub.refusal = None
    await people.find_all(CROWD)
    assert caplog.text.count("The hub does not tell who is in which group") == 1


async def test_the_members_of_a_course_are_asked_for_once_a_minute(hub):
    hub.groups = CROWD | {"ann": ["course-b"], "bob": ["course-b", "course-c"], "zoe": []}
    people = hub.people()
    assert await people.members({"course-b"}) == {"ann", "bob"}
    assert await people.members({"course-b", "course-a"}) == {"ann", "bob", *CROWD}
    assert await people.members({"none"}) == frozenset()
    asked = len(hub.asked)
    hub.time += MEMORY
    del hub.groups["ann"]
    assert await people.members({"course-b"}) == {"bob"}
    assert len(hub.asked) == 2 * asked


def test_the_groups_of_an_instructor_are_those_that_their_scopes_name():
    scopes = [
        f"{ADMIN}!group=course-a",
        f"{ADMIN}!group=course-b",
        f"{VIEW}!group=course-c",
        f"{ADMIN}!user=ann",
        ADMIN,
    ]
    assert Rights.parse(scopes).overseen_groups == {"course-a", "course-b"}


async def test_whose_scopes_name_no_group_has_no_members_and_the_hub_is_not_asked(hub):
    assert await hub.people().members(frozenset()) == frozenset()
    assert not hub.asked


@pytest.mark.parametrize("refused", [True, False])
async def test_a_hub_that_does_not_tell_who_is_in_a_course_is_said_once(hub, caplog, refused):
    hub.refusal = NoAnswer("HTTP 403: Forbidden", status=403 if refused else 0)
    people = hub.people()
    for _ in range(3):
        assert await people.members({"course-a"}) == frozenset()
    assert caplog.text.count("The hub does not tell who is in which group: HTTP 403: Forbidden") == 1


GARBAGE = [
    {},
    {"name": None, "groups": 1},
    {"name": "eve", "groups": "course-a"},
    {"name": "ann", "groups": [None, ["x"]]},
    {"items": None, "_pagination": None},
    {"items": [{"name": "a", "users": 5}], "_pagination": {"next": None}},
    {"items": [7], "_pagination": {"next": None}},
    {"items": [], "_pagination": {"next": {"offset": "0&token=x"}}},
]


@pytest.mark.parametrize("answer", GARBAGE, ids=str)
async def test_a_hub_that_answers_something_else_leaves_what_was_known(hub, caplog, monkeypatch, answer):
    people = hub.people()
    known = people.note({"name": "ann", "groups": ["course-a"]})
    hub.time += 10 * MEMORY

    async def get(path):
        return answer

    monkeypatch.setattr(hub, "get", get)
    assert await people.find("ann") == known
    assert await people.find("nobody") is None
    assert await people.find_all(["ann", *map(str, range(5))]) == {"ann": known}
    assert "Traceback" not in caplog.text
