"""The rules of a pool: who gets which machine, who waits where, what happens to machines that fail."""

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.pools.lease import GRACE
from jupyter_vnc.pools.machines import Machines
from jupyter_vnc.pools.pool import Pool
from tests.pools.machines import Clock, address, machines


def named(pool, *users):
    """The names of the users' machines, in their order; None for users without one."""
    found = [pool.machine_of(user) for user in users]
    return [machine and machine.name for machine in found]


def states(pool):
    return {row["machine"]: row["state"] for row in pool.rows()}


def test_each_gets_a_machine_and_keeps_it(make):
    pool = make(2)
    assert pool.request("ann").name == "m1"
    assert pool.request("bob").name == "m2"
    assert pool.request("ann").name == "m1"
    pool.touch("ann")
    assert pool.request("ann").name == "m1"
    assert pool.request("eve") is None
    assert [pool.place(user) for user in ("ann", "bob", "eve", "nobody")] == [0, 0, 1, 0]
    told = {"waiting": 1, "size": 2, "free": 0, "aside": 0}
    assert pool.summary("eve") == {"machine": None, "place": 1, **told}
    assert pool.summary("ann") == {"machine": "m1", "place": None, **told}


def test_to_tell_the_place_of_each_who_waits_makes_no_rows_of_all_machines(make, monkeypatch):
    pool = make(4)
    for user in ("ann", "bob"):
        pool.request(user)
    pool.failed("bob", pool.machine_of("bob"))
    pool.release("bob")
    pool.machines.in_maintenance = {"m4"}.__contains__
    counted = Counter(states(pool).values())
    assert counted == {"taken": 1, "aside": 1, "free": 1, "maintenance": 1}
    assert pool.machines.states({pool.machine_of("ann").key}) == counted
    monkeypatch.delattr(Machines, "_row")
    assert {key: pool.summary("eve")[key] for key in ("size", "free", "aside")} == {"size": 4, "free": 1, "aside": 1}


def test_whoever_does_not_wait_does_not_begin_to_by_being_there(make):
    pool = make(1)
    assert [pool.request(user) and user for user in ("ann", "bob")] == ["ann", None]
    pool.come(["bob", "eve"])
    assert [pool.place(user) for user in ("bob", "eve")] == [1, 0]


def test_the_next_in_the_queue_gets_what_is_free(make):
    pool = make(1)
    for user in ("ann", "bob", "eve"):
        pool.request(user)
    assert pool.release("ann")
    assert named(pool, "ann", "bob", "eve") == [None, "m1", None]
    assert pool.place("eve") == 1
    assert pool.release("eve")
    assert not pool.release("eve")


def test_present_users_go_first_and_absent_ones_keep_their_place(make, clock):
    pool = make(1)
    for user in ("ann", "bob", "eve"):
        pool.request(user)
    pool.absent("bob")
    pool.absent("nobody")
    pool.release("ann")
    assert named(pool, "bob", "eve") == [None, "m1"]
    pool.request("joe")
    assert (pool.place("bob"), pool.place("joe")) == (1, 2)
    clock.now += GRACE - 1
    pool.request("bob")
    assert pool.place("bob") == 1
    pool.absent("bob")
    pool.absent("bob")
    clock.now += GRACE
    before = pool.version
    pool.deal()
    assert (pool.place("bob"), pool.place("joe")) == (0, 1)
    assert pool.version > before


def test_the_longest_unused_machine_is_the_next(make, clock):
    pool = make(3)
    for user in ("ann", "bob"):
        pool.request(user)
    for user in ("bob", "ann"):
        clock.now += 1
        pool.release(user)
    assert [pool.request(user).name for user in ("a", "b", "c")] == ["m3", "m2", "m1"]


def test_a_new_lease_moves_at_once_when_its_machine_fails(make):
    pool = make(2)
    first = pool.request("ann")
    assert pool.failed("ann", first) is None
    assert named(pool, "ann") == ["m2"]
    assert states(pool) == {"m1": "aside", "m2": "taken"}


def test_a_user_who_finds_no_other_machine_is_the_first_in_the_queue(make, clock):
    pool = make(1, retry_after=10.0)
    machine = pool.request("ann")
    pool.request("bob")
    assert pool.failed("ann", machine) is None
    assert (pool.place("ann"), pool.place("bob")) == (1, 2)
    pool.request("ann")
    clock.now += 9
    pool.deal()
    assert named(pool, "ann", "bob") == [None, None]
    clock.now += 1
    pool.deal()
    assert named(pool, "ann", "bob") == ["m1", None]


def test_the_pause_doubles_up_to_a_quarter_of_an_hour(make, clock):
    pool = make(1, retry_after=60.0)
    pauses = []
    for _ in range(7):
        pool.failed("ann", pool.request("ann"))
        pool.failed("ann", machines(1)[0])  # another session of theirs that failed on it
        (row,) = pool.rows()
        pauses.append(row["retry_in"])
        assert row["state"] == "aside"
        clock.now += row["retry_in"]
    assert pauses == [60, 120, 240, 480, 900, 900, 900]
    assert pool.rows()[0]["retry_in"] == 0
    pool.succeeded("ann", pool.request("ann"))
    pool.release("ann")
    assert states(pool) == {"m1": "free"}


