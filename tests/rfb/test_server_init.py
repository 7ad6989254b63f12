"""ServerInit: whole however it is cut, and never longer than a name may be."""

import struct

import pytest

from jupyter_vnc.exceptions import TargetProtocolError, TargetUnreachable
from jupyter_vnc.rfb.server_init import ServerInit
from jupyter_vnc.rfb.wire import MAX_NAME
from tests.fakes.vnc_server import PIXEL_FORMAT
from tests.rfb.feeding import every_way, fails_every_way


def message(name, width=64, height=48):
    return struct.pack(">HH", width, height) + PIXEL_FORMAT + struct.pack(">I", len(name)) + name


@pytest.mark.parametrize("name", [b"", b"d", "Müller\n☃".encode(), b"x" * 300])
def test_it_is_handed_over_as_it_came(name):
    init = every_way(ServerInit, message(name), sent=b"")
    assert init.server_init == message(name)
    assert init.size == (64, 48)


def test_the_longest_name():
    init = ServerInit()
    init.receive_data(message(b"x" * MAX_NAME))
    assert init.done


@pytest.mark.parametrize("length", [MAX_NAME + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_longer_name_is_refused_before_it_comes(length):
    said = message(b"")[:-4] + struct.pack(">I", length)
    init = fails_every_way(ServerInit, said)
    assert isinstance(init.exc, TargetProtocolError)
    assert str(length) in init.exc.detail


@pytest.mark.parametrize("count", [0, 1, 23, 24, 29])
def test_a_server_that_closes_before_it_is_whole(count):
    init = ServerInit()
    init.receive_data(message(b"a name")[:count])
    init.receive_eof()
    assert isinstance(init.exc, TargetUnreachable)
