"""Nothing of a user's own is created in, locked, touched or deleted, whatever its name; and what is ours goes."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from jupyter_vnc.desktops.ownership import belongings, parents, proofs
from jupyter_vnc.desktops.ownership.belongings import Belonging, note_at
from jupyter_vnc.desktops.ownership.proofs import LOCK, NotOurs
from jupyter_vnc.desktops.processes import cleanup
from jupyter_vnc.desktops.processes.cleanup import remove_desktop, remove_orphaned, remove_server
from jupyter_vnc.desktops.processes.runtime_folder import PARENT, Runtime, places
from jupyter_vnc.exceptions import DesktopFailed
from tests.needs import require_root

ROOT = Path(__file__).parents[3]
DAYS = 2 * 86400

#: A whole server's life: two desktops' folders, signs of life; then it is closed, or killed while it waits.
SERVER = textwrap.dedent(
    """
    import sys
    from jupyter_core.paths import jupyter_runtime_dir
    from jupyter_vnc.desktops.processes.runtime_folder import Runtime, places

    runtime = Runtime(places(jupyter_runtime_dir()))
    runtime.sweep()
    folders = [runtime.desktop_folder("ann", name) for name in ("one", "two")]
    for folder in folders:
        (folder / "run").mkdir()
        (folder / "run" / "x").touch()
    runtime.touch()
    runtime.sweep()
    print(folders[0].parent, flush=True)
    sys.stdin.read()
    runtime.close()
    """
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A temporary folder, a runtime folder of the user and one of Jupyter, all on a machine of their own."""
    for name, variable in (("tmp", "TMPDIR"), ("xdg", "XDG_RUNTIME_DIR"), ("jr", "JUPYTER_RUNTIME_DIR")):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path


def snapshot(folder):
    """All that is below a folder: kind, mode, owner, inode, time of change, and content."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        state = path.lstat()
        content = ""
        if stat.S_ISLNK(state.st_mode):
            content = str(path.readlink())
        elif stat.S_ISREG(state.st_mode):
            content = path.read_bytes()
        found[path] = (state.st_mode, state.st_uid, state.st_gid, state.st_ino, state.st_mtime_ns, content)
    return found


def fill(folder, *, mode=0o755, lock=None):
    """A folder of a user's own: a clone, a thesis."""
    (folder / ".git" / "objects" / "ab").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "chapters").mkdir()
    (folder / "chapters" / "1.tex").write_text("all of it")
    (folder / "a1b2c3d4").mkdir()
    (folder / "a1b2c3d4" / "xserver").write_text("107 1")
    if lock is not None:
        (folder / LOCK).write_text(lock)
    folder.chmod(mode)
    age(folder)
    return folder


def age(folder):
    long_ago = time.time() - DAYS
    for path in sorted([folder, *folder.rglob("*")], reverse=True):
        os.utime(path, (long_ago, long_ago), follow_symlinks=False)


def real_server(place):
    """A folder as servers that were killed leave it, and all that proves it."""
    runtime = Runtime([place / PARENT])
    desktop = runtime.desktop_folder("ann", "desktop")
    os.close(runtime.lock)
    runtime._finalizer.detach()
    return desktop.parent


def look_alikes(place, name, aside):
    """Things of every kind whose name begins like ours; ``aside`` is a folder for what links point to."""
    aside.mkdir()
    fill(place / f"{name}-thesis")
    fill(place / f"{name}-private", mode=0o700)
    fill(place / f"{name}-x", mode=0o700, lock="")
    fill(place / f"{name}-old", mode=0o700, lock=proofs.boot())
    fill(place / f"{name}-odd", mode=0o700, lock="[" * 60000)
    copied = real_server(aside / "server")
    shutil.copytree(copied, place / f"{name}-copy", symlinks=True)
    shutil.copytree(copied.parent, place / f"{name}-0123abcd", symlinks=True)
    copied.rename(place / f"{name}-moved")
    (place / f"{name}-empty").mkdir(mode=0o700)
    (place / f"{name}.0123abcd").mkdir(mode=0o700)
    (place / f"{name}.0123abcd.lock").write_text("")
    fill(place / f"{name}.abcdabcd", mode=0o700)
    (place / f"{name}.abcdabcd.lock").write_text('{"made by": "jupyter-vnc"}\n')
    (place / f"{name}-link").symlink_to(fill(aside / "linked", mode=0o700, lock=""))
    (place / f"{name}-file").write_text("x")
    (place / f"{name}-nowhere").symlink_to("/no/such/place")
    os.mkfifo(place / f"{name}-pipe")
    (place / f"{name}-pipe-lock").mkdir(mode=0o700)
    os.mkfifo(place / f"{name}-pipe-lock" / LOCK)
    if os.geteuid() == 0:
        others = fill(place / f"{name}-others", mode=0o700, lock=proofs.boot())
        for path in (others, *others.rglob("*")):
            os.chown(path, 65534, 65534)
    found = [path for path in place.iterdir() if path.name.startswith(name)]
    for path in found:
        if not path.is_symlink():
            age(path)
    return [*found, aside]


