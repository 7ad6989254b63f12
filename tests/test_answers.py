"""The security headers of every answer of ours: each route, verb and status, under each kind of host."""

import json

import pytest

from jupyter_vnc import pages
from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.http import headers
from tests.server import counting_target
from tests.test_auth import ROUTES, UPGRADE, VERBS

#: The routes' own paths with names that nobody has, and paths that are no route's.
STRANGE = [
    *{path.replace("lab-1", "nowhere") for path, _ in ROUTES},
    "/static/none.js",
    "/api/sessions/0123456789abcdef",
]

#: What hosts say in ``tornado_settings["headers"]``, and who may frame our answers then.
HOSTS = {
    "Jupyter": ({}, "'self'"),
    "a hub": ({"Content-Security-Policy": "frame-ancestors 'none'"}, "'none'"),
    "a learning platform": (
        {"Content-Security-Policy": "frame-ancestors 'self' https://lms.example", "X-Frame-Options": "SAMEORIGIN"},
        "'self' https://lms.example",
    ),
    "old headers": ({"Content-Security-Policy": "report-uri /x", "X-Frame-Options": "DENY"}, "'none'"),
    "weak ones": (
        {
            "Content-Security-Policy": "frame-ancestors 'none'; default-src *; script-src * 'unsafe-inline'",
            "Referrer-Policy": "unsafe-url",
            "Cache-Control": "public, max-age=86400",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "X-Content-Type-Options": "sniff",
            "Strict-Transport-Security": "max-age=1000",
        },
        "'none'",
    ),
}


@pytest.fixture(params=HOSTS)
def host(request):
    return HOSTS[request.param]


@pytest.fixture
def jp_server_config(host):
    with counting_target() as listener:
        port = listener.getsockname()[1]
        yield {
            "ServerApp": {
                "jpserver_extensions": {"jupyter_vnc": True, "jupyter_server_terminals": False},
                "allow_unauthenticated_access": False,
                "tornado_settings": {"headers": host[0]},
            },
            "VNCBroker": {"targets": {"lab-1": {"host": "127.0.0.1", "port": port}}},
        }


def own_policy(path):
    """Our part of the policy of an answer at a path."""
    api = path.startswith(("/api", "/static", "/ws", "/stream"))
    return headers.DATA_POLICY if api else headers.PAGE_POLICY


def assert_protected(answer, path, host):
    """Whether an answer has every header, and what its host says in none of them weaker."""
    said, ancestors = host
    where = f"{answer.request.method} {path}: {answer.code} {dict(answer.headers)}"
    for name, value in headers.ALWAYS.items():
        kept = name == "Cache-Control" and path.startswith("/static") and answer.code in {200, 304}
        assert kept or answer.headers.get_list(name) == [value], where
    policies = headers.parse(answer.headers["Content-Security-Policy"])
    if "/frame/" in path and answer.code == 200 and "'self'" not in ancestors:
        assert is_harmless(answer), where
        said = {**said, "X-Frame-Options": None}
    else:
        assert framers(answer) == [ancestors], where
    # Each of our directives holds as we have it, or is narrower.
    (ours,) = headers.parse(own_policy(path))
    for name, values in ours.items():
        assert any(set(policy.get(name, "*")) <= {*values, "'none'"} for policy in policies), f"{name}: {where}"
    for name in ("X-Frame-Options", "Strict-Transport-Security"):
        assert answer.headers.get(name) == said.get(name), where


async def every_answer(client, share):
    """Ask for everything, as everybody, in every way, or for a share of it; yield the answers with their paths."""
    cookie = await client.log_in()
    # In an order that is the same in each run, or each would have other shares.
    known, strange = sorted({path for path, _ in ROUTES}), STRANGE
    foreign = {**cookie, "Origin": "http://evil.example"}
    others = (cookie, {}, foreign, {"Authorization": "token wrong"}, {"Cookie": cookie["Cookie"]})
    requests = [(client.token, [*known, *strange], (*VERBS, "OPTIONS"))]
    requests += [(login, known, ("GET", "POST", "DELETE")) for login in others]
    every = [(login, path, verb) for login, paths, verbs in requests for path in paths for verb in verbs]
    for login, path, verb in every[share]:
        more = UPGRADE if path in {"/ws", "/stream"} else {}
        body = "no JSON" if verb in {"POST", "PUT", "PATCH"} else None
        yield path, await client.fetch(path, verb, {**login, **more}, body=body)
    kept = (await client.fetch("/static/viewer/page.js", headers=client.token)).headers["Etag"]
    yield (
        "/static/viewer/page.js",
        await client.fetch("/static/viewer/page.js", headers={**client.token, "If-None-Match": kept}),
    )
    yield "/api/tokens", await client.fetch("/api/tokens", "POST", client.token, {"target": "lab-1"})
    yield "/", await client.fetch("/")  # which leads to the login


#: Under each kind of host another part of all requests, so that together they are all. ``make endurance`` sends all
#: under each.
SHARES = [(kind, slice(nth, None, len(HOSTS))) for nth, kind in enumerate(HOSTS)]
ALL = [pytest.param(kind, slice(None), id=f"{kind}, all", marks=pytest.mark.endurance) for kind in HOSTS]


