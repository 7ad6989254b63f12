"""The live sessions of all processes of the service: each counts, shows, and ends those of the others as its own.

Every process writes what it runs, and reads what the others run. What somebody does here to a session of another
process is a notice in the database, which that process takes. All of it is looked at every second, and at once where
something has happened here; while the database is away, what was known last counts, and notices wait.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from jupyter_vnc.exceptions import StoreUnavailable
from jupyter_vnc.model.remote_sessions import VOLATILE, RemoteSession, apply, decode, describe, encode
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.pools.presence import BEAT
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.stores.database.sessions import Contents, SessionRows
from jupyter_vnc.system.logs import Log, one_line
from jupyter_vnc.tasks import Bell

#: Interval of the looks at the database (seconds).
INTERVAL: Final = 1.0
#: Shortest pause between two looks, whatever happens (seconds).
REST: Final = 0.1
#: At most so many notices wait for a database that is away; the oldest are lost first.
MOST_WAITING: Final = 1_000
#: Timeout for telling the others at the end that no session is left (seconds).
LAST_WRITE: Final = 5.0


class SharedSessions:
    """Keeps a registry and the database equal.

    Args:
        registry: the broker's.
        processes: those that share the database.
        log: for errors.
    """

    def __init__(self, registry: SessionRegistry, processes: Processes, log: Log) -> None:
        self._registry = registry
        self._processes = processes
        self._rows = SessionRows(processes)
        self._log = one_line(log)
        #: Rung when something has happened.
        self.bell = Bell(REST)
        self._task: asyncio.Task[None] | None = None
        #: A row must not be deleted as that of no session while the session is being admitted.
        self._turn = asyncio.Lock()
        self._told: Mapping[str, Mapping[str, Any]] = {}
        self._told_at = -math.inf
        self._known: dict[str, tuple[str, RemoteSession]] = {}
        self._outbox: deque[tuple[str, str]] = deque(maxlen=MOST_WAITING)
        self._failing = False

    def start(self) -> None:
        """Share, if there is anybody to share with: a SQLite file has one process, which knows all."""
        if self._processes.database.is_shared:
            self._registry.admit, self._registry.on_change = self.admit, self.bell.ring
            self._task = asyncio.create_task(self._run(), name="vnc-shared-sessions")

    async def close(self) -> None:
        """Tell the others that no session is left here."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        with suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(LAST_WRITE):
                await self._send()
                await self._tell()
                await self._processes.leave()

    async def admit(self, session: Session) -> None:
        """Admit a session, if it fits beside all others.

        Raises:
            TargetBusy: see :meth:`.SessionRegistry.check`.
            LimitExceeded: see :meth:`.SessionRegistry.check`.
            StoreUnavailable: nobody knows what others there are.
        """

        def fits(others: Contents) -> Contents:
            self._meet(others)
            self._registry.check(session)
            return {session.id: encode(describe(session))}

        async with self._turn:
            await self._rows.admit(fits)
            self._registry.add(session)

    async def _run(self) -> None:
        while True:
            await self.bell.wait(INTERVAL)
            try:
                await self.look()
                self._failing = False
            except StoreUnavailable:  # the database says so itself
                pass
            except Exception:  # noqa: BLE001 - the next look may succeed
                if not self._failing:
                    self._log.exception("The sessions of other processes could not be compared with those of this one")
                self._failing = True

    async def look(self) -> None:
        """Say what there is here, do what others want, and read what there is elsewhere.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        await self._processes.go_on()
        await self._send()
        for session_id, content in await self._rows.take():
            self._heed(session_id, content)
        await self._tell()
        if (others := await self._rows.look()) is not None:
            self._meet(others)

    def send(self, session_id: str, notice: Mapping[str, Any]) -> None:
        """Have something done to a session of another process."""
        self._outbox.append((session_id, json.dumps(notice)))
        self.bell.ring()

    async def _send(self) -> None:
        while waiting := tuple(self._outbox):
            await self._rows.send(waiting)
            for one in waiting:  # unless the deque was full meanwhile, and has lost them itself
                if self._outbox and self._outbox[0] is one:
                    self._outbox.popleft()

    def _heed(self, session_id: str, content: str) -> None:
        """Do what another process wants; its session may be over."""
        session = next((one for one in self._registry if one.id == session_id), None)
        try:
            if session is not None:
                apply(session, json.loads(content))
        except (ValueError, KeyError, TypeError) as error:
            self._log.warning("Session %s: another process wants what is unknown (%s)", session_id, error)

    async def _tell(self) -> None:
        """Write the rows, if there is news or they are due: others may have deleted them by mistake."""
        async with self._turn:
            told = {one.id: describe(one) for one in self._registry if one.error is None}
            due = told and time.monotonic() - self._told_at >= BEAT
            if due or _lasting(told) != _lasting(self._told):
                await self._rows.write({key: encode(one) for key, one in told.items()})
                self._told, self._told_at = told, time.monotonic()

    def _meet(self, others: Contents) -> None:
        known = {key: one for key, content in others.items() if (one := self._decoded(key, content)) is not None}
        self._known = known
        self._registry.meet(session for _, session in known.values())

    def _decoded(self, session_id: str, content: str) -> tuple[str, RemoteSession] | None:
        before = self._known.get(session_id)
        if before is not None and before[0] == content:
            return before
        try:
            session = decode(content, self.send)
        except ValueError:  # of a newer version
            return None
        # What has been ended here is over, though its process has not said so yet.
        session.error = before and before[1].error
        return content, session


def _lasting(told: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {name: value for name, value in one.items() if name not in VOLATILE} for key, one in told.items()}
