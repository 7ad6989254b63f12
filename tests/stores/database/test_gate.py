"""The gate of each VNC server over all processes of a service: what three of them do is what one would do."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import Float, delete, func, insert, literal, select, update

from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.gate import HANDSHAKES_AT_ONCE, OPEN_FOR, REFUSALS
from jupyter_vnc.exceptions import StoreUnavailable, TargetRefused, TargetUnreachable
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.targets import Target, TargetLimits
from jupyter_vnc.pools.presence import Present
from jupyter_vnc.stores.database import database as databases
from jupyter_vnc.stores.database import gate as gates
from jupyter_vnc.stores.database.gate import WINDOW, DatabaseGate
from jupyter_vnc.stores.database.processes import Processes
from jupyter_vnc.stores.database.tables import digest_of, logins, refusals
from tests.fakes import vnc_server
from tests.integration import real
from tests.stores.database.conftest import LOG

KEY = "lab.example.org:5901"
#: What has nothing to do with the kind of database.
on_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture
def three(database, monkeypatch, jp_asyncio_loop):
    monkeypatch.setattr(gates, "PAUSE", (0.01, 0.03))
    monkeypatch.setattr(gates, "LAST_WRITE", 60)
    three = [DatabaseGate(Processes(database, LOG)) for _ in range(3)]
    yield three
    for gate in three:
        jp_asyncio_loop.run_until_complete(gate.close())


@pytest.fixture
def time(monkeypatch):
    """The database's clock, set by hand."""
    at = [1e9]
    monkeypatch.setattr(gates, "now", lambda connection: literal(at[0], Float))
    return at


def soon():
    return asyncio.get_running_loop().time() + 30


async def log_in(gate, refused=None, key=KEY):
    async with gate.turn(key, soon(), 20) as turn:
        turn.refused = refused
    await given_back(gate)


async def given_back(*gates):
    for gate in gates:
        await gate.close()


async def count_of(database, table):
    async with database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(table))


async def test_two_at_a_time_have_a_turn_wherever_they_are_and_each_server_by_itself(three, database):
    now, most, other, both = 0, 0, 0, asyncio.Event()

    async def log_in(gate):
        nonlocal now, most, other
        async with gate.turn(KEY, soon(), 20):
            now += 1
            most = max(most, now)
            if now == HANDSHAKES_AT_ONCE and not other:
                other += 1
                async with three[0].turn("another", soon(), 20):
                    both.set()
            await both.wait()
            now -= 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(log_in(gate) for gate in three * 2))
    assert (most, other) == (HANDSHAKES_AT_ONCE, 1)
    await given_back(*three)
    assert await count_of(database, logins) == 0


async def test_refusals_at_all_of_them_pause_all_of_them(three, time, database):
    one, two, third = three
    for gate in three:
        await log_in(gate, refused=True)
    for gate in three:
        with pytest.raises(TargetRefused, match="next try is possible in 30 seconds"):
            await gate.check(KEY)
        with pytest.raises(TargetRefused):
            await log_in(gate)
    await log_in(one, key="another")
    time[0] += OPEN_FOR
    await log_in(two, refused=True)
    with pytest.raises(TargetRefused):
        await third.check(KEY)
    time[0] += OPEN_FOR
    await log_in(third, refused=False)
    for _ in range(REFUSALS - 1):
        await log_in(one, refused=True)
    await two.check(KEY)
    assert await count_of(database, logins) == 0


@on_sqlite
async def test_refusals_that_are_far_apart_are_not_in_a_row_and_are_forgotten(three, time, database):
    for gate in three * 2:
        await log_in(gate, refused=True)
        time[0] += WINDOW + 1
    await three[0].check(KEY)
    await log_in(three[0], refused=True, key="another")
    assert await count_of(database, refusals) == 1


@on_sqlite
async def test_a_login_that_ends_otherwise_counts_for_nothing(three, database):
    for _ in range(REFUSALS):
        with pytest.raises(TargetUnreachable):
            async with three[0].turn(KEY, soon(), 20):
                raise TargetUnreachable
    await given_back(three[0])
    assert (await count_of(database, refusals), await count_of(database, logins)) == (0, 0)


@on_sqlite
async def test_whoever_gets_no_turn_in_time_is_told(three, monkeypatch):
    monkeypatch.setattr(gates, "LEAST", 60)
    async with three[0].turn(KEY, soon(), 20), three[1].turn(KEY, soon(), 20):
        with pytest.raises(TargetUnreachable, match="busy with other logins"):
            async with three[2].turn(KEY, asyncio.get_running_loop().time() + 0.05, 20):
                pass
    await log_in(three[2])


@on_sqlite
async def test_the_turns_of_a_process_that_was_killed_end_by_themselves(three, time):
    for _ in range(HANDSHAKES_AT_ONCE):
        assert await three[0]._take(KEY, "killed", 20)
    time[0] += 19
    assert not await three[1]._take(KEY, "another", 20)
    time[0] += 2
    assert await three[1]._take(KEY, "another", 20)


@on_sqlite
async def test_they_go_with_the_process(three, database):
    processes = three[0]._processes
    await processes.beat(Present())
    assert await three[0]._take(KEY, "killed", 20)
    await processes.leave()
    assert await count_of(database, logins) == 0


async def test_while_the_database_is_away_nobody_new_logs_in(postgres, postgresql_database, monkeypatch):
    monkeypatch.setattr(databases, "PAUSE", 0)
    gate = DatabaseGate(Processes(postgresql_database, LOG))
    try:
        async with gate.turn(KEY, soon(), 20) as turn:
            turn.refused = False
            postgres.stop()
        for attempt in (gate.check(KEY), log_in(gate)):
            with pytest.raises(StoreUnavailable):
                await attempt
    finally:
        postgres.start()