def test_a_trial_only_when_no_healthy_machine_is_free(make, clock):
    pool = make(3, retry_after=5.0)
    for machine in machines(2):
        pool.failed("nobody", machine)
        clock.now += 10
    assert [pool.request(user).name for user in ("ann", "bob", "eve")] == ["m3", "m1", "m2"]


def test_somebody_elses_machine_is_not_set_aside_by_a_late_report(make):
    pool = make(2)
    pool.request("ann")
    pool.request("bob")
    pool.failed("ann", machines(2)[1])
    pool.failed("ann", PoolMachine("gone", TCPAddress("127.0.0.1", 99)))
    assert named(pool, "ann", "bob") == ["m1", "m2"]
    assert states(pool) == {"m1": "taken", "m2": "taken"}


def test_a_used_machine_is_its_users_until_the_third_failure(make):
    pool = make(2)
    machine = pool.request("ann")
    pool.succeeded("ann", machine)
    for _ in range(3):
        assert pool.failed("ann", machine) is None
        assert pool.failed("ann", machine) is None
        pool.succeeded("ann", machine)
    pool.failed("ann", machine)
    pool.failed("ann", machine)
    assert named(pool, "ann") == ["m1"]
    assert states(pool)["m1"] == "taken"
    lost = pool.failed("ann", machine)
    assert (lost.user, lost.name) == ("ann", "m1")
    assert named(pool, "ann") == ["m2"]
    assert states(pool)["m1"] == "aside"


def test_a_success_elsewhere_is_not_the_users(make):
    pool = make(2)
    machine = pool.request("ann")
    pool.succeeded("ann", machines(2)[1])
    pool.succeeded("nobody", machine)
    pool.failed("ann", machine)
    assert named(pool, "ann") == ["m2"]


def test_who_has_come_for_a_machine_keeps_it_whether_it_works_or_not(make, clock):
    pool = make(2)
    pool.request("ann")
    pool.request("bob")
    clock.now += GRACE - 1
    pool.arrived("ann")
    pool.arrived("nobody")
    clock.now += 1
    assert [user for user, _ in pool.expired()] == ["bob"]
    clock.now += GRACE - 1
    assert [user for user, _ in pool.expired()] == ["bob", "ann"], "but not for ever"
    assert named(pool, "nobody") == [None]


def test_a_pool_that_is_gone_gives_nothing_out_until_it_is_back(make):
    pool = make(2)
    first = pool.request("ann")
    pool.withdraw()
    assert pool.request("bob") is None
    assert pool.request("ann") == first, "whoever has a machine keeps it"
    pool.configure(address(2))
    assert pool.machine_of("bob") is not None


def test_rows(make, clock):
    pool = make(2)
    pool.request("ann")
    clock.now += 5
    row = pool.rows()[0]
    assert row == {
        "machine": "m1",
        "state": "taken",
        "retry_in": None,
        "user": "ann",
        "since": "1970-01-12T13:46:40+00:00",
        "last_input": None,
    }
    pool.touch("ann")
    assert pool.rows()[0]["last_input"] == "1970-01-12T13:46:45+00:00"
    assert "127.0.0.1" not in json.dumps(pool.rows())


def again(pool, clock):
    return Pool.from_json(json.loads(json.dumps(pool.to_json())), clock)


def test_a_restart_loses_nothing(make, clock):
    pool = make(2, idle_timeout=60.0)
    for user in ("ann", "bob", "eve", "joe"):
        pool.request(user)
    pool.touch("ann")
    clock.now += 5000
    later = again(pool, clock)
    assert list(later.expired()) == []  # its machines are not known yet
    assert later.release("bob")
    later = again(pool, clock)
    assert later.configure(address(2, idle_timeout=60.0)) == []
    assert named(later, "ann", "bob") == ["m1", "m2"]
    assert (later.place("eve"), later.place("joe")) == (1, 2)
    assert list(later.expired()) == []  # nobody could do anything while there was no service
    clock.now += GRACE
    assert {user for user, _ in later.expired()} == {"ann", "bob"}


def test_machines_that_are_gone_renamed_or_new(make, clock):
    pool = make(3)
    for user in ("ann", "bob", "eve", "joe"):
        pool.request(user)
    pool.release("bob")
    pool.failed("nobody", machines(3)[1])
    later = again(pool, clock)
    first, second, third = machines(3)
    new = PoolMachine("m4", TCPAddress("127.0.0.1", 4))
    renamed = PoolAddress((PoolMachine("blue", third.address), new))
    lost = later.configure(renamed)
    assert [(lease.user, lease.name) for lease in lost] == [("ann", "m1"), ("joe", "m2")]
    assert named(later, "ann", "eve") == [None, "blue"]
    assert later.configure(renamed) == []
    assert first.key not in json.dumps(later.to_json())
    assert second.key not in json.dumps(later.to_json())


