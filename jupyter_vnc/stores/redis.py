"""Tokens in Redis: for several processes that serve the same users.

What is kept is a digest and, as JSON, a grant: the *name* of a target, never an address. Each process looks the name
up in its own configuration and checks permissions there, so write access to this Redis neither makes a server connect
anywhere nor grants a permission. ``redis`` is an extra, imported when a store is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from traitlets import Float, Int, Unicode

from jupyter_vnc.config.checks import private_file
from jupyter_vnc.escaping import quote_remote
from jupyter_vnc.exceptions import ConfigError, StoreUnavailable
from jupyter_vnc.system import files
from jupyter_vnc.tokens import MAX_STRANGERS, Grant, TokenStore, note_stranger, too_many_unused

from . import grant_json
from . import redis_scripts as scripts

_SCHEMES: Final = ("redis", "rediss", "unix")
#: Connections of one process to Redis at once; further requests wait for one.
MAX_CONNECTIONS: Final = 16
#: Bytes of a file that holds a URL.
MAX_URL: Final = 4096
#: Options of a URL that are files, and how large these are at most (bytes).
_FILES: Final = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
MAX_TLS_FILE: Final = 16 * 1024 * 1024
#: Nothing longer is a grant (bytes): a target's name has at most 1024.
MAX_GRANT: Final = 16 * 1024


class RedisTokens(TokenStore):
    """Tokens that several processes share through Redis 5 or later, or Valkey."""

    url = Unicode(
        "redis://localhost:6379/0",
        help="""Where Redis is: ``redis://host:port/0``, ``rediss://…`` for TLS, or ``unix:///path/of/the/socket``.

        Default: Redis on this machine. A user and a password may precede the host, as in
        ``rediss://jupyter:secret@host``, with ``%40`` for an ``@``; prefer ``url_file``, because ``--show-config``
        shows this option. ``?ssl_ca_certs=/path`` names the authority that signed Redis' certificate.
        """,
    ).tag(config=True)

    url_file = Unicode(
        help="""A file with the URL in it, which nobody but the server's account can read. Default: none. Use it when
        there is a password in the URL; it overrides ``url``.
        """,
    ).tag(config=True)

    prefix = Unicode(
        "jupyter-vnc:",
        help="""What each key in Redis starts with. Default ``jupyter-vnc:``. All processes that share tokens have the
        same one; change it where other groups of servers use the same Redis.
        """,
    ).tag(config=True)

    connect_timeout = Float(2.0, min=0.1, help="Seconds to connect to Redis. Default 2.").tag(config=True)
    timeout = Float(
        2.0, min=0.1, help="Seconds that Redis has to answer. Default 2; after that the request gets 503."
    ).tag(config=True)
    retries = Int(
        1,
        min=0,
        max=10,
        help="""How often to retry, on a new connection, when Redis refuses or closes the connection. Default 1, as a
        restart or a failover of Redis needs. There is no retry when Redis is too slow.""",
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        url = self._read_url()
        self._password = _check_url(url, self._key)
        self._client, self._errors, self._slow = self._open(url)
        self._scripts: dict[str, Any] = {}
        self._down = False
        self._closed = False

    # -- configuration ------------------------------------------------------------------------------------------

    @property
    def _key(self) -> str:
        """Which option has the URL."""
        return "RedisTokens.url_file" if self.url_file else "RedisTokens.url"

    def _read_url(self) -> str:
        """Return the URL.

        Raises:
            ConfigError: its file is missing, or others can read it.
        """
        if not self.url_file:
            return self.url
        try:
            return files.read_text(private_file(self.url_file), MAX_URL).strip()
        except (OSError, ValueError) as error:
            sentence = "cannot be read" if isinstance(error, OSError | UnicodeError) else str(error)
            raise ConfigError(sentence, key=self._key) from None

    def _open(self, url: str) -> tuple[Any, tuple[type[Exception], ...], tuple[type[Exception], ...]]:
        """Make the client, which connects when it is first needed; and its errors: all of them, and the timeouts.

        Raises:
            ConfigError: the package is missing, or it does not take the URL.
        """
        try:
            from redis import asyncio as redis  # noqa: PLC0415 - an extra, and slow to import
            from redis import exceptions  # noqa: PLC0415
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415
        except ImportError as error:
            sentence = f"'redis' needs a package that is not installed: pip install 'jupyter-vnc[redis]' ({error})"
            raise ConfigError(sentence, key="VNCBroker.token_store") from None
        options: dict[str, Any] = {
            "socket_connect_timeout": self.connect_timeout,
            "socket_timeout": self.timeout,
            "retry": Retry(NoBackoff(), 0),  # we retry only where it is useful
            "protocol": 2,  # version 3 needs commands that we do not use
        }
        if url.startswith("rediss:"):
            options["ssl_check_hostname"] = True
        try:
            pool = redis.BlockingConnectionPool.from_url(url, max_connections=MAX_CONNECTIONS, timeout=None, **options)
            pool.connection_class(**pool.connection_kwargs)  # detects unknown options; does not connect
        except (ValueError, TypeError):
            raise ConfigError("is not a URL that redis understands", key=self._key) from None
        slow = (exceptions.TimeoutError, TimeoutError)
        return redis.Redis(connection_pool=pool), (exceptions.RedisError, OSError), slow

    # -- the contract -------------------------------------------------------------------------------------------

    async def put(self, digest: str, grant: Grant, ttl: float) -> None:
        """Keep a grant; see :meth:`TokenStore.put`. The limits are those of all processes together."""
        owner = _name(grant.user)
        kept = grant_json.encode(grant)
        values = (digest, owner, _name(grant.target), kept, int(ttl * 1000), self.per_user, self.total)
        wait = await self._ask(scripts.PUT, self._keys(digest, owner), values)
        if wait >= 0:
            raise too_many_unused(wait / 1000)

    async def take(self, digest: str, user: str) -> Grant | None:
        """Take out this user's grant; see :meth:`TokenStore.take`. An invalid grant is dropped and logged."""
        owner = _name(user)
        values = (digest, owner, MAX_STRANGERS, self.prefix, MAX_GRANT)
        answer = await self._ask(scripts.TAKE, self._keys(digest, owner), values)
        if answer is None:
            return None
        if isinstance(answer, int):
            note_stranger(digest, answer)
            return None
        try:
            grant = grant_json.decode(answer)
        except ValueError:
            grant = None
        if grant is None or grant.user != user:
            self.log.warning("RedisTokens: the value stored for token %s… is not a grant; it is dropped", digest[:8])
            return None
        return grant

    async def revoke(self, *, user: str | None = None, target: str | None = None) -> int:
        """Drop unused grants; see :meth:`TokenStore.revoke`."""
        owner, name = ("" if each is None else _name(each) for each in (user, target))
        index = f"{self.prefix}user:{owner}" if owner else f"{self.prefix}all"
        return int(await self._ask(scripts.REVOKE, (index,), (self.prefix, owner, name)))

    async def close(self) -> None:
        """Close the connections; from now on the store is unavailable."""
        self._closed = True
        await self._hang_up(all_of_them=True)

    # -- asking Redis -------------------------------------------------------------------------------------------

    def _keys(self, digest: str, owner: str) -> tuple[str, str, str]:
        return f"{self.prefix}token:{digest}", f"{self.prefix}all", f"{self.prefix}user:{owner}"

    async def _ask(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """Run a script.

        Raises:
            StoreUnavailable: Redis is down, too slow, or refuses the script; only the first failure is logged.
        """
        for left in range(self.retries, -1, -1):
            try:
                answer = await self._run(script, keys, values)
            except self._errors as error:
                # A replica that has become the primary has the same name, but is reached by a new connection only.
                await self._hang_up()
                self._note_failure(error, last=not left or isinstance(error, self._slow))
            else:
                self._note_success()
                return answer
        raise StoreUnavailable

    async def _run(self, script: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        if self._closed:
            raise StoreUnavailable
        if script not in self._scripts:
            self._scripts[script] = self._client.register_script(script)
        async with asyncio.timeout(self.connect_timeout + self.timeout):
            return await self._scripts[script](keys=keys, args=values)

    async def _hang_up(self, *, all_of_them: bool = False) -> None:
        with contextlib.suppress(*self._errors):
            await self._client.connection_pool.disconnect(inuse_connections=all_of_them)

    def _note_failure(self, error: Exception, *, last: bool) -> None:
        """Log a failure; raise it if this was the last attempt.

        Raises:
            StoreUnavailable: it was.
        """
        if not last:
            return
        if not self._down:
            text = str(error).replace(self._password, "***") if self._password else str(error)
            what = f"{type(error).__name__}: {quote_remote(text)}"
            self.log.error("RedisTokens: no tokens until Redis answers again (%s)", what)
        self._down = True
        raise StoreUnavailable from None

    def _note_success(self) -> None:
        if self._down:
            self.log.warning("RedisTokens: Redis answers again")
        self._down = False


def _check_url(url: str, key: str) -> str:
    """Return the password in a URL, empty if there is none.

    Raises:
        ConfigError: the URL is not supported, or a character of the password would end its host; the message quotes
            nothing of it.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigError(_HINT, key=key) from None
    if parts.scheme not in _SCHEMES:
        raise ConfigError(f"must start with {'://, '.join(_SCHEMES)}://", key=key)
    if parts.fragment or (parts.netloc and "@" not in parts.netloc and "@" in parts.path + parts.query):
        raise ConfigError(_HINT, key=key)
    _check_files(parts.query, key)
    return unquote(parts.password or "")


def _check_files(query: str, key: str) -> None:
    """Look at the files that a URL names: what is none would keep ``ssl`` waiting for ever, with all of the server.

    Raises:
        ConfigError: something else stands in the place of one, or it is not there.
    """
    for option, (path, *_) in parse_qs(query).items():
        try:
            if option in _FILES:
                files.check_regular(path, MAX_TLS_FILE)
        except (OSError, ValueError) as error:
            sentence = f"{option}: {quote_remote(path)}: {getattr(error, 'strerror', 'is no path')}"
            raise ConfigError(sentence, key=key) from None


_HINT: Final = "is no URL; in a password, write characters such as '/', '#' and '@' as %2F, %23 and %40"


def _name(text: str) -> str:
    """Return the key of a user or a target in Redis: of fixed length, without special characters."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
