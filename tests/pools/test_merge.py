"""Two processes change one pool at the same time: what remains, by values."""

import random
from dataclasses import replace

import pytest

from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.pools.lease import Kept, Lease, Trouble, Waiter
from jupyter_vnc.pools.merge import NOTHING, merge
from jupyter_vnc.pools.pool import Pool

NOW = 1_000_000.0


def lease(user, key, since=NOW, **more):
    return Lease(user, key, f"m-{key}", since, since, **more)


def waiter(user, since=NOW):
    return Waiter(user, since, since, present=False)


def kept(leases=(), queue=(), troubles=None, freed=None):
    return Kept({one.user: one for one in leases}, list(queue), troubles or {}, freed or {})


def who(state):
    return {user: one.key for user, one in state.leases.items()}


def queued(state):
    return [one.user for one in state.queue]


def test_what_only_one_has_changed_is_as_they_have_it():
    one = kept([lease("ann", "k1")], [waiter("bob")], {"k2": Trouble(1, NOW)}, {"k3": NOW})
    assert merge(kept(), kept(), one) == merge(kept(), one, kept()) == merge(one, one, one) == one
    assert merge(one, kept(), one) == merge(one, one, kept()) == kept()


def test_two_machines_for_two_users():
    merged = merge(kept(), kept([lease("ann", "k1")]), kept([lease("bob", "k2")]))
    assert who(merged) == {"ann": "k1", "bob": "k2"}


def test_of_two_who_got_one_machine_the_saved_one_keeps_it_and_the_other_waits():
    theirs = kept([lease("bob", "k1")], [waiter("eve", NOW - 5), waiter("zoe", NOW + 5)])
    merged = merge(kept(), kept([lease("ann", "k1", NOW)]), theirs)
    assert who(merged) == {"bob": "k1"}
    assert queued(merged) == ["eve", "ann", "zoe"], "as if they had asked for it and waited"


def test_a_user_who_got_it_from_the_queue_and_lost_it_has_their_place_again():
    base = kept([], [waiter("ann", NOW - 9), waiter("bob", NOW - 8)])
    mine = kept([lease("ann", "k1")], [waiter("bob", NOW - 8)])
    merged = merge(base, mine, kept([lease("eve", "k1")], base.queue))
    assert (who(merged), queued(merged)) == ({"eve": "k1"}, ["ann", "bob"])


def test_a_user_who_got_two_machines_has_the_saved_one():
    merged = merge(kept(), kept([lease("ann", "k1")]), kept([lease("ann", "k2")]))
    assert (who(merged), queued(merged)) == ({"ann": "k2"}, [])


@pytest.mark.parametrize("ended_here", [True, False])
def test_a_lease_that_one_has_ended_is_over_whatever_the_other_saw_of_it(ended_here):
    base = kept([lease("ann", "k1")])
    seen = kept([replace(base.leases["ann"], last_use=NOW + 5, used=True)])
    ended = kept(freed={"k1": NOW + 6})
    merged = merge(base, ended, seen) if ended_here else merge(base, seen, ended)
    assert who(merged) == {}
    assert merged.freed == {"k1": NOW + 6}


def test_what_ended_here_and_was_given_anew_there_stays():
    base = kept([lease("ann", "k1")])
    merged = merge(base, kept(), kept([lease("bob", "k1", NOW + 5)]))
    assert who(merged) == {"bob": "k1"}


@pytest.mark.parametrize("seen", [{}, {"last_use": NOW + 9, "used": True}])
def test_a_lease_that_was_given_back_and_given_again_is_not_ended_by_who_knows_the_first_only(seen):
    base = kept([lease("ann", "k1", id="first")])
    again = kept([lease("ann", "k1", id="second")])
    assert merge(base, kept(), again).leases["ann"].id == "second"
    assert merge(base, again, kept()).leases["ann"].id == "second", "in whatever order they are saved"
    assert merge(base, kept([replace(base.leases["ann"], **seen)]), again) == again, "and gets nothing of the first"


def test_a_user_who_came_to_both_waits_since_the_first_time():
    base = kept([], [waiter("eve", NOW - 9)])
    first = kept([], [*base.queue, waiter("ann", NOW - 5)])
    later = kept([], [*base.queue, waiter("bob", NOW - 3), waiter("ann", NOW - 1)])
    for mine, theirs in ((first, later), (later, first)):
        merged = merge(base, mine, theirs)
        assert [(one.user, one.since - NOW) for one in merged.queue] == [("eve", -9), ("ann", -5), ("bob", -3)]


