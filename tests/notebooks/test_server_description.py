"""Which server a notebook shows its token to: one that runs, not one whose port may be another account's by now."""

import json
import os
import subprocess
import sys

import pytest

from jupyter_vnc.notebook.server import NotebookError, Server, find

INFO = {"url": "http://127.0.0.1:8888/", "token": "t"}


@pytest.fixture
def describe(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))

    def write(pid):
        (tmp_path / f"jpserver-{pid}.json").write_text(json.dumps(INFO))
        return {"JPY_PARENT_PID": str(pid)}

    return write


def test_a_server_that_runs(describe):
    assert find(describe(os.getpid())).url == INFO["url"]


def test_where_its_files_are(describe, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "files")
    server = Server("http://x/", "t", root=str(tmp_path / "link"))
    assert server.path_of(tmp_path / "files" / "a b" / "ü.txt") == "a b/ü.txt"
    for outside in (tmp_path / "other.txt", tmp_path / "files" / ".." / "other.txt", "/etc/passwd"):
        with pytest.raises(NotebookError, match=r"is not below .*/files, where the files of the Jupyter server are"):
            server.path_of(outside)
    with pytest.raises(NotebookError, match="does not say which folder"):
        find(describe(os.getpid())).path_of("a.txt")


def test_one_that_was_killed(describe):
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as gone:
        environ = describe(gone.pid)
        assert gone.stdout.read() == b""
        os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)  # a zombie, until somebody asks for it
        with pytest.raises(NotebookError, match="not started by a Jupyter server"):
            find(environ)
    with pytest.raises(NotebookError, match="not started by a Jupyter server"):
        find(environ)
