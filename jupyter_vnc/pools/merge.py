"""What two processes have made of one pool at the same time becomes one state: a machine has one user, and a user one.

What is saved already holds; what is not saved yet is added to it as far as it fits. A user whose machine somebody else
has got meanwhile waits for another one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from .lease import Kept, Lease, Waiter, is_same

Value = TypeVar("Value")

#: What a pool keeps that nobody has used.
NOTHING: Final[Mapping[str, Any]] = {"leases": [], "queue": [], "set_aside": {}, "freed": {}}


def merge(base: Kept, mine: Kept, theirs: Kept, elsewhere: Collection[str] = ()) -> Kept:
    """Add to what another process has saved what this one has changed.

    What this one has given out and not saved is dealt anew if somebody waits at another process, who may have come
    before.

    Args:
        base: what both began with.
        mine: what this process has made of it.
        theirs: what the other one has made of it, and saved.
        elsewhere: users who wait at other processes.
    """
    leases = _kept(base, mine, theirs)
    new = [one for user, one in mine.leases.items() if _is_new(base.leases.get(user), one)]
    contested = any(waiter.user in elsewhere and waiter.user not in mine.leases for waiter in theirs.queue)
    lost = [one for one in new if one.user not in leases] if contested else _give(leases, new)
    queue = _queue(base, mine, theirs, lost)
    return Kept(
        leases,
        [waiter for waiter in queue if waiter.user not in leases],
        _changed(base.troubles, mine.troubles, theirs.troubles),
        _changed(base.freed, mine.freed, theirs.freed),
    )


def _is_new(was: Lease | None, has: Lease) -> bool:
    """Whether a lease is another one; not by its time, since one of another machine's clock is corrected when read."""
    return was is None or not is_same((was.key, was.id), (has.key, has.id))


def _kept(base: Kept, mine: Kept, theirs: Kept) -> dict[str, Lease]:
    """Return their leases without those that ended here, each as new as here."""
    leases = dict(theirs.leases)
    for user, was in base.leases.items():
        there, here = leases.get(user), mine.leases.get(user)
        if there is None or _is_new(was, there):
            continue
        if here is None or _is_new(was, here):
            del leases[user]
        else:
            leases[user] = _later(was, here, there)
    return leases


def _later(was: Lease, here: Lease, there: Lease) -> Lease:
    """Join two copies of one lease."""
    inputs = [one.last_input for one in (here, there) if one.last_input is not None]
    return replace(
        here,
        last_use=max(here.last_use, there.last_use),
        last_input=max(inputs, default=None),
        used=here.used or there.used,
        id=here.id or there.id,
        failures=here.failures if here.failures != was.failures else there.failures,
    )


def _give(leases: dict[str, Lease], new: list[Lease]) -> list[Lease]:
    """Add new leases where user and machine have none, the oldest first; return those for whom that came too late."""
    taken = {lease.key for lease in leases.values()}
    lost = []
    for lease in sorted(new, key=lambda one: one.since):
        if lease.user in leases:
            continue
        if lease.key in taken:
            lost.append(lease)
        else:
            leases[lease.user] = lease
            taken.add(lease.key)
    return lost


def _queue(base: Kept, mine: Kept, theirs: Kept, lost: list[Lease]) -> list[Waiter]:
    """Return their queue without those who left it here, and with those who came."""
    without = {waiter.user for waiter in base.queue} - {waiter.user for waiter in mine.queue}
    without -= {lease.user for lease in lost}
    earlier = _earlier(base, mine, theirs)
    queue = [waiter for waiter in theirs.queue if waiter.user not in without | earlier]
    known = {waiter.user for waiter in (*base.queue, *queue)}
    came = [waiter for waiter in mine.queue if waiter.user not in known]
    came += [Waiter(one.user, one.since, one.since, present=False) for one in lost if one.user not in known]
    first = [waiter for waiter in came if waiter.user in base.leases]  # their machine is gone: they wait before others
    for waiter in came:
        if waiter not in first:
            later = (place for place, other in enumerate(queue) if other.since > waiter.since)
            queue.insert(next(later, len(queue)), waiter)
    return first + queue


def _earlier(base: Kept, mine: Kept, theirs: Kept) -> set[str]:
    """Return who came to both, and here first: that is since when they wait."""
    new = {waiter.user: waiter.since for waiter in mine.queue}
    for waiter in base.queue:
        new.pop(waiter.user, None)
    return {waiter.user for waiter in theirs.queue if new.get(waiter.user, waiter.since) < waiter.since}


def _changed(base: dict[str, Value], mine: dict[str, Value], theirs: dict[str, Value]) -> dict[str, Value]:
    """Return their values with what was changed here."""
    values = dict(theirs)
    for key in base.keys() | mine.keys():
        if key not in mine:
            values.pop(key, None)
        elif mine[key] != base.get(key):
            values[key] = mine[key]
    return values
