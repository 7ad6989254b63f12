"""Desktops in users' own servers: what the server there shows, and what the service makes of it."""

import asyncio
import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest

from jupyter_vnc.broker.access.kinds import AccessKinds
from jupyter_vnc.broker.access.user_server import UserServerAccess
from jupyter_vnc.broker.admission import Admission
from jupyter_vnc.broker.catalogue import Catalogue
from jupyter_vnc.broker.course_room import Room
from jupyter_vnc.broker.elsewhere import Elsewhere
from jupyter_vnc.broker.looks import MOST, Looks
from jupyter_vnc.broker.recheck import Rechecker
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import (
    NotPermitted,
    ServerAway,
    TargetNotFound,
    TargetProtocolError,
    TargetUncertain,
    TargetUnreachable,
)
from jupyter_vnc.hub.uplink.server_end import MAX_LOOKS
from jupyter_vnc.model.addresses import DesktopAddress, UserServerAddress
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Sharing, State, Target, ViewerOptions
from jupyter_vnc.model.users import User
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.tokens import TokenRegistry
from tests.broker.test_catalogue import ANN, BOB, LAB, Listed, Somebody

SUE = User("sue")
DESK = Target(name="desk", address=DesktopAddress(), viewer=ViewerOptions(clipboard="both"))
THERE = Target(name="desk", address=UserServerAddress("second"), mode=Mode.VIEW)
LOG = logging.getLogger("test")


class Channel:
    """Keeps how it was closed, and says what a test has for it."""

    def __init__(self, *says):
        self.says = [*says]
        self.closed = None
        self.sent = b""

    async def read(self):
        if not self.says:
            await asyncio.sleep(60)
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    async def write(self, data):
        self.sent += data

    async def close(self, code=CloseCode.NORMAL, reason=""):
        self.closed = self.closed or (code, reason)


class Server:
    """A user's server with a desktop in a state; keeps the sessions that are served."""

    def __init__(self, state=State.UP, target=DESK):
        self.state = state
        self.begun = []
        self.over = asyncio.Event()
        self.looks = Looks(
            Catalogue([Listed(*([target] if target else []))], LOG),
            SimpleNamespace(state=lambda user, name: self.state),
            self.begin,
        )

    def begin(self, session, viewer, visitor):
        assert visitor is None
        self.begun.append(session)
        return asyncio.ensure_future(self.over.wait())


async def test_a_server_shows_a_desktop_that_runs_to_view_only():
    server = Server()
    server.over.set()
    channel = Channel()
    await server.looks.serve(ANN, "desk", SUE, channel)
    (session,) = server.begun
    assert (session.user, session.owner, session.mode, session.look_in) == (SUE, ANN, Mode.VIEW, True)
    assert (session.target.mode, session.target.viewer.clipboard) == (Mode.VIEW, "off")
    assert session.place == Session(ANN, DESK, Mode.CONTROL).place, "the student sees who looks"


async def test_a_server_lets_those_work_there_who_may():
    server = Server()
    server.over.set()
    await server.looks.serve(ANN, "desk", SUE, Channel(), "control", may_control=True)
    (session,) = server.begun
    assert (session.mode, session.target.mode, session.look_in) == (Mode.CONTROL, Mode.CONTROL, True)
    assert session.target.viewer.clipboard == "off"


@pytest.mark.parametrize(
    ("target", "may", "sentence"),
    [
        ({}, False, "You may look at this desktop, but not control it."),
        ({"mode": Mode.VIEW}, True, "You may look at this desktop, but not control it."),
        ({"sharing": Sharing.EXCLUSIVE}, True, "Only one person at a time controls this desktop. You may look at it."),
        ({"sharing": Sharing.TAKEOVER}, True, "Only one person at a time controls this desktop. You may look at it."),
    ],
)
async def test_it_lets_nobody_work_there_otherwise(target, may, sentence):
    server, channel = Server(target=replace(DESK, **target)), Channel()
    server.over.set()
    await server.looks.serve(ANN, "desk", SUE, channel, "control", may_control=may)
    assert server.begun == []
    assert channel.closed == (CloseCode.NOT_PERMITTED, sentence)
    await server.looks.serve(ANN, "desk", SUE, channel, "view", may_control=may)
    assert [session.mode for session in server.begun] == [Mode.VIEW]


