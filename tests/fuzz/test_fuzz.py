"""The fuzzer's first inputs run without a find, and a fault is one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.seeds import seeds

FUZZER = Path(__file__).with_name("fuzz_rfb.py")


RUN = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
#: A scanner that loses the last byte of each piece.
BROKEN = """
import jupyter_vnc.rfb.messages as m
feed = m.Scanner.feed
m.Scanner.feed = lambda self, data: feed(self, data[:-1])
"""


def run(inputs, code=RUN):
    """Run the fuzzer in a process of its own: libFuzzer ends the one that it is in."""
    command = [sys.executable, "-c", code, FUZZER, *inputs]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


@pytest.fixture
def inputs(tmp_path):
    paths = [tmp_path / f"{number}" for number, _ in enumerate(seeds())]
    for path, seed in zip(paths, seeds(), strict=True):
        path.write_bytes(seed)
    return paths


def test_the_first_inputs_pass(inputs):
    done = run(inputs)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr.count("Executed") == len(inputs) > 40


def test_a_fault_is_found(inputs):
    done = run(inputs, BROKEN + RUN)
    assert done.returncode != 0
    assert "AssertionError" in done.stdout + done.stderr
