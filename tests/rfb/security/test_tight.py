"""Tight: tunnels, logins, and the ServerInit that it leaves behind."""

import struct

import pytest

from jupyter_vnc.exceptions import TargetProtocolError, TargetUnreachable
from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.security import Login, SecurityPolicy, TightServerInit
from tests.rfb import scripts as say
from tests.rfb.feeding import every_way, fails_every_way

START = say.V38 + say.types(16)
TOLD = say.V38 + b"\x10"


def handshake(login=say.PASSWORD, policy=say.OPEN):
    return TargetHandshake(login, policy)


@pytest.mark.parametrize(
    ("login", "said", "told", "name"),
    [
        pytest.param(Login(), say.capabilities() + say.capabilities() + say.OK, b"", "None (1)", id="nothing at all"),
        pytest.param(
            Login(),
            say.capabilities(say.NO_TUNNEL) + say.capabilities(say.NO_LOGIN) + say.OK,
            b"\0\0\0\0\0\0\0\1",
            "None (1)",
            id="no login",
        ),
        pytest.param(
            say.PASSWORD,
            say.capabilities() + say.capabilities(say.NO_LOGIN, say.VNC_LOGIN) + say.CHALLENGE + say.OK,
            b"\0\0\0\2" + say.RESPONSE,
            "VNC (2)",
            id="VNC",
        ),
        pytest.param(
            say.LOGIN,
            say.capabilities((1, b"SICRSCHANNEL"), say.NO_TUNNEL)
            + say.capabilities(say.UNIX_LOGIN, say.VNC_LOGIN)
            + say.OK,
            b"\0\0\0\0\0\0\0\x81\0\0\0\5\0\0\0\x08alicepassword",
            "Plain (256)",
            id="Unix login",
        ),
    ],
)
def test_logging_in(login, said, told, name):
    conversation = every_way(lambda: handshake(login), START + said, sent=TOLD + told)
    assert conversation.security == f"Tight (16), {name}"
    assert conversation.extended_server_init


def test_an_old_server_confirms_no_login_with_nothing():
    said = say.V37 + say.types(16) + say.capabilities() + say.capabilities()
    every_way(lambda: handshake(Login()), said, sent=say.V37 + b"\x10")


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (say.capabilities((1, b"SICRSCHANNEL")), "insists on a tunnel"),
        (say.capabilities((0, b"EVILNOTUNNEL")), "insists on a tunnel"),
        (struct.pack(">I", 65), "too many capabilities"),
        (struct.pack(">I", 0xFFFFFFFF), "too many capabilities"),
        (say.capabilities() + struct.pack(">I", 65), "too many capabilities"),
        (say.capabilities() + say.capabilities((130, b"TGHTXTRNAUTH")), "Cannot log in"),
        (say.capabilities() + say.capabilities((2, b"EVILVNCAUTH_")), "Cannot log in"),
    ],
)
def test_what_is_refused(data, fragment):
    error = fails_every_way(handshake, START + data).exc
    assert isinstance(error, TargetProtocolError)
    assert fragment in str(error)


def test_it_is_no_way_around_the_policy():
    data = START + say.capabilities() + say.capabilities()
    for policy in (SecurityPolicy(), SecurityPolicy(require_verified=True)):
        assert isinstance(
            fails_every_way(lambda policy=policy: handshake(policy=policy), data).exc, TargetProtocolError
        )


def server_init(name=b"desktop", servers=1, clients=2, encodings=3):
    init = struct.pack(">HH", 640, 480) + bytes(range(16)) + struct.pack(">I", len(name)) + name
    return init, struct.pack(">HHHxx", servers, clients, encodings) + bytes(16) * (servers + clients + encodings)


@pytest.mark.parametrize("shape", [{}, {"name": b""}, {"servers": 0, "clients": 0, "encodings": 0}])
def test_server_init_becomes_ordinary_again(shape):
    init, extension = server_init(**shape)
    assert every_way(TightServerInit, init + extension, sent=b"").server_init == init


def test_the_longest_list_of_capabilities_takes_no_memory():
    init, extension = server_init(servers=0xFFFF, clients=0xFFFF, encodings=0xFFFF)
    conversation = TightServerInit()
    data = init + extension + b"rest"
    for start in range(0, len(data), 65536):
        conversation.receive_data(data[start : start + 65536])
        assert conversation._stream.unread < 65536
    assert conversation.done
    assert conversation.leftover() == b"rest"


def test_a_name_of_four_gigabytes():
    init = struct.pack(">HH", 1, 1) + bytes(16) + b"\xff\xff\xff\xff"
    assert isinstance(fails_every_way(TightServerInit, init).exc, TargetProtocolError)


def test_a_server_that_closes_instead():
    init, extension = server_init()
    assert isinstance(fails_every_way(TightServerInit, init + extension[:-1], eof=True).exc, TargetUnreachable)
