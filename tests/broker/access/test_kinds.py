"""The table from the kind of an address to the access, and what each kind knows of its targets."""

import ast
import logging
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import jupyter_vnc
from jupyter_vnc.broker.access.desktop import DesktopAccess
from jupyter_vnc.broker.access.direct import DirectAccess
from jupyter_vnc.broker.access.kinds import access_kinds
from jupyter_vnc.broker.access.pool import PoolAccess
from jupyter_vnc.broker.metrics import Metrics
from jupyter_vnc.connect.login import TargetLeg
from jupyter_vnc.exceptions import DesktopFailed, TargetNotFound, TargetProtocolError, TargetRefused, TargetUnreachable
from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec, PoolAddress, PoolMachine, TCPAddress, UnixAddress
from jupyter_vnc.model.causes import given_back
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, State, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.pools.manager import PoolManager

ANN = User("ann")
TCP = TCPAddress("127.0.0.1", 5901)
POOL = PoolAddress((PoolMachine("m1", TCPAddress("127.0.0.1", 1)), PoolMachine("m2", TCPAddress("127.0.0.1", 2))))


class Wire:
    async def close(self):
        pass


class Connector:
    """Connects, or fails as a test wants, always or with the next errors; knows which addresses it was asked for."""

    error = None

    def __init__(self):
        self.asked = []
        self.errors = []

    async def connect(self, target, address):
        self.asked.append(str(address))
        if self.errors:
            raise self.errors.pop()
        if self.error is not None:
            raise self.error
        return TargetLeg(Wire(), b"", "None (1)")


class Desktops:
    """What the desktop manager says of a desktop, and what it is told."""

    def __init__(self):
        self.told = []
        self.end = (State.STOPPED, "")

    def state(self, user, name):
        return State.STARTING

    async def ensure(self, user, name, spec):
        self.told.append(("ensure", user, name, spec))
        return UnixAddress("/run/desktop.sock")

    async def ending(self, user, name):
        return self.end

    def __getattr__(self, what):
        return lambda *names: self.told.append((what, *names))


@pytest.fixture
def connector():
    return Connector()


@pytest.fixture
def desktops():
    return Desktops()


@pytest.fixture
def kinds(jp_asyncio_loop, connector, desktops):
    pools = PoolManager()
    yield access_kinds(connector, desktops, pools, SessionRegistry(), logging.getLogger(__name__))
    jp_asyncio_loop.run_until_complete(pools.close())


def target(address):
    return Target(name="lab", address=address)


def session(address):
    return Session(User("bob"), target(address), Mode.CONTROL, owner=ANN)


class TestTable:
    @pytest.mark.parametrize(
        ("address", "access"),
        [
            (TCP, DirectAccess),
            (UnixAddress("/run/vnc.sock"), DirectAccess),
            (DesktopAddress(), DesktopAccess),
            (POOL, PoolAccess),
        ],
    )
    def test_each_kind_of_address_has_its_access(self, kinds, address, access):
        assert type(kinds.of(target(address))) is access
        assert kinds.serves(target(address))

    def test_an_address_of_a_plug_ins_own_class_is_of_the_kind_that_it_is_derived_from(self, kinds):
        class Room(TCPAddress):
            pass

        assert type(kinds.of(target(Room("127.0.0.1", 1)))) is DirectAccess

    def test_where_no_desktops_are_started_none_is_served(self, connector):
        kinds = access_kinds(connector, None, PoolManager(), SessionRegistry(), logging, managed=False)
        assert not kinds.serves(target(DesktopAddress()))
        assert kinds.serves(target(TCP))
        with pytest.raises(KeyError):
            kinds.of(target(DesktopAddress()))


