"""Run a program of this project as another user of the machine, wherever the project lies; only root can.

    python somebody_else.py UID FOLDER PROGRAM ARGUMENT…

A clone and its Python may be where nobody else may look: below root's home, for one. No folder of the machine is opened
to others for this. The program gets a view of the file system of its own (a mount namespace, gone with it): there, a
folder that is closed to others is covered by an empty one with nothing in it but what the project needs. FOLDER is an
empty one, to keep that while it is covered.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupyter_vnc

_CLONE_NEWNS = 0x20000


def command(uid, folder):
    """Return the beginning of a command line that runs the rest as a user."""
    return [sys.executable, str(Path(__file__)), str(uid), str(folder)]


def _needed():
    """Yield what the project needs, but for what every user may reach."""
    for place in {Path(jupyter_vnc.__file__).parents[1], Path(sys.prefix), Path(sys.base_prefix)}:
        for path in {place, place.resolve()}:
            door = _closed_door(path)
            if door == path:  # seen again, it would be as closed as before
                yield from ((door, child) for child in path.iterdir())
            elif door is not None:
                yield door, path


def _closed_door(place):
    """The topmost folder on the way to a place that others may not pass; None if there is none."""
    return next((way for way in [*reversed(place.parents), place] if not way.stat().st_mode & 0o001), None)


def _mount(*words):
    subprocess.run(["mount", *words], check=True)


def _put(source, place):
    """Have what is at one place at another, too."""
    if source.is_symlink():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place, follow_symlinks=False)
    elif source.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        _mount("--bind", source, place)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        _mount("--bind", source, place)


def _open_the_view(folder):
    assert ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
    _mount("--make-rprivate", "/")
    needed = sorted(_needed())
    _mount("-t", "tmpfs", "-o", "mode=700", "tmpfs", folder)
    kept = {path: folder / str(number) for number, (_, path) in enumerate(needed)}
    for path, copy in kept.items():
        _put(path, copy)
    for door in {door for door, _ in needed}:
        _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", door)
    os.umask(0o022)
    for path, copy in kept.items():
        if not os.path.lexists(path):  # a part of another that is there again
            _put(copy, path)


def main(uid, folder, *program):
    _open_the_view(Path(folder))
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(*sys.argv[1:])
