"""What ``jupyter vnc`` does with the desktops of the Jupyter server in whose terminal it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .desktop import named
from .server import NotebookError, Server

_SESSION: Final = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has to say: ``data`` to programs, as JSON has it, and ``lines`` of columns to people."""

    data: Any
    lines: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command.

    Attributes:
        usage: its words, as help shows them.
        least: how many words it needs.
        most: how many it takes.
        run: does it.
    """

    usage: str
    least: int
    most: float
    run: Callable[[Server, Sequence[str]], Answer]

    def takes(self, words: Sequence[str]) -> bool:
        """Whether so many words can be right."""
        return self.least <= len(words) <= self.most


def _sessions(server: Server, _: Sequence[str]) -> Answer:
    rows = server.call("GET", "api/sessions")
    return Answer(rows, [[str(row[key]) for key in ("id", "target", "mode", "user", "since")] for row in rows])


def _end(server: Server, idents: Sequence[str]) -> Answer:
    for ident in idents:
        if not _SESSION.fullmatch(ident):
            raise NotebookError(f"{ident!r} is not the id of a session; jupyter vnc sessions lists them.")
        server.call("DELETE", f"api/sessions/{ident}")
    return Answer({"ended": [*idents]})


def _start(server: Server, names: Sequence[str]) -> Answer:
    for name in names:
        named(server, name).start()
    return Answer({"started": [*names]})


def _stop(server: Server, names: Sequence[str]) -> Answer:
    for name in names:
        named(server, name).stop()
    return Answer({"stopped": [*names]})


def _screenshot(server: Server, words: Sequence[str]) -> Answer:
    name, *file = words
    path = Path(*file) if file else Path(f"{name}.png")
    image = named(server, name).screenshot()
    image.save(path, "png")
    return Answer({"target": name, "file": str(path), "width": image.width, "height": image.height}, [[str(path)]])


def _type(server: Server, words: Sequence[str]) -> Answer:
    name, text = words
    named(server, name).type_text(text)
    return Answer({"target": name, "typed": len(text)})


def _open(server: Server, words: Sequence[str]) -> Answer:
    name, file = words
    named(server, name).open_file(file)
    return Answer({"target": name, "file": file})


_ANY: Final = float("inf")

COMMANDS: Final[Mapping[str, Command]] = {
    "sessions": Command("sessions", 0, 0, _sessions),
    "end": Command("end ID ...", 1, _ANY, _end),
    "start": Command("start NAME ...", 1, _ANY, _start),
    "stop": Command("stop NAME ...", 1, _ANY, _stop),
    "screenshot": Command("screenshot NAME [FILE]", 1, 2, _screenshot),
    "type": Command("type NAME TEXT", 2, 2, _type),
    "open": Command("open NAME FILE", 2, 2, _open),
}
