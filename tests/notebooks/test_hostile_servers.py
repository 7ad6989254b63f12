"""A server that announces too much costs a kernel neither memory nor an endless wait: an error with a sentence."""

import json
import subprocess
import sys

import pytest

from .hostile import SERVERS

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
    command = [sys.executable, "-m", "tests.notebooks.hostile"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:

        def look(name, patience):
            process.stdin.write(json.dumps([name, patience]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield look


@pytest.mark.parametrize("name", SERVERS)
def test_it_is_an_error_at_once_in_bounded_memory(viewers, name):
    said, grown, busy = viewers(name, LONG if name in SENTENCES else BRIEF)
    assert said.startswith(("'lab': ", "The picture of 'lab'"))
    assert SENTENCES.get(name, "did not come within 0.5 seconds") in said
    assert grown < MOST
    assert busy < BUSY
