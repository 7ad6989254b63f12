"""Another account of the machine that has the folder, the socket, the name or the lock of a display before us."""

import contextlib
import errno
import os
import pwd
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jupyter_vnc.desktops import checks, readiness
from jupyter_vnc.desktops.kernel_display import KernelDisplay
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.ownership import trust
from jupyter_vnc.desktops.processes import procfs as processes
from jupyter_vnc.desktops.processes.runtime_folder import AUTHORITY, HELD_AUTHORITY, Runtime
from jupyter_vnc.desktops.readiness import free_displays
from jupyter_vnc.desktops.x11 import lazy_display as doorbell
from jupyter_vnc.desktops.x11 import xauthority
from jupyter_vnc.desktops.x11.connection import Link
from jupyter_vnc.desktops.x11.lazy_display import LazyDisplay
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.model.addresses import DesktopSpec
from tests.desktops import own_tmp
from tests.needs import require_root

NOBODY = pwd.getpwnam("nobody").pw_uid
CLOCK = DesktopSpec(("xclock",), "320x240")


@contextlib.contextmanager
def somebody(uid):
    """Make the calls of this block as another user."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def folder(tmp_path):
    tmp_path.chmod(0o755)
    made = tmp_path / ".X11-unix"
    made.mkdir()
    return made


# -- the folder ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o1777, 0o700, 0o755, 0o1770])
def test_a_folder_that_only_root_and_we_can_change_is_good(folder, mode):
    folder.chmod(mode)
    assert trust.flaw(folder) == ""
    trust.prepare(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == mode


@pytest.mark.parametrize(
    ("mode", "uid", "says"),
    [
        (0o1777, NOBODY, f"belongs to another account (uid {NOBODY})"),
        (0o755, NOBODY, f"belongs to another account (uid {NOBODY})"),
        (0o777, 0, "can be changed by others"),
        (0o775, 0, "can be changed by others"),
    ],
)
def test_any_other_is_not_and_the_sentence_names_the_remedy(folder, mode, uid, says):
    require_root()
    os.chown(folder, uid, -1)
    folder.chmod(mode)
    with pytest.raises(trust.UntrustedFolderError) as caught:
        trust.prepare(folder)
    before, command = str(caught.value).split(" Run as root: ")
    assert before == f"{folder} {says}."
    subprocess.run(command.split(), check=True)
    trust.prepare(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777


@pytest.mark.parametrize("what", ["a link", "a link to a good folder", "a file"])
def test_what_is_no_folder_is_not(folder, what):
    other = folder.with_name("other")
    folder.rmdir()
    if what == "a file":
        folder.touch()
    else:
        folder.symlink_to(other)
        if "good" in what:
            other.mkdir()
    with pytest.raises(trust.UntrustedFolderError, match="is a link or a file") as caught:
        trust.prepare(folder)
    assert other.exists() == ("good" in what)
    subprocess.run(str(caught.value).split(" Run as root: ")[1].split(), check=True)
    trust.prepare(folder)


@pytest.mark.parametrize(("mode", "uid"), [(0o777, 0), (0o755, NOBODY)])
def test_nor_is_one_that_others_can_move_away(folder, mode, uid):
    require_root()
    os.chown(folder.parent, uid, -1)
    folder.parent.chmod(mode)
    with pytest.raises(trust.UntrustedFolderError, match=f"^{folder.parent} "):
        trust.prepare(folder)
    assert not trust.is_trusted(folder)


@pytest.mark.parametrize("uid", [0, NOBODY])
def test_where_there_is_none_it_is_made(folder, uid):
    require_root()
    folder.rmdir()
    folder.parent.chmod(0o1777)
    with somebody(uid):
        trust.prepare(folder)
    found = folder.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (uid, 0o1777)


def test_where_root_is_not_mapped_the_machines_folders_are_trusted():
    """In a user namespace without a root all that is not ours is the same account's, the machine's folders included."""
    script = (
        "from pathlib import Path; from jupyter_vnc.desktops.ownership import trust; "
        "print(repr(trust.flaw(Path('{}'))))"
    )
    words = ["unshare", "--user", "--map-user=54321", "--map-group=54321"]
    require_root()
    said = subprocess.run(
        [*words, os.sys.executable, "-c", script.format("/tmp/..")], capture_output=True, text=True, check=True
    )
    assert said.stdout == "''\n"


# -- the socket ----------------------------------------------------------------------------------------------------


@pytest.fixture
def x_sockets(folder, monkeypatch):
    monkeypatch.setattr(trust, "X_SOCKETS", folder)
    return folder


@contextlib.contextmanager
def listening(path, uid):
    """A server of another account in the place of a display; gives what all who connect say to it."""
    told = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with somebody(uid):
            listener.listen()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    with link:
                        link.settimeout(60)
                        told.append(link.recv(100))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield told
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(60)
        assert not thread.is_alive()


def test_no_cookie_for_another_accounts_socket(x_sockets, tmp_path):
    require_root()
    xauthority.write(tmp_path / AUTHORITY, 107)
    refused = pytest.raises(PermissionError, match="served by another account")
    with listening(x_sockets / "X107", NOBODY) as told, refused:
        Link.open(107, tmp_path / AUTHORITY)
    assert told == [b""]


def test_one_for_our_own(x_sockets, tmp_path):
    require_root()
    xauthority.write(tmp_path / AUTHORITY, 107)
    with listening(x_sockets / "X107", 0) as told, pytest.raises(OSError, match=r"closed|reset"):
        Link.open(107, tmp_path / AUTHORITY)
    assert xauthority.read(tmp_path / AUTHORITY) in told[0]


async def test_waiting_programs_are_not_carried_to_another_accounts_socket(x_sockets, desktop_folder, nothing_left):
    require_root()
    display = next(free_displays("trust"))
    bell = LazyDisplay(display, desktop_folder)
    with socket.socket(socket.AF_UNIX) as program:
        program.connect(str(processes.x_socket(display)))
        program.sendall(b"here is my cookie")
        bell.make_way()
        processes.x_socket(display).unlink()
        with listening(processes.x_socket(display), NOBODY) as told:
            bell.connect(display)
            program.settimeout(60)
            with contextlib.suppress(ConnectionResetError):
                assert program.recv(1) == b""
        bell.close()
    assert told == [b""]


async def test_no_display_is_held_in_another_accounts_folder(x_sockets, desktop_folder, nothing_left):
    require_root()
    os.chown(x_sockets, NOBODY, -1)
    display = next(free_displays("trust"))
    with pytest.raises(OSError, match="belongs to another account"):
        LazyDisplay(display, desktop_folder)
    assert [*x_sockets.iterdir()] == []
    assert not processes.lock_file(display).exists()


# -- the abstract name ----------------------------------------------------------------------------------------------


def abstract(display):
    return f"\0/tmp/.X11-unix/X{display}"


def can_bind(name):
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.bind(name)
        except OSError:
            return False
    return True


@pytest.mark.real
async def test_the_abstract_name_of_a_desktop_is_ours_while_it_runs(nothing_left):
    manager = DesktopManager()
    try:
        await manager.ensure("ann", "desktop", CLOCK)
        display = manager.environment("ann", "desktop")["DISPLAY"][1:]
        assert not can_bind(abstract(display))
        with socket.socket(socket.AF_UNIX) as program, pytest.raises(ConnectionRefusedError):
            program.connect(abstract(display))
        await manager.stop("ann", "desktop")
        assert can_bind(abstract(display))
        environ = await manager.reserve("ann", "desktop")
        assert not can_bind(abstract(environ["DISPLAY"][1:]))
    finally:
        await manager.close()
    assert can_bind(abstract(environ["DISPLAY"][1:]))


@pytest.mark.real
async def test_the_supervisor_holds_it_too(nothing_left):
    """Programs of a desktop may look for it a little longer than its server lives."""
    manager = DesktopManager()
    try:
        await manager.ensure("ann", "desktop", CLOCK)
        desktop = manager._entries["ann", "desktop"].desktop
        desktop.display.forget()
        assert not can_bind(abstract(desktop.display.number))
    finally:
        await manager.close()


@pytest.mark.real
async def test_a_display_whose_abstract_name_somebody_has_is_not_taken(nothing_left):
    manager = DesktopManager()
    try:
        environ = await manager.reserve("ann", "desktop")
        first = environ["DISPLAY"][1:]
        await manager.ensure("ann", "desktop", CLOCK)
        assert manager.environment("ann", "desktop")["DISPLAY"][1:] == first
        await manager.stop("ann", "desktop")
        with socket.socket(socket.AF_UNIX) as squatter:
            squatter.bind(abstract(first))
            squatter.listen()
            await manager.ensure("ann", "desktop", CLOCK)
            assert manager.environment("ann", "desktop")["DISPLAY"][1:] != first
    finally:
        await manager.close()


# -- the cookie -----------------------------------------------------------------------------------------------------


def test_a_program_has_no_cookie_for_another_display(tmp_path, programs):
    """With the real libX11: a DISPLAY of before leads to whoever is there now."""
    mine, other = list(free_displays("cookies"))[:2]
    trust.prepare(trust.X_SOCKETS)
    xauthority.write(tmp_path / AUTHORITY, mine)
    cookie = xauthority.read(tmp_path / AUTHORITY)
    said = {}
    for display in (mine, other):
        path = processes.x_socket(display)
        try:
            with listening(path, 0) as told:
                environ = {
                    "PATH": os.environ["PATH"],
                    "DISPLAY": f":{display}",
                    "XAUTHORITY": str(tmp_path / AUTHORITY),
                }
                subprocess.run(["xdpyinfo"], env=environ, capture_output=True, timeout=20, check=False)
        finally:
            path.unlink()
        said[display] = b"".join(told)
    assert cookie in said[mine]
    assert said[other]
    assert cookie not in said[other]


@pytest.mark.real
async def test_each_start_has_a_new_cookie(nothing_left):
    manager = DesktopManager()
    try:
        cookies = set()
        for _ in range(2):
            await manager.ensure("ann", "desktop", CLOCK)
            path = manager._entries["ann", "desktop"].desktop._folder / AUTHORITY
            cookies.add(xauthority.read(path))
            await manager.stop("ann", "desktop")
        assert len(cookies) == 2
    finally:
        await manager.close()


@pytest.mark.parametrize("rings", [True, False])
async def test_programs_find_the_cookie_only_where_somebody_of_ours_listens(rings, nothing_left):
    manager = DesktopManager()
    told = {}
    display = KernelDisplay(manager, ("ann", "desktop", CLOCK), told.update)
    manager.on_change = display.changed
    try:
        await display.open(rings=rings)
        folder = manager._entries["ann", "desktop"].desktop._folder
        assert (folder / AUTHORITY).exists() == rings
        assert (folder / HELD_AUTHORITY).exists() != rings
        assert told["XAUTHORITY"] == str(folder / AUTHORITY)
        await manager.ensure("ann", "desktop", CLOCK)
        shown = subprocess.run(["xdpyinfo"], env={"PATH": os.environ["PATH"], **told}, capture_output=True, check=False)
        assert shown.returncode == 0
    finally:
        await display.close()
        await manager.close()


async def test_where_no_display_can_be_held_programs_find_no_cookie(monkeypatch, nothing_left):
    def refuse(bell):
        raise trust.UntrustedFolderError("not ours")

    manager = DesktopManager()
    display = KernelDisplay(manager, ("ann", "desktop", CLOCK), lambda environ: None)
    try:
        monkeypatch.setattr(doorbell.LazyDisplay, "_bind", refuse)
        await display.open(rings=True)
        assert not (manager._entries["ann", "desktop"].desktop._folder / AUTHORITY).exists()
    finally:
        await display.close()
        await manager.close()


@pytest.mark.parametrize("flaw", ["readable", "another's", "a link"])
def test_a_cookie_file_that_is_not_ours_alone_is_not_read(flaw, tmp_path):
    require_root()
    path = tmp_path / AUTHORITY
    xauthority.write(path, 107)
    if flaw == "readable":
        path.chmod(0o640)
    elif flaw == "another's":
        os.chown(path, NOBODY, -1)
    else:
        path.rename(tmp_path / "other")
        path.symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match=r"not ours alone|symbolic links"):
        xauthority.read(path)


# -- locks, and what is left ----------------------------------------------------------------------------------------


@pytest.fixture
def lock(tmp_path, monkeypatch):
    path = tmp_path / ".X107-lock"
    monkeypatch.setattr(processes, "lock_file", lambda display: path)
    return path


def test_a_lock_that_is_a_pipe_blocks_nothing(lock, x_sockets):
    os.mkfifo(lock)
    assert processes.display_holder(107) == -1
    assert not processes.is_free(107)


@pytest.mark.parametrize("there", [True, False])
def test_a_lock_that_is_a_link_is_somebodys(there, lock, x_sockets):
    if there:
        lock.with_name("other").write_text(f"{os.getpid():>10}\n")
    lock.symlink_to("other")
    assert processes.display_holder(107) == -1
    assert not processes.is_free(107)


def test_another_accounts_lock_and_socket_stay(lock, x_sockets):
    require_root()
    lock.write_text("      4711\n")
    os.chown(lock, NOBODY, -1)
    (x_sockets / "X107").touch()
    processes.remove_display(107, 4711)
    assert lock.exists()
    assert (x_sockets / "X107").exists()


def test_nothing_is_removed_from_another_accounts_folder(lock, x_sockets, monkeypatch):
    require_root()
    lock.write_text("      4711\n")
    (x_sockets / "X107").touch()
    (x_sockets / "4711").touch()
    os.chown(x_sockets, NOBODY, -1)
    monkeypatch.setattr(trust, "ICE_SOCKETS", x_sockets)
    processes.remove_display(107, 4711)
    processes.remove_session_sockets([4711])
    assert not lock.exists()
    assert {entry.name for entry in x_sockets.iterdir()} == {"X107", "4711"}


def test_another_accounts_socket_makes_a_display_unusable(lock, x_sockets):
    require_root()
    assert processes.is_free(107)
    (x_sockets / "X107").touch()
    assert processes.is_free(107)
    os.chown(x_sockets / "X107", NOBODY, -1)
    assert not processes.is_free(107)


def test_a_socket_of_another_program_of_ours_makes_it_unusable(lock, x_sockets):
    """It is an X server that has picked a number by itself, which takes no lock; ours would replace its socket."""
    path = x_sockets / "X107"
    script = "import socket, sys; s = socket.socket(1); s.bind(sys.argv[1]); s.listen(); print(flush=True); input()"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        assert not processes.is_free(107)
        lock.write_text("      4711\n")
        processes.remove_display(107, 4711)
        assert path.exists()
        other.communicate(b"\n")
    assert processes.is_free(107)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as ours:  # programs that rang wait there
        ours.bind(str(path))
        ours.listen()
        assert processes.is_free(107)


@pytest.fixture
def dead():
    """The number of a process that is gone."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def leave_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.parametrize("with_socket", [True, False])
