"""What is deleted, and what is not: links, mounts, other file systems, and names that tables of mounts escape."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from jupyter_vnc.desktops.ownership import removal
from jupyter_vnc.desktops.ownership.removal import FOLDER, remove
from jupyter_vnc.desktops.processes.runtime_folder import Runtime
from tests.needs import require, require_root

ROOT = Path(__file__).parents[3]

#: Names as the kernel escapes them, and one that is not text.
NAMES = {"space": "a b", "tab": "a\tb", "backslash": "a\\040b", "newline": "a\nb", "bytes": os.fsdecode(b"a\xffb")}


@pytest.fixture
def within(tmp_path):
    descriptor = os.open(tmp_path, FOLDER)
    yield descriptor
    os.close(descriptor)


def test_a_folder_is_removed_with_all_that_is_in_it(tmp_path, within):
    deep = tmp_path / "one" / "two" / "three"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    os.mkfifo(deep / "pipe")
    (deep / "to nowhere").symlink_to("/no/such/place")
    (tmp_path / "one" / "closed").mkdir(mode=0)
    assert remove("one", within) == []
    assert remove("one", within) == []
    assert list(tmp_path.iterdir()) == []


def test_links_are_not_followed(tmp_path, within):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis").write_text("all of it")
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "link").symlink_to(tmp_path / "mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert remove("one", within) == remove("link", within) == []
    assert (tmp_path / "mine" / "thesis").read_text() == "all of it"


def test_another_folder_of_the_name_stays(tmp_path, within):
    (tmp_path / "one").mkdir()
    inode = (tmp_path / "one").stat().st_ino
    (tmp_path / "one").rename(tmp_path / "other")
    (tmp_path / "one").mkdir()
    assert remove("one", within, inode) == ["one"]
    assert remove("other", within, inode) == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["one"]


def test_what_cannot_be_removed_is_reported_and_the_rest_is_removed(tmp_path, within, monkeypatch):
    for name in ("a", "b", "c"):
        (tmp_path / "one" / name).mkdir(parents=True)
        (tmp_path / "one" / name / "file").touch()
    real = os.unlink

    def unlink(name, **options):
        if Path(f"/proc/self/fd/{options['dir_fd']}").readlink().name == "b":
            raise PermissionError
        real(name, **options)

    monkeypatch.setattr(removal.os, "unlink", unlink)
    assert remove("one", within) == ["one/b/file"]
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["b"]
    monkeypatch.undo()


def test_a_tree_deeper_than_the_limit_is_reported(tmp_path, within):
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    for name in ["one", *["d"] * 3000]:  # by descriptors: such a path is longer than any call takes
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    try:
        (left,) = remove("one", within)
    finally:
        subprocess.run(["rm", "-r", "one"], cwd=tmp_path, check=True)
    assert left.startswith("one/d/d/")


# -- mounts -------------------------------------------------------------------------------------------------------

#: Runs in a mount namespace of its own, and says which of the cases that it gets as JSON went wrong: each is a folder
#: whose name is odd, how to mount, and who deletes.
PROGRAM = textwrap.dedent(
    """
    import json, os, subprocess, sys, traceback
    from pathlib import Path
    from jupyter_vnc.desktops.processes import cleanup
    from jupyter_vnc.desktops.processes.runtime_folder import Runtime

    def try_out(place, how, who):
        place.mkdir()
        runtime = Runtime([place / "jupyter-vnc"])
        desktop = runtime.desktop_folder("ann", "desktop")
        (desktop / "bus").touch()
        point = desktop / "run" / place.name
        point.mkdir(parents=True)
        mine = place / "mine"
        mine.mkdir()
        if how == "tmpfs":
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", point], check=True)
        elif how == "file":
            point.rmdir()
            point.touch()
            (mine / "thesis").write_text("all of it")
            subprocess.run(["mount", "--bind", mine / "thesis", point], check=True)
        else:
            subprocess.run(["mount", "--bind", mine, point], check=True)
        if how != "file":
            (point / "folder").mkdir()
            (point / "folder" / "thesis").write_text("all of it")

        def delete():
            if who == "stop":
                cleanup.remove_desktop(desktop)
            elif who == "close":
                runtime.close()
            elif who == "start":
                runtime.desktop_folder("ann", "desktop")
            elif who == "caretaker":
                cleanup.main(str(desktop), "0")
            elif who == "sweep":
                if runtime.lock >= 0:
                    os.close(runtime.lock)
                    runtime.lock = -1
                Runtime([place / "jupyter-vnc"]).sweep()

        delete()
        thesis = point if how == "file" else point / "folder" / "thesis"
        assert thesis.read_text() == "all of it", "lost"
        assert not (desktop / "bus").exists(), "ours is still there"
        subprocess.run(["umount", point], check=True)
        if who in ("close", "sweep"):
            if runtime.lock >= 0:
                os.close(runtime.lock)
            runtime.lock = -1
            assert Runtime([place / "jupyter-vnc"]).sweep() == 1, "not swept"
            assert [path.name for path in place.iterdir()] == ["mine"], [*place.rglob("*")]
        else:
            delete()
            assert not point.exists(), "not removed later"
            runtime.close()
        if how == "bind":
            assert (mine / "folder" / "thesis").read_text() == "all of it"

    wrong = []
    for place, *case in json.load(sys.stdin):
        try:
            try_out(Path(place), *case)
        except BaseException:
            wrong.append([place, *case, traceback.format_exc()])
    print(json.dumps(wrong))
    """
)


@pytest.mark.parametrize("namespace", ["-m", "-Urm"])
def test_what_is_mounted_stays(tmp_path, namespace):
    kinds = ("tmpfs", "bind", "file")
    cases = [(tmp_path / how / name, how, "stop") for how in kinds for name in NAMES.values()]
    assert wrong_in_namespace(namespace, cases) == []


def test_whoever_deletes(tmp_path):
    deleters = ("stop", "close", "start", "caretaker", "sweep")
    cases = [(tmp_path / f"{how}-{deleter}" / "a b", how, deleter) for how in ("tmpfs", "bind") for deleter in deleters]
    assert wrong_in_namespace("-m", cases) == []


def wrong_in_namespace(namespace, cases):
    """Which cases went wrong, with their tracebacks."""
    require("unshare")
    require_root()
    for place, *_ in cases:
        place.parent.mkdir(exist_ok=True)
    command = ["unshare", namespace, "--propagation", "private", sys.executable, "-c", PROGRAM]
    told = json.dumps([(str(place), *case) for place, *case in cases])
    done = subprocess.run(command, cwd=ROOT, input=told, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_tables_of_mounts_are_read_with_their_escapes(tmp_path, within, monkeypatch):
    rows = [
        f"1 2 0:3 / {tmp_path}/a\\040b\\011c\\012d\\134e rw - fuse.gvfsd-fuse gvfsd-fuse rw",
        f"2 2 0:4 / {tmp_path}/plain rw shared:1 - fuse x rw",
        f"3 2 0:5 / {tmp_path}/tmpfs rw - tmpfs tmpfs rw",
        f"4 2 0:6 / {tmp_path}-not/mine rw - fuse x rw",
    ]
    table = tmp_path / "mountinfo"
    table.write_text("\n".join(rows))
    monkeypatch.setattr(removal, "_MOUNTS", table)
    assert removal.fuse_mounts_below(within) == [f"{tmp_path}/a b\tc\nd\\e", f"{tmp_path}/plain"]


@pytest.mark.parametrize("ends", [True, False])
def test_helpers_mounts_are_taken_down_as_a_user_may(tmp_path, within, monkeypatch, ends):
    """A helper that fails or hangs does not prevent the cleanup."""
    program = tmp_path / "fusermount3"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/said"\n' + ("exit 1" if ends else "exec sleep 60"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(removal, "_HELPER_TIMEOUT", 0.3)
    monkeypatch.setattr(removal, "fuse_mounts_below", lambda folder: ["/one/a b", "/one/a b/c"])
    removal.unmount(within)
    assert (tmp_path / "said").read_text().splitlines() == ["-uz /one/a b/c", "-uz /one/a b"]


def test_what_stays_is_reported(tmp_path, monkeypatch, caplog):
    runtime = Runtime([tmp_path / "jupyter-vnc"])
    desktop = runtime.desktop_folder("ann", "desktop")
    (desktop / "mounted\nforged").mkdir()
    monkeypatch.setattr(removal, "_mount", lambda fd: "mounted" in str(Path(f"/proc/self/fd/{fd}").readlink()))
    runtime.close()
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("Left alone, because something is mounted there")
    assert line.endswith(r"/mounted\nforged")
    assert (desktop / "mounted\nforged").is_dir()


def test_only_one_place_deletes():
    """Only ``removal`` deletes trees; other modules in desktops/ delete by names or inodes that are their own."""
    for source in (ROOT / "jupyter_vnc").rglob("*.py"):
        assert "rmtree" not in source.read_text(), source
        assert "rm -r" not in source.read_text(), source
