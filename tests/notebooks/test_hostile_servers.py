"""A server that announces too much costs a kernel neither memory nor an endless wait: an error with a sentence."""

import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.processes import Answering

from .hostile import SERVERS

ROOT = Path(__file__).parents[2]
#: KiB that a kernel may grow by: a picture of 30 MB, and the buffers of what comes.
MOST = 100 * 1024
#: Seconds of the processor. What passes meanwhile does not count: a machine may have other things to do.
BUSY = 10

SENTENCES = {
    "size": "has 65535 x 65535 pixels",
    "area": "has 16384 x 16384 pixels",
    "name": "name is too long",
    "types": "turns connections away",
    "refused": "refused the login that is configured for it: no!",
    "not RFB": "does not speak VNC",
    "resize": "has 65535 x 65535 pixels",
    "pixels": "larger than itself",
    "cursor": "was not asked for: -239",
    "resizes": "changes its size again and again",
}
#: Seconds for a server that goes on for ever, and so many that even a busy machine has seen what is wrong.
BRIEF, LONG = 0.5, 60


@pytest.fixture(scope="module")
def viewers():
    """Looks at a server of some name, in a process of its own; importing takes longer than all it does."""
    with closing(Answering([sys.executable, "-m", "tests.notebooks.hostile"], cwd=ROOT)) as viewers:
        yield viewers


@pytest.mark.parametrize("name", SERVERS)
def test_it_is_an_error_at_once_in_bounded_memory(viewers, name):
    said, grown, busy = viewers.ask([name, LONG if name in SENTENCES else BRIEF], LONG + 60)
    assert said.startswith(("'lab': ", "The picture of 'lab'"))
    assert SENTENCES.get(name, "did not come within 0.5 seconds") in said
    assert grown < MOST
    assert busy < BUSY
