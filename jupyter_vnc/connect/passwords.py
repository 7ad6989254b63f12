"""Reading a target's password from where the configuration says it is, anew for each login."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from jupyter_vnc.escaping import quote_remote
from jupyter_vnc.exceptions import TargetRefused
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.system import children, files
from jupyter_vnc.system.descriptors import is_ours, no_room
from jupyter_vnc.system.environment import take

#: A password command that takes longer is ended (seconds).
COMMAND_TIMEOUT: Final = 10.0
#: Nothing longer is a password (bytes); a command that prints more is ended, and its login refused.
MAX_PASSWORD: Final = 4096

#: ``vncpasswd`` obfuscates with DES under this published key (RealVNC's ``vncauth.c``), bits of each byte reversed.
_FILE_KEY: Final = bytes((0xE8, 0x4A, 0xD6, 0x60, 0xC4, 0x72, 0x1A, 0xE0))


async def load_password(credentials: Credentials, target_name: str = "") -> str:
    """Return the password; empty when none is configured.

    Args:
        credentials: where it is.
        target_name: the target, for the log.

    Raises:
        LimitExceeded: this process has no descriptor, thread or process left to read it.
        TargetRefused: it cannot be read. The sentence says so without saying where it would be.
    """
    if not credentials.form:
        return ""
    try:
        return await _LOADERS[credentials.form](credentials.value)
    except (BlockingIOError, RuntimeError) as error:  # fork(2), and "can't start new thread"
        raise no_room(error) from None
    except (OSError, LookupError, ValueError, TimeoutError) as error:
        if is_ours(error):
            raise no_room(error) from None
        where = f"target {target_name!r}, " if target_name else ""
        raise TargetRefused(
            "The password configured for this desktop cannot be read. Tell your administrator.",
            detail=f"{where}key {credentials.form!r}: {type(error).__name__}: {quote_remote(str(error))}",
        ) from None


async def _inline(value: Any) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


async def _from_file(value: Any) -> str:
    raw = await asyncio.to_thread(_read_private, Path(value))
    return _decode_file(raw)


def _read_private(path: Path) -> bytes:
    """Read a file that nobody else can read: checked on the open file, so there is no race with its name."""
    with files.open_regular(path) as file:
        if files.is_open_to_others(os.fstat(file.fileno())):
            raise PermissionError(f"{path} can be read or changed by others: chmod 600 it")
        return files.read_from(file, MAX_PASSWORD)


def _decode_file(raw: bytes) -> str:
    """Text's first line, or the first entry of a file that ``vncpasswd`` wrote (8 bytes for each password).

    A file of 8 or 16 bytes may be either. What ``vncpasswd`` wrote decrypts to printable text; a password as text does
    so once in two thousand times.
    """
    if len(raw) in {8, 16}:
        decryptor = Cipher(TripleDES(_FILE_KEY * 3), modes.ECB()).decryptor()  # noqa: S305 - the file's own format
        clear = decryptor.update(raw[:8]).rstrip(b"\0")
        if clear and clear.isascii() and clear.decode().isprintable():
            return clear.decode()
    return raw.decode().partition("\n")[0].rstrip("\r")


async def _from_environment(value: Any) -> str:
    return take(str(value)).reveal()


async def _from_command(value: Any) -> str:
    done = await children.run(value, limit=MAX_PASSWORD, timeout=COMMAND_TIMEOUT)
    if done.status:
        raise ValueError(f"the command ended with status {done.status}")
    return done.output.decode().partition("\n")[0].rstrip("\r")


_LOADERS: Final[Mapping[str, Callable[[Any], Awaitable[str]]]] = {
    "password": _inline,
    "password_file": _from_file,
    "password_env": _from_environment,
    "password_command": _from_command,
}
