"""Whether a server listens is asked on a machine on which others do what they like."""

import socket
from contextlib import ExitStack

from jupyter_vnc.model.addresses import UnixAddress
from tests.integration.machines import listens


def test_a_socket_is_found_beside_one_with_an_odd_name(tmp_path):
    address = UnixAddress(str(tmp_path / "vnc.sock"))
    with ExitStack() as stack:
        for name in ("a\nb", "vnc.sock"):
            assert not listens(address)
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(str(tmp_path / name))
            assert not listens(address)
            server.listen()
        assert listens(address)