class Step:
    """A place in the gate where a login is cancelled: before or after the database has done what it is asked."""

    def __init__(self, monkeypatch, gate, name, after):
        self.reached, self.go_on, self._after = asyncio.Event(), asyncio.Event(), after
        self._real = getattr(gate, name)
        monkeypatch.setattr(gate, name, self)

    async def __call__(self, *arguments):
        if self._after:
            result = await self._real(*arguments)
        self.reached.set()
        await self.go_on.wait()
        return result if self._after else await self._real(*arguments)


@on_sqlite
@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("name", ["_take", "_end"])
@pytest.mark.parametrize("times", [1, 2])
async def test_whoever_leaves_at_whatever_moment_leaves_no_turn(three, database, monkeypatch, name, after, times):
    gate = three[0]
    step = Step(monkeypatch, gate, name, after)
    login = asyncio.create_task(log_in(gate, refused=True))
    await step.reached.wait()
    for _ in range(times):
        login.cancel()
        await asyncio.sleep(0)
    step.go_on.set()
    await asyncio.wait([login])
    await given_back(gate)
    assert login.cancelled()
    assert (await count_of(database, logins), await count_of(database, refusals)) == (0, int(name == "_end"))


@on_sqlite
async def test_nobody_who_is_logged_in_waits_for_the_database(three, monkeypatch):
    step = Step(monkeypatch, three[0], "_end", after=False)
    async with asyncio.timeout(30):
        async with three[0].turn(KEY, soon(), 20) as turn:
            turn.refused = False
        await step.reached.wait()
    step.go_on.set()


@on_sqlite
async def test_the_time_of_a_slow_database_is_not_the_servers(three, monkeypatch):
    real = three[0]._take

    async def take(*arguments):
        await asyncio.sleep(0.3)
        return await real(*arguments)

    monkeypatch.setattr(three[0], "_take", take)
    async with three[0].turn(KEY, soon(), 20) as turn:
        assert turn.waited >= 0.25


@on_sqlite
async def test_a_database_that_answers_too_late_is_not_taken_for_a_server_that_does(three, database, monkeypatch):
    monkeypatch.setattr(gates, "LEAST", 0.01)
    step = Step(monkeypatch, three[0], "_take", after=True)
    with pytest.raises(StoreUnavailable):
        async with three[0].turn(KEY, asyncio.get_running_loop().time() + 0.01, 20):
            pass
    step.go_on.set()
    await given_back(three[0])
    assert await count_of(database, logins) == 0


@on_sqlite
async def test_who_waits_behind_those_that_ask_a_slow_database_does_not_blame_the_server(three, monkeypatch):
    monkeypatch.setattr(gates, "LEAST", 0.01)
    step, connector = Step(monkeypatch, three[0], "_take", after=False), Connector()
    connector.gate = three[0]
    async with asyncio.timeout(60), vnc_server.recorder() as server:
        slow, quick = (
            Target(name="lab", address=server.address, limits=TargetLimits(connect_timeout=limit))
            for limit in (60.0, 0.2)
        )
        before = [asyncio.create_task(connector.connect(slow, server.address)) for _ in range(HANDSHAKES_AT_ONCE)]
        while len(three[0]._asked) < HANDSHAKES_AT_ONCE:
            await asyncio.sleep(0.01)
        with pytest.raises(StoreUnavailable):
            await connector.connect(quick, server.address)
        step.go_on.set()
        for leg in await asyncio.gather(*before):
            await leg.channel.close()


async def test_who_counts_waits_for_nobody_who_counts_at_another_server(postgres, postgresql_database, monkeypatch):
    """Two that delete old rows in two orders would wait for each other."""
    monkeypatch.setattr(gates, "LAST_WRITE", 60)
    async with postgresql_database.writing() as connection:
        rows = [{"server": digest_of(key), "count": 2, "last": 0.0, "open_until": 0.0} for key in ("a", "b")]
        await connection.execute(insert(refusals), rows)
    gate = DatabaseGate(Processes(postgresql_database, LOG))
    async with asyncio.timeout(60):
        async with postgresql_database.writing() as connection:
            await connection.execute(update(refusals).where(refusals.c.server == digest_of("a")).values(count=3))
            await log_in(gate, refused=True, key="b")
            await given_back(gate)
        async with postgresql_database.reading() as connection:
            counts = {row.server: row.count for row in await connection.execute(select(refusals))}
    assert counts == {digest_of("a"): 3, digest_of("b"): 1}


@pytest.mark.real
async def test_a_real_server_does_not_lock_three_processes_out(three, database, tmp_path):
    """TigerVNC does after five refused logins."""
    with real.tigervnc(tmp_path / "server", password="s3cret-99") as server:
        connectors = [Connector() for _ in three]
        for connector, gate in zip(connectors, three, strict=True):
            connector.gate = gate
        wrong = Target(name="lab", address=server.address, credentials=Credentials("", "password", Secret("wrong")))
        tries = (connector.connect(wrong, server.address) for connector in connectors * 3)
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert {type(one) for one in results} == {TargetRefused}, results
        reached = sum("several times" not in str(one) for one in results)
        assert REFUSALS <= reached <= REFUSALS + HANDSHAKES_AT_ONCE - 1
        async with database.writing() as connection:
            await connection.execute(delete(refusals))
        right = replace(wrong, credentials=Credentials("", "password", Secret("s3cret-99")))
        for number in (1, 6):  # a good one alone has it forget the others
            tries = (connector.connect(right, server.address) for connector in (connectors * 2)[:number])
            for leg in await asyncio.gather(*tries):
                await leg.channel.close()
