"""What counts as motion: by shares of the screen that change, and when."""

import pytest

from jupyter_vnc.desktops.video.messages import Mode
from jupyter_vnc.desktops.video.motion import CHANGES, LONG_REST, MUCH, REST, Motion

FRAME = 1 / 30


def changing(share, count, interval=FRAME, start=100.0):
    """A screen on which a share changes so often; and the time of the last change."""
    motion = Motion()
    for number in range(count):
        motion.changed(start + number * interval, share)
    return motion, start + (count - 1) * interval


@pytest.mark.parametrize(
    ("what", "share", "count", "interval", "moves"),
    [
        ("a film", 0.5, CHANGES, FRAME, True),
        ("ten a second", MUCH, CHANGES, 0.1, True),
        ("one too few", 0.5, CHANGES - 1, FRAME, False),
        ("typing", 0.001, 100, FRAME, False),
        ("pages that are turned", 1.0, 20, 0.3, False),
    ],
)
def test_what_moves(what, share, count, interval, moves):
    motion, last = changing(share, count, interval)
    assert motion.wanted(last, Mode.AUTO) is moves, what
    assert motion.wanted(last, Mode.ALWAYS), what


def test_it_rests_soon_after_the_last_change_that_is_large():
    motion, last = changing(0.5, CHANGES)
    motion.changed(last + REST, 0.001)
    assert motion.wanted(last + REST * 0.9, Mode.AUTO)
    assert not motion.wanted(last + REST * 1.1, Mode.AUTO)
    # It has to begin anew: one change is none.
    motion.changed(last + REST * 1.2, 0.5)
    assert not motion.wanted(last + REST * 1.2, Mode.AUTO)


def test_whoever_wants_it_always_waits_longer_for_rest():
    motion, last = changing(0.00001, 1)
    assert motion.wanted(last + LONG_REST * 0.9, Mode.ALWAYS)
    assert not motion.wanted(last + LONG_REST * 1.1, Mode.ALWAYS)


def test_nothing_has_moved_yet():
    assert not any(Motion().wanted(0.0, mode) for mode in Mode)
