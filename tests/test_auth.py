"""Unauthorized requests: every route with every kind of stranger, under each base URL. No target is ever called."""

import json
import re

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError

from jupyter_vnc import routes
from tests.server import callers, counting_target

#: A path that matches each route's pattern.
EXAMPLES = {
    routes.NAME: "lab-1",
    routes.MACHINE: "m1",
    routes.PERSON: "ann",
    routes.SERVER: "second",
    routes.TICKET: "t" * 43,
    r"([0-9a-f]{16})": "0123456789abcdef",
    "(.+)": "viewer/page.js",
    "/?": "/",
}
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def path_of(pattern):
    """A path that the pattern matches."""
    path = pattern
    for regex, example in EXAMPLES.items():
        path = path.replace(regex, example)
    assert re.fullmatch(pattern, path), f"add an example for {pattern}"
    return path


def served(handler):
    """The verbs that a route serves, by our own classes."""
    return [
        verb
        for verb in VERBS
        if any(verb.lower() in vars(kind) for kind in handler.__mro__ if kind.__module__.startswith("jupyter_vnc"))
    ]


ROUTES = [(path_of(pattern), verb) for pattern, handler, _ in routes.ROUTES for verb in served(handler)]


@pytest.fixture(params=["/", "/user/x/", "/user/a%40b%20c/", "/user/a@b%20c/"])
def jp_base_url(request):
    return request.param


@pytest.fixture
def listener():
    with counting_target() as target:
        yield target


class DenyAll(Authorizer):
    """Knows everybody and lets nobody do anything."""

    def is_authorized(self, handler, user, action, resource):
        return False


