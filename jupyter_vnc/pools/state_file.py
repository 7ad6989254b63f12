"""The file that keeps leases across a restart: JSON, private to its owner, complete at every moment.

It is written to a temporary file and renamed, so that a process that is killed leaves the old or the new one.
"""

from __future__ import annotations

import errno
import json
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_vnc.system import files

#: The version that is written; no other one is read.
VERSION: Final = 1
#: Largest valid file (bytes).
MAX_FILE: Final = 16 * 1024 * 1024


def find(path: Path) -> Path:
    """Return where a file really is, whether it exists or not: links are followed, the last one too. Blocks.

    Raises:
        OSError: it is a dangling link, or one to itself.
    """
    try:
        return Path(os.path.realpath(path, strict=True))
    except FileNotFoundError:
        if path.is_symlink():  # its target may be on a disk that is not mounted yet
            raise FileNotFoundError(errno.ENOENT, "is a dangling link", str(path)) from None
        return Path(os.path.realpath(path.parent)) / path.name


def read(path: Path) -> dict[str, Any]:
    """Return the pools by their targets' names; none where there is no file. Blocks.

    Raises:
        OSError: it exists and cannot be read, it is not a regular file, or it is a dangling link.
        ValueError: it is not what :func:`write` wrote; names the mistake.
    """
    real = find(path)
    try:
        text = files.read_regular_file(real, MAX_FILE)
    except FileNotFoundError:
        return {}
    except files.FileTooLargeError as error:
        raise ValueError(f"it {error.strerror}") from None
    try:
        state = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(state, dict) or not isinstance(state.get("pools"), dict):
        raise ValueError("it holds no pools")
    if type(state.get("version")) is not int or state["version"] != VERSION:
        raise ValueError(f"it has version {reprlib.repr(state.get('version'))}, and this is version {VERSION}")
    pools: dict[str, Any] = state["pools"]
    return pools


def encode(pools: Mapping[str, Any]) -> bytes:
    """Return the file's content: without indentation, for which Python's encoder takes ten times as long."""
    return json.dumps({"version": VERSION, "pools": pools}, sort_keys=True).encode() + b"\n"


def write(path: Path, content: bytes) -> None:
    """Replace the file by this content; it is on the disk when this returns. Blocks.

    The temporary file always has the same name, so that a service that is killed leaves one such file at most, which
    the next one overwrites.

    Raises:
        OSError: it cannot be written; the old one remains.
    """
    new = path.with_name(f".{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(new, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def set_apart(path: Path) -> Path:
    """Keep a broken file as ``<name>.broken``, in place of an earlier one; return where. Blocks.

    Raises:
        OSError: it cannot be renamed.
    """
    return path.replace(path.with_name(f"{path.name}.broken"))
