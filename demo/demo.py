"""JupyterLab with three desktops: one that it starts itself, one behind a password, and one in view-only mode.

Run by ``make demo``. All of it listens on the loopback interface, keeps its files in one temporary folder, and is gone
after Ctrl-C.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from demo import home
from demo.machines import Machine, serving
from demo.processes import DemoError, free_port, running, wait_for, write_private

PROGRAMS: Final = ("Xtigervnc", "tigervncpasswd", "openbox", "xterm", "xsetroot")

CONFIG: Final = """c = get_config()
c.VNCBroker.targets = {targets!r}
c.DesktopManager.variables = {{"HOME": {home!r}, "XDG_CONFIG_HOME": {home!r} + "/.config"}}
"""

WELCOME: Final = """# Three desktops

Open them from the launcher, or from the menu *File > New*.

| Desktop | What it shows |
|---|---|
| My desktop | is started for you when you open it, and runs until the server stops |
| Lab machine 1 | a VNC server with a password that your browser never sees |
| Machine to watch | you see what happens there; keys and mouse do nothing |

The notebook *Windows on the desktop* opens a plot on your desktop.
"""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Jupyter's configuration, and what it serves; ``ports`` are by name of machine."""

    folder: Path
    config_file: Path
    machines: tuple[Machine, ...]
    ports: Mapping[str, int]


def targets_of(ports: Mapping[str, int], password_file: Path) -> dict[str, dict[str, Any]]:
    """Return the configuration's targets, as an admin would write them."""
    return {
        "desktop": {"title": "My desktop", "desktop": {}},
        "lab-1": {
            "title": "Lab machine 1",
            "host": "127.0.0.1",
            "port": ports["lab-1"],
            "password_file": str(password_file),
        },
        "watch": {
            "title": "Machine to watch",
            "host": "127.0.0.1",
            "port": ports["watch"],
            "mode": "view",
            "clipboard": "from-desktop",
        },
    }


def check_programs(programs: Sequence[str] = PROGRAMS) -> None:
    """Look for the programs before anything is started.

    Raises:
        DemoError: names those that are missing.
    """
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise DemoError(f"Not installed: {', '.join(missing)}. `make demo` installs them.")


def configure(folder: Path) -> Configuration:
    """Write the configuration that serves the two VNC servers, and choose their ports."""
    password = secrets.token_hex(4)  # VNC's own authentication knows eight characters
    clock = ("sh", "-c", "while date; do sleep 1; done")
    machines = (
        Machine("lab-1", "Lab machine 1", "#1f5fbf", password),
        Machine("watch", "Machine to watch", "#9c4a1a", command=clock),
    )
    password_file = folder / "lab-1.passwd"
    write_private(password_file, f"{password}\n".encode())
    ports = {machine.name: free_port() for machine in machines}
    config_file = folder / "demo_config.py"
    config_file.write_text(CONFIG.format(targets=targets_of(ports, password_file), home=str(folder / "home")), "utf-8")
    home.fill(folder / "home", folder / "work")
    return Configuration(folder, config_file, machines, ports)


@contextmanager
def machines_of(configuration: Configuration) -> Iterator[None]:
    """Start the two VNC servers.

    Raises:
        DemoError: one does not start.
    """
    with ExitStack() as stack:
        for machine in configuration.machines:
            folder = configuration.folder / machine.name
            stack.enter_context(serving(machine, folder, configuration.ports[machine.name]))
        yield


def _lab_environment(folder: Path) -> dict[str, str]:
    """Separate folders for Jupyter, so that the user's settings and the demo's do not mix."""
    places = {name: folder / "jupyter" / name for name in ("config", "data", "runtime")}
    settings = places["config"] / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet), "utf-8")
    places["runtime"].mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.environ | {f"JUPYTER_{name.upper()}_DIR": str(path) for name, path in places.items()}


@contextmanager
def lab(configuration: Configuration) -> Iterator[str]:
    """Start JupyterLab with a configuration, and the VNC servers while it loads; yields the URL that logs in.

    Raises:
        DemoError: it does not start, or a VNC server does not.
    """
    folder = configuration.folder
    root, log = folder / "work", folder / "jupyterlab.log"
    root.mkdir(exist_ok=True)
    (root / "Welcome.md").write_text(WELCOME, "utf-8")
    port, token = free_port(), secrets.token_hex(24)
    argv = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--config={configuration.config_file}"]
    argv += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    argv += [f"--ServerApp.root_dir={root}"]
    if os.geteuid() == 0:
        argv += ["--ServerApp.allow_root=True"]
    # The environment, not the command line: everybody on this machine can read the latter.
    env = _lab_environment(folder) | {"JUPYTER_TOKEN": token}
    with running(argv, log, env=env, cwd=root) as process, machines_of(configuration):
        base = f"http://127.0.0.1:{port}"
        wait_for(f"{base}/vnc/api/targets?token={token}", process, log)
        yield f"{base}/lab?token={token}"


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """Exit in the same way for both signals; further ones during the cleanup are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def run(opening: Callable[[Path], AbstractContextManager[str]]) -> int:
    """Run something in a temporary folder and print its description, until a signal; returns the exit status."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="jupyter-vnc-demo-", ignore_cleanup_errors=True) as folder,
            opening(Path(folder)) as words,
        ):
            print(f"\n{words}\n\nCtrl-C stops all of it.", flush=True)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        print("Stopped.", flush=True)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@contextmanager
def three_desktops(folder: Path) -> Iterator[str]:
    """Start the VNC servers and JupyterLab; yields its description."""
    check_programs()
    with lab(configure(folder)) as url:
        yield f"JupyterLab with three desktops:\n\n    {url}"


def main() -> int:
    """Run the demo until Ctrl-C or SIGTERM; returns the exit status."""
    return run(three_desktops)


if __name__ == "__main__":
    sys.exit(main())
