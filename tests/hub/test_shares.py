"""What is known of shares: the hub's answer for half a minute, and what was known while it does not answer."""

import logging

import pytest
from tornado.web import HTTPError

from jupyter_vnc.hub.shares import Shares

VIEW, CONTROL = ("custom:jupyter-vnc:view!server=ann/", "custom:jupyter-vnc:control!server=ann/")


class Hub:
    """Stands for the hub's client: answers with what it is given, or fails."""

    api_url = "http://hub/api"
    cache_max_age = 300

    def __init__(self, *rows):
        self.rows = list(rows)
        self.asked = []

    async def _api_request(self, method, url):
        self.asked.append((method, url))
        if self.rows is None:
            raise HTTPError(500, "no hub")
        return {"items": self.rows}


def row(kind, name, scope):
    return {"kind": kind, "user": None, "group": None, kind: {"name": name}, "scopes": [scope]}


@pytest.fixture
def hub():
    return Hub(row("user", "gus", VIEW), row("group", "friends", CONTROL))


async def test_a_user_has_what_is_shared_with_him_and_with_his_groups(hub):
    shares = Shares(hub, "ann", "", logging)
    assert await shares.scopes_of("gus", []) == {VIEW}
    assert await shares.scopes_of("gus", ["friends", "others"]) == {VIEW, CONTROL}
    assert await shares.scopes_of("friends", ["gus"]) == frozenset()


async def test_a_name_is_quoted_as_the_hub_does_it(hub):
    await Shares(hub, "a b@c/d", "my server", logging).scopes_of("gus", [])
    assert hub.asked == [("GET", "http://hub/api/shares/a%20b@c%2Fd/my%20server")]


async def test_yes_is_remembered_and_no_is_asked_again(hub):
    shares = Shares(hub, "ann", "", logging)
    for _ in range(3):
        await shares.scopes_of("gus", [])
    assert len(hub.asked) == 1
    assert await shares.scopes_of("new", []) == frozenset()
    hub.rows.append(row("user", "new", VIEW))
    assert await shares.scopes_of("new", []) == {VIEW}


async def test_a_hub_that_does_not_answer_leaves_what_was_known(hub, caplog):
    shares = Shares(hub, "ann", "", logging)
    await shares.scopes_of("gus", [])
    hub.cache_max_age, hub.rows = 0, None
    assert await shares.scopes_of("gus", []) == {VIEW}
    assert "The hub does not tell with whom this server is shared: no hub" in caplog.text