def lives(number):
    """Run a server, and stop or kill it; then another one. Return the folder of the first."""
    command = [sys.executable, "-c", SERVER]
    for end in (number, None):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
            folder = Path(process.stdout.readline().strip())
            assert folder.is_dir()
            if end is not None:
                process.send_signal(end)
        if end is not None:
            first = folder
    assert process.returncode == 0
    return first


@pytest.mark.parametrize("number", [signal.SIGKILL, None], ids=["killed", "stopped"])
def test_what_only_looks_like_ours_stays_as_it_is(place, number):
    """Content, mode and time of change: after a start, a day later, after the stop and after the next start."""
    mine = look_alikes(place / "tmp", PARENT, place / "aside")
    mine += look_alikes(place / "tmp", f"{PARENT}-{os.getuid()}", place / "aside-2")
    mine += look_alikes(place / "jr", PARENT, place / "aside-3")
    before = [snapshot(path) for path in mine]
    if number is None:
        subprocess.run([sys.executable, "-c", SERVER], input="", cwd=ROOT, check=True, text=True)
    else:
        assert not lives(number).exists()
    assert [snapshot(path) for path in mine] == before
    ours = [path for name in ("tmp", "jr", "xdg") for path in (place / name).iterdir() if path not in mine]
    assert ours == []


def in_the_way(kind, path, aside):
    """What may be where our parent should be made."""
    match kind:
        case "empty":
            path.mkdir(mode=0o700)
        case "a user's":
            fill(path, mode=0o700)
        case "with a lock":
            fill(path, mode=0o700, lock=proofs.boot())
        case "file":
            path.write_text("x")
        case "link":
            path.symlink_to(fill(aside / "linked", mode=0o700))
        case "link to ours":
            path.symlink_to(real_server(aside).parent)
        case "copy of ours":
            shutil.copytree(real_server(aside).parent, path)
        case "ours, moved":
            real_server(aside).parent.rename(path)
        case "somebody else's":
            path.mkdir(mode=0o700)
            os.chown(path, 65534, 65534)


