"""User names in addresses: all that a request adds to one, and what it may be.

A hub's users may be called anything, ``127.0.0.1`` and ``evil.example.org`` included. In a path a name is one
component's part; in a host name it is part of one label (RFC 1123, section 2.1), so that it never chooses the domain,
and never makes an address of a name.
"""

from __future__ import annotations

import re
from typing import Final

from jupyter_vnc.exceptions import TargetNotFound

#: What is replaced by the user's name.
PLACEHOLDER: Final = "{username}"

#: User names that may become a part of an address. No separator, no dot-dot, nothing that a shell or a URL reads.
SAFE_USERNAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")

#: Longest host name without the dot at its end (characters; RFC 1035, section 2.3.4).
MAX_HOSTNAME: Final = 253

#: A label of a host name (RFC 1035, section 2.3.1), with the underscore that Windows and containers permit.
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
#: With such a last label, inet_aton(3) and the URL Standard ("ends in a number") take a host name for an IPv4 address.
_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
#: What Linux distributions call the loopback interface in ``/etc/hosts``, and names for this machine and its router
#: that systemd makes up (``nss-myhostname(8)``, ``systemd-resolved(8)``).
_LOCAL: Final = frozenset(
    {
        *("localhost", "localhost4", "localhost6", "ip6-localhost", "ip6-loopback"),
        *("_gateway", "_outbound", "_localdnsstub", "_localdnsproxy"),
    }
)


def in_path(template: str, username: str) -> str:
    """Put a user's name into a path.

    Raises:
        TargetNotFound: it holds a character that could change the path's meaning.
    """
    if PLACEHOLDER not in template:
        return template
    if not _is_safe(username):
        raise _refusal(username)
    return template.replace(PLACEHOLDER, username)


def in_hostname(template: str, username: str) -> str:
    """Put a user's name into a label of a host name.

    Raises:
        TargetNotFound: it would be more than a label, or the result would be an address or this machine's own name.
    """
    if PLACEHOLDER not in template:
        return template
    host = template.removesuffix(".")
    labels = [(label.replace(PLACEHOLDER, username), PLACEHOLDER in label) for label in host.split(".")]
    fits = all(_LABEL.fullmatch(label) and label.lower() not in _LOCAL for label, users in labels if users)
    if not _is_safe(username) or not fits or _NUMBER.fullmatch(labels[-1][0]):
        raise _refusal(username)
    name = template.replace(PLACEHOLDER, username)
    if len(name.removesuffix(".")) > MAX_HOSTNAME:
        raise TargetNotFound(detail=f"host name for {username!r} is over {MAX_HOSTNAME} characters")
    return name


def _is_safe(username: str) -> bool:
    return SAFE_USERNAME.fullmatch(username) is not None and ".." not in username


def _refusal(username: str) -> TargetNotFound:
    return TargetNotFound(detail=f"user name {username!r} cannot be part of this address")
