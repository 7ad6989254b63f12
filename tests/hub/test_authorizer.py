"""The answers of the authorizer for guests, resource by resource."""

import inspect
import logging
from types import SimpleNamespace

import pytest
from jupyter_server.auth.identity import IdentityProvider
from jupyterhub.services.auth import check_scopes
from jupyterhub.singleuser.extension import JupyterHubUser

from jupyter_vnc.hub.authorizer import GuestAuthorizer
from jupyter_vnc.hub.shares import Shares

HERE = "access:servers!server=ann/lab"
VIEW, CONTROL = ("custom:jupyter-vnc:view", "custom:jupyter-vnc:control")


class HubAuth:
    """Stands for JupyterHub's own client of the hub."""

    cache_max_age = 300
    access_scopes = frozenset({HERE})

    def check_scopes(self, required, model):
        return check_scopes(set(required), set(model["scopes"]))


class Hub:
    """Stands for the hub: nobody is invited."""

    async def get(self, path):
        return {"items": []}


@pytest.fixture
def provider(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "ann")
    monkeypatch.setenv("JUPYTERHUB_SERVER_NAME", "lab")
    provider = IdentityProvider()
    provider.hub_auth = HubAuth()
    return provider


@pytest.fixture
def authorizer(provider):
    return GuestAuthorizer(identity_provider=provider, shares=Shares(Hub(), "ann", "lab", logging.getLogger("tests")))


async def answers(authorizer, name, scopes, resource):
    """Which actions somebody may do."""
    user = JupyterHubUser({"name": name, "scopes": [HERE, *scopes]})
    said = []
    for action in ("read", "write", "execute"):
        answer = authorizer.is_authorized(SimpleNamespace(), user, action, resource)
        if await answer if inspect.isawaitable(answer) else answer:
            said.append(action)
    return said


@pytest.mark.parametrize("resource", ["vnc", "vnc:desk", "contents", "kernels"])
async def test_the_owner_may_do_everything(authorizer, resource):
    assert await answers(authorizer, "ann", [], resource) == ["read", "write", "execute"]


@pytest.mark.parametrize(
    ("scopes", "whole", "desk"),
    [
        ([], [], []),
        ([f"{VIEW}!server=ann/lab"], ["read", "write"], ["read"]),
        ([f"{CONTROL}!server=ann/lab"], ["read", "write"], ["read", "execute"]),
        ([f"{CONTROL}!user=ann"], ["read", "write"], ["read", "execute"]),
        ([VIEW], ["read", "write"], ["read"]),
        ([f"{CONTROL}!server=ann/", f"{CONTROL}!server=bob/lab", f"{CONTROL}!user=bob"], [], []),
        ([f"{CONTROL}!group=course-a"], [], []),
    ],
)
async def test_a_guest_may_do_what_their_scopes_for_this_server_permit(authorizer, scopes, whole, desk):
    assert await answers(authorizer, "gus", scopes, "vnc") == whole
    assert await answers(authorizer, "gus", scopes, "vnc:desk") == desk
    assert await answers(authorizer, "gus", scopes, "contents") == []
    assert await answers(authorizer, "gus", scopes, "vnc-of-others") == []


async def test_a_user_without_access_to_the_server_has_nothing(authorizer):
    user = JupyterHubUser({"name": "ann", "scopes": [f"{CONTROL}!server=ann/lab"]})
    assert authorizer.is_authorized(SimpleNamespace(), user, "read", "vnc") is False


async def test_the_rest_of_the_server_is_answered_at_once(authorizer):
    user = JupyterHubUser({"name": "gus", "scopes": [HERE]})
    assert authorizer.is_authorized(SimpleNamespace(), user, "execute", "kernels") is False


async def test_more_of_the_server_where_the_configuration_gives_it(authorizer):
    authorizer.guest_resources = {"contents": ["read"]}
    assert await answers(authorizer, "gus", [], "contents") == ["read"]
    assert await answers(authorizer, "gus", [], "kernels") == []
    authorizer.guest_resources = {"*": ["read", "execute"]}
    assert await answers(authorizer, "gus", [], "kernels") == ["read", "execute"]
    assert await answers(authorizer, "gus", [f"{VIEW}!server=ann/lab"], "vnc") == ["read", "write", "execute"]


@pytest.mark.parametrize(("max_age", "memory"), [(300, 30), (5, 5)])
def test_it_asks_the_hub_about_this_server(provider, max_age, memory):
    provider.hub_auth.cache_max_age = max_age
    shares = GuestAuthorizer(identity_provider=provider).shares
    assert shares._path == "shares/ann/lab"
    assert shares._hub._hub is provider.hub_auth
    assert shares._memory == memory
