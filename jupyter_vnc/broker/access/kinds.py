"""The one place where the kind of an address decides."""

from __future__ import annotations

from collections.abc import Mapping
from logging import Logger, LoggerAdapter
from typing import Any

from jupyter_vnc.broker.metrics import Metrics, process_metrics
from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.model.addresses import DesktopAddress, PoolAddress, TCPAddress, UnixAddress, UserServerAddress
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.targets import Target
from jupyter_vnc.pools.manager import PoolManager

from .base import PoolFigures, TargetAccess
from .desktop import DesktopAccess
from .direct import DirectAccess
from .outcomes import Outcomes
from .pool import PoolAccess
from .user_server import Look, UserServerAccess


class AccessKinds:
    """The kinds of addresses that a server serves, and the access to each.

    Args:
        table: the class of an address, and the access to it.
    """

    def __init__(self, table: Mapping[type, TargetAccess[Any]]) -> None:
        self._table = table

    def look_by(self, look: Look) -> None:
        """Serve desktops in other servers, too; see :class:`~.user_server.UserServerAccess`."""
        self._table = {**self._table, UserServerAddress: UserServerAccess(look)}

    def serves(self, target: Target) -> bool:
        """Whether a target is of a kind that is served here."""
        return self._find(target) is not None

    def of(self, target: Target) -> TargetAccess[Any]:
        """Return the access to a target.

        Raises:
            KeyError: it is of a kind that is not served: the catalogue has left it out.
        """
        if (access := self._find(target)) is None:
            raise KeyError(type(target.address))
        return access

    def found(self, target: Target) -> bool:
        """See :meth:`TargetAccess.found`; return whether :meth:`lost` has to be called when the target is gone."""
        access = self.of(target)
        access.found(target)
        return access.may_change

    def lost(self, name: str) -> None:
        """See :meth:`TargetAccess.lost`."""
        for access in set(self._table.values()):
            access.lost(name)

    def figures(self) -> list[PoolFigures]:
        """Return the numbers of all pools that are known here; see :meth:`TargetAccess.figures`."""
        return [one for access in set(self._table.values()) for one in access.figures()]

    def _find(self, target: Target) -> TargetAccess[Any] | None:
        """By the class of its address, or by one that it is derived from."""
        return next((self._table[kind] for kind in type(target.address).__mro__ if kind in self._table), None)


def access_kinds(
    connector: Connector,
    desktops: DesktopManager,
    pools: PoolManager,
    registry: SessionRegistry,
    log: Logger | LoggerAdapter[Any],
    metrics: Metrics | None = None,
    *,
    managed: bool = True,
) -> AccessKinds:
    """Put the table together.

    Args:
        connector: connects for all of them.
        desktops: starts the desktops.
        pools: manages the machines of pools.
        registry: the live sessions.
        log: for errors of a pool's machine.
        metrics: of failed connections and of the queues; default: those of the process.
        managed: whether this server starts desktops at all.
    """
    metrics = metrics or process_metrics()
    outcomes = Outcomes(connector, metrics.target_failed)
    direct = DirectAccess(outcomes)
    table: dict[type, TargetAccess[Any]] = {
        TCPAddress: direct,
        UnixAddress: direct,
        PoolAddress: PoolAccess(pools, outcomes.connect, registry, log, waited=metrics.waits.observe),
    }
    if managed:
        table[DesktopAddress] = DesktopAccess(desktops, outcomes.connect, metrics.target_failed)
    return AccessKinds(table)
