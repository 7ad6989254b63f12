"""The applications that are installed, from their ``.desktop`` files, and a window manager's menu of them.

Sources: the Desktop Entry Specification 1.5 and the Desktop Menu Specification 1.1 of freedesktop.org (appendix A has
the main categories). Of the latter's merging and layouts we need nothing: one level, by main category.
"""

from __future__ import annotations

import configparser
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from jupyter_vnc.system.account import home_folder

#: Main categories in the order in which they are looked for, and what the menu calls them.
CATEGORIES: Final[Mapping[str, str]] = {
    "Settings": "Settings",
    "System": "System",
    "Development": "Development",
    "Education": "Education",
    "Science": "Science",
    "Game": "Games",
    "Graphics": "Graphics",
    "Network": "Internet",
    "AudioVideo": "Sound and Video",
    "Office": "Office",
    "Utility": "Accessories",
}
OTHER: Final = "Other"

#: Largest file (bytes), and most files, that are read: a home folder's may be anything.
MAX_FILE: Final = 1 << 18
MAX_FILES: Final = 2000

#: Arguments that a file manager would fill in; ``%%`` is a percent sign.
_FIELD: Final = re.compile(r"%([a-zA-Z%])")
_SECTION: Final = "Desktop Entry"

Which = Callable[[str], str | None]


@dataclass(frozen=True, slots=True, order=True)
class Application:
    """An application: the menu's section, its name in the user's language, and the command that starts it."""

    section: str
    name: str
    command: str


def folders(environ: Mapping[str, str]) -> list[Path]:
    """Return where applications are described, the user's own first (XDG Base Directory Specification)."""
    own = environ.get("XDG_DATA_HOME") or str(Path(environ.get("HOME") or home_folder(), ".local", "share"))
    system = environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    return [Path(folder) / "applications" for folder in (own, *system.split(":")) if folder.startswith("/")]


def installed(environ: Mapping[str, str], which: Which, terminal: Sequence[str] = ()) -> list[Application]:
    """Return the applications of a menu, in its order; one that cannot be read is left out.

    Args:
        environ: names folders and language.
        which: finds programs.
        terminal: the terminal for applications that need one; without it, they are left out.
    """
    languages = _languages(environ)
    found: dict[str, Application | None] = {}
    for name, file in _files(folders(environ)):
        if name not in found:
            found[name] = _read(file, languages, which, terminal)
    return sorted({application for application in found.values() if application is not None})


def _files(places: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield each file with its ID: the path below its folder, with dashes."""
    count = 0
    for place in places:
        for folder, _, names in os.walk(place):
            for name in sorted(names):
                if not name.endswith(".desktop"):
                    continue
                count += 1
                if count > MAX_FILES:
                    return
                file = Path(folder, name)
                yield "-".join(file.relative_to(place).parts), file


def _languages(environ: Mapping[str, str]) -> list[str]:
    """Return the endings of keys that the user's language permits, best first."""
    named = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    language = re.sub(r"[.@].*", "", named)
    return [f"[{one}]" for one in dict.fromkeys((language, language.split("_")[0])) if one] + [""]


def _read(file: Path, languages: Sequence[str], which: Which, terminal: Sequence[str]) -> Application | None:
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys are case-sensitive
    try:
        if not file.is_file() or file.stat().st_size > MAX_FILE:
            return None
        parser.read_string(file.read_text("utf-8"))
        entry = dict(parser[_SECTION])
        words = shlex.split(entry.get("Exec", ""))
    except (OSError, ValueError, KeyError, configparser.Error):
        return None
    name = next((entry[f"Name{end}"] for end in languages if entry.get(f"Name{end}")), "")
    if not name or not words or not _shown(entry) or not _there(entry, words, which):
        return None
    if entry.get("Terminal") == "true":
        if not terminal:
            return None
        words = [*terminal, "-e", *_for_terminal(terminal, words)]
    return Application(_section(entry), name, shlex.join(_without_fields(words, name)))


def _for_terminal(terminal: Sequence[str], words: Sequence[str]) -> Sequence[str]:
    """Return what ``-e`` of a terminal takes: the words of a command, or all of them as one."""
    return words if Path(terminal[0]).name in {"xterm", "x-terminal-emulator"} else [shlex.join(words)]


def _shown(entry: Mapping[str, str]) -> bool:
    hidden = any(entry.get(key) == "true" for key in ("NoDisplay", "Hidden"))
    return entry.get("Type") == "Application" and not hidden and not entry.get("OnlyShowIn")


def _there(entry: Mapping[str, str], words: Sequence[str], which: Which) -> bool:
    return all(which(program) for program in (entry.get("TryExec") or words[0], words[0]))


def _section(entry: Mapping[str, str]) -> str:
    categories = set(entry.get("Categories", "").split(";"))
    return next((title for category, title in CATEGORIES.items() if category in categories), OTHER)


def _without_fields(words: Sequence[str], name: str) -> Iterator[str]:
    for word in words:
        if _FIELD.fullmatch(word) and word != "%%":
            if word == "%c":
                yield name
            continue
        yield _FIELD.sub(lambda field: "%" if field[1] == "%" else "", word)


def openbox_menu(applications: Sequence[Application], terminal: Sequence[str]) -> str:
    """Return Openbox's menu of some applications, with a terminal at the top."""
    sections: dict[str, list[Application]] = {}
    for application in applications:
        sections.setdefault(application.section, []).append(application)
    lines = [_item("Terminal", shlex.join(terminal))] if terminal else []
    for number, (title, members) in enumerate(sections.items()):
        lines.append(f'<menu id="section-{number}" label={quoteattr(title)}>')
        lines += [_item(one.name, one.command) for one in members]
        lines.append("</menu>")
    lines += ["<separator/>", '<item label="Exit"><action name="Exit"/></item>']
    root = "\n".join(lines)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<openbox_menu xmlns="http://openbox.org/">\n'
        f'<menu id="root-menu" label="Applications">\n{root}\n</menu>\n</openbox_menu>\n'
    )


def _item(label: str, command: str) -> str:
    # Openbox takes an underscore for the letter that selects an item.
    shown = quoteattr(label.replace("_", "__"))
    return f'<item label={shown}><action name="Execute"><command>{escape(command)}</command></action></item>'
