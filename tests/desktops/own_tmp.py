"""Run a program with a temporary folder of its own, in which another account may have been first; only root can.

    python own_tmp.py PROGRAM ARGUMENT…

The program gets a view of the file system of its own (a mount namespace, gone with it), in which ``/tmp`` is empty.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

_CLONE_NEWNS = 0x20000
ROOT = Path(__file__).parents[2]


def outcome(script, *arguments):
    """Run a script of Python there, which says JSON in its last line."""
    command = [sys.executable, __file__, sys.executable, "-c", script, *map(str, arguments)]
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def main(*program):
    assert ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
    mounts = [["--make-rprivate", "/"], ["-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/tmp"]]
    if ROOT.is_relative_to("/tmp"):  # the checkout is there, and stays where it is
        mounts = [mounts[0], ["--bind", str(ROOT), "/mnt"], mounts[1], ["--bind", "/mnt", str(ROOT)]]
    for words in mounts:
        if words[0] == "--bind":
            Path(words[-1]).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *words], check=True)
    os.chdir("/")
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(*sys.argv[1:])
