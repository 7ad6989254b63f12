"""The page about the log quotes lines: each sentence in them is one that the code prints."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/howto/log-messages.md"
#: Words of the system and of other programs, which stand in our lines.
OTHERS = (
    "Name or service not known",
    "Error 111 connecting to",
    "Authentication failure",
    "permission denied for schema public",
    "install -d -m 1777 -o root",
)
#: As many words in a row that no text of the code contains are a sentence that is not printed.
RUN = 5
_FORMAT = re.compile(r"%[-.0-9]*[a-z]|\{\w*\}")


def quoted():
    """The lines of the page's blocks, without level and logger."""
    blocks = re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [re.sub(r"^\[[A-Z] \w+\] ", "", line) for block in blocks for line in block.splitlines()]


def pieces():
    """What the code's texts have between their variables; eight characters at least, to mean something."""
    found = set()
    for file in (ROOT / "jupyter_vnc").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for part in _FORMAT.split(" ".join(node.value.split("\n\n")[0].split("\n"))):
                    if len(part.strip()) >= 8:
                        found.add(part.strip())
    return found


PIECES = pieces()


def invented(line):
    """The longest run of words of a line that are in no text of the code."""
    for text in (*OTHERS, "ada sends bob, at lab-1,"):
        line = line.replace(text, "0")
    for piece in sorted(PIECES, key=len, reverse=True):
        line = line.replace(piece, "0")
    runs = re.findall(rf"(?:\b[A-Za-z][a-z']*[,.:;?]? +){{{RUN - 1},}}[A-Za-z][a-z']*", line)
    return max(runs, key=len, default="")


@pytest.mark.parametrize("line", quoted())
def test_a_quoted_line_is_one_that_the_code_prints(line):
    assert invented(line) == ""


def test_the_page_quotes_lines_and_a_changed_one_is_noticed():
    assert len(quoted()) > 30
    assert invented("Session 5: ada opens the door of the lab") != ""
    assert invented("target 'a', key 'b': unknown key. This target is left out.") == "This target is left out"