@pytest.mark.parametrize("with_lock", [True, False])
def test_what_an_x_server_left_is_taken_back(with_lock, with_socket, lock, x_sockets, dead):
    if with_lock:
        lock.write_text(f"{dead:>10}\n")
    if with_socket:
        leave_socket(x_sockets / "X107")
    assert processes.is_left_over(107) == (with_lock or with_socket)
    assert processes.take_back(107)
    assert not lock.exists()
    assert [*x_sockets.iterdir()] == []


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"rubbish\n",
        b"\0" * 11,
        b"99999999999999999999\n",
        b"9" * 64,
        f"{os.getpid():>10}\n".encode(),
        b"         1\n",
        b"      -107\n",
    ],
)
@pytest.mark.parametrize("with_socket", [True, False])
def test_an_old_lock_that_names_nobody_who_could_have_made_it_is_taken_back(said, with_socket, lock, x_sockets):
    """A full disk leaves empty ones; in a container that starts anew the same numbers are other processes."""
    lock.write_bytes(said)
    if with_socket:
        leave_socket(x_sockets / "X107")
    before = Path("/proc/1").stat().st_ctime - 86400
    os.utime(lock, (before, before))
    assert processes.take_back(107)
    assert not os.path.lexists(lock)
    assert [*x_sockets.iterdir()] == []


