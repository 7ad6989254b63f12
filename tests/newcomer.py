"""A machine of its own for commands that people copy from the pages: they run as they stand, and change nothing here.

    python newcomer.py      # in new namespaces, see ``Machine``; serves a JSON object per line of its standard input

Its network is loopback, where the names of the pages' machines lead; its ``/tmp``, ``/etc``, ``/run`` and the
environment's ``etc`` are copies. ``jupyter`` is a program that lets a process which has imported everything once run
the same entry point, with the same words, folder, environment and descriptors: a start costs seconds each time.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from tests.processes import Answering

ROOT = Path(__file__).parent.parent
HERE = Path("/tmp/newcomer")
BIN, DOOR = HERE / "bin", HERE / "door"
#: The environment's own configuration, and copies that stand in the places of folders.
SHARED = Path(sys.prefix, "etc")
COPIES = {Path("/etc"): HERE / "etc", SHARED: HERE / "shared"}
#: That of each Jupyter server there.
TOKEN = "newcomer"

#: Seconds for a page's commands, less than a test has.
LIMIT = 110

#: What commands import; whatever is missing here is only slower.
IMPORTS = (
    *("jupyter_server.extension.serverextension", "jupyterlab.labapp", "jupyterlab.labextensions", "notebook.app"),
    *("jupyter_vnc.app", "jupyter_vnc.cli", "jupyter_vnc.hub.commands"),
)

JUPYTER = f"""#!{sys.executable} -IS
import os, socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.connect({str(DOOR)!r})
    said = repr([sys.argv, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(door, [len(said).to_bytes(4, "big")], [0, 1, 2])
    door.sendall(said)
    sys.exit(int(door.recv(8) or b"1"))
"""

#: Stand for what the pages' machines have and this one need not: another account's rights, and a large desktop. (For an
#: xterm, devices would have to be another group's.)
STAND_INS = {
    "jupyter": JUPYTER,
    "sudo": '#!/bin/sh\n[ "$1" = -E ] && shift\nexec "$@"\n',
    "xfce4-session": "#!/bin/sh\nexec openbox\n",
}


class Machine:
    """The outer half: starts one, and has scripts run there."""

    def __init__(self):
        spaces = ["--user", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        inside = [sys.executable, ROOT / "tests/desktops/own_tmp.py", sys.executable, __file__]
        environ = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        self._inside = Answering(["unshare", *spaces, *inside], env=environ | {"PYTHONPATH": str(ROOT)})

    def run(self, script, stdin=""):
        """Run a script of bash in a new home, and end all that it has started; return its status and what it said."""
        return tuple(self._inside.ask([script, stdin], LIMIT))

    def close(self):
        """Switch it off."""
        self._inside.close()


def furnish():
    """Make the folders, the names of machines, and the stand-ins."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    for folder, own in COPIES.items():
        shutil.copytree(folder, own, symlinks=True, ignore=unreadable, copy_function=shutil.copyfile)
    shutil.copytree(COPIES[SHARED], HERE / "first")
    for folder, own in COPIES.items():
        subprocess.run(["mount", "--bind", own, folder], check=True)
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write("127.0.0.1 lab-1.example.org\n127.0.0.2 lab-2.example.org\n")
    BIN.mkdir()
    for name, text in STAND_INS.items():
        (BIN / name).write_text(text)
        (BIN / name).chmod(0o755)


def unreadable(folder, names):
    """Tell which entries another account may not read, or are no files; nothing here needs them."""
    paths = [Path(folder, name) for name in names]
    kept = [one.is_symlink() or ((one.is_file() or one.is_dir()) and os.access(one, os.R_OK)) for one in paths]
    return [name for name, keep in zip(names, kept, strict=True) if not keep]


def renew():
    """Give the next script the configuration that a new machine has."""
    for folder in (HERE / "home", Path("/run/user"), Path("/tmp/.X11-unix"), Path("/etc/jupyter")):
        shutil.rmtree(folder, ignore_errors=True)
    for lock in Path("/tmp").glob(".X*-lock"):
        lock.unlink()
    for folder in (HERE / "home", Path("/run/user/1000"), Path("/etc/jupyter")):
        folder.mkdir(parents=True, mode=0o700)
    # These people are root, have no browser on this machine, and their shell scripts want to log in.
    settings = {"ServerApp": {"allow_root": True, "open_browser": False}, "IdentityProvider": {"token": TOKEN}}
    Path("/etc/jupyter/jupyter_server_config.json").write_text(json.dumps(settings))
    for entry in SHARED.iterdir():
        shutil.rmtree(entry)
    shutil.copytree(HERE / "first", SHARED, dirs_exist_ok=True)


def serve_jupyter():
    """Be the process that has imported everything; each command is a child of it."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(DOOR))
        door.listen()
        for module in IMPORTS:
            __import__(module)
        while True:
            connection, _ = door.accept()
            if not os.fork():
                door.close()
                answer(connection)
                os._exit(0)
            connection.close()
            while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG):
                pass


def answer(connection):
    """Run one command, and tell its status to the program that stands for it."""
    size, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
    with connection.makefile("rb") as stream:
        words, folder, environ = eval(stream.read(int.from_bytes(size, "big")))
    if not (child := os.fork()):
        command(words, folder, environ, descriptors)
    ended = os.pidfd_open(child)
    # The program that stands for it may be ended first.
    if ended not in select.select([ended, connection], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def command(words, folder, environ, descriptors):
    """Be the program ``jupyter-<word>`` of the environment."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    name = f"jupyter-{words[1]}"
    sys.argv = [name, *words[2:]]
    (entry,) = entry_points(group="console_scripts", name=name)
    status = 1
    try:
        status = entry.load()()
    except SystemExit as ended:
        status = ended.code
    except BaseException:  # noqa: BLE001 - as Python itself does at the end of a program
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else int(bool(status)))


def run(script, stdin):
    """Run a script of bash in a new home; end all that it has started; return its status and what it said."""
    renew()
    said = HERE / "said"
    variables = {"HOME": f"{HERE}/home", "XDG_RUNTIME_DIR": "/run/user/1000", "PATH": f"{BIN}:{os.environ['PATH']}"}
    with said.open("wb") as output:
        shell = subprocess.Popen(
            ["bash", "-c", script],
            cwd=HERE / "home",
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        shell.communicate(stdin.encode())
    with contextlib.suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    return shell.returncode, said.read_text(errors="replace")


def main():
    """Serve scripts until nobody has more."""
    furnish()
    if not os.fork():
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        serve_jupyter()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(*json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
