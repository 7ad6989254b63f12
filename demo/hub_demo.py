"""A JupyterHub with two courses, their instructors, and four lab machines of which two are a pool.

Run by ``make hub-demo``. All of it listens on the loopback interface, keeps its files in one temporary folder, and is
gone after Ctrl-C. Each user also has a notebook server of their own, with a desktop beside it.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from demo.demo import PROGRAMS, check_programs, run
from demo.machines import Machine, serving
from demo.processes import DemoError, free_port, running, wait_for
from demo.processes import write_private as write

ROOT: Final = Path(__file__).parent.parent
PROXY: Final = ROOT / ".make" / "npm" / "node_modules" / ".bin" / "configurable-http-proxy"

#: Seconds for the hub to stop its users' servers.
PATIENCE: Final = 30.0

GROUPS: Final = {"course-a": {"users": ["ann", "amy", "al"]}, "course-b": {"users": ["bob", "ben"]}}

MACHINES: Final = (
    Machine("a-1", "Lab machine A1", "#1f5fbf"),
    Machine("a-2", "Lab machine A2", "#2f7f3f"),
    Machine("b-1", "Microscope", "#9c4a1a"),
    Machine("screen", "The lecturer's screen", "#6a3a8f", command=("sh", "-c", "while date; do sleep 1; done")),
)

CONFIG: Final = """
import os
import sys

from jupyter_vnc.hub import config as vnc

c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "demo"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"root"}}

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {folder!r} + "/home/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []
c.Spawner.default_url = "/lab"

c.JupyterHub.load_groups = {groups!r}
c.JupyterHub.custom_scopes = vnc.scopes()
c.JupyterHub.services = [vnc.service(config_file={folder!r} + "/vnc.py", port={service_port})]
c.JupyterHub.load_roles = [
    *vnc.roles(),
    *vnc.course("course-a", instructors=["ada"]),
    *vnc.course("course-b", instructors=["bea"]),
]
"""

WORDS: Final = """JupyterHub with two courses and their lab machines:

    {url}

Log in with one of these names; the password is "demo".

    ann, amy, al   students of course-a: three of them, and two machines
    bob, ben       students of course-b: the microscope
    ada, bea       their instructors: they see who is where in the course room, and look in
    root           an admin of the hub

Each user also has a notebook server with a desktop of their own: {url_home}"""


def targets_of(ports: Mapping[str, int], passwords: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Return the targets, as an admin would write them."""

    def machine(name: str) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": ports[name], "password_file": str(passwords[name])}

    return {
        "lab": {
            "title": "Lab machines",
            "description": "Two machines for the students of course-a",
            "pool": {"machines": {name: machine(name) for name in ("a-1", "a-2")}},
            "allow_groups": ["course-a"],
        },
        "microscope": {"title": "Microscope", **machine("b-1"), "allow_groups": ["course-b"]},
        "screen": {"title": "The lecturer's screen", **machine("screen"), "mode": "view"},
    }


@contextmanager
def machines(folder: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """Start the machines, each with a password of its own; yields the targets."""
    with ExitStack() as stack:
        ports, files = {}, {}
        for machine in MACHINES:
            password = secrets.token_hex(4)
            files[machine.name] = folder / f"{machine.name}.passwd"
            write(files[machine.name], f"{password}\n".encode())
            locked = Machine(machine.name, machine.title, machine.colour, password, machine.command)
            ports[machine.name] = free_port()
            stack.enter_context(serving(locked, folder / machine.name, ports[machine.name]))
        yield targets_of(ports, files)


@contextmanager
def two_courses(folder: Path) -> Iterator[str]:
    """Start machines, hub and service; yields its description.

    Raises:
        DemoError: a program is missing or does not start.
    """
    check_programs(PROGRAMS)
    if not PROXY.exists():
        raise DemoError("Not installed: configurable-http-proxy. `make hub-demo` installs it.")
    port, log = free_port(), folder / "JupyterHub.log"
    ports = {name: free_port() for name in ("hub_port", "proxy_port", "service_port")}
    values = {"port": port, "folder": str(folder), "proxy": str(PROXY), "groups": GROUPS, **ports}
    with machines(folder) as targets:
        (folder / "vnc.py").write_text(f"c = get_config()\nc.VNCBroker.targets = {targets!r}\n", "utf-8")
        (folder / "jupyterhub_config.py").write_text(CONFIG.format(**values), "utf-8")
        (folder / "home").mkdir()
        argv = [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"]
        env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        with running(argv, log, env=env, cwd=folder, patience=PATIENCE) as process:
            base = f"http://127.0.0.1:{port}"
            wait_for(f"{base}/services/vnc/health", process, log)
            yield WORDS.format(url=f"{base}/hub/login?next=/services/vnc/", url_home=f"{base}/hub/home")


def main() -> int:
    """Run the demo until Ctrl-C or SIGTERM; returns the exit status."""
    return run(two_courses)


if __name__ == "__main__":
    sys.exit(main())
