"""Run the steps of a preparation side by side, each as soon as those that it needs have ended; one line for each.

No package is needed: this runs before there is an environment to install one into.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

#: Lines of a failed step's output that are shown.
TAIL: Final = 25

Command = Sequence[str | Path]


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do: its commands run in this order, in ``folder``, with ``variables`` added to the environment.

    ``stamp`` is touched when it has succeeded.
    """

    name: str
    commands: Sequence[Command]
    needs: Sequence[str] = ()
    folder: Path | None = None
    variables: Mapping[str, str] | None = None
    stamp: Path | None = None


class StepFailed(Exception):
    """A step has failed; the text is its name, and the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a step took, in seconds: by the clock, and of the processors, with all that it started and waited for."""

    clock: float
    work: float


def run(step: Step, logs: Path) -> Spent:
    """Run one step; return what it took. All of its output is in ``logs``.

    Raises:
        StepFailed: a command of it is missing, or ended with an error.
    """
    began, work = time.monotonic(), 0.0
    log = logs / f"{step.name.replace(' ', '-')}.log"
    with log.open("wb") as output:
        for command in step.commands:
            try:
                status, seconds = _run_command(command, step, output)
            except OSError as error:
                raise StepFailed(f"{step.name}: {error}") from error
            work += seconds
            if status:
                raise StepFailed(f"{step.name} failed; all of its output is in {log}. The end:\n{_tail(log)}")
    if step.stamp is not None:
        step.stamp.touch()
    return Spent(time.monotonic() - began, work)


def _run_command(command: Command, step: Step, output: BinaryIO) -> tuple[int, float]:
    """Run a command; return its exit status, and the seconds of processor time of it and its children."""
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=step.folder,
        env={**os.environ, **(step.variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def _tail(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()[-TAIL:]
    return "\n".join(f"    {line}" for line in lines)


def run_all(steps: Sequence[Step], logs: Path) -> None:
    """Run all steps. A need that names none of them is taken as met.

    Raises:
        StepFailed: one has failed; those that were running have ended, and the rest was not begun.
        ValueError: the steps wait for each other.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting = list(steps)
    running: dict[Future[Spent], Step] = {}
    with ThreadPoolExecutor(max_workers=max(1, len(steps))) as pool:
        while waiting or running:
            unmet = {step.name for step in (*waiting, *running.values())}
            for step in [one for one in waiting if unmet.isdisjoint(one.needs)]:
                waiting.remove(step)
                running[pool.submit(run, step, logs)] = step
            if not running:
                raise ValueError(f"These steps wait for each other: {', '.join(step.name for step in waiting)}")
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                step = running.pop(future)
                spent = future.result()
                print(f"  {spent.clock:5.1f} s  {step.name} ({spent.work:.1f} s of processor time)", flush=True)


def fail(sentence: str) -> None:
    """Print why nothing goes on, and exit with 1.

    Raises:
        SystemExit: always.
    """
    print(sentence, file=sys.stderr)
    raise SystemExit(1)
