"""What is sent to an X server, as the protocol has it."""

import pytest

from jupyter_vnc.desktops.x11 import protocol as x11
from jupyter_vnc.desktops.x11 import requests
from jupyter_vnc.desktops.x11.protocol import Geometry

WINDOW = 0x0020000A


def test_the_setup():
    said = requests.setup(b"MIT-MAGIC-COOKIE-1", bytes(range(16)))
    assert said == b"l\0\x0b\0\0\0\x12\0\x10\0\0\0MIT-MAGIC-COOKIE-1\0\0" + bytes(range(16))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (requests.select_events(1, x11.STRUCTURE | x11.SUBSTRUCTURE), "0200 0400 01000000 00080000 00000a00"),
        (requests.get_attributes(WINDOW), "0300 0200 0a002000"),
        (
            requests.configure(1, Geometry(-1, 2, 3, 4, 0)),
            "0c00 0800 01000000 1f00 0000 ffffffff 02000000 03000000 04000000 00000000",
        ),
        (requests.raise_window(1), "0c00 0400 01000000 4000 0000 00000000"),
        (requests.get_geometry(1), "0e00 0200 01000000"),
        (requests.query_tree(1), "0f00 0200 01000000"),
        (requests.intern_atom("WM_S0"), "1000 0400 0500 0000 574d5f5330 000000"),
        (requests.get_property(1, 68), "1400 0600 01000000 44000000 00000000 00000000 20000000"),
        (requests.get_property(1, 68, 5), "1400 0600 01000000 44000000 00000000 00000000 05000000"),
        (
            requests.ask_manager(1, 7, 5, 6),
            f"1900 0b00 01000000 00001800 2120 0000 07000000 05000000 06000000 {'00' * 16}",
        ),
        (requests.translate(1, 2), "2800 0400 01000000 02000000 0000 0000"),
        (requests.get_focus(), "2b00 0100"),
        (requests.message(1, 5, 6), f"1900 0b00 01000000 00000000 2120 0000 01000000 05000000 06000000 {'00' * 16}"),
        (requests.query_pointer(1), "2600 0200 01000000"),
        (requests.focus(1), "2a01 0300 01000000 00000000"),
        (requests.query_extension("XKB"), "6200 0300 0300 0000 584b42 00"),
        (requests.query_buttons_version(131), "832f 0200 0200 0200"),
        (requests.select_buttons(131, 1), "832e 0500 01000000 0100 0000 0100 0100 00800000"),
    ],
)
def test_requests(request_, expected):
    assert request_ == bytes.fromhex(expected)
