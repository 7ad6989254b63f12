"""The pools of a service: found by the name of their target, saved together, and asked for changes."""

import pytest

from jupyter_vnc.model.maintenance import Maintenance
from jupyter_vnc.model.targets import Target
from jupyter_vnc.pools.lease import GRACE
from jupyter_vnc.pools.presence import Present
from jupyter_vnc.pools.table import PoolTable
from tests.pools.machines import address


def lab(count):
    return Target(name="lab", address=address(count))


def test_a_pool_is_there_before_its_target_and_knows_its_machines_with_it(clock):
    table = PoolTable(clock, Maintenance())
    assert (table.find("lab"), table.target("lab"), table.targets()) == (None, None, [])
    assert table.of("lab") is table.of("lab") is table.find("lab")
    assert table.of("lab").request("ann") is None
    target = lab(1)
    assert table.configure(target) == []
    assert table.of("lab").machine_of("ann").name == "m1"
    assert (table.target("lab"), table.targets()) == (target, [target])
    assert [name for name, _ in table.items()] == ["lab"]
    assert [lease.user for lease in table.configure(lab(0))] == ["ann"]


def test_a_change_is_reported_once(clock):
    table = PoolTable(clock, Maintenance())
    table.configure(lab(1))
    table.have_changed()
    assert not table.have_changed()
    table.of("lab").request("ann")
    assert table.have_changed()
    assert not table.have_changed()


def test_what_is_loaded_is_what_was_kept_and_no_change(clock):
    table, later = PoolTable(clock, Maintenance()), PoolTable(clock, Maintenance())
    table.configure(lab(1))
    table.of("lab").request("ann")
    later.load(table.to_json())
    assert later.to_json() == table.to_json()
    assert not later.have_changed()


def test_a_machine_in_maintenance_is_given_to_nobody_in_any_pool(clock):
    maintenance = Maintenance()
    table, later = PoolTable(clock, maintenance), PoolTable(clock, maintenance)
    later.load(table.to_json() | {"lab": table.of("lab").to_json()})
    asked = [pool.of("lab").machines.in_maintenance for pool in (table, later)]
    assert [ask.func for ask in asked] == [maintenance.of] * 2
    assert [ask.args for ask in asked] == [("lab",)] * 2


def test_a_pool_that_is_withdrawn_is_none_that_the_sources_have_until_it_is_configured_again(clock):
    table = PoolTable(clock, Maintenance())
    table.configure(lab(1))
    table.withdraw("lab")
    assert (table.targets(), table.target("lab")) == ([], lab(1))
    table.load({})
    assert table.targets() == []
    table.configure(lab(1))
    assert table.targets() == [lab(1)]
    assert table.of("lab").request("ann").name == "m1"


@pytest.fixture
def two(clock):
    """The tables of two services with one machine each pool, which have read the same; and what they have read."""
    tables = PoolTable(clock, Maintenance()), PoolTable(clock, Maintenance())
    for table in tables:
        table.configure(lab(2))
    tables[0].of("lab").request("ann")
    base = tables[0].to_json()
    tables[1].load(base)
    tables[1].configure(lab(2))
    return *tables, base


def test_what_another_service_has_given_out_and_taken_back_is_so_here(two):
    ours, theirs, base = two
    theirs.of("lab").release("ann")
    theirs.of("lab").request("bob")
    assert ours.adopt(base, theirs.to_json(), []) == [("lab", "ann", False)]
    assert ours.of("lab").held() == theirs.of("lab").held()
    assert [*ours.of("lab").held()] == ["bob"]


def test_who_has_got_the_same_machine_again_has_lost_it_before(two):
    ours, theirs, base = two
    theirs.of("lab").release("ann")
    theirs.of("lab").request("bob")  # the one that has been free for longer
    theirs.of("lab").request("ann")
    assert ours.of("lab").held()["ann"][0] == theirs.of("lab").held()["ann"][0]
    assert ours.adopt(base, theirs.to_json(), []) == [("lab", "ann", False)], "whoever is on it is told"
    assert ours.of("lab").held() == theirs.of("lab").held()


def test_a_user_has_moved_if_another_service_gave_them_another_machine(two):
    ours, theirs, base = two
    machine = theirs.of("lab").machine_of("ann")
    theirs.of("lab").failed("ann", machine)
    assert ours.adopt(base, theirs.to_json(), []) == [("lab", "ann", True)]


