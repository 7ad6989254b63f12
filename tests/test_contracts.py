"""What other people's tools rely on stays equal in all the places where it stands."""

import ast
import inspect
import json
import re
import shutil
import subprocess
import textwrap
import tomllib
from functools import cache
from pathlib import Path

import yaml
from packaging.version import Version

import jupyter_vnc
from jupyter_vnc import exceptions, routes
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import VNCError
from jupyter_vnc.handlers import VNCHandler
from jupyter_vnc.hub.handlers import HUB_ROUTES
from jupyter_vnc.hub.share_handlers import SHARE_ROUTES

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


@cache
def rest_routes():
    """Every route of the REST file with its verbs. It is read once: PyYAML takes a quarter of a second for it."""
    return yaml.safe_load((PACKAGE / "rest-api.yml").read_text())["paths"]


#: Every row of the tables of routes.
ALL_ROUTES = [*routes.ROUTES, *HUB_ROUTES, *SHARE_ROUTES, *routes.OLD_LINKS]

#: What stands for a part of a path in the REST file.
NAMES = {
    r"/sessions/([0-9a-f]{16})": "/sessions/{id}",
    routes.NAME: "{target}",
    routes.MACHINE: "{machine}",
    routes.PERSON: "{user}",
    routes.SERVER: "{server}",
    routes.TICKET: "{ticket}",
    routes.LINK: "{link}",
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
        for pattern, handler, _ in ALL_ROUTES
        for verb in ("get", "head", "post", "put", "patch", "delete")
        if any(verb in vars(kind) for kind in handler.__mro__ if kind.__module__.startswith("jupyter_vnc"))
    }
    documented = {(path, verb) for path, verbs in rest_routes().items() for verb in verbs}
    assert served == documented


#: Every route with the class that serves it, as the REST file writes it.
SERVED = {route_of(pattern): handler for pattern, handler, _ in ALL_ROUTES}
TAKES_A_BODY = {"post", "put", "patch"}


def body_schemas():
    """Every schema of a body: its route, its method, and the schema."""
    for path, verbs in rest_routes().items():
        for verb, rules in verbs.items():
            if "requestBody" in rules:
                yield path, verb, rules["requestBody"]["content"]["application/json"]["schema"]


def keys_read(method):
    """The keys that a handler's method reads of the request's body; None if it does not look at the body."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(method))))
    if not any(isinstance(node, ast.Attribute) and node.attr == "body" for node in ast.walk(tree)):
        return None
    of_body = [node for node in ast.walk(tree) if isinstance(node, ast.Subscript | ast.Call)]
    keys = set()
    for node in of_body:
        named = node.value if isinstance(node, ast.Subscript) else getattr(node.func, "value", None)
        key = node.slice if isinstance(node, ast.Subscript) else next(iter(node.args), None)
        if isinstance(named, ast.Name) and named.id == "body" and isinstance(key, ast.Constant):
            keys.add(key.value)
    return keys


def test_a_body_is_read_where_the_rest_file_has_one_and_nowhere_else():
    documented = {(path, verb) for path, verb, _ in body_schemas()}
    reading = {
        (path, verb)
        for path, handler in SERVED.items()
        for verb in ("get", "head", "post", "put", "patch", "delete")
        if keys_read(getattr(handler, verb)) is not None
    }
    assert documented == reading
    # Every route that changes something by what it is sent is one of them.
    assert {(path, verb) for path, verbs in rest_routes().items() for verb in verbs if verb in TAKES_A_BODY} == reading


def test_the_keys_of_a_body_are_those_that_its_handler_reads():
    for path, verb, schema in body_schemas():
        assert set(schema["properties"]) == keys_read(getattr(SERVED[path], verb)), f"{verb} {path}"


#: What a schema of a body may say: it means the same in OpenAPI 3.0 and in the JSON Schema that checks it.
KEYWORDS = {"type", "enum", "properties", "required", "additionalProperties", "minLength", "maxLength", "minimum"}
KEYWORDS |= {"maximum", "items", "minItems", "maxItems", "maxProperties", "description", "default"}


def unbounded(schema, where):
    """Yield what of a schema lets a body be anything."""
    if unknown := set(schema) - KEYWORDS:
        yield f"{where}: {sorted(unknown)}"
    if schema["type"] == "string" and not {"maxLength", "enum"} & set(schema):
        yield f"{where}: a string without an end"
    if schema["type"] == "array" and "maxItems" not in schema:
        yield f"{where}: a list without an end"
    # The keys of a target are checked by their own table: here they are only counted.
    counted = where.endswith(".keys") and "properties" not in schema and "maxProperties" in schema
    if schema["type"] == "object" and schema.get("additionalProperties", True) is not False and not counted:
        yield f"{where}: keys without an end"
    for name, part in schema.get("properties", {}).items():
        yield from unbounded(part, f"{where}.{name}")
    if "items" in schema:
        yield from unbounded(schema["items"], f"{where}[]")


def test_every_body_is_bounded():
    found = [what for path, verb, schema in body_schemas() for what in unbounded(schema, f"{verb} {path}")]
    assert not found
    for schema in ({"type": "string"}, {"type": "object"}, {"type": "array"}, {"type": "string", "pattern": "a"}):
        assert list(unbounded(schema, "x"))


def test_every_route_knows_its_name_in_the_rest_file():
    for _, handler, options in routes.below("/vnc", ALL_ROUTES):
        if issubclass(handler, VNCHandler):
            assert options["route"] in rest_routes()
            assert SERVED[options["route"]] is handler


def test_versions_are_one():
    package = (REPOSITORY / "labextension/package.json").read_text()
    npm = re.search(r'"version": "([^"]+)"', package)[1]
    typescript = re.search(r"VERSION = '([^']+)'", (REPOSITORY / "labextension/src/version.ts").read_text())[1]
    assert str(Version(npm)) == typescript == jupyter_vnc.__version__
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"]["path"] == "jupyter_vnc/__init__.py"


def test_one_edit_sets_the_version_everywhere(tmp_path):
    """In a copy: the script of the build takes it from the Python package."""
    for name in ("jupyter_vnc/__init__.py", "labextension/package.json", "labextension/src/version.ts"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    edited = tmp_path / "jupyter_vnc/__init__.py"
    edited.write_text(edited.read_text().replace(jupyter_vnc.__version__, "1.2.0rc3"))
    shutil.copytree(REPOSITORY / "labextension/scripts", tmp_path / "labextension/scripts")
    subprocess.run(["node", tmp_path / "labextension/scripts/build-version.mjs"], check=True)
    assert json.loads((tmp_path / "labextension/package.json").read_text())["version"] == "1.2.0-rc3"
    assert "VERSION = '1.2.0rc3'" in (tmp_path / "labextension/src/version.ts").read_text()
