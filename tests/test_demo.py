"""``make demo``, as its user has it: one URL that works, and nothing left after it is stopped."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
import psutil
import pytest
from PIL import Image

from demo import demo as the_demo
from demo import home
from demo.processes import free_port
from tests.integration.real import wait_until
from tests.needs import require

ROOT = Path(__file__).parent.parent
PROGRAMS = ("Xtigervnc", "tigervncpasswd", "openbox", "xterm", "xsetroot")

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture
def programs():
    require(*PROGRAMS)


def url_of(process):
    """Read what the demo prints up to its URL."""
    said = b""
    while select.select([process.stdout], [], [], 90)[0]:
        piece = os.read(process.stdout.fileno(), 4096)
        said += piece
        if found := re.search(rb"(http://127\.0\.0\.1:\d+/lab\?token=\S+)\n", said):
            return found[1].decode()
        if not piece:
            break
    pytest.fail(f"no URL in {said!r}")


def targets(url):
    parts = urllib.parse.urlsplit(url)
    with urllib.request.urlopen(f"http://{parts.netloc}/vnc/api/targets?{parts.query}", timeout=30) as answer:
        body = answer.read()
        assert answer.headers.get_content_type() == "application/json", (answer.url, body[:500])
    return {target["name"]: target for target in json.loads(body)}


def security_types(port):
    """What a VNC server on loopback offers (RFC 6143 section 7.1.2)."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, connection.makefile("rb") as stream:
        connection.sendall(stream.read(12))
        return set(stream.read(stream.read(1)[0]))


def processes_of(folder):
    """Processes that have their home or their configuration in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in text for text in (*process.cmdline(), *process.environ().values())):
                found.append(process.name())
        except psutil.Error:
            continue
    return found


def gone(folder):
    """Wait, not for ever, until no process of a folder is left; returns those that are."""
    for _ in range(150):
        if not (left := processes_of(folder)):
            break
        time.sleep(0.2)
    return left


def test_the_machines_start_while_jupyterlab_loads(tmp_path, monkeypatch):
    order = []

    @contextmanager
    def started(what, *_, **__):
        order.append(what.name if isinstance(what, the_demo.Machine) else what[2])
        yield

    monkeypatch.setattr(the_demo, "running", started)
    monkeypatch.setattr(the_demo, "serving", started)
    monkeypatch.setattr(the_demo, "wait_for", lambda *_: order.append("answers"))
    with the_demo.lab(the_demo.configure(tmp_path)):
        assert order == ["jupyterlab", "lab-1", "watch", "answers"]


#: Something that runs as the demo does.
SOMETHING = """
from contextlib import contextmanager
from demo.demo import run

@contextmanager
def opening(folder):
    (folder / "file").write_text("x")
    try:
        yield "It is open."
    finally:
        print("It is closed.")

raise SystemExit(run(opening))
"""


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_what_is_open_and_its_folder_goes(tmp_path, stop):
    env = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", SOMETHING], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        said = [process.stdout.readline() for _ in range(4)]
        (folder,) = tmp_path.glob("jupyter-vnc-demo-*")
        assert (folder / "file").exists()
        process.send_signal(stop)
        rest, _ = process.communicate(timeout=60)
    assert [*map(str.strip, said)] == ["", "It is open.", "", "Ctrl-C stops all of it."]
    assert rest == "It is closed.\nStopped.\n"
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.endurance)])
def test_the_demo_runs_and_leaves_nothing(programs, tmp_path, stop):
    # Only the demo's own folder is looked for in processes: this one's environment may name tmp_path too.
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.demo"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            found = targets(url_of(process))
            (folder,) = tmp_path.glob("jupyter-vnc-demo-*")
            assert {name: target["mode"] for name, target in found.items()} == {
                "desktop": "control",
                "lab-1": "control",
                "watch": "view",
            }
            wait_until(lambda: {"Xtigervnc", "openbox", "xterm"} <= set(processes_of(folder)), "all programs run")
            configured = {}
            exec((folder / "demo_config.py").read_text(), {"get_config": lambda: Recorder(configured)})
            assert security_types(configured["lab-1"]["port"]) == {2}
            with Image.open(folder / "home" / "Desktop" / "Mandelbrot.png") as image:
                assert image.size == (512, 400)
            nbformat.validate(nbformat.read(folder / "work" / home.NOTEBOOK, as_version=4))
            assert security_types(configured["watch"]["port"]) == {1}
        finally:
            process.send_signal(stop)
            status = process.wait(60)
    assert status == 0
    assert gone(folder) == []
    assert list(tmp_path.iterdir()) == []


class Recorder:
    """Stands for traitlets' configuration object: keeps ``VNCBroker.targets``."""

    def __init__(self, kept):
        object.__setattr__(self, "kept", kept)

    @property
    def DesktopManager(self):  # noqa: N802 - as well
        return self

    @property
    def VNCBroker(self):  # noqa: N802 - the name in the configuration file
        return self

    def __setattr__(self, name, value):
        self.kept.update(value if name == "targets" else {})


#: The claims have names of the test's own: whoever else is on the machine may have claimed all that there are.
PORTS = """
import itertools, sys, demo.processes as processes
processes.CLAIM = sys.argv[1]
processes._PORTS = itertools.cycle(processes._order())
print(*(processes.free_port() for _ in range(500)))
input()
"""


def test_two_processes_at_once_give_out_different_ports():
    """None of them is taken yet when the other process looks."""
    claim = f"jupyter-vnc-tests-{os.getpid()}"
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        subprocess.Popen([sys.executable, "-c", PORTS, claim], cwd=ROOT, **piped) as one,
        subprocess.Popen([sys.executable, "-c", PORTS, claim], cwd=ROOT, **piped) as other,
    ):
        given = [{int(port) for port in process.stdout.readline().split()} for process in (one, other)]
        for process in (one, other):
            process.communicate("\n")
    assert [len(ports) for ports in given] == [500, 500]
    assert not given[0] & given[1]


def test_a_free_port_is_nobodys_and_none_that_the_kernel_gives_away():
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert max(ports) < lowest
    taken = [socket.create_server(("127.0.0.1", port)) for port in ports]
    try:
        again = {free_port() for _ in range(16000 - 50)}
        assert not again & set(ports)
        assert free_port() not in ports, "the second round passes over them"
    finally:
        for one in taken:
            one.close()
