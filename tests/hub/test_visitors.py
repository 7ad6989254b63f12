"""The owner and the guests of a user's server; and a server that has neither a hub nor its packages."""

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyter_server.auth.identity import IdentityProvider
from jupyterhub.singleuser.extension import JupyterHubUser
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tornado.httputil import HTTPHeaders
from tornado.web import HTTPError

from jupyter_vnc.exceptions import LoginExpired, NotPermitted
from jupyter_vnc.hub.visitors import HubUserServerVisitor
from jupyter_vnc.model.users import User
from jupyter_vnc.visitor import JupyterVisitor

ROOT = Path(__file__).resolve().parents[2]


class HubAuth:
    """Stands for JupyterHub's client of the hub."""

    cookie_name = "hub-cookie"
    access_scopes = frozenset({"access"})
    model = None

    def get_token(self, handler):
        return "token"

    async def user_for_token(self, token, *, use_cache, sync):
        assert (token, use_cache, sync) == ("token", False, False)
        if isinstance(self.model, Exception):
            raise self.model
        return self.model

    def check_scopes(self, required, model):
        return required & set(model["scopes"])


class Handler:
    """Stands for the handler of a request: has its login, and its cookies."""

    def __init__(self, name="ann", groups=(), cookies=()):
        self.identity_provider = SimpleNamespace(hub_auth=HubAuth())
        self.current_user = JupyterHubUser({"name": name, "groups": list(groups), "scopes": ["access"]})
        self.request = SimpleNamespace(headers=HTTPHeaders({"Sec-Fetch-Mode": "websocket"}))
        self.get_secure_cookie = dict.fromkeys(cookies, b"token").get
        self.lines = []
        self.log = SimpleNamespace(warning=self._note, info=self._note)

    def _note(self, line, *parts):
        self.lines.append(line % parts)


@pytest.fixture(autouse=True)
def _ann_has_a_server(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "ann")


def test_the_owner_is_at_home_with_their_groups():
    ann = HubUserServerVisitor(Handler(groups=["course-a"]))
    assert ann.user == ann.home == User("ann", frozenset({"course-a"}))
    assert ann.oversees(User("gus"), None)


async def test_a_guest_is_at_the_owners():
    gus = HubUserServerVisitor(Handler("gus", ["friends"]))
    assert gus.user == User("gus", frozenset({"friends"}))
    assert gus.home == await gus.person("ann") == User("ann")
    assert await gus.person("gus") is None
    assert not gus.oversees(User("ann"), None)
    assert not gus.oversees_somebody


async def test_rights_are_asked_for_again():
    handler = Handler()
    hub = handler.identity_provider.hub_auth
    ann = HubUserServerVisitor(handler)
    hub.model = {"name": "ann", "groups": ["new"], "scopes": ["access"]}
    again = await ann.again()
    assert (type(again), again.user.groups) == (HubUserServerVisitor, {"new"})
    hub.model = HTTPError(500, "no hub")
    for _ in range(3):
        assert await again.again() is again
    hub.model = {"name": "ann", "scopes": []}
    with pytest.raises(NotPermitted):
        await again.again()
    assert [line.partition(":")[0] for line in handler.lines] == [
        "The hub does not answer; sessions continue",
        "The hub answers again",
    ], "one line, however many sessions ask"
    hub.model = None
    with pytest.raises(LoginExpired):
        await again.again()


@pytest.mark.parametrize(
    "answer", [ValueError("<html>"), KeyError("name"), [], "ann", {"name": 7}, {"scopes": []}], ids=str
)
async def test_what_is_no_answer_of_a_hub_changes_nothing(answer):
    handler = Handler()
    handler.identity_provider.hub_auth.model = answer
    ann = HubUserServerVisitor(handler)
    for _ in range(2):
        assert await ann.again() is ann
    assert len(handler.lines) == 1


@pytest.mark.parametrize(
    ("cookies", "mode"), [(["hub-cookie"], "navigate"), (["other"], "websocket"), ([], "websocket")]
)
def test_only_the_logins_own_cookie_is_let_in(cookies, mode):
    handler = Handler(cookies=cookies)
    HubUserServerVisitor.let_cookie_in(handler)
    assert handler.request.headers["Sec-Fetch-Mode"] == mode


def test_the_pages_of_a_hub_are_framed_by_none():
    assert (HubUserServerVisitor.may_frame, JupyterVisitor.may_frame) == ("'none'", "'self'")


def test_a_login_without_a_hub_is_jupyters_own():
    assert not HubUserServerVisitor.knows(IdentityProvider())
    assert JupyterVisitor.owner(IdentityProvider()) is not None


#: Runs the extension in a process in which some packages cannot be imported; their names are the argument.
WITHOUT = """
import sys

MISSING = set(sys.argv.pop().split(","))

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
from jupyter_server.serverapp import ServerApp
from jupyter_vnc.visitor import JupyterVisitor
import jupyter_vnc.cli, jupyter_vnc.desktop

app = ServerApp(jpserver_extensions={"jupyter_vnc": True}, token="x", port=0)
app.initialize(argv=[], new_httpserver=False)
settings = app.web_app.settings
assert settings["vnc_visitor"] is JupyterVisitor, settings["vnc_visitor"]
assert settings["vnc_broker"] is not None
try:
    import jupyter_vnc.hub.app
except ModuleNotFoundError as error:
    print("works without", error.name)
"""


def needed():
    """The distributions that come with the package when no extra is asked for, each in its plain name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found, waiting = {(canonicalize_name(project["name"]), "")}, [Requirement(one) for one in project["dependencies"]]
    while waiting:
        one = waiting.pop()
        for extra in {"", *one.extras}:
            if (key := (canonicalize_name(one.name), extra)) not in found:
                found.add(key)
                more = map(Requirement, metadata.requires(one.name) or [])
                waiting += [need for need in more if need.marker is None or need.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def missing():
    """The modules of all other distributions that are installed here."""
    here = needed()
    return {
        module
        for module, names in metadata.packages_distributions().items()
        if here.isdisjoint(map(canonicalize_name, names)) and module.isidentifier()
    }


def test_without_jupyterhub_nothing_else_is_missing(tmp_path):
    blocked = missing()
    assert blocked >= {"jupyterhub", "cachetools", "sqlalchemy", "alembic", "aiosqlite", "PIL", "pytest", "psutil"}
    environment = {"PATH": "/usr/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "JUPYTER_NO_CONFIG": "1"}
    command = [sys.executable, "-c", WITHOUT, ",".join(sorted(blocked))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert done.stdout == "works without jupyterhub\n", done.stderr
