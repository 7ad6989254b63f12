"""A login that one process of the service begins and another one ends."""

import base64
import hashlib
import json
import logging
import re
import time
from contextlib import AsyncExitStack, asynccontextmanager
from http.cookies import SimpleCookie
from typing import ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from jupyterhub.services.auth import HubOAuthenticated
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler, authenticated

from jupyter_vnc.hub import login_state
from jupyter_vnc.hub.login import RememberingHubOAuth
from jupyter_vnc.hub.login_state import MAX_NEXT, LoginStates, bounded
from jupyter_vnc.hub.oauth_callback import MAX_VALUE, OAuthCallback
from jupyter_vnc.hub.web_settings import request_log
from jupyter_vnc.routes import page_templates

SECRET = b"the secret of all processes"
VALUES = {"next_url": "/services/vnc/view/a1", "code_verifier": "v" * 43, "cookie_name": "service-vnc-oauth-state-abc"}
ROOT = "/services/vnc/"
CALLBACK = "/services/vnc/oauth_callback"

# States


def test_a_state_is_read_by_whoever_has_the_secret():
    state = LoginStates(SECRET).make(VALUES)
    assert LoginStates(SECRET).read(state, 600) == VALUES
    assert LoginStates(b"another secret, as long").read(state, 600) == {}


def test_a_state_hides_the_secret_of_the_code_and_is_new_each_time():
    states = LoginStates(SECRET)
    first, second = states.make(VALUES), states.make(VALUES)
    assert first != second
    assert VALUES["code_verifier"].encode() not in base64.urlsafe_b64decode(first)


@pytest.mark.parametrize("state", ["", "x", "a" * 24, "é", "\ud800", "../" * 50, "gAAAA" * 40, "\0"])
def test_what_is_no_state_says_nothing(state):
    assert LoginStates(SECRET).read(state, 600) == {}


def test_a_state_that_somebody_has_changed_says_nothing():
    states = LoginStates(SECRET)
    raw = bytearray(base64.urlsafe_b64decode(states.make(VALUES)))
    for place in (0, 4, 12, 40, len(raw) - 1):
        changed = raw.copy()
        changed[place] ^= 1
        assert states.read(base64.urlsafe_b64encode(changed).decode(), 600) == {}, place


@pytest.mark.parametrize(("age", "read"), [(598, True), (602, False), (-300, True)])
def test_a_state_is_read_for_its_time_whatever_another_clock_says(monkeypatch, age, read):
    clock = [time.time()]
    monkeypatch.setattr(login_state.time, "time", lambda: clock[0])
    state = LoginStates(SECRET).make(VALUES)
    clock[0] += age
    assert bool(LoginStates(SECRET).read(state, 600)) is read


def test_a_path_that_is_too_long_is_shortened():
    assert bounded(None) == ""
    assert bounded("/view/a1?x=1") == "/view/a1?x=1"
    assert bounded(f"/view/a1?{'x' * MAX_NEXT}") == "/view/a1"
    assert bounded("/" + "x" * MAX_NEXT) == ""
    assert bounded("/" + "x" * (MAX_NEXT - 1)) == "/" + "x" * (MAX_NEXT - 1)


