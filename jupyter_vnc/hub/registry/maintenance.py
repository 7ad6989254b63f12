"""Maintenance: taking targets and machines out of service and back, and following what other processes do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_vnc.exceptions import MalformedRequest, StoreUnavailable, TargetNotFound
from jupyter_vnc.handlers import vnc_errors
from jupyter_vnc.hub.editor import Editor
from jupyter_vnc.model.maintenance import Maintenance, Place
from jupyter_vnc.model.targets import MAX_CONFIG_NAME, Target
from jupyter_vnc.routes import MACHINE, NAME, Route
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.maintenance import MaintenanceStore
from jupyter_vnc.system.logs import Log, one_line
from jupyter_vnc.tasks import Bell

from .handlers import RegistryAPIHandler, editor_of, machines_of

#: Interval at which the database is asked what others have taken out of service (seconds).
INTERVAL: Final = 1.0
#: Shortest pause between two looks (seconds).
REST: Final = 0.1

_UNKNOWN: Final = "There is no such target or machine, or you may not manage it."


class MaintenanceService:
    """Keeps the broker's :class:`~jupyter_vnc.model.maintenance.Maintenance` equal to the database.

    Args:
        database: where it is kept.
        known: the broker's, which is changed here only.
        tell: called with what began (true) or is over (false), and who decided that.
        log: for errors.
    """

    def __init__(
        self, database: Database, known: Maintenance, tell: Callable[[Place, bool, str], None], log: Log
    ) -> None:
        self._store = MaintenanceStore(database)
        self._known = known
        self._tell = tell
        self._log = one_line(log)
        #: One look at a time: what a slow one has seen must not come after a newer one.
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        #: What has changed, and nobody was told yet.
        self._untold: frozenset[Place] = frozenset()
        #: Rung when there may be news.
        self.bell = Bell(REST)

    async def start(self) -> None:
        """Read what is in maintenance, and from now on what changes. A database that is away is waited for."""
        await self._read(tell=False)
        self._task = asyncio.create_task(self._follow(), name="vnc-maintenance")

    async def close(self) -> None:
        """Follow no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await self.bell.wait(INTERVAL)
            try:
                await self.refresh()
            except Exception:  # noqa: BLE001 - the next look may succeed
                self._log.exception("What is in maintenance could not be read")

    async def refresh(self, *, strict: bool = False) -> None:
        """Read what is in maintenance; while the database is away, what was known last still counts.

        Args:
            strict: whether to raise then.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        await self._read(strict=strict)

    async def _read(self, *, strict: bool = False, tell: bool = True) -> None:
        try:
            async with self._turn:
                await self._compare(tell=tell)
        except StoreUnavailable:
            if strict:
                raise

    async def _compare(self, *, tell: bool) -> None:
        """Read, and tell whoever is here what has changed, wherever somebody has decided that.

        From the first answer on nobody new gets what is out of service; who decided it is asked then.
        """
        now, before = await self._store.all(), self._known.places
        self._known.places = now
        if tell:
            self._untold ^= now ^ before
        if changed := {place: place in now for place in sorted(self._untold)}:
            by = await self._store.decided_by(changed)
            self._untold = frozenset()
            for place in filter(by.get, changed):
                self._tell(place, changed[place], by[place])

    async def put(self, editor: Editor, target: Target, machine: str, begins: bool) -> None:
        """Take a target or one machine of its pool out of service, or back; tell whoever is there.

        Raises:
            StoreUnavailable: the database does not answer; nothing has changed.
            TargetNotFound: it has no such machine, or it is not theirs. One that has left the pool can be put back.
                A name that is longer than the database keeps is none.
        """
        about = {"allow_users": sorted(target.allow_users), "allow_groups": sorted(target.allow_groups)}
        machines = ["", *machines_of(target), *([] if begins else self._known.machines(target.name))]
        place = (target.name, machine)
        if not editor.sees(about) or machine not in machines or max(map(len, place)) > MAX_CONFIG_NAME:
            raise TargetNotFound(_UNKNOWN)
        groups = None if target.allow_users or not target.allow_groups else sorted(target.allow_groups)
        detail = {"changed": {"maintenance": [not begins, begins]}, "machine": machine, "groups": groups}
        if await self._store.put(place, begins, editor.name, json.dumps(detail)):
            self._log.info("%s: %s %s", editor.name, "/".join(filter(None, place)), "out of service" * begins or "back")
            await self.refresh()


class MachineHandler(RegistryAPIHandler):
    """``PUT api/machines/{target}`` and ``api/machines/{target}/{machine}``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def put(self, name: str, machine: str = "") -> None:
        """Take it out of service, or back."""
        editor, body = editor_of(self), self.body()
        if not isinstance(begins := body.get("maintenance"), bool):
            raise MalformedRequest("maintenance must be true or false")
        target = await self.broker.catalogue.current(self.visitor().user, name)
        if target is None:
            raise TargetNotFound(_UNKNOWN)
        service: MaintenanceService = self.settings["vnc_maintenance"]
        await service.put(editor, target, machine, begins)
        self.answer(state_of(self.broker.maintenance, name))


def state_of(known: Maintenance, name: str) -> dict[str, Any]:
    """Return whether a target is in maintenance, and which of its machines are by themselves."""
    return {"maintenance": known.whole(name), "machines": known.machines(name)}


MACHINE_ROUTES: Final[list[Route]] = [
    (rf"/api/machines/{NAME}", MachineHandler, {}),
    (rf"/api/machines/{NAME}/{MACHINE}", MachineHandler, {}),
]
