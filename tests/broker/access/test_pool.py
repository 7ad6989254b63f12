"""Sessions on a pool's machines: no user is on another's machine or loses their own by somebody else's action."""

import asyncio
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from jupyter_vnc.broker.access.base import PoolFigures
from jupyter_vnc.broker.access.pool import MAX_FIGURES, PoolAccess
from jupyter_vnc.connect.login import TargetLeg
from jupyter_vnc.exceptions import LimitExceeded, MachineMoved, SessionEnded, TargetNotFound, TargetUnreachable
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress, UserServerAddress
from jupyter_vnc.model.causes import given_back
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, State, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.system.descriptors import no_room


def of_machines(*ports):
    """The pool with these machines."""
    machines = (PoolMachine(f"m{port}", TCPAddress("127.0.0.1", port)) for port in ports)
    return Target(name="lab", address=PoolAddress(tuple(machines)))


ANN, ADA = User("ann"), User("ada")
BY_ADA = given_back(ADA, ANN)
LAB = of_machines(1, 2)


class Wire:
    """A connection that a test counts."""

    closed = False

    async def close(self):
        self.closed = True


async def connected(target, address):
    return TargetLeg(Wire(), b"", "None")


async def unreachable(target, address):
    raise TargetUnreachable("It is not there.")


class Servers:
    """The pool's machines: a test says what they do."""

    def __init__(self):
        self.answer = connected

    async def connect(self, target, address):
        return await self.answer(target, address)


def session(user=ANN, mode=Mode.CONTROL):
    return Session(user, LAB, mode, owner=ANN)


async def works(pooled, one):
    """A session that sees its machine's desktop."""
    await pooled.connect(one)
    pooled.succeeded(one)


async def waits(pooled, one=None):
    """A session that has to wait for a machine, the task in which it does, and the first that it is told."""
    told, one = [], one or session()
    one.tell = told.append
    waiting = asyncio.create_task(pooled.connect(one))
    async with asyncio.timeout(30):
        while not told:
            await asyncio.sleep(0.01)
    return one, waiting, told[0]


@pytest.fixture
def pools(jp_asyncio_loop):
    manager = PoolManager()
    manager.configure(LAB)
    yield manager
    jp_asyncio_loop.run_until_complete(manager.close())


@pytest.fixture
def servers():
    return Servers()


@pytest.fixture
def registry():
    return SessionRegistry()


@pytest.fixture
def waits_of():
    """The times that viewers waited for a machine, as they are measured."""
    return []


@pytest.fixture
def pooled(pools, servers, registry, waits_of):
    return PoolAccess(pools, servers.connect, registry, logging.getLogger(__name__), waited=waits_of.append)


async def test_a_machine_that_was_taken_back_during_the_login_is_not_used(pools, pooled, servers):
    wires = []

    async def slow(target, address):
        pooled.release(LAB, ANN, BY_ADA)
        await pools.lease("bob", "lab")
        wires.append(Wire())
        return TargetLeg(wires[0], b"", "None")

    servers.answer = slow
    one = session()
    with pytest.raises(SessionEnded):
        await pooled.connect(one)
    assert wires[0].closed
    assert one.machine == ""


async def test_what_a_rule_takes_back_during_the_login_names_the_rule(pools, pooled, servers, registry):
    why = "The time on this machine is over: 1 h at most."

    async def slow(target, address):
        pools.release("ann", "lab", why)
        return TargetLeg(Wire(), b"", "None")

    servers.answer = slow
    one = registry.add(session())
    with pytest.raises(SessionEnded):
        await pooled.connect(one)
    assert str(one.error) == why


async def test_who_comes_when_the_machine_is_taken_back_gets_another_one(pools, pooled, registry):
    await pools.lease("ann", "lab")
    coming = registry.add(session())
    pools.release("ann", "lab", "The time on this machine is over: 1 h at most.")
    await pooled.connect(coming)
    assert (coming.error, coming.machine) == (None, "m2")


async def test_a_machine_that_is_taken_out_during_the_login_is_left_for_the_next_one(pools, pooled, servers):
    attempts = []

    async def slow(target, address):
        attempts.append(address.port)
        pools.configure(of_machines(2))
        return TargetLeg(Wire(), b"", "None")

    servers.answer = slow
    one = session()
    await pooled.connect(one)
    assert attempts == [1, 2]
    assert one.machine == "m2"


