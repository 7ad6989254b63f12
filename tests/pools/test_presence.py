"""Who is there, as processes tell each other; and whose word counts."""

import json

import pytest

from jupyter_vnc.pools.lease import LAG
from jupyter_vnc.pools.lease_keeper import LATER
from jupyter_vnc.pools.manager import ROUND
from jupyter_vnc.pools.presence import BEAT, DEAD, Present, is_alive

HERE = Present(frozenset({("lab", "ann"), ("lab", "bob"), ("*", "a\0\ud800")}), frozenset({("lab", "eve")}))


def test_users_are_found_by_their_target():
    assert (HERE.waiting("lab"), HERE.watching("lab")) == ({"ann", "bob"}, {"eve"})
    assert (HERE.waiting("none"), HERE.watching("*")) == (set(), set())
    both = HERE | Present(frozenset({("lab", "kim")}), frozenset({("*", "ann")}))
    assert (both.waiting("lab"), both.watching("*"), both.watching("lab")) == ({"ann", "bob", "kim"}, {"ann"}, {"eve"})


def test_it_is_the_same_when_read_again_and_plain_text():
    assert Present.decode(HERE.encode()) == HERE
    assert Present.decode(Present().encode()) == Present()
    assert HERE.encode().isascii()


@pytest.mark.parametrize(
    "raw", [5, None, [], {}, {"waits": {}}, {"waits": {}, "watches": 5}, {"waits": {"lab": [5]}, "watches": {}}]
)
def test_what_is_not_valid_is_refused(raw):
    with pytest.raises(ValueError, match=r".+"):
        Present.decode(json.dumps(raw))


@pytest.mark.parametrize(
    ("silent", "listened", "alive"),
    [(0, 100, True), (DEAD, 100, True), (DEAD + 1, 100, False), (DEAD + 1, DEAD, True), (9e9, 0, True)],
)
def test_a_silent_process_is_dead_once_one_has_listened_for_as_long(silent, listened, alive):
    assert is_alive(silent, listened) is alive


def test_the_times_fit():
    assert DEAD > 3 * BEAT, "one lost word is not the end"
    assert DEAD + BEAT < 30, "the others know of a dead process within half a minute"
    assert LAG > LATER + 5 * ROUND, "the last input of a user is known to all processes by then"
