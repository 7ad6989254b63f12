"""Whatever somebody with a login sends to any route: a refusal with a sentence, never an error of ours."""

import asyncio
import json
import re
from urllib.parse import urlsplit

import pytest

from jupyter_vnc import routes
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.exceptions import LimitExceeded
from tests import hostile
from tests.test_auth import EXAMPLES, UPGRADE, path_of, served
from tests.test_contracts import rest_routes


@pytest.fixture
def jp_server_config(tmp_path, monkeypatch):
    monkeypatch.setattr(DesktopManager, "available", True)
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyter_vnc": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
        },
        "VNCBroker": {"targets": {"lab-1": {"host": "127.0.0.1", "port": 1}, "mine": {"desktop": {}}}},
    }


#: A route of each kind that a desktop of ours has is asked with one, too: the others never reach the file system.
PATHS = {path_of(pattern): (pattern, handler) for pattern, handler, _ in routes.ROUTES}
PATHS |= {path.replace("lab-1", "mine"): route for path, route in PATHS.items() if "/desktops/lab-1/open" in path}


def parts(path):
    """The parts of a path that are not the route's own words."""
    return [
        example.replace("lab-1", "mine") if "mine" in path else example
        for regex, example in EXAMPLES.items()
        if regex in PATHS[path][0] and regex != "/?"
    ]


def kinds(asked):
    """The routes of some requests, their methods, and what is hostile in them: each for itself."""
    words = [name.split(" ", 2) for name, *_ in asked]
    return {word.rstrip("?:,") for words_of_one in words for word in words_of_one}


def authorized(client):
    return head(client.token)


def head(headers):
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items())


@pytest.mark.parametrize(
    ("by", "share"),
    [
        *(("token", slice(0, None, 2)), ("cookie", slice(1, None, 2))),
        *(pytest.param(by, slice(None), id=f"{by}, all", marks=pytest.mark.endurance) for by in ("token", "cookie")),
    ],
)
async def test_no_request_is_an_error_of_ours(client, jp_serverapp, jp_http_port, by, share):
    """Every other one with each login, so that each is sent once: each kind goes to many routes with both."""
    every = list(hostile.requests([(path, parts(path)) for path in PATHS], lambda path: served(PATHS[path][1])))
    asked = every[share]
    assert len(every) > 2000
    assert kinds(asked) == kinds(every)
    with hostile.listening(jp_serverapp.log) as listener:
        login = head(client.token if by == "token" else await client.log_in())
        calls = [
            hostile.ask(jp_http_port, method, client.url(path), login + headers, body, patience=60)
            for _, method, path, headers, body in asked
        ]
        answers = await hostile.each(8, calls)
    found = list(hostile.wrong(zip((name for name, *_ in asked), answers, strict=True)))
    assert not found, f"{len(found)}:\n" + "\n".join(found[:40])
    assert not listener.heard, f"{len(listener.heard)}:\n" + "\n".join(listener.heard[:20])


BODY_ROUTES = [path for path, (_, handler) in PATHS.items() if {"POST", "PUT", "PATCH"}.intersection(served(handler))]


@pytest.mark.parametrize("path", BODY_ROUTES)
async def test_a_body_of_another_shape_is_malformed_and_says_why(client, jp_http_port, path):
    for name, body in hostile.BODIES.items():
        status, _, answer = await hostile.ask(jp_http_port, "POST", client.url(path), authorized(client), body)
        said = json.loads(answer)
        expected = (413, "too_large") if name in {"too long", "much too long"} else (400, "malformed")
        assert (status, said["reason"]) == expected, f"{name}: {answer}"
        assert said["message"].endswith(".")
        assert len(said["message"]) < 300
        assert said["message"].isprintable()


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/api/desktops/mine", {"action": ["start"]}, "`action` must be one of start, restart."),
        ("/api/desktops/mine", {"action": {}}, "`action` must be one of start, restart."),
        ("/api/desktops/mine", {}, "`action` is missing."),
        ("/api/desktops/mine", {"action": "start", "now": True}, "`now` is not a key of this request."),
        ("/api/tokens", {"target": 7}, "`target` must be a string."),
        ("/api/tokens", {"target": "lab-1", "takeover": "yes"}, "`takeover` must be true or false."),
        ("/api/tokens", {"target": "lab-1", "mode": "x"}, "`mode` must be one of control, view."),
        ("/api/tokens", {"target": "x" * 1025}, "`target` must have at most 1024 characters."),
        ("/api/sessions/0123456789abcdef/messages", {"text": ""}, "`text` must not be empty."),
        ("/api/sessions/0123456789abcdef/messages", {"text": "a\0"}, "`text` contains a forbidden character."),
        ("/api/tokens", [], "The request's body must be a JSON object."),
    ],
)
async def test_the_sentence_names_the_key(client, path, body, sentence):
    answer = await client.fetch(path, "POST", client.token, body)
    assert (answer.code, json.loads(answer.body)["message"]) == (400, sentence)


async def test_a_body_of_an_unauthorized_user_is_not_checked(client):
    answer = await client.fetch("/api/tokens", "POST", {}, "[")
    assert answer.code == 403


