"""``make hub-demo``, as its user has it: one URL, the targets that it announces, and no trace afterwards."""

import os
import re
import select
import signal
import subprocess
import sys

import pytest

from tests.hub.hub import ROOT, Person
from tests.needs import require
from tests.test_demo import gone

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def said_by(process):
    """Read what the demo prints up to its last line."""
    said = b""
    while b"Ctrl-C" not in said and select.select([process.stdout], [], [], 90)[0]:
        piece = os.read(process.stdout.fileno(), 4096)
        said += piece
        if not piece:
            break
    return said.decode()


class Running:
    """The demo's hub, for :class:`Person`."""

    def __init__(self, words):
        self.url = re.search(r"(http://127\.0\.0\.1:\d+)/hub/login", words)[1]


def test_the_hub_demo_runs_and_leaves_nothing(tmp_path):
    require("Xtigervnc", "openbox", "xterm")
    argv = [sys.executable, "-m", "demo.hub_demo"]
    env = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE) as process:
        try:
            hub = Running(said_by(process))
            (folder,) = tmp_path.glob("jupyter-vnc-demo-*")
            seen = {"ann": ["lab", "screen"], "bob": ["microscope", "screen"], "root": ["lab", "microscope", "screen"]}
            for name, targets in seen.items():
                person = Person(hub, name, password="demo")
                assert person.enter().ok
                assert person.names() == targets
            ada = Person(hub, "ada", password="demo")
            assert "/services/vnc/room" in ada.enter().text
            assert {row["machine"] for row in ada.ask("api/room").json()["machines"]} == {"a-1", "a-2"}
        finally:
            process.send_signal(signal.SIGINT)
            status = process.wait(90)
    assert status == 0
    assert gone(folder) == []
    assert list(tmp_path.iterdir()) == []
