"""Text of others, made safe to stand within ours: in a log, a sentence, a close reason, or the cell of a table."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

#: Text that a server sent is cut at this length before it is shown (characters).
MAX_REMOTE_TEXT = 200

#: Characters that end a line, move a terminal's cursor, or reorder the text around them: controls (C0, C1), line and
#: paragraph separators, direction marks and overrides, invisible format characters, halves of surrogate pairs. Joiners
#: are not included, because emoji and several scripts need them.
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)

#: How a formula begins in a spreadsheet.
_FORMULA: Final = frozenset("=+-@\t\r\n")

#: What no address may have that is shown to somebody: what ends it for a reader, and marks that have no width although
#: Unicode does not count them among its controls and formats.
_NOT_IN_AN_ADDRESS: Final = re.compile(
    r'[\s"<>\\\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]'
)

#: Categories of characters that nobody sees: controls, formats such as marks of direction, halves of surrogate pairs.
_INVISIBLE: Final = {"Cc", "Cf", "Cs"}


def printable(text: str, limit: int | None = None, *, keep: str = "") -> str:
    """Return text of others so that it is safe within a line of ours: it neither ends nor reorders the line.

    Args:
        text: names in any script stay as they are.
        limit: the longest result (characters); what is cut off shows as an ellipsis.
        keep: characters to keep, such as the line breaks of a log.
    """
    text = text if limit is None else text[: limit + 1]
    clean = _UNPRINTABLE.sub(lambda match: match[0] if match[0] in keep else _escaped(match[0]), text)
    return clean if limit is None or len(clean) <= limit else clean[: limit - 1] + "…"


def quote_remote(text: str | bytes) -> str:
    """Return text of a peer, escaped and cut to :data:`MAX_REMOTE_TEXT`, so that it can go into a sentence.

    All characters that Python does not consider printable are escaped.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    start = text[: MAX_REMOTE_TEXT + 1]
    return printable("".join(char if char.isprintable() else _escaped(char) for char in start), MAX_REMOTE_TEXT)


def is_web_address(text: str) -> bool:
    """Whether text is an address of the web (``http`` or ``https``) that shows to a reader as what it is.

    The viewer has the same rule, in ``ui/links.ts``.
    """
    if _NOT_IN_AN_ADDRESS.search(text) or any(unicodedata.category(char) in _INVISIBLE for char in text):
        return False
    try:
        parts = urlsplit(text)
        # To read the port checks it.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def spreadsheet_cell(text: str) -> str:
    """Write text so that a spreadsheet does not take it for a formula: with an apostrophe before it, if it would.

    Numbers stay numbers. See OWASP's page on CSV injection for the characters.
    """
    return f"'{text}" if text[:1] in _FORMULA and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()