@pytest.fixture
def jp_server_config(listener):
    port = listener.getsockname()[1]
    return {
        # Jupyter's own terminals trip the warning for routes without authentication, which is an error here.
        "ServerApp": {
            "jpserver_extensions": {"jupyter_vnc": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
        },
        "VNCBroker": {"targets": {"lab-1": {"host": "127.0.0.1", "port": port}}},
    }


def test_every_route_is_walked(jp_serverapp):
    registered = {
        rule.target
        for rules in jp_serverapp.web_app.default_router.rules
        for rule in getattr(rules.target, "rules", ())
        if isinstance(rule.target, type) and rule.target.__module__.startswith("jupyter_vnc")
    }
    assert registered == {handler for _, handler, _ in routes.ROUTES}
    assert {pattern for pattern, _, _ in routes.ROUTES} == {
        pattern for pattern, handler, _ in routes.ROUTES if served(handler)
    }
    assert len(ROUTES) >= len(routes.ROUTES)


def refused(answer):
    """Whether the answer is a refusal: forbidden, or to the login page."""
    if answer.code == 302:
        return "/login" in answer.headers["Location"]
    return answer.code == 403


#: What makes a request one for a websocket (RFC 6455 section 4.1).
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def assert_nobody_gets_in(client, headers, routes=ROUTES):
    for path, verb in routes:
        more = UPGRADE if path in {"/ws", "/stream"} else {}
        answer = await client.fetch(
            path, verb, {**headers, **more}, body='{"target": "lab-1"}' if verb == "POST" else None
        )
        assert refused(answer), f"{verb} {path}: {answer.code}"
        assert b"127.0.0.1" not in (answer.body or b"")


async def test_no_login(client, listener):
    await assert_nobody_gets_in(client, {})
    assert callers(listener) == 0


async def test_bad_server_token(client, listener):
    await assert_nobody_gets_in(client, {"Authorization": "token wrong"})
    assert callers(listener) == 0


FOREIGN = ("http://evil.example", "null", "{}.evil.example", "http://localhost:1")


async def test_cookie_from_another_origin(client, listener):
    """Each route refuses it before it looks at anything: what it answers to its own page is never the same."""
    cookie = await client.log_in()
    for path, verb in ROUTES:
        more = UPGRADE if path in {"/ws", "/stream"} else {}
        body = "{}" if verb == "POST" else None
        told = []
        for origin in (client.origin, *FOREIGN):
            headers = {**cookie, **more, "Origin": origin.format(client.origin)}
            told.append((await client.fetch(path, verb, headers, body=body)).code)
        own, *foreign = told
        # The websocket's own page is refused too, because it has no token here.
        assert own in {200, 204, 400, 404} or path in {"/ws", "/stream"}, f"{verb} {path}: {own}"
        assert foreign == [403] * len(FOREIGN), f"{verb} {path}: {foreign}"
    assert callers(listener) == 0


def configured(app):
    """What is configured, and what of it decides about origins and hosts."""
    settings = app.web_app.settings
    return str(app.config), {name: str(settings.get(name)) for name in settings if "origin" in name or "host" in name}


async def test_a_host_name_that_a_request_claims_is_not_learnt(client, jp_serverapp, listener):
    """Whoever controls a name that points here gets nothing by it, and opens nothing to its pages later."""
    jp_serverapp.web_app.settings["allow_remote_access"] = True  # any name, as behind a proxy
    cookie = await client.log_in()
    before = configured(jp_serverapp)
    evil = {"Host": "evil.example", "Origin": "http://evil.example"}
    for _ in range(5):
        claimed = await client.fetch("/api/targets", headers={**client.token, **evil})
        assert claimed.code == 200  # so that there was something to learn
        for verb, path, more in (("GET", "/api/targets", {}), ("POST", "/api/tokens", {}), ("GET", "/ws", UPGRADE)):
            answer = await client.fetch(path, verb, {**cookie, **more, "Origin": "http://evil.example"})
            assert answer.code == 403, path
    assert configured(jp_serverapp) == before
    assert callers(listener) == 0


async def test_cookie_without_xsrf(client, listener):
    cookie = {"Cookie": (await client.log_in())["Cookie"]}
    changing = [(path, verb) for path, verb in ROUTES if verb not in {"GET", "HEAD"}]
    assert len(changing) == 11
    await assert_nobody_gets_in(client, cookie, changing)
    assert callers(listener) == 0


async def test_denied_by_the_authorizer(client, listener, jp_serverapp):
    jp_serverapp.web_app.settings["authorizer"] = DenyAll(parent=jp_serverapp)
    await assert_nobody_gets_in(client, client.token)
    assert callers(listener) == 0


async def test_get_never_issues(client):
    for verb in ("GET", "HEAD"):
        assert (await client.fetch("/api/tokens", verb, client.token)).code == 405


async def test_a_websocket_with_a_cookie_and_no_origin_is_refused_and_spends_nothing(client, listener):
    cookie = await client.log_in()
    issued = await client.issue("lab-1", cookie)
    with pytest.raises(HTTPClientError, match="403"):
        await client.connect(issued["token"], {"Cookie": cookie["Cookie"]})
    for origin in FOREIGN:
        with pytest.raises(HTTPClientError, match="403"):
            await client.connect(issued["token"], {"Cookie": cookie["Cookie"], "Origin": origin.format(client.origin)})
    assert callers(listener) == 0
    websocket = await client.connect(issued["token"], {"Cookie": cookie["Cookie"], "Origin": client.origin})
    assert websocket.selected_subprotocol == "binary"
    websocket.close()


class OneTarget(Authorizer):
    """Lets everybody do everything but with one target."""

    denied = "vnc:lab-1"

    def is_authorized(self, handler, user, action, resource):
        return resource != self.denied


async def test_a_target_that_the_authorizer_denies_is_like_none(client, jp_serverapp, listener):
    jp_serverapp.web_app.settings["authorizer"] = OneTarget(parent=jp_serverapp)
    assert json.loads((await client.fetch("/api/targets", headers=client.token)).body) == []
    denied = await client.fetch("/api/tokens", "POST", client.token, {"target": "lab-1"})
    unknown = await client.fetch("/api/tokens", "POST", client.token, {"target": "nobody"})
    assert (denied.code, denied.body) == (unknown.code, unknown.body) == (404, unknown.body)
    assert callers(listener) == 0