USERS = [f"u{number}" for number in range(7)]
USER = st.sampled_from(USERS)
STEP = st.one_of(
    *(st.tuples(st.just(what), USER) for what in ("request", "absent", "release", "touch", "failed", "succeeded")),
    st.tuples(st.just("wait"), st.sampled_from([1.0, 30.0, 100.0, 700.0])),
    st.tuples(st.just("restart"), st.just("")),
    st.tuples(st.just("machines"), st.integers(1, 4)),
)


class World:
    """A pool, and beside it a plain list of who came in which order and who is there."""

    def __init__(self):
        self.clock = Clock()
        self.address = address(3, idle_timeout=300.0, max_lease=2000.0, retry_after=20.0)
        self.pool = Pool(self.address, self.clock)
        self.present = set()

    def step(self, what, value):
        before = [waiter.user for waiter in self.pool._queue]
        getattr(self, what)(value)
        self.pool.deal()
        self.check(before)

    def request(self, user):
        if self.pool.request(user) is None:
            self.present.add(user)

    def absent(self, user):
        self.pool.absent(user)
        self.present.discard(user)

    def release(self, user):
        self.pool.release(user)

    def touch(self, user):
        self.pool.touch(user)

    def failed(self, user):
        if machine := self.pool.machine_of(user):
            self.pool.failed(user, machine)

    def succeeded(self, user):
        if machine := self.pool.machine_of(user):
            self.pool.succeeded(user, machine)

    def wait(self, seconds):
        self.clock.now += seconds
        for user, _ in self.pool.expired():
            assert self.pool.release(user)

    def restart(self, _):
        held = {user: self.pool.machine_of(user) for user in USERS}
        queue = [waiter.user for waiter in self.pool._queue]
        self.pool = again(self.pool, self.clock)
        self.pool.configure(self.address)
        assert {user: self.pool.machine_of(user) for user in USERS} == held
        assert [waiter.user for waiter in self.pool._queue] == queue
        self.present.clear()

    def machines(self, count):
        self.address = address(count, idle_timeout=300.0, max_lease=2000.0, retry_after=20.0)
        self.pool.configure(self.address)

    def check(self, before):
        pool, now = self.pool, self.clock.now
        queue = [waiter.user for waiter in pool._queue]
        held = {user: machine for user in USERS if (machine := pool.machine_of(user))}
        self.present = {user for user in self.present if user in queue and pool._queue.find(user).present}
        # Nobody shares a machine, nobody has two or waits beside one, nobody waits twice.
        assert len({machine.key for machine in held.values()}) == len(held) == len(pool._leases)
        assert len(set(queue)) == len(queue)
        assert not set(queue) & set(held)
        # No machine is lost: each is free, taken or set aside; and none is left free while somebody stands there.
        assert {row["machine"] for row in pool.rows()} == {machine.name for machine in self.address.machines}
        taken = {machine.key for machine in held.values()}
        usable = {
            machine.key
            for machine in self.address.machines
            if machine.key not in taken
            and (machine.key not in pool.machines.troubles or pool.machines.troubles[machine.key].until <= now)
        }
        assert not (usable and self.present)
        # Those who stayed kept their order; who was served was not behind anybody who stood there.
        assert [user for user in before if user in queue] == [
            user for user in queue if user in before and user in queue
        ]
        served = [before.index(user) for user in before if user in held]
        standing = [before.index(user) for user in before if user in self.present]
        assert not served or not standing or max(served) < min(standing)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=60))
def test_whatever_happens_everybody_is_treated_fairly(steps):
    world = World()
    for what, value in steps:
        world.step(what, value)


def test_waiting_users_are_listed_in_order():
    pool = Pool(PoolAddress((PoolMachine("m1", TCPAddress("m1", 5901)),)))
    for name in ("ann", "bob", "eve"):
        pool.request(name)
    assert [(row["user"], row["place"]) for row in pool.waiting()] == [("bob", 1), ("eve", 2)]
    assert all(row["since"] for row in pool.waiting())


def test_a_machine_in_maintenance_goes_to_nobody_new(make):
    pool, out = make(2), {"m1", "m2"}
    assert pool.request("ann").name == "m1"
    pool.machines.in_maintenance = out.__contains__
    assert pool.request("bob") is None
    assert named(pool, "ann", "bob") == ["m1", None], "who has one keeps it"
    assert states(pool) == {"m1": "taken", "m2": "maintenance"}
    assert pool.summary("bob")["free"] == 0
    assert pool.release("ann")
    assert states(pool)["m1"] == "maintenance"
    assert named(pool, "bob") == [None]
    out.discard("m2")
    pool.deal()
    assert named(pool, "bob") == ["m2"]


def test_a_pool_is_in_maintenance_when_all_of_its_machines_are(make):
    pool, away = make(2), set()
    pool.machines.in_maintenance = away.__contains__
    found = []
    for machine in ("m1", "m2"):
        found.append(pool.all_in_maintenance())
        away.add(machine)
    assert [*found, pool.all_in_maintenance(), make(0).all_in_maintenance()] == [False, False, True, False]
