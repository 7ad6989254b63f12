"""The window must miss no event, or tests would take events that arrive together for missing ones."""

from tests.integration.lamp import split

DOWN, UP = b"\x1b[M !!", b"\x1b[M#!!"
BURST = DOWN + UP + b"a" + b"b"


def test_what_comes_together_is_seen_one_by_one():
    assert split(BURST) == [DOWN, UP, b"a", b"b", b""]


def test_a_click_may_come_in_pieces():
    for cut in range(len(BURST) + 1):
        *first, rest = split(BURST[:cut])
        assert [*first, *split(rest + BURST[cut:])] == split(BURST)