@pytest.mark.parametrize(
    ("name", "status"),
    [("a" * 300, 404), ("a/" * 900, 404), ("loop", 404), ("loop/x", 404), ("closed/x", 404), ("../" * 300, 404)],
)
async def test_a_path_that_the_system_does_not_take_is_no_file(client, jp_root_dir, name, status, jp_serverapp):
    (jp_root_dir / "loop").symlink_to("loop")
    closed = jp_root_dir / "closed"
    closed.mkdir(mode=0)
    try:
        with hostile.listening(jp_serverapp.log) as listener:
            answer = await client.fetch("/api/desktops/mine/open", "POST", client.token, {"path": name})
    finally:
        closed.chmod(0o700)
    assert (answer.code, listener.heard) == (status, [])
    assert json.loads(answer.body)["message"].startswith("There is no file ")
    assert len(answer.body) < 600


async def test_a_websockets_headers_may_be_anything(client, jp_serverapp, jp_http_port):
    upgrade = head(UPGRADE)
    with hostile.listening(jp_serverapp.log) as listener:
        for name, headers in hostile.HEADERS.items():
            status, _, _ = await hostile.ask(
                jp_http_port, "GET", client.url("/ws"), authorized(client) + upgrade + headers
            )
            assert 400 <= status < 500, (name, status)
    assert not listener.heard