async def test_a_session_on_a_machine_that_is_taken_out_is_told_to_come_again(pools, pooled, registry):
    mine, watching = registry.add(session()), registry.add(session(ADA, Mode.VIEW))
    for one in (mine, watching):
        await pooled.connect(one)
    pools.configure(of_machines(2))
    assert [type(one.error) for one in (mine, watching)] == [MachineMoved, MachineMoved]


def renamed(*names):
    """The pool with the same machines, which now have these names."""
    machines = (replace(one, name=name) for one, name in zip(LAB.address.machines, names, strict=True))
    return replace(LAB, address=PoolAddress(tuple(machines)))


@pytest.mark.parametrize("names", [("new", "m2"), ("m2", "m1")])
async def test_a_machine_that_is_renamed_stays_its_users_in_every_respect(pools, pooled, registry, names):
    one = registry.add(session())
    await pooled.connect(one)
    pooled.found(renamed(*names))
    assert one.error is None
    assert one.public()["machine"] == names[0]
    assert pooled.failed(one, TargetUnreachable("No picture.")), "it is still the machine that brings no picture"
    assert pools.summary("ann", "lab")["machine"] == names[1]


async def test_another_machine_under_the_same_name_is_not_blamed_for_the_first(pools, pooled, registry):
    one = registry.add(session())
    await pooled.connect(one)
    pooled.found(of_machines(2))
    await pools.lease("ann", "lab")
    other = replace(LAB.address.machines[1], name="m1")
    pooled.found(replace(LAB, address=PoolAddress((other,))))
    assert not pooled.failed(one, TargetUnreachable("No picture."))
    assert pools.machine_of("ann", "lab") == other


async def test_whoever_looks_in_is_not_told_that_the_machine_was_theirs(pools, pooled, registry):
    mine, watching = registry.add(session()), registry.add(session(ADA, Mode.VIEW))
    for one in (mine, watching):
        await pooled.connect(one)
    pooled.found(of_machines(2))
    assert str(mine.error) == "Your machine is no longer there."
    assert str(watching.error) == "The machine of ann is no longer there."


async def test_a_session_that_has_waited_logs_in_as_the_pool_says_now(pools, pooled, servers):
    used = []

    async def note(target, address):
        used.append((address.port, target.credentials))
        return TargetLeg(Wire(), b"", "None")

    servers.answer = note
    for name in ("bob", "eve"):
        await pools.lease(name, "lab")
    one, waiting, _ = await waits(pooled)
    changed = Credentials(form="password", value=Secret("new"))
    pools.configure(replace(of_machines(1, 2, 3), credentials=changed))
    async with asyncio.timeout(30):
        await waiting
    assert used == [(3, changed)]
    assert one.error is None


async def test_an_instructor_who_looks_in_and_fails_moves_nobody(pools, pooled, servers):
    await pooled.connect(session())
    before = pools.summary("ann", "lab")["machine"]
    servers.answer = unreachable
    for _ in range(10):
        with pytest.raises(TargetUnreachable):
            await pooled.connect(session(ADA, Mode.VIEW))
    assert pools.summary("ann", "lab")["machine"] == before
    assert {row["state"] for row in pools.rows("lab")} == {"taken", "free"}


async def test_no_machine_is_blamed_for_what_the_server_has_run_out_of(pools, pooled, servers):
    async def short(target, address):
        raise no_room()

    servers.answer = short
    for _ in range(5):
        with pytest.raises(LimitExceeded):
            await pooled.connect(session())
    assert {row["state"] for row in pools.rows("lab")} == {"taken", "free"}
    servers.answer = connected
    one = session()
    await pooled.connect(one)
    assert one.machine


async def test_an_owners_own_failures_do_move_them(pools, pooled, servers):
    await works(pooled, session())
    before = pools.summary("ann", "lab")["machine"]
    attempts = []

    async def first_is_broken(target, address):
        attempts.append(address)
        if address.port == int(before[1:]):
            raise TargetUnreachable
        return TargetLeg(Wire(), b"", "None")

    servers.answer = first_is_broken
    for _ in range(2):
        with pytest.raises(TargetUnreachable):
            await pooled.connect(session())
    one = session()
    await pooled.connect(one)
    assert one.machine != before
    assert len(attempts) == 4


