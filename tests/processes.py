"""Processes that a test looks for by name, while they come and go, and those that it asks one thing after the other."""

import json
import os
import select
import signal
import subprocess

import psutil


def running(name: str, below: int | None = None) -> list[psutil.Process]:
    """The processes of a name, of one process's descendants if it is given.

    One that ends while it is asked is left out.
    """
    family = None if below is None else {one.pid for one in psutil.Process(below).children(recursive=True)}
    named = [one for one in psutil.process_iter(["name"]) if one.info["name"] == name]
    return [one for one in named if family is None or one.pid in family]


class Answering:
    """A process that reads lines of JSON and answers each with one, for tests that would each start one for seconds.

    Where an answer is missing, the next question has a new process: whatever this one still says is no answer to it.
    """

    def __init__(self, argv, **more):
        self._argv, self._more, self._process = argv, more, None
        self._begin()  # it imports what it needs meanwhile

    def ask(self, question, limit=60):
        """Return the answer; there has to be one in so many seconds."""
        if self._process is None:
            self._begin()
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            return json.loads(self._line(limit))
        except BaseException:
            self.close()
            raise

    def close(self):
        """End it, with all that it has started."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)  # it is not waited for yet, so the number is its own
            process.communicate(timeout=30)

    def _begin(self):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(self._argv, **pipes, **self._more, start_new_session=True)

    def _line(self, limit):
        """A whole line: whoever writes one writes it at once."""
        said = self._process.stdout
        assert select.select([said], [], [], limit)[0], f"no answer within {limit} seconds"
        line = said.readline()
        assert line.endswith(b"\n"), "it ended without an answer"
        return line
