"""The registered targets as this process knows them: read again when they have changed, kept while they cannot be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jupyter_vnc.config import secret_keys
from jupyter_vnc.config.targets import parse_target
from jupyter_vnc.exceptions import ConfigError, StoreUnavailable
from jupyter_vnc.model.targets import Target
from jupyter_vnc.stores.database.keyring import Keyring, Unreadable
from jupyter_vnc.stores.database.registered import Entry, RegisteredTargets
from jupyter_vnc.system.environment import take_passwords
from jupyter_vnc.system.logs import Log, one_line
from jupyter_vnc.tasks import Bell

#: How often the database is asked whether somebody else has changed something (seconds).
INTERVAL: Final = 2.0
#: Shortest pause between two looks (seconds).
REST: Final = 0.1
#: How often a target that cannot be used is tried again: a file that it names may be there by now (seconds).
RETRY: Final = 15.0


@dataclass(frozen=True, slots=True)
class Registered:
    """One registered target; without ``target`` it cannot be used, and ``problem`` says why."""

    entry: Entry
    target: Target | None
    problem: str = ""


class Snapshot:
    """All registered targets, in memory.

    Args:
        store: the tables.
        keyring: decrypts the secrets.
        log: for targets that cannot be used.
    """

    def __init__(
        self, store: RegisteredTargets, keyring: Keyring, log: Log, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._log = one_line(log)
        self._clock = clock
        self._revision = -1
        self._parsed_at = 0.0
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        #: Rung when there may be news.
        self.bell = Bell(REST)
        self.by_name: Mapping[str, Registered] = {}
        self.targets: Mapping[str, Target] = {}

    async def start(self) -> None:
        """Read the targets, and from now on whenever they change. A database that is away is waited for."""
        await self.refresh()
        self._task = asyncio.create_task(self._follow(), name="vnc-registered-targets")

    async def close(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await self.bell.wait(INTERVAL)
            try:
                await self.refresh()
            except Exception:  # noqa: BLE001 - the next look may succeed
                self._log.exception("The registered targets could not be read")

    async def refresh(self, *, strict: bool = False) -> None:
        """Read the targets if they have changed; while the database is away, the last known ones stay.

        Args:
            strict: whether to raise then.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._turn:
            try:
                await self._read()
            except StoreUnavailable:
                if strict:
                    raise

    async def _read(self) -> None:
        revision = await self._store.revision()
        due = any(one.target is None for one in self.by_name.values())
        if revision != self._revision or (due and self._clock() - self._parsed_at >= RETRY):
            revision, entries = await self._store.all()
            await self._use(revision, entries)

    async def _use(self, revision: int, entries: Sequence[Entry]) -> None:
        # In a thread: the keys may name files, and a thousand targets take a moment.
        known = await asyncio.to_thread(lambda: {entry.name: self._registered(entry) for entry in entries})
        for name, one in known.items():
            before = self.by_name.get(name)
            if one.problem and (before is None or before.problem != one.problem):
                self._log.error("Registered target %r: %s (it cannot be used)", name, one.problem)
        self.by_name = known
        self.targets = {name: one.target for name, one in known.items() if one.target is not None}
        self._revision, self._parsed_at = revision, self._clock()

    def _registered(self, entry: Entry) -> Registered:
        before = self.by_name.get(entry.name)
        if before is not None and before.target is not None and before.entry == entry:
            return before
        try:
            return Registered(entry, self.made_of(entry.name, entry.keys, entry.sealed))
        except Unreadable as error:
            return Registered(entry, None, str(error))
        except ConfigError as error:
            return Registered(entry, None, f"{error.key}: {error.message}" if error.key else error.message)
        except Exception as error:  # noqa: BLE001 - one row must not affect the others; its text may quote the row
            return Registered(entry, None, f"cannot be understood ({type(error).__name__})")

    def made_of(self, name: str, keys: Mapping[str, Any], sealed: str) -> Target:
        """Make a target of what is stored. Blocks on the files that it names.

        Raises:
            ConfigError: a key is wrong.
            Unreadable: its secrets cannot be decrypted.
        """
        whole = secret_keys.join(keys, self._keyring.unseal(name, sealed))
        take_passwords(whole)
        return parse_target(name, whole)