async def test_a_released_machine_closes_the_sessions_on_it(pools, pooled, registry):
    mine, watching = registry.add(session()), registry.add(session(ADA, Mode.VIEW))
    for one in (mine, watching):
        await pooled.connect(one)
    pooled.release(LAB, ANN, BY_ADA)
    assert [str(one.error) for one in (mine, watching)] == ["ada took the machine back.", "You took the machine back."]
    assert watching.error.log_line == "You took the machine back. (by ada)", "the log names who it was"


async def test_a_desktop_of_the_same_name_in_a_users_server_is_none_of_the_pools(pools, pooled, registry):
    mine = registry.add(session())
    await pooled.connect(mine)
    there = Target(name="lab", address=UserServerAddress(""), mode=Mode.VIEW)
    # With a machine, its address is all that tells it from a session of the pool.
    more = {"machine": "m1", "machine_key": mine.machine_key}
    look, own = (registry.add(Session(user, there, Mode.VIEW, owner=ANN, **more)) for user in (ADA, ANN))
    notes = []
    own.tell = notes.append
    pools.on_idle("ann", "lab", 60.0)
    renamed = PoolMachine("other", TCPAddress("127.0.0.1", 1))
    pooled.found(Target(name="lab", address=PoolAddress((renamed,))))
    pools.on_move("ann", "lab", "failed")
    pooled.release(LAB, ANN, BY_ADA)
    assert mine.error is not None
    assert (look.error, own.error, notes, look.machine) == (None, None, [], "m1")
    registry.remove(mine)
    assert pools.watched("lab") == set()


async def test_a_machine_that_its_owner_gives_back_names_the_owner_to_whoever_looks_in(pools, pooled, registry):
    mine, watching = registry.add(session()), registry.add(session(ADA, Mode.VIEW))
    for one in (mine, watching):
        await pooled.connect(one)
    pooled.release(LAB, ANN, given_back(ANN, ANN))
    assert [str(one.error) for one in (mine, watching)] == ["You gave the machine back.", "ann gave the machine back."]


async def test_what_a_rule_takes_back_names_the_rule_to_everybody(pools, pooled, registry):
    mine, watching = registry.add(session()), registry.add(session(ADA, Mode.VIEW))
    for one in (mine, watching):
        await pooled.connect(one)
    pools.on_release("ann", "lab", "The rule.")
    assert [str(one.error) for one in (mine, watching)] == ["The rule.", "The rule."]


async def test_a_waiting_user_who_is_removed_from_the_queue_is_told_by_whom(pools, pooled, registry):
    for name in ("bob", "eve"):
        await pools.lease(name, "lab")
    one, waiting, _ = await waits(pooled, registry.add(session()))
    pooled.release(LAB, ANN, BY_ADA)
    with pytest.raises(SessionEnded):
        await waiting
    assert str(one.error) == "ada took the machine back."


async def test_a_waiting_user_is_told_how_many_machines_are_out_of_order(pools, pooled, servers):
    await pools.lease("bob", "lab")
    servers.answer = unreachable
    _, waiting, note = await waits(pooled)
    waiting.cancel()
    assert (note["kind"], note["size"], note["free"], note["aside"]) == ("place", 2, 0, 1)


async def test_nobody_is_told_of_a_place_while_their_lease_is_saved(pools, pooled, monkeypatch):
    one, notes, saved = session(), [], asyncio.Event()
    one.tell = notes.append
    monkeypatch.setattr(pools._keeping.keeper, "save", saved.wait)  # a database that takes its time
    connecting = asyncio.create_task(pooled.connect(one))
    await asyncio.wait({connecting}, timeout=0.3)
    assert pools.machine_of("ann", "lab").name == "m1"
    saved.set()
    await (await connecting).channel.close()
    assert notes == []


async def test_a_waiting_user_is_told_their_place_and_gets_a_free_machine(pools, pooled):
    for name in ("bob", "eve"):
        await pools.lease(name, "lab")
    one, waiting, note = await waits(pooled)
    assert (note["kind"], note["place"], note["size"]) == ("place", 1, 2)
    pools.release("bob", "lab")
    async with asyncio.timeout(30):
        await waiting
    assert one.machine


