"""What proves that a folder is ours: the first line of its lock file, its owner, its mode."""

from __future__ import annotations

import errno
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

LOCK: Final = "lock"
MADE_BY: Final = "jupyter-vnc"

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_LONGEST_PROOF: Final = 1 << 16


class NotOurs(OSError):
    """A folder does not prove that we have made it."""


def boot() -> str:
    """Name this boot of this machine."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return "unknown"


def path_of(descriptor: int) -> str:
    """Return where a folder is, as the kernel sees it: without links."""
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - by descriptor


def proof_of(path: str, folder: int, lock: int) -> dict[str, Any]:
    """Return what a lock file must say of a folder: which one it belongs to, and that the file is not a copy."""
    return {"folder": path, "inode": os.fstat(folder).st_ino, "lock": os.fstat(lock).st_ino}


def check_private(folder: int) -> None:
    """Check that an open folder is our account's, and that nobody else may enter it.

    Raises:
        NotOurs: it is not.
    """
    found = os.fstat(folder)
    if found.st_uid != os.geteuid():
        raise NotOurs(errno.EPERM, "somebody else owns it")
    if found.st_mode & 0o777 != 0o700:
        raise NotOurs(errno.EPERM, "others may enter it")


def open_lock(folder: int) -> int:
    """Open the lock file of an open folder. Nothing is changed, and nothing waits, whatever it is.

    Raises:
        NotOurs: it is not a file of our account, or has a second name.
        OSError: there is none.
    """
    found = os.stat(LOCK, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
        raise NotOurs(errno.EPERM, "its lock is not our file")
    return os.open(LOCK, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)


def read_proof(folder: int, lock: int) -> str:
    """Return the boot in a proof.

    Raises:
        ValueError: it proves nothing.
    """
    said, complete, _ = os.pread(lock, _LONGEST_PROOF, 0).partition(b"\n")
    proof = json.loads(said) if complete else None
    if not isinstance(proof, dict) or not isinstance(made_at := proof.pop("boot", None), str):
        raise ValueError("its lock file is not ours")
    if proof != {"made by": MADE_BY, **proof_of(path_of(folder), folder, lock)}:
        raise ValueError("its lock file belongs to another folder")
    return made_at


def is_cut_off(folder: int) -> bool:
    """Whether a lock file is one that we had just begun to write."""
    lock = open_lock(folder)
    try:
        said, begun = os.pread(lock, _LONGEST_PROOF, 0), json.dumps({"made by": MADE_BY}).encode()[:-1]
        return b"\n" not in said and said[: len(begun)] == begun[: len(said)]
    finally:
        os.close(lock)


def unmake(name: str, within: int, folder: int, lock: int) -> None:
    """Take back a folder with nothing in it but its lock file; close both."""
    with suppress(OSError):
        if lock >= 0:
            os.close(lock)
            os.unlink(LOCK, dir_fd=folder)
    with suppress(OSError):
        if folder >= 0:
            os.close(folder)
        os.rmdir(name, dir_fd=within)


def is_there(name: str, within: int) -> bool:
    """Whether there is anything of a name in an open folder, even a link to nowhere."""
    try:
        os.stat(name, dir_fd=within, follow_symlinks=False)
    except OSError:
        return False
    return True
