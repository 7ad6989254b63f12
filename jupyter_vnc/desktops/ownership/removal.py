"""The one way in which a folder is deleted: by descriptors, from one that is open; past no link, below no mount point.

A name may stand for another folder a moment later, and a mount may have any name and may be of the same file system (a
bind mount). So each entry is opened without following a link, and before anything else is asked of it, the kernel is
asked on which mount it is (``mnt_id`` in ``/proc/self/fdinfo``, see ``proc(5)``): that never waits for a file system
whose server hangs.

The supervisor uses it, so it imports the standard library only.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_HELPER_TIMEOUT: Final = 5.0
_MOUNTS: Final = Path("/proc/self/mountinfo")
#: How the kernel writes blanks, backslashes and line breaks in tables of mounts.
_ESCAPE: Final = re.compile(rb"\\([0-7]{3})")


def remove(name: str, within: int, inode: int | None = None) -> list[str]:
    """Remove an entry of an open folder, with all that is below it on the same mount.

    Args:
        name: the entry.
        within: a descriptor of the folder that it is in.
        inode: what it must be; another one of that name is left alone.

    Returns:
        What stays, as paths from ``within``: mount points, and what cannot be removed.
    """
    return _remove(name, within, inode=inode)


def _remove(name: str, within: int, *, inode: int | None = None, device: int | None = None) -> list[str]:
    try:
        with _entry(name, within) as entry:
            found = os.fstat(entry)
            is_folder = stat.S_ISDIR(found.st_mode)
            # A folder of another file system on the same mount (a subvolume) is nothing that we made.
            if inode not in {None, found.st_ino} or (is_folder and device not in {None, found.st_dev}):
                return [name]
            if is_folder and (left := _empty(entry)):
                return [f"{name}/{path}" for path in left]
        if is_folder:
            os.rmdir(name, dir_fd=within)
        else:
            os.unlink(name, dir_fd=within)
    except FileNotFoundError:
        return []
    except (OSError, RecursionError):
        return [name]
    return []


@contextmanager
def _entry(name: str, within: int) -> Iterator[int]:
    """Have an entry as a descriptor that reads nothing.

    Raises:
        OSError: there is none, or it is on another mount.
    """
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)
    try:
        if _mount(descriptor) != _mount(within):
            raise OSError(errno.EXDEV, "something is mounted there")
        yield descriptor
    finally:
        os.close(descriptor)


def _mount(descriptor: int) -> str:
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text("ascii").splitlines():
        if line.startswith("mnt_id:"):
            return line
    raise OSError(errno.ENOSYS, "the kernel does not say what is mounted where")


def _empty(entry: int) -> list[str]:
    """Remove all that is in a folder; return what stays."""
    folder = _read(entry)
    try:
        device = os.fstat(folder).st_dev
        return [path for name in entries(folder) for path in _remove(name, folder, device=device)]
    finally:
        os.close(folder)


def entries(folder: int) -> list[str]:
    """List an open folder."""
    return os.listdir(folder)


def _read(entry: int) -> int:
    """Open a folder for reading; a program may have closed it to everybody, which we own as well as it does."""
    path = f"/proc/self/fd/{entry}"
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    if os.fstat(entry).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        os.chmod(path, stat.S_IRWXU)  # noqa: PTH101 - by descriptor
    return os.open(path, flags)


def fuse_mounts_below(folder: int) -> list[str]:
    """List the file systems of helpers (FUSE) that are mounted below an open folder, the outermost first.

    This is for :func:`unmount` only: that nothing below a mount point is deleted does not depend on it.
    """
    with suppress(OSError, ValueError):
        top = os.fsencode(os.readlink(f"/proc/self/fd/{folder}")) + b"/"  # noqa: PTH115 - by descriptor
        rows = [line.split(b" ") for line in _MOUNTS.read_bytes().splitlines()]
        points = [_ESCAPE.sub(_unescape, row[4]) for row in rows if row[row.index(b"-") + 1].startswith(b"fuse")]
        return [os.fsdecode(point) for point in points if point.startswith(top)]
    return []


def _unescape(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 8)])


def unmount(folder: int) -> None:
    """Unmount what helpers of a session have mounted below an open folder, as far as a user may (FUSE)."""
    for point in reversed(fuse_mounts_below(folder)):
        if helper := shutil.which("fusermount3") or shutil.which("fusermount"):
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run(  # noqa: S603 - the system's own program
                    [helper, "-uz", point],
                    check=False,
                    timeout=_HELPER_TIMEOUT,
                    env={"PATH": os.environ.get("PATH", os.defpath)},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
