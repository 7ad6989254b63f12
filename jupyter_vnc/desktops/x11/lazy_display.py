"""A display without an X server: a program that opens a window on it rings, and waits until there is one.

For the first programs it takes the place of the X server: it listens on the display's socket, and has the display's
lock file. Once the X server is up, the bytes of programs that rang are carried to it, with the file descriptors that X
programs pass along (shared memory); later ones connect to the X server itself.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from jupyter_vnc.desktops.ownership import trust
from jupyter_vnc.desktops.ownership.belongings import note_at
from jupyter_vnc.desktops.processes.isolated import isolated
from jupyter_vnc.desktops.processes.procfs import display_holder, lock_file, x_socket
from jupyter_vnc.system import peers

#: Waits until its owner writes a line, or is gone; then becomes the program that removes what the owner cannot.
_CARETAKER: Final = """
read line && exit
exec "$@"
"""

#: Seconds that a shell gets to read a line.
_PATIENCE: Final = 5.0
_PIECE: Final = 1 << 16
#: Descriptors that come with one message at most: what X servers take.
_DESCRIPTORS: Final = 16


class LazyDisplay:
    """Holds a display that is free, and the folder of the desktop that will have it.

    Should this process be killed, a shell of 1 MB that waits for that removes both.

    Raises:
        OSError: the display is taken, or sockets of X servers cannot be made here, or not where only we could
            change them.
    """

    def __init__(self, display: int, folder: Path, *, rings: bool = True) -> None:
        """Hold a display; unless it ``rings``, programs that open a window there are refused."""
        self._display = display
        self._folder = folder
        self._caretaker: subprocess.Popen[bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._waiting: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._held = False
        #: What is at the socket's path as long as it is ours.
        self._inode = 0
        try:
            self._lock()
            if rings:
                self._bind()
            self._caretaker = self._start_caretaker()
        except OSError:
            self.close()
            raise

    def listen(self, ring: Callable[[], None]) -> None:
        """Call ``ring`` when the first program of ours connects; other users' programs are turned away."""

        def readable() -> None:
            self._accept()
            if self._waiting:
                self._loop.remove_reader(self._listener)
                ring()

        self._loop.add_reader(self._listener, readable)

    def make_way(self) -> None:
        """Give the display up to the X server that is about to start.

        The lock goes, and the socket stays until the X server puts its own in its place, as X servers do: programs
        that rang, or connect meanwhile, go on waiting.
        """
        if self._held:
            self._held = False
            self._loop.remove_reader(self._listener)
            if display_holder(self._display) == os.getpid():
                with suppress(OSError):
                    lock_file(self._display).unlink()
            self._dismiss_caretaker()

    def connect(self, display: int) -> None:
        """Carry waiting programs to the X server of a display, most often the one at which they rang."""
        self._accept()
        for program in self._waiting:
            try:
                server = peers.connect_unix(x_socket(display))
            except OSError:
                program.close()
            else:
                _join(program, server)
        self._waiting.clear()
        self._listener.close()

    def close(self) -> None:
        """Take it down; waiting programs are refused."""
        self.make_way()
        if self._inode and _inode(x_socket(self._display)) == self._inode:
            x_socket(self._display).unlink(missing_ok=True)
        self._listener.close()
        for program in self._waiting:
            program.close()
        self._waiting.clear()

    def _lock(self) -> None:
        """Make the lock file of an X server: ours, while there is none."""
        note_at(self._folder.parent, display=self._display, pid=os.getpid(), desktop=self._folder.name)
        descriptor = os.open(lock_file(self._display), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{os.getpid():>10}\n")
        self._held = True

    def _bind(self) -> None:
        path = x_socket(self._display)
        trust.prepare(path.parent)
        self._listener.bind(str(path))
        self._inode = _inode(path)
        note_at(self._folder.parent, display=self._display, socket=self._inode)
        path.chmod(0o700)
        self._listener.listen()

    def _start_caretaker(self) -> subprocess.Popen[bytes]:
        remover = isolated("processes.cleanup", str(self._folder), str(os.getpid()))
        command = ["/bin/sh", "-c", _CARETAKER, "vnc-caretaker", *remover]
        environ = {"PATH": os.environ.get("PATH", os.defpath)}
        return subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, env=environ
        )

    def _dismiss_caretaker(self) -> None:
        if self._caretaker is not None:
            with suppress(OSError, subprocess.SubprocessError):
                self._caretaker.communicate(b"\n", timeout=_PATIENCE)
            self._caretaker.kill()  # or it would remove the folder of a desktop that runs, when we are gone
            self._caretaker.wait()
            self._caretaker = None

    def _accept(self) -> None:
        """Accept waiting programs that have our user's id."""
        with suppress(OSError):  # until nobody waits any more, or nobody can
            while True:
                program, _ = self._listener.accept()
                if peers.unix_uid(program) == os.getuid():
                    self._waiting.append(program)
                else:
                    program.close()


def _inode(path: Path) -> int:
    try:
        return path.lstat().st_ino
    except OSError:
        return 0


def _join(program: socket.socket, server: socket.socket) -> None:
    """Carry both ways, in threads that end with the connection: a program draws too much for the event loop."""
    program.setblocking(True)
    threading.Thread(target=_carry_both, args=(program, server), name="vnc-x-client", daemon=True).start()


def _carry_both(program: socket.socket, server: socket.socket) -> None:
    with program, server:
        back = threading.Thread(target=_carry, args=(server, program), name="vnc-x-server", daemon=True)
        back.start()
        _carry(program, server)
        back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while True:
            data, descriptors, _, _ = socket.recv_fds(source, _PIECE, _DESCRIPTORS)
            try:
                if not data:
                    break
                sent = socket.send_fds(sink, [data], descriptors)
                sink.sendall(data[sent:])
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
    for end, how in ((source, socket.SHUT_RD), (sink, socket.SHUT_WR)):
        with suppress(OSError):
            end.shutdown(how)