async def test_an_idle_user_who_watches_is_told_and_an_instructor_is_not(pools, pooled, registry):
    mine, watching = registry.add(session()), registry.add(session(ADA, Mode.VIEW))
    told = {one: [] for one in (mine, watching)}
    for one, notes in told.items():
        await works(pooled, one)
        one.tell = notes.append
    assert pools.watched("lab") == {"ann"}
    pools.on_idle("ann", "lab", 120.0)
    assert told == {mine: [{"kind": "idle", "seconds": 120.0}], watching: []}
    mine.end(SessionEnded("Over."))
    assert pools.watched("lab") == set(), "an instructor alone keeps nobody's machine"


async def test_a_machine_can_be_kept_by_whoever_has_one(pools, pooled):
    with pytest.raises(TargetNotFound):
        pooled.keep(LAB, ANN)
    await works(pooled, session())
    pooled.keep(LAB, ANN)
    assert pools.rows("lab")[0]["last_input"]


async def test_a_pool_without_a_machine_in_service_is_in_maintenance_and_not_in_use(pools, pooled):
    names = [machine.name for machine in LAB.address.machines]
    await pools.lease("ann", "lab")
    pools.maintenance.places = frozenset(("lab", name) for name in names)
    assert pooled.state(LAB, ADA) is State.MAINTENANCE
    assert pooled.state(LAB, ANN) is State.UP, "who has a machine keeps it"
    pools.maintenance.places = frozenset(("lab", name) for name in names[1:])
    assert pooled.state(LAB, ADA) is State.BUSY


async def test_the_time_until_a_user_has_a_machine_is_measured_once(pools, pooled, waits_of):
    await works(pooled, session())
    assert len(waits_of) == 1
    assert 0 <= waits_of[0] < 10
    await works(pooled, session())
    await works(pooled, session(ADA, Mode.VIEW))
    assert len(waits_of) == 1, "who has a machine does not wait, nor does who looks in"


async def test_a_wait_lasts_from_the_request_to_the_machine(pools, pooled, waits_of, monkeypatch):
    now = 100.0
    monkeypatch.setattr("jupyter_vnc.broker.access.pool.time", SimpleNamespace(monotonic=lambda: now))
    for name in ("bob", "eve"):
        await pools.lease(name, "lab")
    _, waiting, _ = await waits(pooled)
    now = 175.0
    pools.release("bob", "lab")
    async with asyncio.timeout(30):
        await waiting
    assert waits_of == [75.0]


async def test_whoever_gives_up_has_waited_for_nothing(pools, pooled, waits_of):
    for name in ("bob", "eve"):
        await pools.lease(name, "lab")
    _, waiting, _ = await waits(pooled)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waits_of == []


async def test_the_figures_of_a_pool_count_machines_and_the_queue(pools, pooled):
    assert pooled.figures() == [], "nobody has looked at it yet"
    pooled.found(LAB)
    assert pooled.figures() == [PoolFigures("lab", {"free": 2}, 0, 0.0)]
    await pools.lease("bob", "lab")
    pools.maintenance.places = frozenset({("lab", name) for name in ("m1", "m2")})
    (figures,) = pooled.figures()
    assert (figures.machines, figures.waiting) == ({"taken": 1, "maintenance": 1}, 0)
    _, waiting, _ = await waits(pooled)
    pools._pools.of("lab")._queue.find("ann").since -= 90
    (figures,) = pooled.figures()
    assert (figures.waiting, 90 <= figures.longest_wait < 120) == (1, True)
    waiting.cancel()
    pooled.lost("lab")
    assert pooled.figures() == []


def test_the_pools_that_have_figures_are_bounded(pooled):
    for number in range(MAX_FIGURES + 3):
        pooled.found(replace(LAB, name=f"lab-{number}"))
    assert len(pooled.figures()) == MAX_FIGURES
    pooled.found(replace(LAB, name="a-lab-of-another-course"))
    names = [one.name for one in pooled.figures()]
    assert names == sorted(["a-lab-of-another-course", *(f"lab-{number}" for number in range(4, MAX_FIGURES + 3))])
