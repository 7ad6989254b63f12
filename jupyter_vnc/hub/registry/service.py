"""The registry with what it stands on: the database, the keys, and the copy in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from jupyter_vnc.model.targets import Target
from jupyter_vnc.stores.database import urls
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.keyring import Keyring
from jupyter_vnc.stores.database.registered import RegisteredTargets
from jupyter_vnc.system.logs import Log

from .registry import Registry
from .snapshot import Snapshot


class RegistryService:
    """Everything about registered targets in one process; made by :func:`open_registry`."""

    def __init__(self, database: Database, keyring: Keyring, log: Log) -> None:
        self.database = database
        self.keyring = keyring
        self.store = RegisteredTargets(database)
        self.snapshot = Snapshot(self.store, keyring, log)
        self.registry = Registry(self.store, keyring, self.snapshot)

    @property
    def targets(self) -> Mapping[str, Target]:
        """The targets that can be used, by name."""
        return self.snapshot.targets

    @property
    def problems(self) -> list[str]:
        """Which targets cannot be used and what is wrong with the database, a sentence for each."""
        rows = self.snapshot.by_name.values()
        broken = [f"Registered target {one.entry.name!r}: {one.problem}" for one in rows if one.problem]
        return [*filter(None, [self.trouble]), *broken]

    @property
    def trouble(self) -> str:
        """What is wrong with the database at present, for those who manage targets; empty if it answers."""
        return "The database does not answer. Targets cannot be changed until it does." * bool(self.database.trouble)

    async def close(self) -> None:
        """Stop reading, and close the database."""
        await self.snapshot.close()
        await self.database.close()


async def open_registry(url: str, url_file: str, keys_file: str, log: Log, *, alone: bool = True) -> RegistryService:
    """Open the database, and read the keys and the registered targets.

    Args:
        url: see ``VNCHub.db_url``.
        url_file: see ``VNCHub.db_url_file``.
        keys_file: see ``VNCHub.keys_file``.
        log: for what goes wrong later.
        alone: whether this is the service, and not a command beside it.

    Raises:
        ConfigError: an option is wrong, or the database cannot be used.
    """
    parsed = await asyncio.to_thread(urls.load, url, url_file)
    keyring = await asyncio.to_thread(lambda: Keyring(Path(keys_file).absolute()))
    database = Database(parsed, log)
    await database.open(alone=alone)
    service = RegistryService(database, keyring, log)
    if alone:
        await service.snapshot.start()
    else:
        await service.snapshot.refresh()
    return service
