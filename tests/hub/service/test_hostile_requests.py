"""Whatever somebody with a login of the hub sends to the service: a refusal, never an error of the service."""

import html

import pytest

from jupyter_vnc.exceptions import ServerAway
from jupyter_vnc.hub.handlers import HUB_ROUTES
from jupyter_vnc.routes import ROUTES
from tests import hostile
from tests.test_auth import EXAMPLES, path_of, served

pytestmark = pytest.mark.timeout(300)

PATHS = {path_of(pattern): (pattern, handler) for pattern, handler, _ in [*HUB_ROUTES, *ROUTES]}
#: What the hub's login has in the service, and what no route is.
OTHERS = {"/oauth_callback": ["GET"], "/health": ["GET"]}
CONFIG = "c.VNCBroker.targets = {'lab-1': {'host': '127.0.0.1', 'port': 1, 'allow_groups': ['course-a']}}\n"


@pytest.fixture(scope="module")
def hub(the_hub, tmp_path_factory):
    """A service whose port and log are its own."""
    with the_hub.serving(tmp_path_factory.mktemp("service"), CONFIG) as serving:
        yield serving


def parts(path):
    """The parts of a path that are not the route's own words."""
    pattern, _ = PATHS.get(path, ("", None))
    return [example for regex, example in EXAMPLES.items() if regex in pattern and regex != "/?"]


def methods(path):
    return OTHERS.get(path) or served(PATHS[path][1])


def is_awaited(name, answer):
    """Whether a user's server is not here yet: just after the service's start, whoever may look is to try again."""
    status, _, body = answer
    return status == 503 and "/server/" in name and str(ServerAway()) in html.unescape(body.decode(errors="replace"))


def about(paths):
    """Every hostile request for some paths."""
    return list(hostile.requests([(path, parts(path)) for path in paths], methods))


def names_somebody(request):
    """Whether a request is hostile by its path alone, as those that ask the hub for somebody may be."""
    _, _, path, headers, body = request
    return "?" not in path and not headers and body in {b"", b"{}"}


OURS = list(dict.fromkeys([*(path_of(pattern) for pattern, *_ in HUB_ROUTES), *OTHERS]))
SHARED = [path for path in PATHS if path not in OURS]
#: Whose bodies name somebody of the hub.
NAMING = "/api/tokens"


def all_of(name):
    """What somebody sends in ``make endurance``: everything."""
    return about([*OURS, *SHARED])


def some_of(name):
    """What somebody sends in ``make test``: what names somebody; and a manager everything to the service's own routes.

    To the routes that the extension has, too, everything is sent there, in ``tests/test_hostile_requests.py``.
    """
    whole = [NAMING, *(OURS if name == "root" else [])]
    others = [path for path in [*OURS, *SHARED] if path not in whole]
    return [*about(whole), *filter(names_somebody, about(others))]


WHOLE = pytest.param(all_of, marks=[pytest.mark.endurance, pytest.mark.timeout(900)])


@pytest.mark.parametrize("sent", [some_of, WHOLE])
@pytest.mark.parametrize("name", ["ann", "root"])
async def test_no_request_is_an_error_of_the_service(hub, name, sent):
    asked = sent(name)
    person = hub.person(name)
    assert person.enter().ok
    xsrf = [one.value for one in person.http.cookies if one.name == "_xsrf" and one.path == person.base]
    login = f"Cookie: {person.cookies()}\r\nX-XSRFToken: {xsrf[0]}\r\nSec-Fetch-Mode: cors\r\n".encode()
    ours = "/services/vnc"
    calls = [
        hostile.ask(hub.service_port, method, ours + path, login + headers, body)
        for _, method, path, headers, body in asked
    ]
    answers = await hostile.each(8, calls)
    named = zip((one for one, *_ in asked), answers, strict=True)
    found = list(hostile.wrong((one, answer) for one, answer in named if not is_awaited(one, answer)))
    log = hub.log("service")
    where = log[max(0, log.find("Traceback")) :][:4000]
    assert not found, f"{len(found)}:\n" + "\n".join(found[:40]) + where
    assert {status for status, *_ in answers} >= {200, 400, 404, 405, 413}
    assert not [words for words in ("Traceback", "Uncaught", "Exception in") if words in log], where
