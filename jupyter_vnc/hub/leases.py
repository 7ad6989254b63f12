"""Where the service keeps the leases of its pools."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.stores.database.leases import DatabaseLeases
from jupyter_vnc.stores.database.old_leases import OldLeases
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.system.logs import Log

from .registry.maintenance import MaintenanceService


def keep_leases(pools: PoolManager, processes: Processes, maintenance: MaintenanceService, log: Log) -> None:
    """Keep the leases in the database; those of a service that had none are taken over from its file.

    A machine in maintenance must not be given out because the database came back between two looks at it.
    """
    old = OldLeases(Path(pools.state_file) if pools.state_file else None, log)
    pools.keep_with(partial(DatabaseLeases, processes, old, log), partial(maintenance.refresh, strict=True))
