"""Asking a hub that answers, refuses, says something else, or is not there."""

import json
import socket
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
from jupyterhub.services.auth import HubAuth
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from jupyter_vnc.hub.client import HubClient, NoAnswer


class API(RequestHandler):
    """A path of a hub's API: says who asked, or what the path's name says."""

    def get(self, name):
        if name == "moved":
            self.redirect("users/ann")
        elif name == "page":
            self.finish("<html>")
        elif name == "deep":
            self.finish("[" * 100_000)
        elif name == "list":
            self.finish("[]")
        elif name == "forbidden":
            self.set_status(403)
        else:
            self.finish(json.dumps({"path": self.request.path, "by": self.request.headers["Authorization"]}))

    def post(self, name):
        self.finish(json.dumps({"name": name, "got": self.request.body.decode()}))

    def delete(self, name):
        self.set_status(404 if name == "gone" else 204)


@asynccontextmanager
async def answering():
    """A client of a hub that is there."""
    server = HTTPServer(Application([(r"/hub/api/(.*)", API)]))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    server.add_socket(listener)
    try:
        yield client_of(listener.getsockname()[1])
    finally:
        server.stop()
        await server.close_all_connections()


def client_of(port):
    """A client as JupyterHub's own is set up: without certificates."""
    url = f"http://127.0.0.1:{port}/hub/api"
    return HubClient(SimpleNamespace(api_url=url, api_token="t0ken", certfile="", keyfile="", client_ca=""))


async def test_a_path_is_asked_for_with_the_token():
    async with answering() as client:
        assert await client.get("users/a%2Fb") == {"path": "/hub/api/users/a%2Fb", "by": "token t0ken"}


async def test_what_is_sent_is_json_and_an_answer_may_be_empty():
    async with answering() as client:
        assert await client.send("POST", "shares", {"user": "gus"}) == {"name": "shares", "got": '{"user": "gus"}'}
        assert await client.send("DELETE", "shares") == {}


def test_users_are_asked_for_again():
    hub = HubAuth(cache_max_age=300)
    hub.cache["token:x"] = {"name": "gus"}
    HubClient(hub).forget()
    assert "token:x" not in hub.cache


async def test_a_refusal_has_the_status_of_the_hub():
    async with answering() as client:
        with pytest.raises(NoAnswer, match="404") as caught:
            await client.send("DELETE", "gone")
    assert (caught.value.status, caught.value.refused) == (404, True)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("forbidden", "HTTP 403: Forbidden"),
        ("moved", "HTTP 302"),
        ("page", "Expecting value"),
        ("deep", "nested too deeply"),
        ("list", "no JSON object"),
    ],
)
async def test_an_answer_of_another_kind_is_none(path, why):
    async with answering() as client:
        with pytest.raises(NoAnswer, match=why):
            await client.get(path)


async def test_a_hub_that_is_not_there_is_no_answer():
    with socket.socket() as taken:  # which nobody else gets meanwhile, and which does not listen
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NoAnswer, match="refused"):
            await client_of(taken.getsockname()[1]).get("users/ann")