@pytest.mark.parametrize("said", [b"99999999999999999999\n", b"9" * 64, b"", b"rubbish\n"])
def test_a_lock_that_is_being_written_stays(said, lock, x_sockets):
    lock.write_bytes(said)
    assert not processes.is_left_over(107)
    assert not processes.take_back(107)
    assert lock.exists()


@pytest.mark.parametrize("kind", ["a folder", "a FIFO", "a link"])
def test_what_is_no_lock_stays(kind, lock, x_sockets):
    make = {"a folder": lock.mkdir, "a FIFO": lambda: os.mkfifo(lock), "a link": lambda: lock.symlink_to("nowhere")}
    make[kind]()
    os.utime(lock, (0, 0), follow_symlinks=False)
    assert not processes.take_back(107)
    assert os.path.lexists(lock)


@pytest.mark.parametrize(
    "case",
    [
        "alive",
        "empty",
        "no number",
        "a group of processes",
        "another's lock",
        "another's socket",
        "somebody listens",
        "a link",
        "no socket",
        "another's folder",
    ],
)
def test_what_is_not_proved_to_be_left_over_stays(case, lock, x_sockets, dead, monkeypatch):
    require_root()
    path = x_sockets / "X107"
    said = {"alive": os.getpid(), "empty": "", "no number": "who?", "a group of processes": -dead}.get(case, dead)
    lock.write_text(f"{said:>10}\n" if said else "")
    if case == "no socket":
        path.write_text("a file")
    else:
        leave_socket(path)
    if case == "another's lock":
        os.chown(lock, NOBODY, -1)
    elif case == "another's socket":
        os.chown(path, NOBODY, -1)
    elif case == "a link":
        lock.rename(lock.with_name("elsewhere"))
        lock.symlink_to("elsewhere")
    elif case == "another's folder":
        os.chown(x_sockets, NOBODY, -1)
    with contextlib.ExitStack() as stack:
        if case == "somebody listens":
            path.unlink()
            stack.enter_context(listening(path, 0))
        assert not processes.take_back(107)
        assert os.path.lexists(lock)
        assert os.path.lexists(path)


