"""What `deploy/` has for administrators: valid, and run as it stands as far as this machine can."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from demo.demo import free_port
from tests.needs import require

ROOT = Path(__file__).parent.parent
SYSTEMD = ROOT / "deploy" / "systemd"
UNIT = (SYSTEMD / "jupyter-vnc.service").read_text()
ENVIRONMENT = (SYSTEMD / "service.env").read_text()
#: The interpreter of the unit, in whose place the tests have their own.
PYTHON = "/opt/jupyter-vnc/bin/python"


def setting(name):
    """The value of a setting of the unit, which has it once."""
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return value


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that there is on this machine."""
    assert UNIT.count(PYTHON) == 1
    file = tmp_path / "jupyter-vnc.service"
    file.write_text(UNIT.replace(PYTHON, sys.executable))
    return file


def analyze(*arguments):
    require("systemd-analyze")
    return subprocess.run(["systemd-analyze", *arguments], check=False, capture_output=True, text=True, timeout=60)


def test_systemd_reads_the_unit_without_a_complaint(unit):
    checked = analyze("verify", "--man=no", "--recursive-errors=no", str(unit))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_mistake_in_a_unit_is_a_complaint(unit):
    unit.write_text(unit.read_text() + "\n[Service]\nProtectHaus=yes\n")
    assert "ProtectHaus" in analyze("verify", "--man=no", "--recursive-errors=no", str(unit)).stderr


def test_the_unit_gives_the_service_no_more_than_it_needs(unit):
    checked = analyze("security", "--offline=true", "--threshold=20", str(unit))
    assert checked.returncode == 0, checked.stdout[-300:]


def test_a_service_that_fails_at_each_start_is_given_up():
    seconds = int(setting("RestartSec")) * int(setting("StartLimitBurst"))
    assert 2 * seconds < int(setting("StartLimitIntervalSec")), "each start takes its time, too"


def test_a_call_that_is_not_permitted_is_an_error_and_kills_nobody():
    assert setting("SystemCallErrorNumber") == "EPERM"


@pytest.mark.parametrize("file", sorted(SYSTEMD.iterdir()), ids=lambda one: one.name)
def test_the_page_shows_the_file_as_it_is(file):
    assert f"```ini\n{file.read_text()}```" in (ROOT / "docs/howto/jupyterhub.md").read_text()


@contextmanager
def started(folder):
    """The service as the unit starts it, in a folder and on a port of the test; yields its process and its URL."""
    port = free_port()
    variables = dict(line.split("=", 1) for line in ENVIRONMENT.splitlines() if line and not line.startswith("#"))
    url = variables["JUPYTERHUB_SERVICE_URL"]
    assert url == "http://127.0.0.1:10205"
    variables |= {
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:1/hub/api",
    }
    (folder / "config.py").write_text("c.VNCBroker.targets = {'lab-1': {'host': '127.0.0.1', 'port': 1}}\n")
    command = setting("ExecStart").replace(PYTHON, sys.executable).replace("/etc/jupyter/vnc", str(folder)).split()
    state = folder / "state"
    state.mkdir(mode=int(setting("StateDirectoryMode"), 8))
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=state,
            env=environment | variables | {"PYTHONPATH": str(ROOT)},
            umask=int(setting("UMask"), 8),
            stdout=log,
            stderr=log,
        )
    try:
        yield process, f"http://127.0.0.1:{port}{variables['JUPYTERHUB_SERVICE_PREFIX']}"
    finally:
        process.kill()
        process.wait(20)


def wait_until_it_answers(process, url, folder, limit=90):
    """Wait for the health check that the page names."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            return requests.get(f"{url}health", timeout=5)
        except requests.RequestException:  # also when a busy machine answers late
            time.sleep(0.05)
    raise AssertionError((folder / "log").read_text())


def test_the_command_of_the_unit_starts_the_service_and_a_signal_ends_it(tmp_path):
    with started(tmp_path) as (process, url):
        assert wait_until_it_answers(process, url, tmp_path).json() == {"ok": True}
        kept = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "state").iterdir()}
        process.send_signal(signal.SIGTERM)
        assert process.wait(int(setting("TimeoutStopSec"))) == 0, (tmp_path / "log").read_text()
    assert {"jupyter-vnc.sqlite", "jupyter-vnc-keys", "jupyter-vnc-cookie-secret"} <= kept.keys()
    assert {mode & 0o077 for mode in kept.values()} == {0}, kept
    assert "Traceback" not in (tmp_path / "log").read_text()