@pytest.mark.parametrize(("host", "share"), [*SHARES, *ALL], indirect=["host"])
async def test_every_answer_has_every_header(client, host, share):
    seen = set()
    async for path, answer in every_answer(client, share):
        assert_protected(answer, path, host)
        seen.add(answer.code)
    assert seen >= {200, 201, 302, 304, 400, 403, 404, 405}


async def test_an_error_that_nobody_thought_of_has_them_too(client, host, monkeypatch):
    async def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(VNCBroker, "list_targets", broken)
    for path in ("/", "/api/targets"):
        answer = await client.fetch(path, headers=client.token)
        assert answer.code == 500
        assert_protected(answer, path, host)


IN_A_FRAME = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-origin"}


def framers(answer):
    """Who may frame an answer, in each of its policies."""
    policies = headers.parse(answer.headers["Content-Security-Policy"])
    return [" ".join(policy["frame-ancestors"]) for policy in policies if "frame-ancestors" in policy]


async def ticket(client, who=None):
    answer = await client.fetch("/api/frames", "POST", who or client.token, {"target": "lab-1"})
    assert answer.code == 201
    told = json.loads(answer.body)
    assert (told["target"], told["expires_in"]) == ("lab-1", 30)
    assert told["page"].startswith(client.url("/view/lab-1/frame/"))
    return told["page"].removeprefix(client.url(""))


def is_harmless(answer):
    """Whether a page shows nothing, holds no secret, and is of nobody's origin."""
    policies = headers.parse(answer.headers["Content-Security-Policy"])
    sandboxes = [policy["sandbox"] for policy in policies if "sandbox" in policy]
    return (
        any(policy.get("script-src", policy.get("default-src")) == ("'none'",) for policy in policies)
        and sandboxes == [("allow-popups", "allow-popups-to-escape-sandbox")]
        and framers(answer) == ["'self'"]
        and b"<script" not in answer.body
        and b"data-target" not in answer.body
        and "_xsrf" not in answer.headers.get("Set-Cookie", "")
    )


async def test_a_ticket_permits_one_frame(client, host):
    ancestors = host[1]
    path = await ticket(client)
    before = headers.parse((await client.fetch("/view/lab-1", headers=client.token)).headers["Content-Security-Policy"])
    first = await client.fetch(path, headers={**client.token, **IN_A_FRAME})
    assert framers(first) == ["'self'"]
    assert b"data-framed" in first.body
    assert first.headers.get("X-Frame-Options") is None
    after = headers.parse(first.headers["Content-Security-Policy"])
    without = [{key: one[key] for key in one if key != "frame-ancestors"} for one in before]
    assert all(any(one.items() <= policy.items() for policy in after) for one in without)
    second = await client.fetch(path, headers={**client.token, **IN_A_FRAME})
    if "'self'" in ancestors:
        assert framers(second) == [ancestors]
        assert b"data-framed" in second.body
    else:
        assert is_harmless(second)
        assert client.url("/view/lab-1").encode() in second.body


async def test_a_ticket_is_for_one_target_and_nothing_else(client, host):
    path = await ticket(client)
    for other in (path.replace("lab-1", "nowhere"), path[:-1] + ("A" if path[-1] != "A" else "B")):
        answer = await client.fetch(other, headers={**client.token, **IN_A_FRAME})
        assert answer.code == 404 or framers(answer) == [host[1]] or is_harmless(answer)
    assert (await client.fetch(path, headers=IN_A_FRAME)).code == 302
    assert framers(await client.fetch(path, headers={**client.token, **IN_A_FRAME})) == ["'self'"]


@pytest.mark.parametrize("more", [{"Referer": "{origin}{base}lab"}, {}, {"Referer": "{origin}/"}])
async def test_no_header_of_a_page_permits_a_frame(client, host, more):
    """Whatever a page of another user's server, which has our origin, can make a browser say."""
    more = {name: value.format(origin=client.origin, base=client.base) for name, value in more.items()}
    for path in ("/", "/view/lab-1", "/api/targets", "/static/viewer/page.js", "/view/nowhere"):
        answer = await client.fetch(path, headers={**client.token, **IN_A_FRAME, **more})
        if path == "/nowhere":  # Jupyter's own answer
            assert framers(answer) == [host[1]] or not host[0].get("Content-Security-Policy", "frame").startswith(
                "frame"
            )
        else:
            assert framers(answer) == [host[1]] or is_harmless(answer), path


async def test_too_many_requests_too(client, host, broker):
    broker.tokens._issues._burst = 0
    answer = await client.fetch("/api/tokens", "POST", client.token, {"target": "lab-1"})
    assert (answer.code, json.loads(answer.body)["reason"]) == (429, "limit")
    assert_protected(answer, "/api/tokens", host)


async def test_only_files_are_kept(client):
    named = await client.fetch("/static/viewer/page.js?v=1", headers=client.token)
    assert named.headers["Cache-Control"].startswith("max-age=")
    plain = await client.fetch("/static/viewer/page.js", headers=client.token)
    assert plain.headers["Cache-Control"] == "no-cache"


def test_every_handler_of_ours_is_among_them():
    """A handler that sets headers of its own, and not after ours, is seen here."""
    for kind in vars(pages).values():
        if isinstance(kind, type) and issubclass(kind, pages.VNCHandler):
            assert kind.set_default_headers is pages.VNCHandler.set_default_headers
            assert kind.content_security_policy is pages.VNCHandler.content_security_policy