@pytest.mark.real
@pytest.mark.parametrize("waits", [True, False])
async def test_when_every_number_has_a_stale_lock_a_desktop_starts(waits, dead, nothing_left, monkeypatch):
    numbers = range(1000 + 3 * (os.getpid() % 9000), 1003 + 3 * (os.getpid() % 9000))
    monkeypatch.setattr(readiness, "DISPLAYS", numbers)
    trust.prepare(trust.X_SOCKETS)
    made = [path for number in numbers for path in (processes.lock_file(number), processes.x_socket(number))]
    try:
        for number in numbers:
            processes.lock_file(number).write_text(f"{dead:>10}\n")
            leave_socket(processes.x_socket(number))
        manager = DesktopManager()
        try:
            if waits:
                assert await manager.reserve("ann", "desktop")
            await manager.ensure("ann", "desktop", CLOCK)
            taken = int(manager.environment("ann", "desktop")["DISPLAY"][1:])
            assert taken in numbers
        finally:
            await manager.close()
        left = {number for number in numbers if processes.lock_file(number).exists()}
        assert left == set(numbers) - {taken}, "only the one that was needed"
    finally:
        for path in made:
            path.unlink(missing_ok=True)


@pytest.mark.parametrize(("mode", "uid"), [(0o755, NOBODY), (0o777, 0)])
def test_no_runtime_folder_where_others_can_replace_it(mode, uid, tmp_path):
    require_root()
    place = tmp_path / "theirs" / "runtime"
    place.mkdir(parents=True)
    os.chown(place.parent, uid, -1)
    place.parent.chmod(mode)
    runtime = Runtime([place, tmp_path / "ours"])
    try:
        assert runtime.open().is_relative_to(tmp_path / "ours")
        assert [*place.iterdir()] == []
    finally:
        runtime.close()


