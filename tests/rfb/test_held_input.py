"""Input that somebody holds: nothing of it passes, and nothing stays pressed."""

import struct

import pytest

from jupyter_vnc.exceptions import ViewerError
from jupyter_vnc.rfb.guard import Guard
from jupyter_vnc.rfb.permissions import Permissions
from jupyter_vnc.rfb.pressed import MOST
from jupyter_vnc.rfb.wire import ClipboardAction
from tests.rfb import viewer_says as say
from tests.rfb.feeding import ways

TEXT = 1
SHIFT, CONTROL = 0xFFE1, 0xFFE3
WATCHING = say.pixel_format() + say.update_request() + say.continuous_updates() + say.fence(b"x") + say.desktop_size()
ASKING = say.extended_clipboard(ClipboardAction.REQUEST | TEXT)
CAPS = say.extended_clipboard(ClipboardAction.CAPS | TEXT, bytes(4))
INPUT = [
    say.key(),
    say.qemu_key(),
    say.pointer(),
    say.pointer(0x81, more=b"\1"),
    say.cut_text(),
    say.extended_clipboard(ClipboardAction.PROVIDE | TEXT, b"zlib"),
    say.extended_clipboard(ClipboardAction.NOTIFY | TEXT),
    say.xvp(),
]
LOOKS_LIKE_KEYS = struct.pack(">BBHHHH", 3, 4, 0x0401, 0x0504, 0xFF00, 0x0501)
LONG = say.encodings(7, -316)


def guard(*fed, **permissions):
    judge = Guard(Permissions(**permissions))
    for data in fed:
        judge.feed(data)
    judge.input_seen = False
    return judge


@pytest.mark.parametrize("more", [{}, {"power": False}], ids=["all rights", "fewer"])
def test_no_input_passes_while_it_is_held_and_all_else_does(more):
    begin, end = LONG if not more else say.encodings(7), WATCHING + ASKING + CAPS
    data = [one for one in INPUT if not (more and len(one) == 7)]
    for chunks in ways(begin + b"".join(say.update_request() + one for one in data) + end):
        judge = guard(**more)
        judge.hold(True)
        passed = b"".join(map(judge.feed, chunks))
        assert passed == begin + say.update_request() * len(data) + end
        assert not judge.input_seen
        judge.hold(False)
        assert judge.feed(say.key()) == say.key()


def test_a_message_that_was_half_there_does_not_pass():
    judge = guard(say.key(CONTROL)[:5])
    judge.hold(True)
    assert judge.feed(say.key(CONTROL)[5:] + say.update_request()) == say.update_request()


@pytest.mark.parametrize(
    ("before", "released"),
    [
        (say.key(SHIFT) + say.key(0x41), say.key(SHIFT, down=False) + say.key(0x41, down=False)),
        (say.key(SHIFT) + say.key(0x41) + say.key(0x41, down=False), say.key(SHIFT, down=False)),
        (say.qemu_key(), say.qemu_key(down=False)),
        (say.qemu_key() + say.qemu_key(down=False), b""),
        (say.pointer(1, 3, 4) + say.pointer(1, 5, 6), say.pointer(0, 5, 6)),
        (
            say.pointer(1, 3, 4) + say.update_request() + say.key(SHIFT),
            say.key(SHIFT, down=False) + say.pointer(0, 3, 4),
        ),
        (say.pointer(1) + say.pointer(0), b""),
        (say.pointer(1, 3, 4) + 3 * say.key(SHIFT, down=False) + say.update_request(), say.pointer(0, 3, 4)),
        # What looks like a key or a pointer event within another message is none.
        (say.key(SHIFT) + LOOKS_LIKE_KEYS, say.key(SHIFT, down=False)),
        (say.key(0x41) + say.pointer(0, 0x0401, 0x0501), say.key(0x41, down=False)),
        (
            2 * (say.key(SHIFT, down=False) + say.qemu_key()) + say.xvp() + say.key(0x41) + say.key(SHIFT),
            say.qemu_key(down=False) + say.key(0x41, down=False) + say.key(SHIFT, down=False),
        ),
        (say.update_request() + say.fence(), b""),
    ],
)
def test_what_is_pressed_is_released_once(before, released):
    for chunks in ways(before):
        judge = guard(*chunks)
        judge.hold(True)
        judge.hold(True)
        assert judge.take_released() == released
        assert judge.take_released() == b""
        judge.hold(False)
        judge.hold(True)
        assert judge.feed(say.update_request()) == say.update_request()


def test_what_is_released_comes_before_what_the_viewer_sends():
    judge = guard(say.key(SHIFT))
    judge.hold(True)
    assert judge.feed(say.update_request()) == say.key(SHIFT, down=False) + say.update_request()
    assert judge.take_released() == b""


def test_a_hostile_viewer_presses_no_more_keys_than_are_remembered():
    judge = guard(b"".join(say.key(keysym) for keysym in range(1, 10 * MOST)))
    judge.hold(True)
    assert len(judge.take_released()) == 8 * MOST


@pytest.mark.parametrize("before", [b"\x63junk", LONG + say.pointer(0x81, more=b"\1")], ids=["unknown", "seven bytes"])
def test_a_viewer_whose_messages_are_uncertain_cannot_be_held(before):
    judge = guard(before)
    with pytest.raises(ViewerError):
        judge.hold(True)
    assert not judge.held


def test_what_is_unknown_ends_a_viewer_that_is_held():
    judge = guard()
    judge.hold(True)
    with pytest.raises(ViewerError):
        judge.feed(b"\x63" + say.key())


def test_holding_takes_no_encoding_away_that_the_viewer_has_afterwards():
    judge = guard(power=False)
    judge.hold(True)
    assert judge.feed(say.encodings(7, -258)) == say.encodings(7, -258)
