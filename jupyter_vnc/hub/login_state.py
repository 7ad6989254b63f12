"""Logins at the hub that are under way: each is in the state that its browser carries, and in no process.

JupyterHub's client keeps in its memory where a browser goes after its login, and the secret of the login's code (PKCE,
RFC 7636), so that the process which began a login has to end it. Here both are in the OAuth state itself (RFC 6749,
section 10.12), encrypted and signed: any process with the same cookie secret ends the login, also after a restart.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

#: Longest path to return to (characters, as JSON has them: six for an é). The state is in cookies and in a URL, and
#: proxies take 8 KiB of either.
MAX_NEXT: Final = 512

_PURPOSE: Final = b"jupyter-vnc: OAuth state"


class LoginStates:
    """Makes states and reads them.

    Args:
        secret: which all processes of a service share; the key is derived from it.
    """

    def __init__(self, secret: bytes) -> None:
        key = HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def make(self, values: Mapping[str, str]) -> str:
        """Return a state; no two are the same."""
        return self._fernet.encrypt(json.dumps(values).encode()).decode()

    def read(self, state: str, max_age: float) -> dict[str, str]:
        """Return what a state was made of; nothing if it is not ours, or older than ``max_age`` seconds.

        It may be from the future: clocks of machines differ.
        """
        try:
            text = self._fernet.decrypt(sent := state.encode("utf-8", "replace"))
            if time.time() - self._fernet.extract_timestamp(sent) > max_age:
                return {}
        except InvalidToken:
            return {}
        values: dict[str, str] = json.loads(text)
        return values


def bounded(next_url: str | None) -> str:
    """Return a path to return to that a state has room for: without its query if that is too long; empty for home."""
    shortened = (next_url or "", (next_url or "").partition("?")[0], "")
    return next(one for one in shortened if len(json.dumps(one)) - len('""') <= MAX_NEXT)
