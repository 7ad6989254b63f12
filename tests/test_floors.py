"""Imports point down: a module imports from floors below, from its own folder, and on its own floor from the left only.

``python -m tests.test_floors`` prints the floors with what each folder imports.
"""

import ast
import re
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import jupyter_vnc

PACKAGE = "jupyter_vnc"
ROOT = Path(jupyter_vnc.__file__).parent

#: The floors from the ground up: modules, and folders (with a slash) that are on one floor as a whole. On a floor, what
#: stands further left may be imported by what stands further right, and never the other way round.
FLOORS = (
    ("close_codes", "escaping", "exceptions", "channels", "tasks", "plugins", "rfb/"),
    ("model/", "system/", "config/", "throttling", "pools/", "tokens"),
    ("connect/", "relay/", "desktops/", "notebook/", "sources/", "stores/"),
    ("broker/",),
    ("http/", "visitor", "handlers", "api", "pages", "viewer_channel", "websocket", "stream_socket", "routes"),
    ("hub/", "app", "cli", "desktop", "pytest_plugin"),
)

#: Where an outside package may be imported. What is not listed may be imported by all but ``rfb/``.
OUTSIDE = {
    "asyncio": lambda module, floor: folder(module) != "rfb" and module != "exceptions",
    "tornado": lambda module, floor: floor >= 4,
    "jupyter_server": lambda module, floor: floor == 4 or module in {"app", "cli"} or folder(module) == "hub",
    "jupyterhub": lambda module, floor: folder(module) == "hub",
    "websockify": lambda module, floor: module == "sources.websockify",
    "sqlalchemy": lambda module, floor: module.startswith("stores.database"),
    "alembic": lambda module, floor: module.startswith("stores.database"),
    "prometheus_client": lambda module, floor: module in {"broker.metrics", "hub.metrics"},
}
RFB_OUTSIDE = {"cryptography"}


def folder(module):
    """The folder of a module, empty for the package itself; a folder is named after it as a module is."""
    first, _, rest = module.partition(".")
    return first if rest or f"{first}/" in sum(FLOORS, ()) else ""


@cache
def place_of(module):
    """The floor of a module, and how far right it stands there; None if it is on no floor."""
    for floor, names in enumerate(FLOORS):
        for nth, name in enumerate(names):
            if name in {module, f"{folder(module)}/"}:
                return floor, nth
    return None


def floor_of(module):
    place = place_of(module)
    return place and place[0]


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
    if place_of(target) > place_of(module):
        return f"sideways on floor {floor}, to the right"
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


def edges(sources):
    """Every module with the modules of ours that it imports, in functions too."""
    found = {module: set() for module in sources}
    for module in filter(None, sources):
        for name, _ in imports(module, sources):
            if name.partition(".")[0] == PACKAGE:
                found[module].add(inside(name, sources))
    return found


def rooms(module, target):
    """The two neighbours below the folder that both modules share: modules, or folders as a whole."""
    here, there = module.split("."), target.split(".")
    while here and there and here[0] == there[0] and len(here) > 1 and len(there) > 1:
        here, there = here[1:], there[1:]
    shared = ".".join(module.split(".")[: len(module.split(".")) - len(here)])
    return tuple(f"{shared}.{rest[0]}".strip(".") for rest in (here, there))


def circles(sources):
    """Every circle of modules, and of modules and folders beside each other, as one line each."""
    by_module = edges(sources)
    by_room = {}
    for module, targets in by_module.items():
        for target in filter(None, targets):
            one, other = rooms(module, target)
            by_room.setdefault(one, set()).update({other} - {one})
    return [" -> ".join(circle) for graph in (by_module, by_room) for circle in _circles(graph)]


def _circles(graph):
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [error.args[1]]
    return []


def test_imports_point_down():
    found = violations(read_package())
    assert not found, "\n" + "\n".join(found)


def test_no_circle_of_modules_or_folders():
    found = circles(read_package())
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("model.users", "from .visitors import Visitor"),
        ("desktops.processes.tree", "from jupyter_vnc.desktops.manager import DesktopManager"),
        ("rfb.wire", "def f():\n    from .handshake import ViewerHandshake"),
    ],
)
def test_a_circle_is_found(module, line):
    sources = read_package()
    sources[module] += f"\n{line}\n"
    assert circles(sources)


def test_contributing_shows_these_floors():
    page = (ROOT.parent / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]+?) \|", page, re.MULTILINE)
    shown = {int(floor): re.findall(r"`([^`]+)`", cell) for floor, cell in rows}
    assert shown == {
        floor: [name if name.endswith("/") else f"{name}.py" for name in names] for floor, names in enumerate(FLOORS)
    }


