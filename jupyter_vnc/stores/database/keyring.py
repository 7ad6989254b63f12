"""Secrets at rest: encrypted with Fernet (AES-128-CBC and HMAC-SHA256), under keys that are not in the database."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.credentials import Secret
from jupyter_vnc.system.environment import OWN_VARIABLES, take
from jupyter_vnc.system.files import is_open_to_others, open_regular, read_from

#: The variable that has the keys, newest first, in place of a file.
VARIABLE: Final = OWN_VARIABLES[0]
#: A file of keys is not larger (bytes).
_MAX_FILE: Final = 65536
_HEADER: Final = "# Keys of jupyter-vnc, the newest first. Without them the secrets in the database cannot be read.\n"


class Unreadable(Exception):
    """Secrets cannot be read with the keys that are there; the message is a sentence for an administrator."""


class Keyring:
    """The keys, newest first: the first one encrypts, all of them decrypt.

    Args:
        file: the keys' file, used unless :data:`VARIABLE` is set, and made where there is none. Blocks.

    Raises:
        ConfigError: the keys cannot be read or made, or are none; names the file or the variable.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._sign: object = None
        self._keys: list[Secret] = []
        try:
            self.variable = bool(take(VARIABLE).reveal().strip())
        except KeyError:
            self.variable = False
        self._load()

    @property
    def source(self) -> str:
        """Where the keys come from, for a sentence."""
        return VARIABLE if self.variable else str(self._file)

    def _load(self) -> None:
        text = take(VARIABLE).reveal() if self.variable else self._read()
        lines = [line.partition("#")[0] for line in text.splitlines()]
        self._use(re.split(r"[\s,;]+", " ".join(lines).strip()))

    def _use(self, keys: Sequence[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise ConfigError(f"{self.source} holds something other than keys", key="VNCHub.keys_file") from None
        self._keys = [Secret(key) for key in keys]

    def _read(self) -> str:
        try:
            if not self._file.exists() and not self._file.is_symlink():
                self._write([Fernet.generate_key().decode()], os.O_EXCL)
            with open_regular(self._file) as opened:
                status = os.fstat(opened.fileno())
                self._sign = (status.st_mtime_ns, status.st_ino, status.st_size)
                if is_open_to_others(status):
                    raise ConfigError(f"{self._file} can be read by others: chmod 600 it", key="VNCHub.keys_file")
                return read_from(opened, _MAX_FILE).decode("utf-8", "replace")
        except OSError as error:
            raise ConfigError(f"{self._file}: {error.strerror}", key="VNCHub.keys_file") from None

    def _write(self, keys: Sequence[str], how: int, file: Path | None = None) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | how
        descriptor = os.open(file or self._file, flags, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(_HEADER + "".join(f"{key}\n" for key in keys))
            opened.flush()
            os.fsync(opened.fileno())

    def add_key(self) -> None:
        """Put a new key first; the old ones stay, because backups of the database need them. Blocks.

        Raises:
            ConfigError: the keys are in the variable, where only an administrator can change them.
            OSError: the file cannot be written; the old one remains.
        """
        if self.variable:
            raise ConfigError(f"put a new key first in {VARIABLE}, then run this again with --no-new-key")
        keys = [Fernet.generate_key().decode(), *(key.reveal() for key in self._keys)]
        new = self._file.with_name(f".{self._file.name}.new")
        self._write(keys, os.O_TRUNC, new)
        new.replace(self._file)
        self._load()

    def seal(self, owner: str, secrets: Mapping[str, str]) -> str:
        """Encrypt the secrets of a target. They can be read as that target's only. Empty if there are none."""
        if not secrets:
            return ""
        return self._fernet.encrypt(json.dumps({"of": owner, "secrets": dict(secrets)}).encode()).decode()

    def unseal(self, owner: str, sealed: str) -> dict[str, str]:
        """Decrypt what :meth:`seal` returned; keys that were added meanwhile are read.

        Raises:
            Unreadable: no key fits, or they are another target's.
        """
        if not sealed:
            return {}
        try:
            content = json.loads(self._decrypt(sealed))
        except InvalidToken:
            raise Unreadable(
                f"Its secrets were saved with a key that is not in {self.source}. Bring that key back, or enter the "
                "secrets again."
            ) from None
        if content["of"] != owner:
            raise Unreadable("Its secrets are those of another target. Enter them again.")
        secrets: dict[str, str] = content["secrets"]
        return secrets

    def _decrypt(self, sealed: str) -> bytes:
        try:
            return self._fernet.decrypt(sealed.encode())
        except InvalidToken:
            if not self._has_changed():
                raise
        self._load()
        return self._fernet.decrypt(sealed.encode())

    def _has_changed(self) -> bool:
        if self.variable:
            return False
        try:
            status = self._file.stat()
        except OSError:
            return False
        return (status.st_mtime_ns, status.st_ino, status.st_size) != self._sign
