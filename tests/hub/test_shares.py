"""What is known of shares: the hub's answer for half a minute, and what was known while it does not answer."""

import logging

import pytest

from jupyter_vnc.hub.client import NoAnswer
from jupyter_vnc.hub.shares import MEMORY, Shares

VIEW, CONTROL = ("custom:jupyter-vnc:view!server=ann/", "custom:jupyter-vnc:control!server=ann/")


class Hub:
    """Stands for the hub: answers with what it is given, or fails."""

    def __init__(self, *rows):
        self.rows = list(rows)
        self.asked = []
        self.time = 1000.0

    async def get(self, path):
        self.asked.append(path)
        if self.rows is None:
            raise NoAnswer("no hub")
        return {"items": list(self.rows)}

    def shares(self, owner="ann", server="", **options):
        return Shares(self, owner, server, logging.getLogger("tests"), clock=lambda: self.time, **options)


def row(kind, name, scope):
    return {"kind": kind, "user": None, "group": None, kind: {"name": name}, "scopes": [scope]}


@pytest.fixture
def hub():
    return Hub(row("user", "gus", VIEW), row("group", "friends", CONTROL))


async def test_a_user_has_what_is_shared_with_him_and_with_his_groups(hub):
    shares = hub.shares()
    assert await shares.scopes_of("gus", []) == {VIEW}
    assert await shares.scopes_of("gus", ["friends", "others"]) == {VIEW, CONTROL}
    assert await shares.scopes_of("friends", ["gus"]) == frozenset()


async def test_a_name_is_quoted_as_the_hub_does_it(hub):
    await hub.shares("a b@c/d", "my server").scopes_of("gus", [])
    assert hub.asked == ["shares/a%20b@c%2Fd/my%20server"]


async def test_yes_is_remembered_and_no_is_asked_again(hub):
    shares = hub.shares()
    for _ in range(3):
        await shares.scopes_of("gus", [])
    assert len(hub.asked) == 1
    assert await shares.scopes_of("new", []) == frozenset()
    hub.rows.append(row("user", "new", VIEW))
    assert await shares.scopes_of("new", []) == {VIEW}


@pytest.mark.parametrize("memory", [MEMORY, 5.0, 0.0])
async def test_an_answer_counts_for_a_time(hub, memory):
    shares = hub.shares(memory=memory)
    await shares.scopes_of("gus", [])
    hub.rows.clear()
    if memory:
        hub.time += memory - 0.1
        assert await shares.scopes_of("gus", []) == {VIEW}
        hub.time += 0.1
    assert await shares.scopes_of("gus", []) == frozenset()
    assert len(hub.asked) == 2


async def test_a_hub_that_does_not_answer_leaves_what_was_known(hub, caplog):
    shares = hub.shares()
    await shares.scopes_of("gus", [])
    hub.time, hub.rows = hub.time + MEMORY, None
    assert await shares.scopes_of("gus", []) == {VIEW}
    assert "The hub does not report with whom this server is shared: no hub" in caplog.text


NONE = [
    {},
    {"items": None},
    {"items": [7]},
    {"items": [{"kind": "user", "user": None, "group": None, "scopes": [VIEW]}]},
    {"items": [{"kind": "user", "user": {"name": ["gus"]}, "scopes": [VIEW]}]},
    {"items": [{"kind": "user", "user": {"name": "gus"}, "scopes": VIEW}]},
]


@pytest.mark.parametrize("answer", NONE, ids=str)
async def test_what_is_no_answer_of_a_hub_leaves_what_was_known(hub, caplog, monkeypatch, answer):
    shares = hub.shares()
    assert await shares.scopes_of("gus", []) == {VIEW}
    hub.time += 10 * MEMORY

    async def get(path):
        return answer

    monkeypatch.setattr(hub, "get", get)
    assert await shares.scopes_of("gus", []) == {VIEW}
    assert "The hub does not report with whom this server is shared" in caplog.text