def test_what_is_not_saved_is_dealt_anew_if_somebody_waits_elsewhere_who_may_have_come_before():
    base = kept([lease("kim", "k1")])
    mine = kept([lease("bob", "k1", NOW), lease("zoe", "k2", NOW)], [waiter("eve", NOW)])
    theirs = kept(base.leases.values(), [waiter("ann", NOW - 5)])
    fair = merge(base, mine, theirs, {"ann"})
    assert (who(fair), queued(fair)) == ({}, ["ann", "eve", "bob", "zoe"])
    assert who(merge(base, mine, theirs)) == {"bob": "k1", "zoe": "k2"}, "ann is not there"
    given = kept([*mine.leases.values(), lease("ann", "k3")])
    assert who(merge(base, given, theirs, {"ann"})) == {"bob": "k1", "zoe": "k2", "ann": "k3"}


def test_a_user_who_was_taken_off_the_queue_and_came_again_waits_anew():
    base = kept([], [waiter("ann", NOW - 9), waiter("bob", NOW - 5)])
    theirs = kept([], [waiter("bob", NOW - 5), waiter("ann", NOW - 1)])
    assert merge(base, base, theirs) == theirs


def test_a_user_moves_to_a_machine_that_was_freed_in_the_same_moment():
    base = kept([lease("ann", "k1"), lease("bob", "k2")])
    mine = kept([lease("ann", "k2", NOW + 1)], [waiter("bob")])
    merged = merge(base, mine, base)
    assert (who(merged), queued(merged)) == ({"ann": "k2"}, ["bob"])


def test_both_copies_of_a_lease_are_joined():
    base = lease("ann", "k1", NOW)
    here = replace(base, last_use=NOW + 9, failures=1)
    there = replace(base, last_use=NOW + 5, last_input=NOW + 5, used=True)
    merged = merge(kept([base]), kept([here]), kept([there])).leases["ann"]
    assert merged == Lease("ann", "k1", "m-k1", NOW, NOW + 9, NOW + 5, used=True, failures=1)


def test_queues_are_one_in_the_order_of_time_and_who_lost_a_machine_comes_first():
    base = kept([lease("eve", "k1", NOW - 50)], [waiter("bob", NOW - 9)])
    mine = kept([], [waiter("eve", NOW - 50), *base.queue, waiter("kim", NOW - 2)])
    theirs = kept(base.leases.values(), [waiter("bob", NOW - 9), waiter("ann", NOW - 5), waiter("zoe", NOW - 1)])
    assert queued(merge(base, mine, theirs)) == ["eve", "bob", "ann", "kim", "zoe"]
    assert queued(merge(base, kept(), theirs)) == ["ann", "zoe"], "bob left here"


def test_troubles_of_both():
    base = kept(troubles={"k1": Trouble(1, NOW), "k2": Trouble(1, NOW)})
    mine = kept(troubles={"k2": Trouble(2, NOW + 60)})
    theirs = kept(troubles={**base.troubles, "k3": Trouble(1, NOW)})
    assert merge(base, mine, theirs).troubles == {"k2": Trouble(2, NOW + 60), "k3": Trouble(1, NOW)}


def do_something(pool, chance):
    user = f"u{chance.randrange(8)}"
    deed = chance.choice(["request", "request", "release", "absent", "failed", "touch"])
    if deed == "failed":
        if (machine := pool.machine_of(user)) is not None:
            pool.failed(user, machine)
    else:
        getattr(pool, deed)(user)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_two_processes_do_a_machine_has_one_user_and_nobody_is_forgotten(seed):
    chance, clock = random.Random(seed), [NOW]
    address = PoolAddress(tuple(PoolMachine(f"m{n}", TCPAddress("127.0.0.1", n)) for n in range(1, 5)))
    pools = [Pool(address, lambda: clock[0]) for _ in range(2)]
    saved, known = NOTHING, [NOTHING, NOTHING]

    def read(raw):
        return Kept.from_json(raw, clock[0])

    for _ in range(100):
        one = chance.randrange(2)
        for _ in range(chance.randrange(4)):
            clock[0] += 0.5
            do_something(pools[one], chance)
        here = read(pools[one].to_json())
        if saved is not known[one]:
            had = {*here.leases, *queued(here)} & {*read(saved).leases, *queued(read(saved))}
            pools[one].adopt(merge(read(known[one]), here, read(saved)))
            after = read(pools[one].to_json())  # raises ValueError if a user or a machine is there twice
            assert had <= {*after.leases, *queued(after)}
        saved = known[one] = pools[one].to_json()