# -- the whole, in a temporary folder of its own ---------------------------------------------------------------------

SCRIPT = """
import asyncio, json, os, pwd, socket, sys
from pathlib import Path
from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.desktops.kernel_display import KernelDisplay
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.processes.procfs import x_socket
from jupyter_vnc.desktops.x11.connection import Link
from jupyter_vnc.exceptions import DesktopFailed
from tests.desktops.ownership.test_trust import listening
case = sys.argv[1]
nobody = pwd.getpwnam("nobody").pw_uid
sockets = Path("/tmp/.X11-unix")
if case in {"theirs", "theirs with a socket"}:
    sockets.mkdir(); sockets.chmod(0o1777); os.chown(sockets, nobody, -1)
os.environ.update(HOME="/tmp/home", JUPYTER_RUNTIME_DIR="/tmp/rt", XDG_RUNTIME_DIR="/tmp/rt")
for folder in ("/tmp/home", "/tmp/rt"):
    os.mkdir(folder, 0o700)
found = {}
async def main():
    manager = DesktopManager()
    spec = DesktopSpec(("xclock",), "320x240")
    told = {}
    display = KernelDisplay(manager, ("ann", "desktop", spec), told.update)
    manager.on_change = display.changed
    try:
        await display.open(rings=True)
        found["told"] = bool(told)
        try:
            await manager.ensure("ann", "desktop", spec)
        except DesktopFailed as error:
            found["failed"] = str(error)
        else:
            number = int(manager.environment("ann", "desktop")["DISPLAY"][1:])
            status = sockets.stat()
            found["folder"] = [status.st_uid, oct(status.st_mode & 0o7777)]
            authority = Path(manager.environment("ann", "desktop")["XAUTHORITY"])
            Link.open(number, authority).close()
            # Now the folder becomes another account's, which puts its own socket in the place of the display.
            os.chown(sockets, nobody, -1)
            x_socket(number).unlink()
            with listening(x_socket(number), nobody) as heard:
                try:
                    Link.open(number, authority)
                except PermissionError as error:
                    found["refused"] = str(error)
            found["heard"] = [data.decode() for data in heard]
            os.chown(sockets, 0, -1)
    finally:
        await display.close()
        await manager.close()
    found["left"] = sorted(str(path) for path in [*sockets.iterdir(), *Path("/tmp").glob(".X*-lock")])
    found["cookies"] = [str(path) for path in Path("/tmp/rt").rglob("Xauth*")]
asyncio.run(main())
print(json.dumps(found))
"""


