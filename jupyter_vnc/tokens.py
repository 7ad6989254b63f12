"""One-time tokens: issue, redeem, revoke.

A token is 32 random bytes. Only its SHA-256 is kept, with the :class:`Grant` that it stands for, for ``ttl`` seconds.
They are measured on a monotonic clock in memory, and on the wall clock of the database there. Redeeming
takes it out in one step, so of a thousand simultaneous attempts one succeeds. A token that somebody else presents is
*not* consumed (or anybody who saw one could lock its owner out), but the third such attempt revokes it: whoever keeps
trying knows a token that is not theirs.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Final

from traitlets import Int

from .exceptions import LimitExceeded, TokenRefused
from .model.targets import Mode
from .system.logs import Configurable, get_logger
from .throttling import Breaker, Clock, RateLimit

log = get_logger(__name__)

#: A token rides to the websocket in a subprotocol that begins so: neither a URL nor a log ever has it.
SUBPROTOCOL: Final = "vnc.token."
#: Entropy of a token, in bytes: 256 bits need no limit against guessing.
TOKEN_BYTES: Final = 32
#: A token is revoked after this many attempts by other users.
MAX_STRANGERS: Final = 3
#: What a token is for: a session, a stream beside one.
SESSION: Final = "session"
STREAM: Final = "stream"
#: The same with the desktop's video instead of its sound.
VIDEO: Final = "video"
#: A session on a desktop in another user's own server.
LOOK: Final = "look"
#: The maximum of unused tokens of one user, and of all users.
PER_USER: Final = 16
TOTAL: Final = 4096


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token stands for: who may open which target, in which mode.

    ``generation`` is the target's when the token was issued; a target that has become another server since then no
    longer fits. ``takeover``: the current controller of an exclusive target is disconnected. ``owner``: the owner of
    the desktop, if it is another user. ``kind``: :data:`SESSION`, :data:`STREAM`, :data:`VIDEO` or :data:`LOOK`.
    ``session``: the id of the one that a stream is beside. ``server``: the name of the server that a look is into.
    """

    user: str
    target: str
    generation: str
    mode: Mode
    takeover: bool = False
    owner: str = ""
    kind: str = SESSION
    session: str = ""
    server: str = ""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token. ``expires_in`` is in seconds; the repr does not show the token."""

    token: str
    expires_in: float

    def __repr__(self) -> str:
        return f"IssuedToken(***, expires_in={self.expires_in})"


class TokenStore(Configurable):
    """Where tokens wait to be redeemed. Keys are digests; a store never sees a token.

    It is made with ``parent``, for options of its own (traits with ``config=True``), and with ``per_user`` and
    ``total``, the limits that :meth:`put` holds: a subclass with a constructor of its own takes them as ``**kwargs``,
    passes them on, and then has them as attributes.

    A subclass that is shared by several processes takes a token out in *one* step of its backend, uses that backend's
    clock, and raises :class:`~jupyter_vnc.exceptions.StoreUnavailable` when it cannot: there is no silent fallback.
    """

    per_user = Int(PER_USER, min=1, help="Unused tokens of one user at once.")
    total = Int(TOTAL, min=1, help="Unused tokens of all users at once.")

    async def put(self, digest: str, grant: Grant, ttl: float) -> None:
        """Keep a grant for ``ttl`` seconds.

        Raises:
            LimitExceeded: the user, or everybody together, has too many unused ones.
            StoreUnavailable: the backend does not answer.
        """
        raise NotImplementedError

    async def take(self, digest: str, user: str) -> Grant | None:
        """Take out the grant, if there is one and it is this user's; another user's stays.

        Raises:
            StoreUnavailable: the backend does not answer.
        """
        raise NotImplementedError

    async def revoke(self, *, user: str | None = None, target: str | None = None) -> int:
        """Drop all unused grants of a user, of a target, or of a user for a target; return how many.

        Raises:
            StoreUnavailable: the backend does not answer.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Release the store's resources; called once, when the server stops."""


def too_many_unused(wait: float) -> LimitExceeded:
    """Make the refusal of one more token; ``wait`` is the seconds until the oldest expires."""
    return LimitExceeded("Too many connections are being opened. Try again in a moment.", retry_after=max(0.0, wait))


def note_stranger(digest: str, count: int) -> bool:
    """Log that another user presented a token for the ``count``-th time; return whether that revokes it."""
    log.warning("Token %s… of another user was presented (%d time(s))", digest[:8], count)
    revoked = count >= MAX_STRANGERS
    if revoked:
        log.warning("Token %s… is revoked", digest[:8])
    return revoked


class TokenRegistry:
    """The rules of tokens on top of a store: lifetime, rate, and one response for every refusal."""

    def __init__(
        self,
        store: TokenStore,
        *,
        ttl: float = 30.0,
        per_minute: float = 60.0,
        burst: int = 20,
        clock: Clock = time.monotonic,
    ) -> None:
        self._store = store
        self._ttl = ttl
        self._issues = RateLimit(per_minute, burst, what="connection attempts", clock=clock)
        # Browsers do not garble tokens: 20 refusals in a row are abuse or a bug, and either can wait a minute.
        self._refusals = Breaker(20, open_for=60.0, window=60.0, clock=clock)

    async def issue(self, grant: Grant) -> IssuedToken:
        """Make a token for the grant.

        Raises:
            LimitExceeded: too many per minute, or too many unused.
            StoreUnavailable: the store does not answer.
        """
        self._issues.spend(grant.user)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        await self._store.put(digest_of(token), grant, self._ttl)
        return IssuedToken(token, self._ttl)

    async def redeem(self, token: str, user: str) -> Grant:
        """Exchange a token for its grant, once.

        Raises:
            TokenRefused: unknown, spent, expired, garbled or another user's; the answer is the same for all.
            StoreUnavailable: the store does not answer.
        """
        if self._refusals.open_for(user):
            raise TokenRefused(detail=f"too many refused tokens of {user!r}")
        grant = await self._store.take(digest_of(token), user)
        if grant is None:
            self._refusals.failed(user)
            raise TokenRefused(detail=f"token {digest_of(token)[:8]}… of {user!r} is not there")
        self._refusals.succeeded(user)
        return grant

    async def revoke(self, *, user: str | None = None, target: str | None = None) -> int:
        """Drop the unused tokens of a user, of a target, or both; return how many there were."""
        return await self._store.revoke(user=user, target=target)

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()


def digest_of(token: str) -> str:
    """SHA-256 as hex digits: looking a digest up leaks nothing about the token by timing."""
    return hashlib.sha256(token.encode()).hexdigest()
