"""The plug-in of pytest, in a pytest of its own: what its fixture gives, and what a report has of a failure."""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import PIL.Image
import pytest

from jupyter_vnc import pytest_plugin
from jupyter_vnc.notebook import private_server
from jupyter_vnc.notebook.private_server import PrivateServer
from jupyter_vnc.notebook.server import NotebookError

INI = "[pytest]\ndesktop_geometry = 640x480\ndesktop_screenshots = pictures\n"
TESTS = """
import subprocess

import pytest


def test_a_window_of_ours(desktop):
    with subprocess.Popen(["xterm", "-T", "pad", "-bg", "#c02040", "-e", "sleep 600"]) as terminal:
        try:
            desktop.focus("pad", timeout=120)
            desktop.wait_for_colour("#c02040", timeout=120)
        finally:
            terminal.kill()


@pytest.mark.parametrize("what", ["a fresh one/"])
def test_that_fails(desktop, what):
    assert desktop.screenshot().size == (1, 1)


class TestOthers:
    @pytest.fixture
    def desktop(self):
        return "mine"

    def test_a_desktop_of_somebody_else(self, desktop):
        assert desktop == "ours"
"""


@pytest.mark.real
@pytest.mark.timeout(600)
def test_a_fresh_desktop_for_each_test_and_a_screenshot_of_a_failure():
    with tempfile.TemporaryDirectory(prefix="jvn-") as name:
        folder = Path(name)
        (folder / "pytest.ini").write_text(INI)
        (folder / "conftest.py").write_text('pytest_plugins = ["jupyter_vnc.pytest_plugin"]\n')
        (folder / "test_sample.py").write_text(TESTS)
        environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TMPDIR": name}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=report.xml"]
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=500, check=False
        )
        assert "1 passed" in done.stdout, done.stdout + done.stderr
        assert "2 failed" in done.stdout
        assert "assert (640, 480) == (1, 1)" in done.stdout
        (picture,) = (folder / "pictures").iterdir()
        assert picture.name == "test_sample.py-test_that_fails-a-fresh-one.png"
        with PIL.Image.open(picture) as screen:
            assert screen.size == (640, 480)
        properties = [(one.get("name"), one.get("value")) for one in ET.parse(folder / "report.xml").iter("property")]
        assert properties == [("desktop screenshot", str(picture))]
        assert done.stdout.count("- Desktop -") == 1
        end = time.monotonic() + 60
        while left := [*folder.glob("jvt-*")]:  # its server ends by itself where it is late
            assert time.monotonic() < end, left
            time.sleep(0.1)


def test_a_screenshot_that_cannot_be_taken_hides_no_failure(tmp_path):
    def screenshot():
        raise NotebookError("The desktop has ended.")

    config = SimpleNamespace(rootpath=tmp_path, getini=lambda name: "pictures")
    item = SimpleNamespace(
        config=config, nodeid="a.py::b", funcargs={"desktop": SimpleNamespace(screenshot=screenshot)}
    )
    assert pytest_plugin._save_screenshot(item) == "There is no screenshot: The desktop has ended."


def test_a_server_that_does_not_start_shows_its_log(tmp_path, monkeypatch):
    program = tmp_path / "python"
    told = '"$1" "${XDG_CONFIG_HOME-nowhere}" "$XDG_DATA_DIRS"'
    program.write_text(f"#!/bin/sh\necho 'no module named jupyter_server' {told} >&2; exit 1\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/of/somebody")
    monkeypatch.setenv("XDG_DATA_DIRS", "/of/all")
    program.chmod(0o700)
    monkeypatch.setattr(private_server.sys, "executable", str(program))
    server = PrivateServer(tmp_path, ["openbox"], "640x480")
    try:
        with pytest.raises(NotebookError, match=r"has ended:\nno module named jupyter_server -P nowhere /of/all"):
            server.start()
        with pytest.raises(NotebookError, match="does not run"):
            server.fresh()
    finally:
        server.close()
    server.close()


class Fresh:
    """A desktop that says which display it has as soon as it starts."""

    def __init__(self, folder):
        self._folder = folder

    def stop(self): ...

    def start(self):
        (self._folder / "display").write_text(":7\n/authority\n")


@pytest.mark.parametrize(("limit", "looks"), [(60, 3), (0, 1)])
def test_its_window_manager_is_waited_for_as_long_as_is_reasonable(tmp_path, monkeypatch, limit, looks):
    said = []

    def is_managed(display, authority):
        said.append((display, authority))
        return len(said) == 3

    monkeypatch.setattr(private_server, "MANAGER", limit)
    monkeypatch.setattr(private_server, "_is_managed", is_managed)
    monkeypatch.setattr(private_server, "Desktop", lambda *_: Fresh(tmp_path))
    server = PrivateServer(tmp_path, ["openbox"], "640x480")
    server._server = object()
    _, variables = server.fresh()
    assert variables == {"DISPLAY": ":7", "XAUTHORITY": "/authority"}
    assert said == [(7, Path("/authority"))] * looks


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(tmp_path, monkeypatch):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'thinking'; exec sleep 600\n")
    program.chmod(0o700)
    monkeypatch.setattr(private_server.sys, "executable", str(program))
    monkeypatch.setattr(private_server, "PATIENCE", 0)
    server = PrivateServer(tmp_path, ["openbox"], "640x480")
    try:
        with pytest.raises(NotebookError, match="did not start within 0 seconds"):
            server.start()
    finally:
        server.close()
