"""Processes that a test looks for by name, while they come and go."""

import psutil


def running(name: str, below: int | None = None) -> list[psutil.Process]:
    """The processes of a name, of one process's descendants if it is given.

    One that ends while it is asked is left out.
    """
    family = None if below is None else {one.pid for one in psutil.Process(below).children(recursive=True)}
    named = [one for one in psutil.process_iter(["name"]) if one.info["name"] == name]
    return [one for one in named if family is None or one.pid in family]