class TestDirect:
    async def test_a_tcp_servers_state_is_how_the_last_connection_went(self, kinds, connector):
        access, lab = kinds.of(target(TCP)), target(TCP)
        assert access.state(lab, ANN) is State.UNKNOWN
        await access.connect(session(TCP))
        assert access.state(lab, ANN) is State.UP
        connector.error = TargetUnreachable()
        with pytest.raises(TargetUnreachable):
            await access.connect(session(TCP))
        assert access.state(lab, ANN) is State.DOWN

    async def test_a_server_that_refuses_a_login_is_none_that_is_down(self, kinds, connector):
        connector.error = TargetRefused()
        with pytest.raises(TargetRefused):
            await kinds.of(target(TCP)).connect(session(TCP))
        assert kinds.of(target(TCP)).state(target(TCP), ANN) is State.UNKNOWN

    def test_a_sockets_state_is_whether_its_file_is_there_for_each_user(self, kinds, tmp_path):
        lab = target(UnixAddress(f"{tmp_path}/{{username}}.sock"))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{tmp_path}/ann.sock")
            assert kinds.of(lab).state(lab, ANN) is State.UP
        assert kinds.of(lab).state(lab, User("bob")) is State.DOWN
        assert kinds.of(lab).state(lab, User("../ann")) is State.DOWN

    def test_there_is_nothing_to_give_back_and_nobody_waits(self, kinds):
        lab = target(TCP)
        access = kinds.of(lab)
        assert (access.summary(lab, ANN), access.machines(lab), access.waiting(lab)) == (None, [], [])
        with pytest.raises(TargetNotFound):
            access.release(lab, ANN, given_back(ANN, ANN))


class TestDesktop:
    async def test_a_desktop_is_started_as_its_owners_and_its_viewers_are_counted(self, kinds, desktops, connector):
        one = session(DesktopAddress(DesktopSpec(dpi=120)))
        access = kinds.of(one.target)
        await access.connect(one)
        assert connector.asked == ["/run/desktop.sock"]
        access.attach(one)
        access.touch(one)
        access.detach(one)
        names = ("ann", "lab")
        ensured = ("ensure", *names, DesktopSpec(dpi=120))
        assert desktops.told == [ensured, ("attach", *names), ("touch", *names), ("detach", *names)]
        assert access.state(one.target, ANN) is State.STARTING

    async def test_nobody_starts_a_desktop_by_looking_in(self, kinds, desktops, monkeypatch):
        look = Session(User("sue"), target(DesktopAddress()), Mode.VIEW, owner=ANN, look_in=True)
        access = kinds.of(look.target)
        for state in (State.STOPPED, State.STARTING, State.DOWN):
            monkeypatch.setattr(Desktops, "state", lambda *_, one=state: one)
            with pytest.raises(TargetNotFound, match="does not run"):
                await access.connect(look)
        assert desktops.told == []
        monkeypatch.setattr(Desktops, "state", lambda *_: State.UP)
        await access.connect(look)
        assert [what for what, *_ in desktops.told] == ["ensure"]

    def test_a_desktop_that_is_only_looked_at_is_idle(self, kinds, desktops):
        look = Session(User("sue"), target(DesktopAddress()), Mode.VIEW, owner=ANN, look_in=True)
        access = kinds.of(look.target)
        access.attach(look)
        access.detach(look)
        assert desktops.told == []

    def test_one_that_did_not_start_or_crashed_has_failed(self, kinds, desktops, monkeypatch):
        for manager, shown in ((State.DOWN, State.FAILED), (State.UP, State.UP), (State.STOPPED, State.STOPPED)):
            monkeypatch.setattr(type(desktops), "state", lambda *_, one=manager: one)
            one = target(DesktopAddress())
            assert kinds.of(one).state(one, ANN) is shown

    @pytest.mark.parametrize(
        ("end", "why"),
        [
            ((State.STOPPED, "The session ended."), "The session ended."),
            ((State.STOPPED, ""), ""),
            ((State.STARTING, "starting X"), ""),
            ((State.UP, ""), ""),
        ],
    )
    async def test_its_end_is_explained_where_it_is_one(self, kinds, desktops, end, why):
        desktops.end = end
        one = session(DesktopAddress())
        assert await kinds.of(one.target).ending(one) == why

    async def test_a_crash_is_an_error_that_a_viewer_comes_back_from(self, kinds, desktops):
        desktops.end = (State.DOWN, "The X server crashed.")
        one = session(DesktopAddress())
        with pytest.raises(TargetUnreachable, match="The X server crashed"):
            await kinds.of(one.target).ending(one)

    def test_only_a_desktop_of_ours_has_a_power_switch_unasked(self, kinds):
        switches = {kind: kinds.of(target(kind)).power(target(kind)) for kind in (TCP, DesktopAddress(), POOL)}
        assert switches == {TCP: False, DesktopAddress(): True, POOL: False}


