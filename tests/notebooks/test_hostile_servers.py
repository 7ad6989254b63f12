"""A server that announces too much costs a kernel neither memory nor an endless wait: an error with a sentence."""

import subprocess
import sys
import time

import pytest

from .hostile import SERVERS

#: KiB that a kernel may grow by: a picture of 30 MB, and the buffers of what comes.
MOST = 100 * 1024

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
}


@pytest.mark.parametrize("name", SERVERS)
def test_it_is_an_error_at_once_in_bounded_memory(name):
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.notebooks.hostile", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said, grown = done.stdout.splitlines()
    assert said.startswith(("'lab': ", "The picture of 'lab'"))
    late = "did not come within 0.5 seconds"
    # Sizes without pictures are refused after some, unless the machine is so slow that their time is over first.
    expected = ("changes its size again and again", late) if name == "resizes" else (SENTENCES.get(name, late),)
    assert any(sentence in said for sentence in expected)
    assert int(grown) < MOST
    assert time.monotonic() - began < 20
