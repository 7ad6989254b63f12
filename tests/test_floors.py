"""Imports point down: a module imports from floors below, and sideways inside its own folder only."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

import jupyter_vnc

PACKAGE = "jupyter_vnc"
ROOT = Path(jupyter_vnc.__file__).parent

#: The floors from the ground up: modules, and folders (with a slash) that are on one floor as a whole.
FLOORS = (
    ("exceptions", "rfb/"),
    (
        *("addresses", "people", "targets", "config_checks", "target_config"),
        *("tokens", "sessions", "limits", "plugins", "pools", "pool_values", "tasks"),
    ),
    (
        *("channels", "dial", "leases", "lease_file", "connect", "credentials", "secure", "audit"),
        *("relay", "zerocopy", "frames", "pipes", "turns"),
        *("desktops/", "notebook/", "sources/", "stores/"),
    ),
    (
        *("broker", "broker_config", "admission", "catalogue", "desktop_rules"),
        *("pooled", "rechecks", "room", "serving", "watch"),
    ),
    ("handlers", "pages", "websocket", "visitor", "routes"),
    ("app", "cli", "desktop", "hub/"),
)

#: Where an outside package may be imported. What is not listed may be imported by all but ``rfb/``.
OUTSIDE = {
    "asyncio": lambda module, floor: floor > 0,
    "tornado": lambda module, floor: floor >= 4,
    "jupyter_server": lambda module, floor: (
        module in {"handlers", "pages", "websocket", "visitor", "app", "cli"} or folder(module) == "hub"
    ),
    "jupyterhub": lambda module, floor: folder(module) == "hub",
    "websockify": lambda module, floor: module == "sources.websockify",
    "redis": lambda module, floor: module == "stores.redis",
    "prometheus_client": lambda module, floor: module == "audit",
}
RFB_OUTSIDE = {"cryptography"}


def folder(module):
    """The folder of a module, empty for the package itself; a folder is named after it as a module is."""
    first, _, rest = module.partition(".")
    return first if rest or f"{first}/" in sum(FLOORS, ()) else ""


def floor_of(module):
    for floor, names in enumerate(FLOORS):
        if module in names or f"{folder(module)}/" in names:
            return floor
    return None


def read_package():
    """Every module's source by its name below the package; the package itself is the empty name."""
    sources = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] in {"labextension", "static"}:
            continue
        sources[".".join(part for part in parts if part != "__init__")] = path.read_text("utf-8")
    return sources


def packages(sources):
    return {name.rpartition(".")[0] for name in sources} | {""}


