#!/usr/bin/env python3
"""Find words and phrases that this project does not use, and suggest what to write instead.

    scripts/check_words.py                # the whole project, without what codespell skips in pyproject.toml
    scripts/check_words.py README.md docs # files and folders

The rules are few and cheap to follow; what no pattern can see is for whoever reviews a change.
"""

import os
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

#: Patterns that no line may match, and what to write instead. Where case matters, it is a label on the screen.
RULES: Final = tuple(
    (re.compile(pattern), advice)
    for pattern, advice in (
        (r"(?i)\b(he|his|him|himself)\b", "people are they, their, them"),
        (r"(?i)\b(is|are|was|were) to be\b", "must be, can be; or say who does it"),
        (r"(?i)\b(to|for|from|by|with|than) who\b", "whoever, anyone who, or a noun"),
        (r"(?i)\bwho (listens|stands in between|comes back|looks after)\b", "whoever, anyone who, or a noun"),
        (r"\bWhat [a-z]+s no\b", "name what it is: extensions that do not …"),
        (r"(?i)\blook(s|ed|ing)? after\b", "supervise; whoever does it to a course is an instructor"),
        (r"(?i)\blook(s|ed|ing)? on\b", "watch, view"),
        (r"(?i)\b(place|stand|stands|first|last|next|number|wait|waits|those|%\d|are) in line\b", "in the queue"),
        (r"(?i)\bbelongs? into\b", "belongs in"),
        (r"(?i)\bmend(s|ed|ing)?\b", "fix, repair"),
        (r"(?i)\bshall\b", "must, should, will"),
        (r"\bOnly look on\b", "View only"),
        (r"\bConnect again\b", "Reconnect"),
        (r"\bThe room\b", "Course room"),
        (r"\bWho waits\b", "Queue"),
        (r"\bWho is where\b", "People"),
    )
)

#: These files quote the words: the rules, and their test.
QUOTING: Final = frozenset({"check_words.py", "test_check_words.py"})


def skipped() -> Sequence[str]:
    """Return what codespell skips, so that both checks read the same files."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        patterns: str = tomllib.load(file)["tool"]["codespell"]["skip"]
    return [pattern.strip() for pattern in patterns.split(",")]


def files(start: Path, skip: Sequence[str]) -> Iterator[Path]:
    """Yield a file, or the files of a folder, without those whose names or paths are to skip."""

    def wanted(path: Path) -> bool:
        names = (path.name, f"./{path.relative_to(ROOT)}" if path.is_relative_to(ROOT) else path.name)
        return not any(fnmatch(name, pattern) for name in names for pattern in skip)

    if start.is_file():
        yield start
    for folder, folders, names in os.walk(start):
        folders[:] = sorted(name for name in folders if wanted(Path(folder, name)))
        yield from (path for name in sorted(names) if wanted(path := Path(folder, name)))


def complaints(path: Path) -> Iterator[str]:
    """Yield a line for each word of a file that a rule forbids; a file that is not text has none."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        return
    place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    for number, line in enumerate(lines, 1):
        for rule, advice in RULES:
            for found in rule.finditer(line):
                yield f"{place}:{number}: “{found[0]}”: {advice}"


def main(arguments: Sequence[str]) -> int:
    """Print all complaints; return 1 if there are any."""
    skip = skipped()
    starts = [Path(argument).resolve() for argument in arguments] or [ROOT]
    found = [
        complaint
        for start in starts
        for path in files(start, skip)
        if path.name not in QUOTING
        for complaint in complaints(path)
    ]
    print("\n".join(found or ["No unwanted words."]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