def test_who_waits_here_gets_what_another_service_took_back(clock):
    ours, theirs = PoolTable(clock, Maintenance()), PoolTable(clock, Maintenance())
    ours.configure(lab(1))
    for user in ("ann", "bob"):
        ours.of("lab").request(user)
    base = ours.to_json()
    theirs.load(base)
    theirs.configure(lab(1))
    theirs.of("lab").release("ann")
    assert ours.adopt(base, theirs.to_json(), [("bob", "lab"), ("eve", "other")]) == [("lab", "ann", False)]
    assert [*ours.of("lab").held()] == ["bob"]


@pytest.fixture
def full(clock):
    """The table of a service in which kim has the only machine, another service's, and what both have read."""
    ours, theirs = PoolTable(clock, Maintenance()), PoolTable(clock, Maintenance())
    ours.configure(lab(1))
    ours.of("lab").request("kim")
    theirs.load(ours.to_json())
    theirs.configure(lab(1))
    return ours, theirs, ours.to_json()


def test_of_those_who_wait_at_two_services_the_first_gets_what_is_free(full, clock):
    ours, theirs, base = full
    theirs.of("lab").request("ann")
    clock.now += 1
    ours.of("lab").request("bob")
    clock.now += 1
    ours.of("lab").release("kim")
    assert [*ours.of("lab").held()] == ["bob"], "ours knows nothing of ann yet"
    ours.meet(Present(waits=frozenset({("lab", "ann")})))
    ours.adopt(base, theirs.to_json(), [("bob", "lab")])
    assert [*ours.of("lab").held()] == ["ann"]
    assert [row["user"] for row in ours.of("lab").waiting()] == ["bob"]


def test_of_those_who_wait_here_the_first_gets_what_is_free(full):
    ours, theirs, _ = full
    for user in ("ann", "bob"):
        ours.of("lab").request(user)
    base = ours.to_json()
    theirs.load(base)
    theirs.of("lab").release("kim")
    ours.load(base)
    ours.configure(lab(1))
    ours.adopt(base, theirs.to_json(), [("bob", "lab"), ("ann", "lab")])
    assert [*ours.of("lab").held()] == ["ann"]


def test_whoever_watched_at_a_process_that_has_ended_has_time_to_come_to_another(clock):
    table = PoolTable(clock, Maintenance())
    table.configure(Target(name="lab", address=address(1, idle_timeout=600.0)))
    pool = table.of("lab")
    pool.succeeded("ann", pool.request("ann"))
    there = Present(watches=frozenset({("lab", "ann"), ("none", "bob")}))
    table.meet(there)
    clock.now += 6000
    table.meet(there)
    table.meet(Present())
    clock.now += GRACE - 1
    table.meet(Present())
    assert list(pool.expired()) == []
    clock.now += 1
    assert [user for user, _ in pool.expired()] == ["ann"]


@pytest.mark.parametrize("without", ["base", "theirs", "both"])
def test_a_lease_that_an_older_version_has_written_is_the_same_one(full, without):
    ours, theirs, base = full
    there = theirs.to_json()
    (known,) = base["lab"]["leases"]
    (saved,) = there["lab"]["leases"]
    for lease, name in ((known, "base"), (saved, "theirs")):
        if without in (name, "both"):
            lease["id"] = ""
    assert ours.adopt(base, there, []) == []
    (kept,) = ours.to_json()["lab"]["leases"]
    assert kept["id"]


def test_pools_that_come_later_know_who_waits_elsewhere(clock):
    table, later = PoolTable(clock, Maintenance()), PoolTable(clock, Maintenance())
    table.of("lab").request("ann")
    later.meet(Present(waits=frozenset({("lab", "ann")})))
    later.load(table.to_json())
    later.configure(lab(1))
    assert [*later.of("lab").held()] == ["ann"]
    assert later.of("new").waits_elsewhere == set()


def test_what_is_not_valid_changes_nothing(two):
    ours, _, base = two
    before = ours.to_json()
    with pytest.raises(ValueError, match=r".+"):
        ours.adopt(base, {"lab": {"leases": 5}}, [])
    assert ours.to_json() == before