@cache
def statements(source):
    """Every import statement of a source, and whether it stands in a function."""
    tree = ast.parse(source)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lazy = {id(node) for function in functions for node in ast.walk(function)}
    return [(node, id(node) in lazy) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def imports(module, sources):
    """Yield the absolute dotted name of everything that a module imports, and whether a function does it."""
    for node, lazy in statements(sources[module]):
        base = f"{_base(node, module, sources)}." if isinstance(node, ast.ImportFrom) else ""
        yield from ((f"{base}{alias.name}", lazy) for alias in node.names)


def _base(node, module, sources):
    if not node.level:
        return node.module
    here = [PACKAGE, *filter(None, module.split("."))]
    up = node.level - (module in packages(sources))
    return ".".join([*(here[:-up] if up else here), *filter(None, [node.module])])


def inside(name, sources):
    """The module of ours that an absolute name stands for: the longest that exists."""
    parts = name.split(".")[1:]
    while parts and ".".join(parts) not in sources:
        parts.pop()
    return ".".join(parts)


def complaint(module, name, lazy, sources):
    """Say what is wrong with one import, or return None."""
    floor, top = floor_of(module), name.partition(".")[0]
    if top == PACKAGE:
        return _complaint_inside(module, floor, inside(name, sources), lazy)
    if module and not OUTSIDE.get(top, lambda *_: True)(module, floor):
        return f"{top} does not belong there"
    if folder(module) == "rfb" and top not in sys.stdlib_module_names | RFB_OUTSIDE:
        return "rfb imports the standard library and cryptography only"
    return None


def _complaint_inside(module, floor, target, lazy):
    if not target:
        return None  # the package itself: __version__
    if not module:
        return None if target == "app" and lazy else "the package imports only app, and only inside a function"
    other = floor_of(target)
    if other is None or other > floor:
        return f"up, from floor {floor} to {other}"
    if other == floor and folder(target) != folder(module) and target != "exceptions":
        return f"sideways on floor {floor}, into another folder"
    return None


def violations(sources):
    """Every edge that breaks a rule, as one line each."""
    found = [f"{module}: on no floor" for module in sources if module and floor_of(module) is None]
    placed = [module for module in sources if not module or floor_of(module) is not None]
    for module in placed:
        for name, lazy in imports(module, sources):
            if what := complaint(module, name, lazy, sources):
                found.append(f"{module or PACKAGE} -> {name}: {what}")
    return found


def test_imports_point_down():
    found = violations(read_package())
    assert not found, "\n" + "\n".join(found)


def test_every_module_is_read():
    sources = read_package()
    assert {"", "exceptions", "targets", "broker", "app", "rfb", "rfb.handshake", "desktops.manager"} <= set(sources)
    assert ("jupyter_vnc.broker.broker.VNCBroker", False) in set(imports("app", sources))


@pytest.mark.parametrize(
    ("module", "line", "edge"),
    [
        ("targets", "from .broker import VNCBroker", "targets -> jupyter_vnc.broker.broker.VNCBroker: up"),
        ("targets", "from . import broker", "targets -> jupyter_vnc.broker.broker: up"),
        ("targets", "import jupyter_vnc.handlers", "targets -> jupyter_vnc.handlers: up"),
        (
            "desktops.manager",
            "from ..broker import VNCBroker",
            "desktops.manager -> jupyter_vnc.broker.broker.VNCBroker: up",
        ),
        ("desktops.manager", "def f():\n    from jupyter_vnc.app import VNCExtension", "desktops.manager -> "),
        (
            "desktops.manager",
            "from ..relay import Relay",
            "desktops.manager -> jupyter_vnc.relay.relay.Relay: sideways",
        ),
        ("exceptions", "from .rfb.wire import Encoding", "exceptions -> jupyter_vnc.rfb.wire.Encoding: sideways"),
        ("rfb.wire", "import traitlets", "rfb.wire -> traitlets: rfb imports"),
        ("rfb.wire", "import asyncio", "rfb.wire -> asyncio: asyncio does not"),
        ("relay", "from tornado import ioloop", "relay -> tornado.ioloop: tornado does not"),
        ("broker", "import jupyter_server", "broker -> jupyter_server: jupyter_server does not"),
        ("app", "from jupyterhub.utils import url_path_join", "app -> jupyterhub.utils.url_path_join: jupyterhub"),
        ("relay", "import prometheus_client", "relay -> prometheus_client: prometheus_client does not"),
        ("", "from .app import VNCExtension", "jupyter_vnc -> jupyter_vnc.app.VNCExtension: the package"),
        ("attic", "", "attic: on no floor"),
    ],
)
def test_a_bad_edge_is_found(module, line, edge):
    sources = read_package()
    before = violations(sources)
    sources[module] = f"{sources.get(module, '')}\n{line}\n"
    (found,) = set(violations(sources)) - set(before)
    assert found.startswith(edge)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("rfb.wire", "from ..exceptions import VNCError"),
        ("rfb.wire", "from cryptography.hazmat.primitives.ciphers import Cipher"),
        ("connect", "from .dial import dial"),
        ("broker", "from . import __version__"),
        ("app", "from tornado import web"),
        ("", "def f():\n    from .app import VNCExtension"),
    ],
)
def test_a_good_edge_is_not(module, line):
    sources = read_package()
    before = violations(sources)
    sources[module] += f"\n{line}\n"
    assert violations(sources) == before