@pytest.mark.real
def test_a_folder_that_another_account_made_first(programs):
    require_root()
    found = own_tmp.outcome(SCRIPT, "theirs")
    assert found == {
        "told": False,
        "failed": f"/tmp/.X11-unix belongs to another account (uid {NOBODY}). "
        "Run as root: install -d -m 1777 -o root -g root /tmp/.X11-unix.",
        "left": [],
        "cookies": [],
    }
    assert len(found["failed"]) <= 123, "the rest does not fit into a close frame"


@pytest.mark.real
def test_a_folder_that_is_not_there_and_a_socket_that_is_swapped_later(programs):
    require_root()
    found = own_tmp.outcome(SCRIPT, "absent")
    assert found.pop("refused").endswith(f"is served by another account (uid {NOBODY})")
    assert found == {"told": True, "folder": [0, "0o1777"], "heard": [""], "left": [], "cookies": []}


@pytest.mark.parametrize("nameless", [True, False])
def test_a_folder_that_this_account_cannot_write_to_is_named_with_a_remedy(x_sockets, nameless, monkeypatch):
    require_root()
    x_sockets.parent.chmod(0o1777)
    x_sockets.chmod(0o755)
    if not nameless:  # NFS and old kernels make no file without a name
        really = os.open

        def refuse(path, flags, *more, **options):
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
            return really(path, flags, *more, **options)

        monkeypatch.setattr(os, "open", refuse)
        # access() asks for the real user, who is root here
        monkeypatch.setattr(os, "access", lambda path, mode: not os.geteuid() or not Path(path).samefile(x_sockets))
    checks.check_folder()
    with somebody(NOBODY), pytest.raises(DesktopFailed) as caught:
        checks.check_folder()
    assert str(caught.value).startswith(f"This account cannot write to {x_sockets}")
    assert f"Run as root: chmod 1777 {x_sockets}." in str(caught.value)


UNUSABLE = """
import asyncio, json, os, subprocess, sys
from pathlib import Path
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.model.addresses import DesktopSpec
def mount(*words):
    subprocess.run(["mount", *words], check=True)
def fill(folder):
    with open(folder + "/filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            pass
mount("-t", "tmpfs", "tmpfs", "/srv")
for name in ("HOME", "JUPYTER_RUNTIME_DIR", "XDG_RUNTIME_DIR"):
    os.environ[name] = f"/srv/{name}"
    os.mkdir(os.environ[name], 0o700)
sockets, case = Path("/tmp/.X11-unix"), sys.argv[1]
if case != "no folder":
    sockets.mkdir()
    sockets.chmod(0o1777)
if case == "read-only":
    mount("--bind", str(sockets), str(sockets))
    mount("-o", "remount,bind,ro", str(sockets))
elif case == "no folder":
    mount("-o", "remount,ro", "/tmp")
elif case == "full":
    mount("-o", "remount,size=1m", "/tmp")
    fill("/tmp")
async def main():
    manager = DesktopManager()
    try:
        await manager.ensure("ann", "desktop", DesktopSpec(("xclock",), "320x240"))
    except DesktopFailed as error:
        return str(error)
    finally:
        await manager.close()
print(json.dumps(asyncio.run(main())))
"""


@pytest.mark.real
@pytest.mark.parametrize(
    ("case", "folder", "remedy"),
    [
        ("read-only", "/tmp/.X11-unix", "mount -o remount,rw /tmp/.X11-unix"),
        ("no folder", "/tmp", "Mount it writable"),
        ("full", "/tmp", "Delete files there"),
    ],
)
def test_a_folder_where_no_x_server_can_listen_is_named_with_a_remedy(case, folder, remedy, programs):
    require_root()
    said = own_tmp.outcome(UNUSABLE, case)
    assert folder in said
    assert remedy in said
    assert "running(EE)" not in said
    assert len(said) <= 123, "the rest does not fit into a close frame"
