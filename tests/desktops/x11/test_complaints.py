"""Why an X server ended, out of what real ones write."""

import pytest

from jupyter_vnc.desktops.processes.tree import Exit
from jupyter_vnc.desktops.x11 import complaints

START = """
Xvnc TigerVNC 1.12.0 - built 2023-01-06 16:01
Copyright (C) 1999-2021 TigerVNC Team and many others (see README.rst)
See https://www.tigervnc.org for information on TigerVNC.
Underlying X server release 12101006, X.Org


Sun Nov 29 00:34:15 2026
 vncext:      VNC extension running!
 vncext:      Listening for VNC connections on /run/user/7/secret/rfb.sock (mode 0600)
[mi] mieq: warning: overriding existing handler (nil) with 0x5610bfc47180 for event 2
"""
END = """
Sun Nov  1 00:34:18 2026
 ComparingUpdateTracker: 0 pixels in / 0 pixels out
 ComparingUpdateTracker: (1:-nan ratio)
"""
NO_SOCKETS = """_XSERVTransSocketCreateListener: failed to bind listener
_XSERVTransMakeAllCOTSServerListeners: failed to create listener for unix
(EE)
Fatal server error:
(EE) Cannot establish any listening sockets - Make sure an X server isn't already running(EE)
"""
NO_LOCK = """(EE)
Fatal server error:
(EE) Could not create lock file in /tmp/.tX107-lock
"""
NO_KEYBOARD = """XKB: Failed to compile keymap
Keyboard initialization failed. This could be a missing or incorrect setup of xkeyboard-config.
(EE)
Fatal server error:
(EE) Failed to activate virtual core keyboard: 2(EE)
"""
HARMLESS = """> Warning:          Unsupported maximum keycode 708, clipping.
Errors from xkbcomp are not fatal to the X server
(EE)
Fatal server error:
(EE) vncExtInit: no luck
"""


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", ""),
        (START + END, ""),
        (START, ""),
        (START + NO_SOCKETS + END, "it cannot listen in /tmp/.X11-unix."),
        (START + NO_LOCK, "it cannot make its lock file in /tmp."),
        (NO_KEYBOARD, "its keyboard cannot be set up. Install xkbcomp"),
        (START + HARMLESS + END, "vncExtInit: no luck"),
        (START + "(EE) no luck\n(EE)\n" + END, "no luck"),
        ("Xvnc: error while loading shared libraries: libXfont2.so.2\n", "Xvnc: error while loading shared libraries"),
        (START + "cannot load fonts\n" + END, "cannot load fonts"),
    ],
)
def test_the_reason_alone(log, reason):
    said = complaints.reason(log)
    assert said.startswith(reason)
    assert bool(said) == bool(reason)
    for noise in ("rfb.sock", "ratio", "Make sure", "remove", "2026"):
        assert noise not in said


def test_only_an_x_servers_log_is_read_in_this_way():
    assert Exit(1, " error: no such theme\n").last_line == "error: no such theme"
