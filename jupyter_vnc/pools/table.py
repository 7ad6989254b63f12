"""The pools by the name of their target, with what the catalogue knows of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, cast

from jupyter_vnc.model.addresses import PoolAddress
from jupyter_vnc.model.maintenance import Maintenance
from jupyter_vnc.model.targets import Target
from jupyter_vnc.throttling import Clock

from .lease import Kept, Lease, is_same
from .merge import NOTHING, merge
from .pool import Pool
from .presence import Present


class PoolTable:
    """All pools of a service.

    Args:
        clock: their clock.
        maintenance: which of their machines are in maintenance.
    """

    def __init__(self, clock: Clock, maintenance: Maintenance) -> None:
        self._clock = clock
        self._maintenance = maintenance
        self._pools: dict[str, Pool] = {}
        #: The targets of the pools, as the catalogue found them last.
        self._targets: dict[str, Target] = {}
        #: Those that the sources do not have at present.
        self._withdrawn: set[str] = set()
        #: Who is at other processes of the service.
        self.elsewhere = Present()
        #: The pools' versions when somebody asked last whether they have changed.
        self._seen: dict[str, int] = {}

    def of(self, name: str) -> Pool:
        """Return the pool of a target; it is empty if the catalogue has not found the target yet."""
        if (pool := self._pools.get(name)) is None:
            pool = self._pools[name] = self._maintained(name, Pool(clock=self._clock))
        return pool

    def find(self, name: str) -> Pool | None:
        """Return the pool of a target, None if there is none yet."""
        return self._pools.get(name)

    def items(self) -> list[tuple[str, Pool]]:
        """List the pools with the names of their targets."""
        return [*self._pools.items()]

    def configure(self, target: Target) -> list[Lease]:
        """Note a target, and apply the machines and times that it has now; see :meth:`.Pool.configure`."""
        self._targets[target.name] = target
        self._withdrawn.discard(target.name)
        return self.of(target.name).configure(cast("PoolAddress", target.address))  # the catalogue brings no others

    def withdraw(self, name: str) -> None:
        """Note that the sources have no such pool at present; see :meth:`.Pool.withdraw`."""
        self._withdrawn.add(name)
        self.of(name).withdraw()

    def target(self, name: str) -> Target | None:
        """Return a target as the catalogue found it last."""
        return self._targets.get(name)

    def targets(self) -> list[Target]:
        """List the targets that the sources have, as the catalogue found them last."""
        return [target for name, target in self._targets.items() if name not in self._withdrawn]

    def have_changed(self) -> bool:
        """Whether something that has to be saved at once has changed since the last call."""
        before, self._seen = self._seen, self._versions()
        return self._seen != before

    def load(self, state: Mapping[str, Any]) -> None:
        """Replace the pools by those of an earlier run, as :meth:`to_json` returned them.

        Raises:
            ValueError: it is not what :meth:`to_json` returned; names the mistake.
        """
        self._pools = {name: self._maintained(name, Pool.from_json(raw, self._clock)) for name, raw in state.items()}
        self._seen = self._versions()

    def adopt(
        self, base: Mapping[str, Any], theirs: Mapping[str, Any], present: Collection[tuple[str, str]]
    ) -> list[tuple[str, str, bool]]:
        """Take over what another process has changed; what this one has changed and not saved yet stays, if it can.

        Args:
            base: what both began with.
            theirs: what the other one has saved.
            present: users who wait here, each with the name of the target.

        Returns:
            Who has lost a machine by it: target's name, user, and whether they have another one. Who has the same one
            again, by another lease, had lost it.

        Raises:
            ValueError: what was saved is not valid; nothing has changed.
        """
        now, lost = self._clock(), []
        states = {
            name: [Kept.from_json(state.get(name, NOTHING), now) for state in (base, theirs)]
            for name in base.keys() | theirs.keys()
        }
        for name, (was, there) in states.items():
            pool = self.of(name)
            saved = {lease.user: (lease.key, lease.id) for lease in was.leases.values()}
            held = pool.held().items()  # what is not saved was not given out
            had = {user: lease for user, lease in held if user in saved and is_same(saved[user], lease)}
            pool.adopt(merge(was, Kept.from_json(pool.to_json(), now), there, pool.waits_elsewhere))
            pool.come([user for user, of in present if of == name])  # all, before the first one gets a machine
            pool.deal()
            have = pool.held()
            for user, lease in had.items():
                if (now_has := have.get(user)) is None or not is_same(now_has, lease):
                    lost.append((name, user, now_has is not None and now_has[0] != lease[0]))
        return lost

    def meet(self, elsewhere: Present) -> None:
        """Note who is at other processes of the service. Who watched at one that has ended may come to this one now."""
        gone, self.elsewhere = self.elsewhere.watches - elsewhere.watches, elsewhere
        for name, user in gone:
            if (pool := self._pools.get(name)) is not None:
                pool.spare(user)
        for name, pool in self._pools.items():
            pool.meet(elsewhere.waiting(name))

    def to_json(self) -> Mapping[str, Any]:
        """Return what outlives the process, as JSON has it."""
        return {name: pool.to_json() for name, pool in self._pools.items()}

    def _versions(self) -> dict[str, int]:
        return {name: pool.version for name, pool in self._pools.items()}

    def _maintained(self, name: str, pool: Pool) -> Pool:
        """Have a pool ask which of its machines are in maintenance, and know who waits elsewhere."""
        pool.meet(self.elsewhere.waiting(name))
        pool.machines.in_maintenance = partial(self._maintenance.of, name)
        return pool
