"""The first picture is found behind whatever a server sends ahead of it, and nothing else passes for one."""

import struct

import pytest

from jupyter_vnc.rfb.first_update import MOST_AHEAD, FirstUpdate

AHEAD = {
    "bells": b"\2" * 100,
    "a colour map": struct.pack(">BxHH", 1, 0, 3) + b"\0\1" * 9,
    "an empty colour map": struct.pack(">BxHH", 1, 0, 0),
    "the clipboard": struct.pack(">B3xi", 3, 40) + b"\0" * 40,
    "an empty clipboard": struct.pack(">B3xi", 3, 0),
    "the extended clipboard": struct.pack(">B3xiI", 3, -8, 1 << 24) + b"\0" * 4,
    "a fence": struct.pack(">B3xIB", 248, 0, 64) + b"\0" * 64,
    "an end of continuous updates": b"\x96",
    "xvp": b"\xfa\0\1\1",
    "the end of audio": b"\xff\1\0\0",
    "audio": b"\xff\1\0\2" + struct.pack(">I", 30) + b"\0" * 30,
    "an update of nothing": b"\0" * 4,
}
RECTANGLE = struct.pack(">BxHHHHHi", 0, 1, 0, 0, 1, 1, 0)
MANY = b"\0\0\1\0" + RECTANGLE[4:]
ALL = b"".join(AHEAD.values())


def look(*pieces):
    update = FirstUpdate()
    for piece in pieces:
        update.feed(piece)
    return update


@pytest.mark.parametrize("ahead", AHEAD)
def test_what_is_no_picture(ahead):
    for at in range(len(AHEAD[ahead]) + 1):
        assert not look(AHEAD[ahead][:at], AHEAD[ahead][at:]).done
        assert look(AHEAD[ahead][:at], AHEAD[ahead][at:] + RECTANGLE).came


@pytest.mark.parametrize("picture", [RECTANGLE, MANY], ids=["one rectangle", "256 rectangles"])
def test_the_head_of_the_first_rectangle_has_to_be_whole(picture):
    """Cut at every byte, behind everything that may come ahead of it."""
    whole = ALL + picture
    assert not look(whole[:-1]).done
    for at in range(len(whole) + 1):
        assert look(whole[:at], whole[at:] + b"pixels").came
    assert look(*(bytes([byte]) for byte in whole)).came


@pytest.mark.parametrize("kind", sorted({*range(256)} - {0, 1, 2, 3, 150, 248, 250, 255}))
def test_what_no_viewer_takes_is_no_picture(kind):
    update = look(bytes([kind]) * 20, RECTANGLE)
    assert (update.lost, update.came) == (True, False)


def test_a_clipboard_of_2_gib_is_not_kept():
    update = look(struct.pack(">B3xi", 3, -(1 << 31)), b"x" * 100_000)
    assert not update.done
    assert sum(len(part) for part in vars(update).values() if isinstance(part, bytearray)) == 0


@pytest.mark.parametrize("ahead", ["bells", "an update of nothing"])
def test_a_server_that_says_too_much_ahead_of_a_picture_has_none(ahead):
    """Each message takes time of the event loop, so there is an end to them."""
    one = AHEAD[ahead][:1] if ahead == "bells" else AHEAD[ahead]
    assert look(one * MOST_AHEAD, RECTANGLE).came
    assert look(one * (MOST_AHEAD + 1), RECTANGLE).lost
    assert look(*[one] * (MOST_AHEAD + 1)).lost
