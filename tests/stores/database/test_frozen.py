"""PostgreSQL stands still: nothing closes, nothing answers. What runs goes on, and what is new is refused in time."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.channels import StreamChannel
from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.exceptions import StoreUnavailable
from jupyter_vnc.hub.shared_sessions import SharedSessions
from jupyter_vnc.model.addresses import UnixAddress
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.stores.database import database as databases
from jupyter_vnc.stores.database.gate import DatabaseGate
from jupyter_vnc.stores.database.processes import Processes
from tests.fakes import vnc_server
from tests.stores.database.conftest import LOG

#: A key that is pressed (RFC 6143 section 7.5.4).
KEY = b"\4\1\0\0\0\0\0a"


@contextlib.contextmanager
def frozen(server):
    """Stop all processes of a PostgreSQL for a while."""
    parent = server._process.pid
    processes = [parent]
    os.kill(parent, signal.SIGSTOP)
    processes += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    try:
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


@contextlib.asynccontextmanager
async def viewer(broker, target, path):
    """Somebody who looks at a target through the broker; the connection and the session."""
    session = Session(User("ann"), target, Mode.CONTROL)

    async def accept(reader, writer):
        await broker.open(session, StreamChannel(reader, writer), None)

    listener = await asyncio.start_unix_server(accept, path)
    mine = Target(name="viewer", address=UnixAddress(str(path)))
    leg = await Connector().connect(mine, mine.address)
    await leg.channel.write(b"\1")
    try:
        yield leg.channel, session
    finally:
        await leg.channel.close()
        listener.close()


async def test_a_session_goes_on_and_who_asks_is_told_in_time(postgres, postgresql_database, tmp_path, monkeypatch):
    monkeypatch.setattr(databases, "PAUSE", 0)
    broker, processes = VNCBroker(), Processes(postgresql_database, LOG)
    shared = SharedSessions(broker.registry, processes, LOG)
    broker.registry.admit, broker.connector.gate = shared.admit, DatabaseGate(processes)
    async with asyncio.timeout(60), vnc_server.recorder() as server:
        target = Target(name="lab", address=server.address)
        async with viewer(broker, target, tmp_path / "viewer") as (channel, session):
            await server.until(lambda: server.shared == [1])
            await shared.look()
            keys = b""
            with frozen(postgres), monkeypatch.context() as patch:
                patch.setattr(databases, "TIMEOUT", 0.5)
                look = asyncio.create_task(shared.look())
                while not look.done() or len(keys) < 3 * len(KEY):
                    keys += KEY
                    await channel.write(KEY)
                    assert await server.got(len(keys)) == keys
                    await asyncio.sleep(0.1)
                assert type(look.exception()) is StoreUnavailable
            assert session.error is None
            while True:
                with contextlib.suppress(StoreUnavailable):
                    await shared.look()
                    break
            await shared.admit(Session(User("bob"), target, Mode.VIEW))
    await broker.close()
    await broker.connector.gate.close()