async def test_a_websocket_request_has_no_body(client, jp_http_port):
    upgrade = head(UPGRADE)
    for more in (b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n"):
        status, _, _ = await hostile.ask(jp_http_port, "GET", client.url("/ws"), authorized(client) + upgrade + more)
        assert status == 400


async def test_a_body_that_does_not_come_is_not_waited_for(client, jp_http_port, monkeypatch):
    monkeypatch.setattr("jupyter_vnc.http.incoming.BODY_TIMEOUT", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    begun = f"POST {client.url('/api/tokens')} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20\r\n".encode()
    writer.write(begun + authorized(client) + b"\r\n{")
    async with asyncio.timeout(30):
        assert await reader.read() == b""
    writer.close()


IN_CHUNKS = {
    b'a\r\n{"target":\r\n7\r\n"none"}\r\n0\r\n\r\n': 404,
    (b"400\r\n" + bytes(1024) + b"\r\n") * 40: 413,
}


@pytest.mark.parametrize(("body", "expected"), IN_CHUNKS.items(), ids=["short", "long"])
async def test_a_body_in_chunks_is_read_up_to_the_limit(client, jp_http_port, body, expected):
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    begun = f"POST {client.url('/api/tokens')} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n".encode()
    writer.write(begun + authorized(client) + b"\r\n" + body)
    async with asyncio.timeout(30):
        assert int((await reader.readline()).split()[1]) == expected
    writer.transport.abort()


#: What is asked for where a limit may be reached: the pages, and each route of which the REST file says so.
LIMITED = {
    "/": ("GET", {}, None),
    "/view/lab-1": ("GET", {}, None),
    "/api/targets": ("GET", {}, None),
    "/api/tokens": ("POST", {}, {"target": "lab-1"}),
    "/api/frames": ("POST", {}, {"target": "lab-1"}),
    "/api/desktops/mine": ("POST", {}, {"action": "start"}),
    "/api/desktops/mine/open": ("POST", {}, {"path": "note.txt"}),
    "/ws": ("GET", {**UPGRADE, "Sec-WebSocket-Protocol": "binary, vnc.token.x"}, None),
    "/stream": ("GET", {**UPGRADE, "Sec-WebSocket-Protocol": "binary, vnc.token.x"}, None),
}

#: What only the service has; ``test_attention.py`` and ``test_walls.py`` in ``tests/broker`` show its refusals.
LIMITED_BY_THE_SERVICE = {"/api/room/attention", "/api/room/wall"}


async def test_each_temporary_refusal_says_when_to_retry(client, broker, monkeypatch):
    async def full(*_args, **_more):
        raise LimitExceeded("Too many.", retry_after=6.4)

    for part, names in (
        (broker, ("list_targets", "public_target", "issue", "redeem")),
        (broker.frames, ("issue",)),
        (broker.streams, ("redeem",)),
        (broker.desktops, ("start", "open_file")),
    ):
        for name in names:
            monkeypatch.setattr(part, name, full)
    for path, (method, more, body) in LIMITED.items():
        answer = await client.fetch(path, method, {**client.token, **more}, body)
        assert (answer.code, answer.headers.get("Retry-After")) == (429, "7"), path


def test_the_rest_file_promises_it_of_these():
    limited = {
        path.replace("{target}", "mine"): rules["responses"]["429"]["$ref"]
        for path, verbs in rest_routes().items()
        for rules in verbs.values()
        if "429" in rules["responses"]
    }
    assert set(limited) <= {*LIMITED, *LIMITED_BY_THE_SERVICE}
    assert set(limited.values()) == {"#/components/responses/Limit"}


async def test_a_refusal_waits_for_a_body_that_is_within_the_limit(client, jp_http_port):
    """Whoever sends the head first and then the body, as a proxy does, gets the answer and keeps the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    for size in (10, 3000):
        path = client.url("/api/tokens")
        begun = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n"
        writer.write(begun.encode())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.readexactly(1)
        writer.write(bytes(size))
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 413" if size == 3000 else b"HTTP/1.1 403")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
    writer.close()


FAILED = {
    ("GET", "/view/none", b""): 404,
    ("GET", "/view/\x9b2J\x85x", b""): 404,
    ("GET", "/ws", b""): 400,
    ("GET", "/stream", b""): 400,
    ("GET", "/static/none.js", b""): 404,
    ("POST", "/api/tokens", b"[]"): 400,
    ("POST", "/api/tokens", bytes(3000)): 413,
    ("GET", "/api/targets", b"Uncaught"): 500,
}


@pytest.mark.parametrize(("asked", "expected"), FAILED.items(), ids=str)
async def test_a_failed_request_is_logged_in_a_line_and_without_its_query(
    client, jp_http_port, asked, expected, caplog, monkeypatch
):
    async def broken(*_args, **_more):
        raise RuntimeError("a fault")

    monkeypatch.setattr(client.app.web_app.settings["vnc_broker"], "list_targets", broken)
    method, path, body = asked
    address = f"{client.url(path)}?token={client.app.identity_provider.token}&x=\x9b2J\x85FORGED"
    status, _, _ = await hostile.ask(jp_http_port, method, address, authorized(client), body)
    assert status == expected
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if path[:5] in line]
    for line in lines:
        assert client.app.identity_provider.token not in line
        assert "\x9b" not in line
        assert "\x85" not in line


@pytest.mark.parametrize("path", ["/nothing", "/view/none", "/static/none.js", "/static/novnc", "/ws", "/static/%ff"])
@pytest.mark.parametrize("by", ["token", "cookie"])
async def test_a_page_of_an_error_does_not_have_the_servers_token(client, path, by):
    login = client.token if by == "token" else await client.log_in()
    answer = await client.fetch(path, headers=login)
    assert answer.code >= 400
    assert b"<html" in answer.body.lower()
    assert client.app.identity_provider.token.encode() not in answer.body


#: What a browser would take for an address of another host, or a browser or proxy for a way out of our folder.
ELSEWHERE = [
    *(f"{slashes}evil.example/" for slashes in ("/", "//", "///", "////", "/\\", "\\\\", "/%5C", "/%2F", "/%09/")),
    *(f"{slashes}evil.example/%2F.." for slashes in ("/", "//", "///")),
    *(f"/{start}//evil.example" for start in ("view", "view/lab-1/of", "static", "api/targets")),
    *(
        "/..//evil.example/",
        "/%2e%2e//evil.example",
        "/;@evil.example",
        "/@evil.example",
        "/view/lab-1/of/%2F%2Fevil.example",
    ),
    *("?next=//evil.example", "/?next=http://evil.example", "/view/lab-1?next=//evil.example&url=//evil.example"),
]


@pytest.mark.parametrize("by", ["token", "nobody"])
async def test_no_address_leads_to_another_host(client, jp_http_port, by):
    """Whatever stands in the path or the query: a redirect stays on this server, below its own path."""
    login = authorized(client) if by == "token" else b""
    for elsewhere in ELSEWHERE:
        for more in (b"", b"X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n"):
            status, head, _ = await hostile.ask(jp_http_port, "GET", client.url("") + elsewhere, login + more)
            assert 200 <= status < 500, elsewhere
            for where in re.findall(r"^Location: (.*)\r$", head.decode() + "\r\n", re.MULTILINE):
                assert status == 302, (elsewhere, status)
                split = urlsplit(where.replace("\\", "/"))
                assert (split.scheme, split.netloc) == ("", ""), (elsewhere, where)
                # Jupyter removes the slash at the end of what it does not know.
                stays = split.path == f"{client.base}vnc{elsewhere.rstrip('/')}".replace("\\", "/")
                assert stays or split.path in {f"{client.base}login", f"{client.base}vnc/"}, (elsewhere, where)


MARK = "<b/x=canary>"


async def test_nothing_of_a_request_becomes_part_of_a_page(client, jp_http_port):
    """Not of its path, its query or its headers, in no answer, whatever it is an answer to."""
    quoted = MARK.replace("<", "%3C").replace(">", "%3E")
    headers = "".join(f"{name}: {MARK}\r\n" for name in ("Referer", "User-Agent", "X-Forwarded-For", "Accept-Language"))
    asked = 0
    for path in PATHS:
        for marked in {path.replace(part, part + quoted) for part in parts(path)} | {path}:
            for login in (authorized(client), b""):
                for mark in (quoted, MARK):
                    address = f"{client.url(marked)}?{mark}={mark}".replace(quoted, mark)
                    _, told, body = await hostile.ask(jp_http_port, "GET", address, login + headers.encode())
                    asked += 1
                    assert MARK.encode() not in body, address
                    assert MARK not in str(told), address
    assert asked > 100
