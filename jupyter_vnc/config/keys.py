"""The one table of keys: checks, the admin page's form, the reference and the JSON Schema are all made from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from jupyter_vnc.model.addresses import MAX_RETRY
from jupyter_vnc.model.targets import Mode, Sharing

from . import checks, icons
from .key import Key
from .servers import LOGIN_KEYS, PLACE_KEYS, machines

_DESKTOP: Final = {
    "command": Key(
        checks.argv,
        "Command of its session: a list of words, or one line. It can be a single application, or the user's "
        "own script `~/.vnc/xstartup`, which must be executable.",
        "the first of these that is installed: Xfce, MATE, LXQt, GNOME Flashback, Openbox, IceWM, twm, a terminal "
        "alone",
    ),
    "geometry": Key(checks.geometry, "Initial size in pixels, until a viewer requests another size.", "`1680x1050`"),
    "dpi": Key(checks.integer(40, 600), "Resolution in dots per inch, 40 to 600.", "96"),
    "fullscreen": Key(
        checks.flag,
        "Whether the windows of `desktop.command` fill the desktop [as long as no window manager "
        "runs](#a-single-application).",
        "`True`",
    ),
}

_POOL: Final = {
    "machines": Key(
        machines, 'The machines: a dictionary of names, or a list of `"host:port"` and `"[IPv6 address]:port"`.'
    ),
    "idle_timeout": Key(
        checks.seconds(30 * 86400, never=True),
        "Seconds without input after which a machine is returned to the pool, up to 30 days; 0 for never. A user "
        "who looks at it is told two minutes before, and keeps it while other machines are free.",
        "1800",
    ),
    "max_lease": Key(
        checks.seconds(365 * 86400, never=True),
        "Seconds after which a machine is returned to the pool in any case, up to a year; 0 for never.",
        "0",
    ),
    "retry_after": Key(
        checks.seconds(MAX_RETRY),
        "Seconds for which a machine that failed is out of order, up to 900. Doubles with each further "
        "failure, up to 900.",
        "60",
    ),
}

_TLS: Final = {
    "mode": Key(
        checks.choice("auto", "x509", "anonymous", "off"),
        "`auto` (encryption when offered), `x509` (a verified server or nothing), `anonymous` (encrypted, "
        "but the server need not be verified) or `off` (no TLS).",
        "`auto`",
    ),
    "ca_file": Key(
        checks.file,
        "File with the trusted certificate authorities. If it is set, `auto` accepts only a verified server.",
        "the system's",
        local=True,
    ),
    "fingerprint": Key(
        checks.fingerprint,
        "SHA-256 of the certificate (with RA2: of the key) that the server must present: 64 hexadecimal "
        "digits, colons allowed.",
        "none",
    ),
    "cert_file": Key(
        checks.file,
        "File with the certificate that the server is shown as ours, if it asks for one (QEMU: "
        "`verify-peer=on`), and with those between it and its authority.",
        "none",
        local=True,
    ),
    "key_file": Key(
        checks.private_file,
        "File with the key of `tls.cert_file`, without a passphrase, which only the server's account may read.",
        "none",
        local=True,
    ),
    "check_hostname": Key(checks.flag, "Whether the certificate must match the target's host name.", "`True`"),
}

#: The keys by the sections of the reference and of the form, in their order.
SECTIONS: Final[Mapping[str, Mapping[str, Key]]] = {
    "Address": {
        **PLACE_KEYS,
        "desktop": Key(
            checks.table(_DESKTOP, "desktop"),
            "A desktop that Jupyter starts: a dictionary, `{}` for all defaults.",
        ),
        "pool": Key(
            checks.table(_POOL, "pool"),
            "A pool of machines; each user gets one of their own. Only in the hub service. A dictionary.",
        ),
    },
    "Login": {
        **LOGIN_KEYS,
        "allow_unauthenticated": Key(
            checks.flag,
            "Whether to accept a server that asks for no login at all. This is always accepted on a Unix socket "
            "and on a loopback address.",
            "`False`",
        ),
    },
    "Encryption": {"tls": Key(checks.table(_TLS, "TLS"), "A dictionary with the following keys.")},
    "Permissions": {
        "mode": Key(
            checks.member(Mode), "`control`, or `view` for view only. The authorizer may permit less.", "`control`"
        ),
        "allow_users": Key(checks.names, "List of user names.", "everybody"),
        "allow_groups": Key(
            checks.names,
            "List of groups, as JupyterHub has them. A user in either list is admitted.",
            "everybody",
        ),
        "sharing": Key(
            checks.member(Sharing),
            "Who may be in control: `shared` (many at once), `exclusive` (one at a time; the next is told who is in "
            "control, and may take over) or `takeover` (the most recent one). See "
            "[sharing](../howto/share-a-desktop.md).",
            "`shared`",
        ),
        "clipboard": Key(
            checks.choice("both", "to-desktop", "from-desktop", "off"),
            "`both`, `to-desktop`, `from-desktop` or `off`. [How far it "
            "reaches](../explanation/security.md#view-only-and-the-clipboard).",
            "`both`",
        ),
        "sound": Key(
            checks.flag,
            "Whether viewers may hear a managed desktop. `False`: it has no sound server. Other desktops have no "
            "[sound](../howto/hear-a-desktop.md) in any case.",
            "`True`, where PulseAudio and the extra `sound` are installed",
        ),
        "wall": Key(
            checks.flag,
            "Whether the viewers of users at their own desktops send small pictures to the "
            "[wall](../howto/jupyterhub.md#the-wall) of the course, while an instructor has it open.",
            "`VNCBroker.wall`; without that, `True` for targets with `allow_groups` and `False` for others",
        ),
        "video": Key(
            checks.flag,
            "Whether viewers may see what moves on a managed desktop as [video](../howto/see-what-moves.md). `False`: "
            "it comes as everything else does. Other desktops have no video in any case.",
            "`True`, where the extra `stream` is installed",
        ),
        "power": Key(
            checks.flag,
            "Whether a user in control may shut down, restart or reset the machine, if its VNC server supports "
            "it (xvp: QEMU, Xen).",
            "`False`",
        ),
        "max_sessions": Key(
            checks.integer(1, 1000),
            "Viewers at once, 1 to 1000. Somebody who is not there yet is admitted while fewer *people* are there, "
            "somebody who is there while fewer *windows* are open; instructors and admins who look in are counted "
            "by themselves.",
            "`VNCBroker.sessions_per_target`; none if `mode` is `view`",
        ),
    },
    "Appearance": {
        "title": Key(checks.text, "Title of the tile.", "the name"),
        "description": Key(checks.text, "A line below the title.", "none"),
        "icon": Key(
            icons.icon,
            "Name of one of [JupyterLab's icons]"
            "(https://jupyterlab.readthedocs.io/en/stable/extension/ui_components.html), such as "
            "`ui-components:terminal`, or the absolute path of an SVG or PNG file of at most 64 KiB (a PNG of at most "
            "1024 by 1024 pixels), which is read when the target is. It is in the launcher, in the menus, in "
            "Notebook's menu and on the page of desktops.",
            "a desktop that shows its state",
        ),
        "category": Key(checks.text, "Section of the launcher.", "`Desktops`"),
        "resize": Key(
            checks.choice("remote", "scale", "off"),
            "`remote` (the desktop is resized to fit its frame), `scale` or `off`.",
            "`remote`",
        ),
        "quality": Key(checks.integer(0, 9), "JPEG quality, 0 to 9.", "6"),
        "compression": Key(checks.integer(0, 9), "Compression level, 0 to 9.", "2"),
    },
    "Timeouts": {
        "connect_timeout": Key(
            checks.seconds(),
            "For connecting, including the time spent waiting for other logins.",
            "`VNCBroker.connect_timeout`",
        ),
        "handshake_timeout": Key(
            checks.seconds(), "For the VNC server's greeting and login.", "`VNCBroker.handshake_timeout`"
        ),
        "stall_timeout": Key(
            checks.seconds(),
            "For which an end may accept nothing while bytes are waiting for it.",
            "`VNCBroker.stall_timeout`",
        ),
    },
}

#: Every key that a target may have.
KEYS: Final[Mapping[str, Key]] = {name: key for keys in SECTIONS.values() for name, key in keys.items()}

#: The keys of dictionaries within a target.
NESTED: Final[Mapping[str, Mapping[str, Key]]] = {"desktop": _DESKTOP, "pool": _POOL, "tls": _TLS}


def rows(section: str) -> Iterator[tuple[str, Key]]:
    """List the keys of a section with those of their dictionaries, named like ``tls.mode``."""
    for name, key in SECTIONS[section].items():
        yield name, key
        yield from ((f"{name}.{inner}", one) for inner, one in NESTED.get(name, {}).items())
