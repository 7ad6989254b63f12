"""What the service has in its database besides registered targets, and what its processes share by that."""

from __future__ import annotations

from contextlib import AsyncExitStack

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.stores.database.bus import LEASES, MAINTENANCE, SESSIONS, TARGETS, Bus
from jupyter_vnc.stores.database.gate import DatabaseGate
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.system.logs import Log

from .leases import keep_leases
from .registry.maintenance import MaintenanceService
from .registry.service import RegistryService
from .shared_sessions import SharedSessions
from .visits import Visits


class Records:
    """The parts that write and read while the service runs.

    Args:
        registry: with the database, which is open.
        broker: whose state is kept.
        retention: days for which visits are kept.
        log: for errors.
    """

    def __init__(self, registry: RegistryService, broker: VNCBroker, retention: float, log: Log) -> None:
        self._broker = broker
        self.maintenance = MaintenanceService(registry.database, broker.maintenance, broker.live.maintain, log)
        processes = Processes(registry.database, log)
        keep_leases(broker.pools, processes, self.maintenance, log)
        self.visits = Visits(processes, retention, log)
        broker.audit.on_open, broker.audit.on_close = self.visits.begin, self.visits.end
        self._gate = DatabaseGate(processes)
        if registry.database.is_shared:
            broker.connector.gate = self._gate
        self._sessions = SharedSessions(broker.registry, processes, log)
        looks = {
            LEASES: broker.pools.bell,
            MAINTENANCE: self.maintenance.bell,
            SESSIONS: self._sessions.bell,
            TARGETS: registry.snapshot.bell,
        }
        self._bus = Bus(registry.database, {kind: bell.ring for kind, bell in looks.items()}, log)

    async def start(self) -> None:
        """Start them, and the broker.

        Raises:
            ConfigError: the leases cannot be kept where they should be.
        """
        await self.maintenance.start()
        await self._broker.start()
        self.visits.start()
        self._sessions.start()
        self._bus.start()

    async def close(self) -> None:
        """End all sessions, and write the last of it. If a part fails, the others are still closed.

        Viewers come first: whoever has to come again to another process does not wait for a database.
        """
        async with AsyncExitStack() as ends:  # the last one first
            for part in (self._bus, self.maintenance, self.visits, self._sessions, self._gate, self._broker):
                ends.push_async_callback(part.close)