async def test_a_token_for_control_is_for_a_server_that_permits_it(monkeypatch):
    monkeypatch.setattr("tests.broker.test_looks.THERE", replace(THERE, mode=Mode.CONTROL))
    admission = Admission(hearing(LAB), TokenRegistry(MemoryTokenStore()), SessionRegistry())
    sue = Instructor(SUE)
    issued, mode = await admission.issue(sue, "desk", "control", owner="ann", server="second")
    assert mode is Mode.CONTROL
    assert (await admission.redeem(sue, issued.token)).look_in
    issued, mode = await admission.issue(sue, "desk", "view", owner="ann", server="second")
    assert (await admission.redeem(sue, issued.token)).mode is Mode.VIEW


@pytest.mark.parametrize("state", [State.STOPPED, State.STARTING, State.DOWN, State.FAILED])
async def test_nobody_starts_a_desktop_by_looking(state):
    server, channel = Server(state), Channel()
    await server.looks.serve(ANN, "desk", SUE, channel)
    assert server.begun == []
    assert channel.closed == (CloseCode.TARGET_GONE, "This desktop does not run any more.")


@pytest.mark.parametrize("target", [None, LAB], ids=["none", "no managed desktop"])
async def test_nothing_else_is_shown(target):
    server, channel = Server(target=target), Channel()
    await server.looks.serve(ANN, target.name if target else "desk", SUE, channel)
    assert server.begun == []
    assert channel.closed[0] is CloseCode.TARGET_GONE


async def test_so_many_look_and_no_more():
    server = Server()
    looking = [asyncio.ensure_future(server.looks.serve(ANN, "desk", SUE, Channel())) for _ in range(MOST)]
    await asyncio.sleep(0)
    channel = Channel()
    await server.looks.serve(ANN, "desk", SUE, channel)
    assert channel.closed[0] is CloseCode.LIMIT
    server.over.set()
    await asyncio.gather(*looking)
    assert len(server.begun) == MOST
    await server.looks.serve(ANN, "desk", SUE, channel)
    assert len(server.begun) == MOST + 1


async def test_nobody_keeps_others_out_with_many_windows():
    server = Server()

    def look(person):
        return asyncio.ensure_future(server.looks.serve(ANN, "desk", person, Channel()))

    looking = [look(SUE) for _ in range(MOST)] + [look(User(f"instructor-{number}")) for number in range(1, MOST)]
    await asyncio.sleep(0)
    assert len(server.begun) == 2 * MOST - 1 <= MAX_LOOKS
    for person in (SUE, User("instructor-1"), User("zoe")):
        channel = Channel()
        await server.looks.serve(ANN, "desk", person, channel)
        assert channel.closed[0] is CloseCode.LIMIT
    server.over.set()
    await asyncio.gather(*looking)
    assert len(server.looks._looking) == 0


class There(Elsewhere):
    """Ann's second server, for those who oversee her; ``fault`` is what it is at present."""

    fault = None

    def find(self, visitor, owner, server, name):
        if self.fault is not None:
            raise self.fault
        if (owner, server, name) != ("ann", "second", "desk") or not visitor.oversees(ANN, THERE):
            raise TargetNotFound
        return THERE, ANN


class Instructor(Somebody):
    """Oversees everybody."""

    def oversees(self, person, target):
        return True

    async def again(self):
        return self

    async def people(self, names):
        return {}


def hearing(*targets):
    catalogue = Catalogue([Listed(*targets)], LOG)
    catalogue.elsewhere = There()
    return catalogue


async def test_a_token_is_for_the_server_that_it_names_and_for_viewing_only():
    admission = Admission(hearing(LAB), TokenRegistry(MemoryTokenStore()), SessionRegistry())
    sue = Instructor(SUE)
    issued, mode = await admission.issue(sue, "desk", owner="ann", server="second")
    session = await admission.redeem(sue, issued.token)
    assert mode is session.mode is Mode.VIEW
    assert (session.target, session.owner, session.look_in) == (THERE, ANN, True)
    with pytest.raises(NotPermitted):
        await admission.issue(sue, "desk", "control", owner="ann", server="second")
    for wanted in ({"owner": "ann", "server": ""}, {"owner": "bob", "server": "second"}, {"owner": "ann"}):
        with pytest.raises(TargetNotFound):
            await admission.issue(sue, "desk", **wanted)
    with pytest.raises(TargetNotFound):
        await admission.issue(Somebody(BOB), "desk", owner="ann", server="second")


