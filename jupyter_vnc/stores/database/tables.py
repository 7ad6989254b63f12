"""The tables. A change of them needs a migration in ``migrations/versions``; a test compares the two."""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from jupyter_vnc.model.targets import MAX_CONFIG_NAME

#: Longest name of a user in a hub's database (characters).
MAX_USER: Final = 255

metadata: Final = MetaData()


def digest_of(name: str) -> str:
    """Return the SHA-256 of a name, which may have characters that a database refuses, and any length."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


#: A counter for each kind of rows that processes keep a copy of: it grows with every change, so that a look at one row
#: shows whether the copy is current.
revisions: Final = Table(
    "revisions",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False),
)

#: Registered targets. ``keys`` is JSON without secrets, ``secrets`` is what the keyring has made of those.
#: ``version`` is the revision of the last change, so that a name which is used again gets a new one.
targets: Final = Table(
    "targets",
    metadata,
    Column("name", String(MAX_CONFIG_NAME), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("keys", Text, nullable=False),
    Column("secrets", Text, nullable=False),
    Column("changed_at", Float, nullable=False),
    Column("changed_by", String(MAX_USER), nullable=False),
)

#: Who changed which target. ``detail`` is JSON: the values before and after, of a secret only that it was changed.
changes: Final = Table(
    "changes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("by", String(MAX_USER), nullable=False),
    Column("action", String(16), nullable=False),
    Column("target", String(MAX_CONFIG_NAME), nullable=False),
    Column("detail", Text, nullable=False),
    Index("changes_target", "target"),
)

#: What is in maintenance: machines of a target, or all of it where ``machine`` is empty.
maintenance: Final = Table(
    "maintenance",
    metadata,
    Column("target", String(MAX_CONFIG_NAME), primary_key=True),
    Column("machine", String(MAX_CONFIG_NAME), primary_key=True),
    Column("since", Float, nullable=False),
    Column("by", String(MAX_USER), nullable=False),
)

#: Tokens that nobody has redeemed yet, by the SHA-256 of each. ``user`` and ``target`` are SHA-256 of names, which may
#: have characters that a database refuses; ``grant`` is JSON; ``expires`` is a time of the database's own clock.
tokens: Final = Table(
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user", String(64), nullable=False),
    Column("target", String(64), nullable=False),
    Column("grant", Text, nullable=False),
    Column("expires", Float, nullable=False),
    Column("strangers", Integer, nullable=False),
    Index("tokens_user", "user"),
    Index("tokens_expires", "expires"),
)

#: What is kept of each pool besides its leases, as JSON: its target's name, its queue, its machines that are set aside
#: and when each was freed. ``pool`` is the name's :func:`digest_of`.
pools: Final = Table(
    "pools",
    metadata,
    Column("pool", String(64), primary_key=True),
    Column("content", Text, nullable=False),
)

#: Who has which machine: a user one of a pool, and a machine one user. The columns are :func:`digest_of`; ``content``
#: is the lease as JSON.
leases: Final = Table(
    "leases",
    metadata,
    Column("pool", String(64), primary_key=True),
    Column("user", String(64), primary_key=True),
    Column("machine", String(64), nullable=False),
    Column("content", Text, nullable=False),
    UniqueConstraint("pool", "machine", name="leases_machine"),
)

#: The processes of the service that live. ``name`` is for people, ``seen`` a time of the database's own clock, and
#: ``present`` who is there, as :meth:`~jupyter_vnc.pools.presence.Present.encode` writes it.
processes: Final = Table(
    "processes",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(MAX_USER), nullable=False),
    Column("seen", Float, nullable=False),
    Column("present", Text, nullable=False),
)

#: Sessions that live, without ``ended``, and those that are over. Times are of the clock of the process that served the
#: session; ``content`` is JSON (see :class:`~jupyter_vnc.stores.database.visits.Visit`).
visits: Final = Table(
    "visits",
    metadata,
    Column("session", String(16), primary_key=True),
    Column("process", String(32), nullable=False),
    Column("began", Float, nullable=False),
    Column("ended", Float, nullable=True),
    Column("content", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Index("visits_began", "began"),
    Index("visits_ended", "ended"),
)

#: Sessions that live, each with the process that runs it, which has a row in :data:`processes`. ``content`` is JSON, as
#: :func:`~jupyter_vnc.model.remote_sessions.describe` has it.
sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("process", String(32), nullable=False),
    Column("content", Text, nullable=False),
    Index("sessions_process", "process"),
)

#: What somebody wants done to a session, for the process that runs it, which deletes it when it reads it. ``content``
#: is JSON, as :func:`~jupyter_vnc.model.remote_sessions.apply` takes it.
notices: Final = Table(
    "notices",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("process", String(32), nullable=False),
    Column("session", String(16), nullable=False),
    Column("content", Text, nullable=False),
    Index("notices_process", "process"),
)

#: Logins that are under way: which of the turns of a server is whose, until when at the latest. ``server`` is the
#: :func:`digest_of` its address, and times are of the database's own clock.
logins: Final = Table(
    "logins",
    metadata,
    Column("server", String(64), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("process", String(32), nullable=False),
    Column("holder", String(16), nullable=False),
    Column("until", Float, nullable=False),
)

#: Logins that a server has refused in a row, the last one, and until when it is left alone.
refusals: Final = Table(
    "refusals",
    metadata,
    Column("server", String(64), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last", Float, nullable=False),
    Column("open_until", Float, nullable=False),
)