KINDS = (
    *("empty", "a user's", "with a lock", "file", "link", "link to ours"),
    *("copy of ours", "ours, moved", "somebody else's"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_parent_that_is_not_ours_is_refused_and_another_place_taken(place, kind):
    if kind == "somebody else's":
        require_root()
    candidates = places(str(place / "jr"))
    for number, path in enumerate(candidates[:-1]):
        (place / f"aside{number}").mkdir()
        in_the_way(kind, path, place / f"aside{number}")
    mine = [*candidates[:-1], *place.glob("aside*")]
    before = [snapshot(path) for path in mine]
    runtime = Runtime(candidates)
    runtime.sweep()
    assert runtime.open().parent == candidates[-1]
    assert runtime.desktop_folder("ann", "desktop").is_dir()
    runtime.touch()
    runtime.close()
    assert [snapshot(path) for path in mine] == before
    assert not candidates[-1].exists()


def test_no_place_that_is_ours_is_one_sentence(place):
    candidates = places(str(place / "jr"))
    for path in candidates:
        path.mkdir(mode=0o755)
    with pytest.raises(DesktopFailed, match="cannot make a private folder") as caught:
        Runtime(candidates).open()
    assert str(place) not in str(caught.value)
    assert caught.value.detail.count("others may enter it") == 4


def test_a_parent_that_others_may_enter_is_refused(place):
    ours = real_server(place / "tmp").parent
    ours.chmod(0o755)
    before = snapshot(ours)
    assert Runtime([ours]).sweep() == 0
    with pytest.raises(DesktopFailed):
        Runtime([ours]).open()
    assert snapshot(ours) == before


# -- inside our own ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGKILL, None], ids=["killed", "stopped"])
def test_strangers_inside_our_own_folders_stay(place, number):
    """In the parent, in a server's folder that is swept, with names like those that we give."""
    dead = real_server(place / "tmp")
    parent = dead.parent
    fill(parent / "thesis")
    fill(parent / "deadbeef", mode=0o700, lock=(dead / LOCK).read_text())
    shutil.copytree(dead, parent / "0badcafe")
    (parent / "01234567").symlink_to(fill(place / "linked", mode=0o700))
    (parent / "notes").write_text("x")
    (dead / "notes").write_text("x")
    fill(dead / "76543210", mode=0o700)
    mine = [parent / name for name in ("thesis", "deadbeef", "0badcafe", "01234567", "notes")]
    mine += [dead / "notes", dead / "76543210", place / "linked"]
    for path in mine:
        age(path)
    before = [snapshot(path) for path in mine]
    runtime = Runtime([parent])
    assert runtime.sweep() == 0  # not all of it could go
    assert {entry.name for entry in dead.iterdir()} == {LOCK, "notes", "76543210"}
    desktop = runtime.desktop_folder("ann", "desktop")
    runtime.touch()
    if number is None:
        runtime.close()
    else:
        os.close(runtime.lock)
        runtime._finalizer.detach()
        assert Runtime([parent]).sweep() == 1
    assert not desktop.parent.exists()
    assert [snapshot(path) for path in mine] == before


def test_a_users_folder_in_the_place_of_a_desktops(place):
    """Its name is in the list, its inode is not."""
    runtime = Runtime([place / "tmp" / PARENT])
    desktop = runtime.desktop_folder("ann", "desktop")
    desktop.rename(place / "moved")
    fill(desktop, mode=0o700)
    before = snapshot(desktop)
    with pytest.raises(DesktopFailed, match="was not made by us"):
        runtime.desktop_folder("ann", "desktop")
    assert remove_desktop(desktop) == [str(desktop)]
    runtime.close()
    assert snapshot(desktop) == before


def test_nothing_is_done_to_folders_without_a_proof(place):
    folder = fill(place / "server", mode=0o700, lock="")
    before = snapshot(folder)
    assert remove_desktop(folder / "a1b2c3d4") == []
    remove_orphaned(folder)
    with pytest.raises(NotOurs):
        remove_server(folder)
    with pytest.raises(NotOurs):
        note_at(folder, display=107, pid=1)
    assert snapshot(folder) == before


def test_a_hard_link_to_a_real_lock_proves_nothing(place):
    dead = real_server(place / "tmp")
    other = fill(place / "mine", mode=0o700)
    os.link(dead / LOCK, other / LOCK)
    for folder in (dead, other):
        with pytest.raises(NotOurs, match="its lock is not our file"):
            Belonging.open(folder)


# -- what is cut off in the middle --------------------------------------------------------------------------------


#: Has imported all once, and forks a process for each line: its environment, the folder, the call, its number, when.
#: Says how each ended.
NURSERY = textwrap.dedent(
    """
    import fcntl, json, os, sys, traceback
    from pathlib import Path
    from jupyter_vnc.desktops.processes.runtime_folder import Runtime

    def live(path, call, number, when):
        module = fcntl if call == "flock" else os
        real = getattr(module, call)
        count = 0

        def counted(*arguments, **options):
            nonlocal count
            count += 1
            if count >= number:
                os._exit(9)
            return real(*arguments, **options)

        runtime = Runtime([Path(path)])
        if when == "stop":
            runtime.desktop_folder("ann", "desktop")
        setattr(module, call, counted)
        runtime.desktop_folder("ann", "desktop")
        runtime.close()

    for line in sys.stdin:
        environ, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.environ.update(environ)
                live(*arguments)
                status = 0
            except Exception:
                traceback.print_exc()
            finally:
                os._exit(status)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    """
)


@pytest.fixture(scope="module")
def nursery():
    """Start a process with such arguments; returns its exit code. Importing takes longer than all it does."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-S", "-c", NURSERY], cwd=ROOT, env=environ, text=True, **pipes) as process:

        def start(*arguments):
            process.stdin.write(json.dumps([dict(os.environ), *arguments]) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield start


@pytest.mark.parametrize("call", ["mkdir", "open", "fchmod", "write", "link", "rename", "unlink", "rmdir", "flock"])
@pytest.mark.parametrize("number", range(1, 8))
def test_killed_at_any_call_of_a_first_start_and_of_a_last_stop(place, nursery, call, number):
    """A process that ends at its n-th call of something, in the middle of whatever it does there."""
    parent = place / "tmp" / PARENT
    for when in ("start", "stop"):
        assert nursery(str(parent), call, number, when) in {0, 9}
        Runtime([parent]).sweep()
        assert list((place / "tmp").iterdir()) == [], when


@pytest.mark.parametrize("written", [b"", b'{"made', b'{"made by": "jupyter-vnc", "folder": "/so'])
def test_a_server_that_was_killed_while_it_made_its_folder(place, written):
    parent = real_server(place / "tmp").parent
    with Belonging.open(parent) as owned:
        owned.note(folder="01230123")
        owned.note(folder="45674567")
        owned.note(folder="89898989")
    (parent / "01230123").mkdir(mode=0o700)
    (parent / "45674567").mkdir(mode=0o700)
    (parent / "45674567" / LOCK).write_bytes(written)
    assert Runtime([parent]).sweep() == 1
    assert not parent.exists()


def test_a_list_that_was_cut_off_loses_one_line(place):
    server = real_server(place / "tmp")
    with Belonging.open(server) as owned:
        os.write(owned.lock, b'\n{"folder": "0123')
        owned.note(folder="45674567", inode=8)
        os.write(owned.lock, b'\n[1]\n{"folder": 5}\n{"folder": "../../home"}\n' + b"[" * 99999 + b"\n\xff\n")
        os.write(owned.lock, b'{"folder": "89abcdef", "inode": ' + b"9" * 5000 + b"}\n")
        owned.note(folder="abcdabcd")
        listed = owned.folders()
    assert listed | {"45674567": 8, "abcdabcd": None} == listed
    assert len(listed) == 4  # and the desktop's, and the one in which it was tried whether a socket can listen


def test_nothing_is_made_that_cannot_be_written_down(place, monkeypatch):
    runtime = Runtime([place / "tmp" / PARENT])
    server = runtime.open()
    monkeypatch.setattr(belongings.os, "write", lambda descriptor, data: len(data) - 1)
    with pytest.raises(DesktopFailed, match="No space left on device"):
        runtime.desktop_folder("ann", "desktop")
    monkeypatch.undo()
    assert [entry.name for entry in server.iterdir()] == [LOCK]
    runtime.close()


def test_servers_that_come_and_go_at_the_same_time(place):
    """The last one removes the parent, while the next one makes its folder in it."""
    script = (
        "import sys; from pathlib import Path; from jupyter_vnc.desktops.processes.runtime_folder import Runtime\n"
        "for _ in range(40):\n"
        "    one = Runtime([Path(sys.argv[1])]); one.desktop_folder('ann', 'x'); one.sweep(); one.close()"
    )
    command = [sys.executable, "-c", script, str(place / "tmp" / PARENT)]
    several = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=100)[1] for process in several]
    assert [process.returncode for process in several] == [0] * 4, said
    assert list((place / "tmp").iterdir()) == []


def test_an_empty_folder_is_not_replaced_by_the_parent(place, monkeypatch):
    """It appears at the last moment, where ours is about to be."""
    path = place / "tmp" / PARENT
    real = parents.is_there

    def is_there(name, within):
        if not path.exists():
            path.mkdir(mode=0o700)
        return real(name, within)

    monkeypatch.setattr(parents, "is_there", is_there)
    with pytest.raises(NotOurs):
        parents.open_parent(path, make=True)
    assert [entry.name for entry in (place / "tmp").iterdir()] == [PARENT]
    assert list(path.iterdir()) == []


def test_a_lock_of_somebody_who_does_not_let_go(place, monkeypatch):
    """Another place is taken, after a while."""
    monkeypatch.setattr(belongings, "_PATIENCE", 0.1)
    first = Runtime([place / "tmp" / PARENT])
    parent = first.open().parent
    with Belonging.open(parent) as held:
        held.hold()
        monkeypatch.setattr(Belonging.hold, "__defaults__", (0.1,))
        other = Runtime([parent, place / "xdg" / PARENT])
        assert other.open().parent == place / "xdg" / PARENT
        other.close()
    first.close()
    assert not parent.exists()


def test_the_sweep_touches_no_display_of_another_boot(place, monkeypatch):
    server = real_server(place / "tmp")
    note_at(server, display=107, pid=4711)
    removed = []
    monkeypatch.setattr(cleanup, "_remove_display", lambda *what: removed.append(what))
    monkeypatch.setattr(cleanup, "boot", lambda: "another")
    with Belonging.open(server) as owned:
        cleanup.remove_listed(owned)
    assert removed == []
    monkeypatch.undo()