FAILED = {"unreachable": TargetUnreachable, "credentials_refused": TargetRefused, "not_rfb": TargetProtocolError}


MACHINES = PoolAddress(tuple(PoolMachine(f"m{port}", TCPAddress("127.0.0.1", port)) for port in range(1, 5)))


@pytest.mark.parametrize("address", [TCP, MACHINES, DesktopAddress()], ids=lambda one: type(one).__name__)
async def test_every_failed_connection_is_counted_by_its_kind(connector, desktops, address):
    registry, pools = CollectorRegistry(), PoolManager()
    kinds = access_kinds(connector, desktops, pools, SessionRegistry(), logging.getLogger(), Metrics(registry))
    kinds.found(target(address))
    for error in FAILED.values():
        connector.errors.append(error())
        with suppress(error):  # a pool goes on to the next machine
            await kinds.of(target(address)).connect(Session(ANN, target(address), Mode.CONTROL))
    await pools.close()
    counts = {kind: registry.get_sample_value("jupyter_vnc_target_failures_total", {"kind": kind}) for kind in FAILED}
    assert counts == dict.fromkeys(FAILED, 1)


async def test_a_desktop_that_does_not_start_is_counted(connector, desktops, monkeypatch):
    async def ensure(*_):
        raise DesktopFailed

    registry = CollectorRegistry()
    monkeypatch.setattr(desktops, "ensure", ensure, raising=False)
    kinds = access_kinds(connector, desktops, PoolManager(), SessionRegistry(), logging.getLogger(), Metrics(registry))
    with pytest.raises(DesktopFailed):
        await kinds.of(target(DesktopAddress())).connect(session(DesktopAddress()))
    assert registry.get_sample_value("jupyter_vnc_target_failures_total", {"kind": "desktop_failed"}) == 1


async def test_what_is_tried_at_each_kind(kinds, connector):
    said = {}
    for address in (TCP, DesktopAddress(), POOL):
        lab = target(address)
        for suffix, try_it in kinds.of(lab).trials(lab, ANN, connector):
            said[f"{type(address).__name__}{suffix}"] = await try_it()
    assert said == {
        "TCPAddress": "ok, logged in with None (1)",
        "DesktopAddress": "managed desktop, starts when somebody opens it",
        "PoolAddress/m1": "ok, logged in with None (1)",
        "PoolAddress/m2": "ok, logged in with None (1)",
    }
    assert connector.asked == ["127.0.0.1:5901", "127.0.0.1:1", "127.0.0.1:2"]


#: Where the kind of an address may be asked: what checks the configuration, and the table.
MAY_ASK = {"broker/access", "config", "sources/config.py"}
ADDRESSES = {"TCPAddress", "UnixAddress", "DesktopAddress", "PoolAddress"}


def kinds_asked(source):
    """The lines on which it is asked of which kind an address is."""
    for node in ast.walk(ast.parse(source)):
        asks = isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"isinstance", "issubclass", "type"}
        if (asks or isinstance(node, ast.Compare | ast.MatchClass)) and ADDRESSES & {
            name.id for name in ast.walk(node) if isinstance(name, ast.Name)
        }:
            yield node.lineno


def test_nobody_else_asks_of_which_kind_an_address_is():
    assert list(kinds_asked("if isinstance(one, A | PoolAddress) or type(one) is TCPAddress: pass")) == [1, 1]
    root = Path(jupyter_vnc.__file__).parent
    found = [
        f"{path.relative_to(root)}:{line}"
        for path in root.rglob("*.py")
        if not any(path.is_relative_to(root / place) for place in MAY_ASK)
        for line in kinds_asked(path.read_text("utf-8"))
    ]
    assert not found
