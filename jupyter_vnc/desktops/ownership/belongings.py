"""What is ours: folders that prove it, and in each a list of what was made, written before it is made.

Nothing is created, locked, touched or deleted in a folder because of its name. A folder of ours has a file, ``lock``,
made with it, whose first line says which folder it belongs to (path and inode) and which file it is (inode): a copy
proves nothing, and neither does a folder that was moved. The folder is its owner's alone, and no link. The lines that
follow are the list, and what is not in it is never deleted.

There are two kinds. The *parent* (``jupyter-vnc`` in a runtime folder) lists folders of servers; a *server's* folder
lists folders of desktops, and what is made elsewhere: X displays, and sockets of session managers.

The supervisor uses it, so it imports the standard library only.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from .proofs import (
    LOCK,
    MADE_BY,
    NotOurs,
    boot,
    check_private,
    is_cut_off,
    is_there,
    open_lock,
    path_of,
    proof_of,
    read_proof,
    unmake,
)
from .removal import FOLDER, entries, remove, unmount

#: Names of folders in a list; anything else was not written by us.
_NAME: Final = re.compile(r"[0-9a-f]{8}")

#: How much of a list is read (bytes): some hundred thousand starts of desktops.
_LONGEST_LIST: Final = 16 << 20
#: Seconds to wait for another process that makes or removes a folder in the same parent.
_PATIENCE: Final = 5.0
_PAUSE: Final = 0.005


class Belonging:
    """A folder of ours, open: made by :meth:`make`, or found and proved by :meth:`open`.

    Attributes:
        folder: a descriptor of the folder.
        lock: a descriptor of its lock file; writing appends.
        boot: the boot of the machine that made it.
    """

    def __init__(self, folder: int, lock: int, boot: str) -> None:
        self.folder = folder
        self.lock = lock
        self.boot = boot

    @classmethod
    def open(cls, name: str | Path, within: int | None = None) -> Belonging:
        """Open a folder of ours. Nothing is changed, whatever it is.

        Raises:
            NotOurs: it is not ours, or is not a folder.
            FileNotFoundError: it is not there.
        """
        try:
            folder = os.open(name, FOLDER, dir_fd=within)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise NotOurs(error.errno, f"it is not our folder ({error.strerror})") from error
        try:
            check_private(folder)
            lock = open_lock(folder)
        except OSError as error:
            os.close(folder)
            raise NotOurs(error.errno, f"it was not made by us ({error.strerror or error})") from error
        try:
            return cls(folder, lock, read_proof(folder, lock))
        except (OSError, ValueError, RecursionError) as error:
            os.close(lock)
            os.close(folder)
            raise NotOurs(errno.EPERM, f"it was not made by us ({error})") from error

    @classmethod
    def make(cls, name: str, within: int, called: str = "") -> Belonging:
        """Make a folder with its proof, in an open one.

        Args:
            name: the folder.
            within: where.
            called: its final name, if it is renamed when it is made.

        Raises:
            OSError: it cannot be made, or its mode cannot be set here.
        """
        os.mkdir(name, 0o700, dir_fd=within)
        folder = lock = -1
        try:
            folder = os.open(name, FOLDER, dir_fd=within)
            os.fchmod(folder, 0o700)
            check_private(folder)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            lock = os.open(LOCK, flags, 0o600, dir_fd=folder)
            path = f"{path_of(within).removesuffix('/')}/{called or name}"
            proof = {"made by": MADE_BY, **proof_of(path, folder, lock), "boot": boot()}
            _write(lock, json.dumps(proof).encode() + b"\n")
            return cls(folder, lock, boot())
        except OSError:
            unmake(name, within, folder, lock)
            raise

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self.lock)
        os.close(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the lock -------------------------------------------------------------------------------------------------

    def hold(self, patience: float = _PATIENCE) -> None:
        """Lock it; the lock goes with the descriptor.

        Raises:
            OSError: another process has it for longer than ``patience`` (seconds).
        """
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def release(self) -> None:
        """Unlock it, for a child that we forked meanwhile too."""
        with suppress(OSError):
            fcntl.flock(self.lock, fcntl.LOCK_UN)

    def is_at(self, name: str, within: int) -> bool:
        """Whether it still is the folder of a name."""
        try:
            return os.stat(name, dir_fd=within, follow_symlinks=False).st_ino == os.fstat(self.folder).st_ino
        except OSError:
            return False

    # -- the list -------------------------------------------------------------------------------------------------

    def note(self, **entry: Any) -> None:
        """Write down what is about to be made.

        Raises:
            OSError: it cannot be written; then it must not be made.
        """
        note(self.lock, **entry)

    def notes(self) -> list[dict[str, Any]]:
        """Return the list. A line that cannot be read was cut off when its writer was killed, and is left out."""
        found = []
        for line in os.pread(self.lock, _LONGEST_LIST, 0).split(b"\n")[1:]:
            with suppress(ValueError, RecursionError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    found.append(entry)
        return found

    def folders(self) -> dict[str, int | None]:
        """Map the folders in the list to their inodes; to None where that was not written any more."""
        found: dict[str, int | None] = {}
        for entry in self.notes():
            if isinstance(name := entry.get("folder"), str) and _NAME.fullmatch(name):
                inode = entry.get("inode")
                found[name] = inode if isinstance(inode, int) else None
        return found

    def make_folder(self, name: str) -> int:
        """Make a folder that is in the list; return its inode.

        Raises:
            OSError: it cannot be made, or is there.
        """
        self.note(folder=name)
        os.mkdir(name, 0o700, dir_fd=self.folder)
        inode = os.stat(name, dir_fd=self.folder, follow_symlinks=False).st_ino
        self.note(folder=name, inode=inode)
        return inode

    def remove_folder(self, name: str) -> list[str]:
        """Remove a folder that is in the list, with what is in it; return what stays of it.

        What is mounted in it is unmounted where a user may, and left alone where not.
        """
        inode = self.folders().get(name)
        if inode is None:  # nothing was put into it yet
            with suppress(OSError):
                os.rmdir(name, dir_fd=self.folder)
            return [name] if is_there(name, self.folder) else []
        with suppress(OSError):
            folder = os.open(name, FOLDER, dir_fd=self.folder)
            try:
                if os.fstat(folder).st_ino == inode:
                    unmount(folder)
            finally:
                os.close(folder)
        return remove(name, self.folder, inode)

    def empty_folder(self, name: str, keep: str) -> list[str]:
        """Remove what is in a folder that is in the list, but for one file; return what stays of the rest.

        Raises:
            OSError: it is not the folder that is in the list.
        """
        folder = os.open(name, FOLDER, dir_fd=self.folder)
        try:
            if os.fstat(folder).st_ino != self.folders().get(name):
                raise NotOurs(errno.EPERM, "it was not made by us")
            unmount(folder)
            return [path for entry in entries(folder) if entry != keep for path in remove(entry, folder)]
        finally:
            os.close(folder)

    def remove_unfinished(self, name: str) -> None:
        """Remove a folder in the list whose maker was killed before its proof was written."""
        if name not in self.folders():
            return
        with suppress(OSError):
            folder = os.open(name, FOLDER, dir_fd=self.folder)
            try:
                if os.fstat(folder).st_uid == os.geteuid() and entries(folder) == [LOCK] and is_cut_off(folder):
                    os.unlink(LOCK, dir_fd=folder)
            finally:
                os.close(folder)
            os.rmdir(name, dir_fd=self.folder)

    def is_empty(self) -> bool:
        """Whether nothing is left in it but its lock file."""
        return entries(self.folder) == [LOCK]


def note(lock: int, **entry: Any) -> None:
    """Append to a list. The line break comes first, so that what is cut off spoils one line only.

    Raises:
        OSError: it cannot be written.
    """
    _write(lock, b"\n" + json.dumps(entry).encode())


def _write(lock: int, data: bytes) -> None:
    if os.write(lock, data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def note_at(folder: Path, **entry: Any) -> None:
    """Append to the list of a folder of ours.

    Raises:
        OSError: it is none, or it cannot be written.
    """
    with Belonging.open(folder) as owned:
        owned.note(**entry)
