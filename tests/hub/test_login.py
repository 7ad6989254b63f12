"""The hub's login, while something else answers in its place."""

import logging
from contextlib import asynccontextmanager

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from jupyter_vnc.hub.login import RememberingHubOAuth

GARBAGE = {
    "a page": "<html>Back soon",
    "nothing": "",
    "a list": "[]",
    "a name": '"ann"',
    "no name": "{}",
    "a number as name": '{"name": 5}',
    "groups that are none": '{"name": "ann", "groups": 7}',
    "scopes that are none": '{"name": "ann", "groups": [], "scopes": [3]}',
    "nested": "[" * 100_000,
}


@asynccontextmanager
async def answering(text):
    """JupyterHub's client, whose hub answers this."""

    class API(RequestHandler):
        def get(self):
            self.finish(text)

    server = HTTPServer(Application([(r"/.*", API)]))
    (listener,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(listener)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/hub/api"
    try:
        yield RememberingHubOAuth(api_url=url, api_token="t0ken", cache_max_age=30, log=logging.getLogger("tests"))
    finally:
        server.stop()
        await server.close_all_connections()


@pytest.mark.parametrize("text", GARBAGE.values(), ids=GARBAGE)
async def test_what_is_no_user_is_a_hub_that_does_not_answer(text, caplog):
    async with answering(text) as client:
        for use_cache in (True, False):
            with pytest.raises(HTTPError) as caught:
                await client.user_for_token("token", use_cache=use_cache, sync=False)
            assert caught.value.status_code == 502
    assert caplog.text.count("The hub does not answer") == 1


async def test_a_user_is_one():
    async with answering('{"name": "ann", "groups": ["course-a"], "scopes": ["self"]}') as client:
        assert (await client.user_for_token("token", sync=False))["name"] == "ann"


async def test_that_there_is_nobody_is_an_answer():
    async with answering("null") as client:
        assert await client.user_for_token("token", sync=False) is None
