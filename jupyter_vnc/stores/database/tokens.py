"""Tokens in the database of the hub service: what one process issues, every other one redeems, and one of them once.

What is kept is a digest and, as JSON, a grant: the *name* of a target and never an address. Each process looks the name
up and checks permissions itself, so that write access to this table neither makes a server connect anywhere nor grants
a permission.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.stores import grant_json
from jupyter_vnc.tokens import Grant, TokenStore, note_stranger, too_many_unused

from .clock import now
from .database import Database
from .tables import digest_of, revisions, tokens

_KIND: Final = "tokens"
#: Expired tokens that are deleted with each one that is put.
STEP: Final = 100


class DatabaseTokens(TokenStore):
    """Tokens that all processes of a hub service share."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._host = getattr(self.parent, "parent", None)
        if not hasattr(self._host, "database"):
            sentence = "'database' works in the hub service only: a Jupyter server has no database"
            raise ConfigError(sentence, key="VNCBroker.token_store")

    @property
    def _database(self) -> Database:
        database: Database = self._host.database  # type: ignore[union-attr]
        return database

    async def put(self, digest: str, grant: Grant, ttl: float) -> None:
        """Keep a grant; see :meth:`TokenStore.put`. The limits are those of all processes together."""
        user = digest_of(grant.user)
        async with self._database.writing() as connection:
            # Those who put wait here for each other, or two would both be the last that the limit permits.
            await connection.execute(select(revisions.c.number).where(revisions.c.kind == _KIND).with_for_update())
            await self._forget(connection)
            if (wait := await self._wait(connection, user)) is not None:
                raise too_many_unused(wait)
            row = {"digest": digest, "user": user, "target": digest_of(grant.target), "grant": grant_json.encode(grant)}
            await connection.execute(insert(tokens).values(**row, expires=now(connection) + ttl, strangers=0))

    async def _forget(self, connection: AsyncConnection) -> None:
        """Delete some expired tokens: more than one put adds, and never so many that somebody waits for it."""
        expired = select(tokens.c.digest).where(tokens.c.expires <= now(connection)).limit(STEP)
        await connection.execute(delete(tokens).where(tokens.c.digest.in_(expired)))

    async def _wait(self, connection: AsyncConnection, user: str) -> float | None:
        """Return the seconds until there is room for one more token of a user; None if there is room now."""
        alive, mine = tokens.c.expires > now(connection), tokens.c.user == user
        oldest = func.coalesce(func.min(tokens.c.expires).filter(mine), func.min(tokens.c.expires))
        query = select(func.count(), func.count().filter(mine), oldest - now(connection))
        query = query.select_from(tokens).where(alive)
        of_all, of_user, wait = (await connection.execute(query)).one()
        return float(wait) if of_user >= self.per_user or of_all >= self.total else None

    async def take(self, digest: str, user: str) -> Grant | None:
        """Take out this user's grant; see :meth:`TokenStore.take`. An invalid grant is dropped and logged."""
        owner = digest_of(user)
        async with self._database.writing() as connection:
            alive = (tokens.c.digest == digest) & (tokens.c.expires > now(connection))
            mine = delete(tokens).where(alive & (tokens.c.user == owner)).returning(tokens.c.grant)
            text = (await connection.execute(mine)).scalar_one_or_none()
            if text is None:
                count = update(tokens).where(alive & (tokens.c.user != owner)).values(strangers=tokens.c.strangers + 1)
                attempts = (await connection.execute(count.returning(tokens.c.strangers))).scalar_one_or_none()
                if attempts is not None and note_stranger(digest, attempts):
                    await connection.execute(delete(tokens).where(tokens.c.digest == digest))
        return None if text is None else self._checked(text, digest, user)

    def _checked(self, text: str, digest: str, user: str) -> Grant | None:
        try:
            grant = grant_json.decode(text)
        except ValueError:
            grant = None
        if grant is None or grant.user != user:
            self.log.warning("The value stored for token %s… is not a grant; it is dropped", digest[:8])
            return None
        return grant

    async def revoke(self, *, user: str | None = None, target: str | None = None) -> int:
        """Drop unused grants; see :meth:`TokenStore.revoke`."""
        async with self._database.writing() as connection:
            doomed = delete(tokens).where(tokens.c.expires > now(connection))
            if user is not None:
                doomed = doomed.where(tokens.c.user == digest_of(user))
            if target is not None:
                doomed = doomed.where(tokens.c.target == digest_of(target))
            return len((await connection.execute(doomed.returning(tokens.c.digest))).all())