@pytest.mark.parametrize("fault", [TargetNotFound(), None], ids=["gone", "no longer permitted"])
async def test_a_look_ends_with_the_right_to_it(fault):
    # The service has a target of the same name, which has nothing to do with it.
    catalogue = hearing(Target(name="desk", address=LAB.address))
    catalogue.elsewhere.fault = fault
    session = Session(SUE, THERE, Mode.VIEW, owner=ANN, look_in=True)
    visitor = Instructor(SUE) if fault else Somebody(SUE)
    visitor.again = lambda: asyncio.sleep(0, visitor)
    async with asyncio.timeout(30):
        await Rechecker(catalogue, LOG).watch(session, visitor, 0.01)
    assert session.error.close_code is CloseCode.TARGET_GONE


async def test_who_comes_while_the_server_is_away_is_told_to_come_again():
    catalogue = hearing()
    admission = Admission(catalogue, TokenRegistry(MemoryTokenStore()), SessionRegistry())
    sue = Instructor(SUE)
    issued, _ = await admission.issue(sue, "desk", owner="ann", server="second")
    catalogue.elsewhere.fault = ServerAway()
    with pytest.raises(ServerAway):
        await admission.redeem(sue, issued.token)
    with pytest.raises(ServerAway):
        await admission.issue(sue, "desk", owner="ann", server="second")
    catalogue.elsewhere.fault = None
    issued, _ = await admission.issue(sue, "desk", owner="ann", server="second")
    assert (await admission.redeem(sue, issued.token)).target == THERE


@pytest.mark.parametrize("fault", [TargetUncertain, ServerAway])
async def test_a_look_outlives_a_short_break_of_the_uplink(fault):
    catalogue = hearing()
    catalogue.elsewhere.fault = fault()
    session = Session(SUE, THERE, Mode.VIEW, owner=ANN, look_in=True)
    visitor = Instructor(SUE)
    asked = asyncio.Event()
    visitor.again = lambda: asyncio.sleep(0, asked.set() or visitor)
    watching = asyncio.create_task(Rechecker(catalogue, LOG).watch(session, visitor, 0.001))
    for _ in range(3):
        asked.clear()
        await asyncio.wait_for(asked.wait(), 30)
    assert session.error is None
    catalogue.elsewhere.fault = None
    session.end(TargetNotFound())
    await watching


async def test_the_room_has_a_look_in_the_row_of_the_server_only():
    registry = SessionRegistry()
    registry.add(Session(SUE, THERE, Mode.VIEW, owner=ANN, look_in=True))
    here = registry.add(Session(ANN, LAB, Mode.CONTROL))
    rows = await Room(registry, hearing(), AccessKinds({})).rows(Instructor(SUE))
    assert [one["id"] for one in rows["sessions"]] == [here.id]


GREETING = (b"RFB 003.008\n", b"\x01\x01", bytes(4) + b"early")


async def test_the_service_logs_in_without_a_password():
    channel = Channel(*GREETING)
    leg = await UserServerAccess(lambda session: asyncio.sleep(0, channel)).connect(Session(SUE, THERE, Mode.VIEW))
    assert leg.early == b"early"
    assert channel.sent == b"RFB 003.008\n\x01"
    assert channel.closed is None


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ((b"RFB 003.008\n", b"\x01\x02"), TargetProtocolError),
        ((b"HTTP/1.1 200 OK\r\n",), TargetProtocolError),
        ((b"RFB 003.008\n", b""), TargetUnreachable),
        ((TargetUnreachable("lost"),), TargetUnreachable),
    ],
    ids=["password", "no RFB", "left", "lost"],
)
async def test_whatever_else_answers_there_is_closed(says, error):
    channel = Channel(*says)
    with pytest.raises(error):
        await UserServerAccess(lambda session: asyncio.sleep(0, channel)).connect(Session(SUE, THERE, Mode.VIEW))
    assert channel.closed


async def test_a_greeting_has_an_end(monkeypatch):
    monkeypatch.setattr("jupyter_vnc.broker.access.user_server.GREETING", 0.02)
    channel = Channel(b"RFB ")
    with pytest.raises(TargetUnreachable, match="in time"):
        await UserServerAccess(lambda session: asyncio.sleep(0, channel)).connect(Session(SUE, THERE, Mode.VIEW))
    assert channel.closed