def test_every_module_is_read():
    sources = read_package()
    assert {"", "exceptions", "model.targets", "broker", "app", "rfb", "rfb.handshake", "desktops.manager"} <= set(
        sources
    )
    assert ("jupyter_vnc.broker.broker.VNCBroker", False) in set(imports("app", sources))


@pytest.mark.parametrize(
    ("module", "line", "edge"),
    [
        (
            "model.targets",
            "from jupyter_vnc.broker.broker import VNCBroker",
            "model.targets -> jupyter_vnc.broker.broker.VNCBroker: up",
        ),
        ("model.targets", "from jupyter_vnc import broker", "model.targets -> jupyter_vnc.broker: up"),
        ("model.targets", "import jupyter_vnc.handlers", "model.targets -> jupyter_vnc.handlers: up"),
        (
            "model.targets",
            "from jupyter_vnc.pools.pool import Pool",
            "model.targets -> jupyter_vnc.pools.pool.Pool: sideways",
        ),
        (
            "desktops.manager",
            "from ..broker.broker import VNCBroker",
            "desktops.manager -> jupyter_vnc.broker.broker.VNCBroker: up",
        ),
        ("desktops.manager", "def f():\n    from jupyter_vnc.app import VNCExtension", "desktops.manager -> "),
        (
            "relay.relay",
            "from jupyter_vnc.stores.memory import MemoryTokenStore",
            "relay.relay -> jupyter_vnc.stores.memory.MemoryTokenStore: sideways",
        ),
        ("exceptions", "from .rfb.wire import Encoding", "exceptions -> jupyter_vnc.rfb.wire.Encoding: sideways"),
        ("rfb.wire", "import traitlets", "rfb.wire -> traitlets: rfb imports"),
        ("rfb.wire", "import asyncio", "rfb.wire -> asyncio: asyncio does not"),
        ("relay.relay", "from tornado import ioloop", "relay.relay -> tornado.ioloop: tornado does not"),
        ("broker.broker", "import jupyter_server", "broker.broker -> jupyter_server: jupyter_server does not"),
        ("app", "from jupyterhub.utils import url_path_join", "app -> jupyterhub.utils.url_path_join: jupyterhub"),
        ("relay.relay", "import prometheus_client", "relay.relay -> prometheus_client: prometheus_client does not"),
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
        ("connect.connector", "from .dial import dial"),
        ("sources.config", "from jupyter_vnc.relay.relay import Relay"),
        ("broker.broker", "from jupyter_vnc import __version__"),
        ("app", "from tornado import web"),
        ("", "def f():\n    from .app import VNCExtension"),
    ],
)
def test_a_good_edge_is_not(module, line):
    sources = read_package()
    before = violations(sources)
    sources[module] += f"\n{line}\n"
    assert violations(sources) == before


def main():
    """Print the floors from the top, with what each folder or module imports of ours."""
    graph = {}
    for module, targets in edges(read_package()).items():
        for one, other in (rooms(module, target) for target in targets if target):
            graph.setdefault(one.partition(".")[0], set()).add(other.partition(".")[0])
    for floor, names in reversed(list(enumerate(FLOORS))):
        for name in reversed(names):
            below = sorted(graph.get(name.rstrip("/"), set()) - {name.rstrip("/")})
            print(f"{floor}  {name:<16} {' '.join(below)}")
    found = violations(read_package()) + circles(read_package())
    print("\n".join(found) or "No import points up; no circle of modules or folders.")


if __name__ == "__main__":
    main()


# -- the pages that describe it ------------------------------------------------------------------------------------

ARCHITECTURE = "docs/explanation/architecture.md"


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", ARCHITECTURE])
def test_the_pages_describe_the_floors_as_they_are(page):
    rows = re.findall(r"^\| (\d) \| (.+?) \|", (ROOT.parent / page).read_text("utf-8"), re.MULTILINE)
    described = {int(floor): re.findall(r"`([^`]+?)(?:\.py)?`", names) for floor, names in rows}
    assert described == {floor: [*names] for floor, names in enumerate(FLOORS)}


def test_the_tree_has_each_folder_that_a_newcomer_meets():
    tree = (ROOT.parent / ARCHITECTURE).read_text("utf-8").split("```text", 1)[1].split("```", 1)[0]
    viewer = ROOT.parent / "labextension" / "src" / "viewer"
    found = [init.parent for level in ("*", "*/*") for init in ROOT.glob(f"{level}/__init__.py")]
    names = {folder.name for folder in [*found, *filter(Path.is_dir, viewer.iterdir())]}
    assert {name for name in names if not re.search(rf"\b{name}/", tree)} == set()
