"""What other people's tools rely on stays equal in all the places where it stands."""

import re
from pathlib import Path

import yaml

import jupyter_vnc
from jupyter_vnc import exceptions, routes
from jupyter_vnc.exceptions import CloseCode, VNCError
from jupyter_vnc.hub.handlers import HUB_ROUTES

PACKAGE = Path(jupyter_vnc.__file__).parent
REPOSITORY = PACKAGE.parent

#: The tables' common rows: what a *session* can end with (1011 and 1013 are for any websocket).
CONTRACT = {1000, 1001, 1012, 4400, 4401, 4403, 4404, 4408, 4409, 4410, 4429, 4502, 4503, 4504, 4505}


def viewer_codes():
    """The keys of the close-code table of the viewer."""
    source = (REPOSITORY / "labextension/src/viewer/connection/status.ts").read_text()
    table = source[source.index("const closings") : source.index("const refusals")]
    return {int(code) for code in re.findall(r"^  (\d{4}): \{", table, re.MULTILINE)}


def test_close_codes_are_the_viewers():
    assert viewer_codes() == {code.value for code in CloseCode}
    assert viewer_codes() >= CONTRACT


def all_errors(kind=VNCError):
    return {kind}.union(*(all_errors(child) for child in kind.__subclasses__()))


def test_the_drawn_tree_of_errors_is_the_real_one():
    drawn = {
        match[1]: (int(match[2]), int(match[3]))
        for match in re.finditer(r"^[ │├└─]*(\w+) +(\d{3}) +(\d{4})", exceptions.__doc__, re.MULTILINE)
    }
    real = {
        kind.__name__: (kind.http_status, kind.close_code.value)
        for kind in all_errors()
        if kind.__module__ == exceptions.__name__
    }
    assert drawn == real


def rest_routes():
    return yaml.safe_load((PACKAGE / "rest-api.yml").read_text())["paths"]


#: What stands for a part of a path in the REST file.
NAMES = {
    r"/sessions/([0-9a-f]{16})": "/sessions/{id}",
    routes.NAME: "{target}",
    routes.PERSON: "{user}",
    routes.TICKET: "{ticket}",
    "(.+)": "{file}",
}


def route_of(pattern):
    """A handler's pattern as the REST file writes it."""
    path = pattern.removesuffix("?")
    for regex, name in NAMES.items():
        path = path.replace(regex, name)
    return path


def test_the_rest_file_has_every_route_and_verb_and_no_other():
    served = {
        (route_of(pattern), verb)
        for pattern, handler, _ in [*routes.ROUTES, *HUB_ROUTES]
        for verb in ("get", "head", "post", "put", "patch", "delete")
        if any(verb in vars(kind) for kind in handler.__mro__ if kind.__module__.startswith("jupyter_vnc"))
    }
    documented = {(path, verb) for path, verbs in rest_routes().items() for verb in verbs}
    assert served == documented


def test_versions_are_one():
    package = (REPOSITORY / "labextension/package.json").read_text()
    npm = re.search(r'"version": "([^"]+)"', package)[1]
    project = re.search(r'^version = "([^"]+)"', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)[1]
    assert project == jupyter_vnc.__version__ == npm.replace("-dev", ".dev")
