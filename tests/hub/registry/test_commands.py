"""Registered targets from a shell."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_core.application import NoStart

from jupyter_vnc.hub.commands import RotateKeys, Targets


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in the folder of a service; return status, output and errors."""
    monkeypatch.chdir(tmp_path)

    def run(kind, *words):
        kind.clear_instance()
        with pytest.raises((SystemExit, NoStart)) as ended:
            kind.launch_instance(["--config=vnc.py", *words])
        kind.clear_instance()
        out, err = capsys.readouterr()
        return getattr(ended.value, "code", 0), out, err

    (tmp_path / "vnc.py").write_text("c.VNCHub.db_url = 'sqlite:///other.sqlite'\n")
    return run


def test_targets_are_added_listed_exported_and_removed(run, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", io.StringIO("c4nary\n"))
    added = run(Targets, "add", "lab", "host=a", "port=5901", "password=-", "allow_groups=x;y", "tls.mode=off")
    assert added[:2] == (0, "lab is registered.\n")
    assert (tmp_path / "other.sqlite").exists(), "it has the service's options"
    assert run(Targets, "list")[1] == "lab\ta:5901\tx,y\t\n"
    status, out, _ = run(Targets, "export")
    assert "lab,a,5901,off," in out
    assert "c4nary" not in out
    status, _, err = run(Targets, "add", "lab", "host=a")
    assert status == 1
    assert "There is a target 'lab' already." in err
    status, _, err = run(Targets, "add", "bad", "port=x")
    assert status == 1
    assert "port must be a whole number" in err
    assert run(Targets, "remove", "lab")[0] == 0
    assert run(Targets, "remove", "lab")[0] == 1
    assert run(Targets, "list")[1] == ""
    assert run(Targets)[0] == 2


def test_a_file_is_imported_and_its_mistakes_are_named(run, tmp_path):
    (tmp_path / "tokens").write_text("a: h:5901\nb: h\nc: h:5902\n")
    assert run(Targets, "import", "--dry-run", "tokens", "tokens")[1].endswith(
        "2 targets can be imported, 1 have mistakes.\n"
    )
    assert run(Targets, "list")[1] == ""
    status, out, _ = run(Targets, "import", "tokens", "tokens")
    assert status == 1
    assert re.search(r"line 2: b: must be", out)
    assert run(Targets, "list")[1].splitlines() == ["a\th:5901\teverybody\t", "c\th:5902\teverybody\t"]
    assert run(Targets, "import", "tokens", "no-such")[0] == 1


def test_a_target_is_tried_step_by_step(run):
    run(Targets, "add", "lab", "host=127.0.0.1", "port=1")
    status, out, _ = run(Targets, "test", "lab")
    assert status == 1
    assert re.fullmatch(r"lab\tname\t\d+ ms\t127\.0\.0\.1\nlab\tconnection\t\d+ ms\tFAILED: .*refused.*\n", out)


def test_keys_are_rotated(run, tmp_path):
    run(Targets, "add", "lab", "host=a", "password=x")
    assert run(RotateKeys)[1].startswith("The secrets of 1 targets are encrypted")
    assert len([line for line in (tmp_path / "jupyter-vnc-keys").read_text().splitlines() if line[0] != "#"]) == 2
    assert run(Targets, "list")[1] == "lab\ta:5900\teverybody\t\n"


def test_the_command_of_the_service_has_them(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "jupyter_vnc.hub", "targets", "list"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
