"""The live sessions of all processes of the service: each counts, shows, and ends those of the others as its own.

Every process writes what it runs, and reads what the others run. What somebody does here to a session of another
process is a notice in the database, which that process takes. All of it is looked at every second, and at once where
something has happened here; while the database is away, what was known last counts, and notices wait.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from jupyter_vnc.exceptions import StoreUnavailable
from jupyter_vnc.model.remote_sessions import VOLATILE, RemoteSession, apply, decode, describe, encode, ending
from jupyter_vnc.model.session_registry import SessionRegistry, taken_by
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.pools.presence import BEAT
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.stores.database.sessions import Contents, Notices, SessionRows
from jupyter_vnc.system.logs import Log, one_line
from jupyter_vnc.tasks import Bell

#: Interval of the looks at the database (seconds).
INTERVAL: Final = 1.0
#: Shortest pause between two looks, whatever happens (seconds).
REST: Final = 0.1
#: At most so many notices wait for a database that is away; the oldest are lost first, and ends never.
MOST_WAITING: Final = 1_000
#: How often an end is sent to a process that goes on telling of its session (seconds).
REPEAT: Final = 5.0
#: The keys of so many notices are kept, so that one that comes twice is heeded once.
MOST_HEEDED: Final = 2_000
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
        #: Held from a look at the rows until the registry has what they say. A row must not be deleted as that of no
        #: session while the session is being admitted, and what was read before must not replace what was read later.
        self._turn = asyncio.Lock()
        #: What the rows of this process say, without what changes all the time; None if nobody knows.
        self._told: Mapping[str, Mapping[str, Any]] | None = None
        self._told_at = -math.inf
        self._known: dict[str, tuple[str, RemoteSession]] = {}
        self._outbox: deque[tuple[str, str]] = deque(maxlen=MOST_WAITING)
        #: Ends of sessions elsewhere by their ids: the notice, and when it was sent.
        self._ends: dict[str, tuple[str, float]] = {}
        self._heeded: dict[str, None] = {}
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
                async with self._turn:
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
        leaving: tuple[Session, ...] = ()
        ends: Notices = ()

        def fits(others: Contents) -> tuple[Contents, Notices]:
            nonlocal leaving, ends
            self._meet(others)
            leaving = self._registry.check(session)
            ends = [(one.id, _keyed(ending(taken_by(session, one)))) for one in leaving if not one.is_here]
            return {session.id: encode(describe(session))}, ends

        async with self._turn:
            self._told = None  # whatever comes of it: the answer may be lost, or nobody may wait for it any more
            await self._rows.admit(fits)
            self._registry.seat(session, leaving)
            self._sent(ends)

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
        async with self._turn:
            if self._processes.was_away:
                await self._rejoin()
            await self._send()
            await self._take()
            await self._tell()
            if (others := await self._rows.look()) is not None:
                self._meet(others)

    async def _rejoin(self) -> None:
        """Write the rows that others have deleted; what they have given to somebody meanwhile is theirs."""
        told = {}

        def stay(others: Contents) -> Contents:
            nonlocal told
            self._meet(others)
            self._registry.yield_places()
            told = self._here()
            return _encoded(told)

        self._told = None
        await self._rows.rejoin(stay)
        self._note_told(told)
        self._processes.was_away = False

    def send(self, session_id: str, notice: Mapping[str, Any]) -> None:
        """Have something done to a session of another process."""
        if "end" in notice:
            self._ends[session_id] = _keyed(notice), -math.inf
        else:
            self._outbox.append((session_id, _keyed(notice)))
        self.bell.ring()

    async def _send(self) -> None:
        """Send what waits, and again what was not heeded: the answer of the database, or a notice, may get lost."""
        over = [one for one in self._ends if one not in self._known]
        for one in over[: max(0, len(self._ends) - MOST_WAITING)]:
            del self._ends[one]
        waiting = tuple(self._outbox)
        due = time.monotonic() - REPEAT
        ends = [(key, end) for key, (end, at) in self._ends.items() if key in self._known and at <= due]
        if waiting or ends:
            await self._rows.send([*waiting, *ends])
        self._sent(ends)
        for notice in waiting:  # unless the deque was full meanwhile, and has lost them itself
            if self._outbox and self._outbox[0] is notice:
                self._outbox.popleft()

    def _sent(self, ends: Notices) -> None:
        self._ends |= {key: (end, time.monotonic()) for key, end in ends}

    async def _take(self) -> None:
        """Do what other processes want, and then forget it."""
        if waiting := await self._rows.waiting():
            for _, session_id, content in waiting:
                self._heed(session_id, content)
            await self._rows.forget([number for number, *_ in waiting])

    def _heed(self, session_id: str, content: str) -> None:
        """Do what another process wants, once; its session may be over."""
        session = next((one for one in self._registry if one.id == session_id), None)
        try:
            if session is not None and self._is_new(notice := json.loads(content)):
                apply(session, notice)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others count
            self._log.warning("Session %s: another process wants what is unknown (%r)", session_id, error)

    def _is_new(self, notice: Mapping[str, Any]) -> bool:
        if (key := notice.get("key")) in self._heeded:
            return False
        if key is not None:
            self._heeded[key] = None
            if len(self._heeded) > MOST_HEEDED:
                del self._heeded[next(iter(self._heeded))]
        return True

    def _here(self) -> dict[str, dict[str, Any]]:
        return {one.id: describe(one) for one in self._registry if one.error is None}

    async def _tell(self) -> None:
        """Write the rows, if there is news or they are due: others may have deleted them by mistake."""
        told = self._here()
        due = told and time.monotonic() - self._told_at >= BEAT
        if due or _lasting(told) != self._told:
            self._told = None
            await self._rows.write(_encoded(told))
            self._note_told(told)

    def _note_told(self, told: Mapping[str, Mapping[str, Any]]) -> None:
        self._told, self._told_at = _lasting(told), time.monotonic()

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


def _keyed(notice: Mapping[str, Any]) -> str:
    """Write a notice with a key of its own, by which it is known if it comes twice."""
    return json.dumps({**notice, "key": secrets.token_hex(8)})


def _encoded(told: Mapping[str, Mapping[str, Any]]) -> Contents:
    return {key: encode(one) for key, one in told.items()}


def _lasting(told: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {name: value for name, value in one.items() if name not in VOLATILE} for key, one in told.items()}