@pytest.mark.parametrize("letter", ["\\", '"', "é", "\U0001f600", "\x7f", "\0"])
def test_a_path_is_as_long_as_in_its_state(letter):
    plain = len(LoginStates(SECRET).make({"next_url": "x" * MAX_NEXT}))
    for number in (1, MAX_NEXT // 12, MAX_NEXT // 6, MAX_NEXT // 2, MAX_NEXT):
        assert len(LoginStates(SECRET).make({"next_url": bounded("/" + letter * number)})) <= plain
    assert bounded(f"/view/é?{letter * MAX_NEXT}") == "/view/é"


# Two processes


class Login:
    """Knows who asks, as the service does: the hub is asked without blocking the loop, in which it is itself here."""

    def initialize(self, hub_auth):
        self.hub_auth = hub_auth

    async def prepare(self):
        self.current_user = await self.hub_auth.get_user(self, sync=False)


class Page(Login, HubOAuthenticated, RequestHandler):
    """A page for which one logs in."""

    @authenticated
    def get(self):
        self.finish(self.current_user["name"])


class Callback(Login, OAuthCallback):
    """Where the hub sends a browser."""


class Token(RequestHandler):
    """The hub's answer to a code: a token, if the secret is the one of which it was shown the hash (RFC 7636).

    A code is taken once (RFC 6749, section 4.1.2).
    """

    #: The hash for each code that was not taken yet.
    challenges: ClassVar[dict[str, str]] = {}

    def post(self):
        digest = hashlib.sha256(self.get_body_argument("code_verifier", "").encode()).digest()
        code = self.get_body_argument("code")
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != Token.challenges.pop(code, None):
            raise HTTPError(400)
        self.finish({"access_token": f"token-of-{code}"})


class WhoAmI(RequestHandler):
    def get(self):
        self.finish(json.dumps({"name": "ann", "kind": "user", "groups": [], "scopes": ["access:services"]}))


@asynccontextmanager
async def serving(routes, **settings):
    server = HTTPServer(Application(routes, **settings))
    (listener,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(listener)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.stop()
        await server.close_all_connections()


class Browser:
    """Keeps cookies, which are of one host for all its ports."""

    def __init__(self):
        self.cookies = {}

    async def get(self, url):
        sent = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": sent, "Sec-Fetch-Mode": "navigate"}
        answer = await AsyncHTTPClient().fetch(url, headers=headers, follow_redirects=False, raise_error=False)
        for line in answer.headers.get_list("Set-Cookie"):
            for name, one in SimpleCookie(line).items():
                self.cookies[name] = one.value
                if not one.value:
                    del self.cookies[name]
        return answer


@asynccontextmanager
async def processes(*secrets):
    """Processes of the service with these secrets of cookies, and the hub; yields their URLs."""
    api = [(r"/hub/api/oauth2/token", Token), (r"/hub/api/user", WhoAmI)]
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(serving(api))
        urls = []
        for secret in secrets:
            options = {"api_url": f"{hub}/hub/api", "api_token": "t0ken", "oauth_client_id": "service-vnc"}
            options |= {"base_url": ROOT, "hub_prefix": "/hub/", "oauth_redirect_uri": CALLBACK}
            auth = RememberingHubOAuth(**options, access_scopes={"access:services"}, log=logging.getLogger("tests"))
            auth.states = LoginStates(secret)
            routes = [(CALLBACK, Callback, {"hub_auth": auth}), (f"{ROOT}.*", Page, {"hub_auth": auth})]
            settings = {"cookie_secret": secret, "base_url": ROOT, "vnc_templates": page_templates()}
            settings["log_function"] = request_log(logging.getLogger("tests"))
            urls.append(await stack.enter_async_context(serving(routes, **settings)))
        yield urls


async def begin(browser, url, path="view/a1?x=1"):
    """Open a page without a login; return the state with which the hub will send the browser back."""
    answer = await browser.get(f"{url}{ROOT}{path}")
    assert answer.code == 302
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    Token.challenges[code_of(state := query["state"][0])] = query["code_challenge"][0]
    return state


def code_of(state):
    """The code that the hub has given the browser with this state."""
    return hashlib.sha256(state.encode()).hexdigest()


async def end(browser, url, state):
    return await browser.get(f"{url}{CALLBACK}?code={code_of(state)}&state={state}")


async def test_a_login_ends_at_another_process_than_it_began():
    async with processes(SECRET, SECRET) as (one, other):
        browser = Browser()
        answer = await end(browser, other, await begin(browser, one))
        assert (answer.code, answer.headers["Location"]) == (302, f"{ROOT}view/a1?x=1")
        for url in (one, other):
            assert (await browser.get(f"{url}{ROOT}view/a1")).body == b"ann"


async def test_two_logins_of_one_browser_end_at_the_other_process_each():
    async with processes(SECRET, SECRET) as (one, other):
        browser = Browser()
        first = await begin(browser, one, "view/a1")
        second = await begin(browser, other, "view/a2")
        for url, state, path in ((one, second, "view/a2"), (other, first, "view/a1")):
            answer = await end(browser, url, state)
            assert (answer.code, answer.headers["Location"]) == (302, f"{ROOT}{path}")
            assert (await browser.get(f"{url}{ROOT}{path}")).body == b"ann"


async def test_a_login_that_another_browser_has_begun_is_refused():
    async with processes(SECRET, SECRET) as (one, other):
        state = await begin(Browser(), one)
        attacked = Browser()
        assert (await end(attacked, other, state)).code == 403
        await begin(attacked, one)
        assert (await end(attacked, other, state)).code == 403


async def test_a_login_ends_once():
    async with processes(SECRET, SECRET) as (one, other):
        browser = Browser()
        state = await begin(browser, one)
        begun = dict(browser.cookies)
        assert (await end(browser, other, state)).code == 302
        browser.cookies.pop("service-vnc")
        assert (await end(browser, other, state)).code == 403, "the browser has no such login any more"
        for url in (one, other):
            browser.cookies = dict(begun)
            assert (await end(browser, url, state)).code >= 400, "the hub takes the code once"
            assert "service-vnc" not in browser.cookies


async def test_without_the_same_secret_a_login_ends_where_it_began_only():
    async with processes(SECRET, b"another secret, as long") as (one, other):
        browser = Browser()
        state = await begin(browser, one)
        assert (await end(browser, other, state)).code == 403
        assert (await end(browser, one, state)).code == 302


async def test_a_cookie_of_a_login_fits_into_a_browsers_limit():
    async with processes(SECRET) as (one,):
        browser = Browser()
        await begin(browser, one, "view/" + "x" * (MAX_NEXT - len(ROOT) - 5))
        assert all(len(name) + len(value) < 4000 for name, value in browser.cookies.items())


@pytest.mark.parametrize("path", ["view/a1", "view/" + "x" * (MAX_NEXT - len(ROOT) - 5)])
async def test_logins_that_nobody_ends_leave_little_in_the_browser(path):
    async with processes(SECRET) as (one,):
        browser = Browser()
        for _ in range(20):
            state = await begin(browser, one, path)
            assert sum(len(f"{name}={value}; ") for name, value in browser.cookies.items()) < 4096
        answer = await end(browser, one, state)
        assert (answer.code, answer.headers["Location"]) == (302, f"{ROOT}{path}")


def assert_is_our_page(answer, status, words):
    """Whether a browser shows a sentence and the way back, in our style."""
    page = answer.body.decode()
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    (shown,) = re.findall("style-src 'sha256-([^']*)'", answer.headers["Content-Security-Policy"])
    assert answer.code == status
    assert words in page
    assert f'<a href="{ROOT}">' in page
    assert base64.b64decode(shown) == hashlib.sha256(style.encode()).digest()
    assert "src=" not in page
    assert "Traceback" not in page


async def test_whoever_has_begun_no_such_login_sees_our_page():
    async with processes(SECRET, b"another secret, as long") as (one, other):
        browser = Browser()
        state = await begin(browser, one)
        assert_is_our_page(await end(Browser(), one, state), 403, "This login has expired")
        assert_is_our_page(await end(browser, other, state), 403, "This login has expired")
        assert_is_our_page(await browser.get(f"{one}{CALLBACK}"), 400, "This login has expired")
        assert_is_our_page(await browser.get(f"{one}{CALLBACK}?error=<b>"), 400, "This login has expired")


async def test_whoever_brings_a_code_that_the_hub_refuses_sees_our_page():
    async with processes(SECRET) as (one,):
        browser = Browser()
        state = await begin(browser, one)
        Token.challenges.clear()
        assert_is_our_page(await end(browser, one, state), 500, "The hub did not confirm this login")


@pytest.mark.parametrize("name", ["state", "code", "error", "error_description"])
async def test_what_is_too_long_for_the_hub_to_have_sent_is_in_no_log(name, caplog):
    caplog.set_level(logging.INFO)
    async with processes(SECRET) as (one,):
        values = {"state": "s", "code": "c"} | ({"error": "e"} if name.startswith("error") else {})
        query = urlencode(values | {name: "canary" + "x" * MAX_VALUE})
        assert_is_our_page(await Browser().get(f"{one}{CALLBACK}?{query}"), 400, "This login has expired")
    assert "canary" not in caplog.text
