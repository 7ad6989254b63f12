"""What X servers write before they end, as a reason that a person can act on.

An X server's own advice is written for whoever sits at the machine: it suggests to look for another X server, or to
remove a file. What is known is said in our words, with a remedy; of the rest, the error alone is quoted.
"""

from __future__ import annotations

import re
from typing import Final

#: The folder of the sockets is checked before an X server starts, so that it still cannot listen is rare.
_KNOWN: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (
            r"cannot establish any listening sockets",
            "it cannot listen in /tmp/.X11-unix. A security policy (SELinux, AppArmor) may forbid it.",
        ),
        (
            r"(create|read|write|link|open) .*lock ?file|\.tX\d+-lock",
            "it cannot make its lock file in /tmp. Check the folder's owner, mode and free space.",
        ),
        (r"already active for display", "another X server took its display at the same moment. Try again."),
        (
            r"failed to (compile keymap|activate (virtual )?core|load keymap)|keyboard initiali[sz]ation",
            "its keyboard cannot be set up. Install xkbcomp (x11-xkb-utils) and xkb-data.",
        ),
        (r"could not open default font|failed to open default font", "its fonts are missing. Install xfonts-base."),
        (r"couldn't add screen", "it cannot make the screen. Choose a smaller geometry for this desktop."),
    )
)

_FATAL: Final = "Fatal server error:"
_MARK: Final = re.compile(r"^\((EE|WW|II)\)")
_ERROR: Final = "(EE)"

#: What TigerVNC logs while all is well: its banner, dates, lines of its modules, statistics at its end.
_CHATTER: Final = re.compile(
    r" [A-Za-z]\w*: |\[mi\] |Xvnc TigerVNC |Copyright |See https?://|Underlying X server |_[A-Z]+Trans"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$"
)


def reason(log: str) -> str:
    """Return why an X server ended, by the end of its log; empty if it does not say so."""
    said = _quoted(log)
    return next((words for pattern, words in _KNOWN if pattern.search(said)), said)


def _quoted(log: str) -> str:
    """Its fatal error, else the last line that it marks as an error, else the last one that is not chatter."""
    lines = [line for line in log.splitlines() if any(char.isalnum() for char in _MARK.sub("", line))]
    if _FATAL in (clean := [_plain(line) for line in lines])[:-1]:
        return clean[clean.index(_FATAL) + 1]
    errors = [line for line in lines if line.startswith(_ERROR)]
    others = [line for line in lines if not _CHATTER.match(line)]
    return _plain((errors or others or [""])[-1])


def _plain(line: str) -> str:
    return _MARK.sub("", line).strip().removesuffix(_ERROR).strip()
