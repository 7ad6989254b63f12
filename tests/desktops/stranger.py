"""What another user can do with a desktop whose socket, folder, cookie and display they know."""

import subprocess
import sys

_SCRIPT = """
import os, socket, subprocess, sys
uid, path, display, authority = sys.argv[1:]
os.setgroups([]); os.setgid(int(uid)); os.setuid(int(uid))
for attempt in (
    lambda: socket.socket(socket.AF_UNIX).connect(path),
    lambda: os.listdir(os.path.dirname(path)),
    lambda: open(authority).close(),
):
    try:
        attempt()
        print("open")
    except PermissionError:
        print("denied")
for authority in (authority, "/dev/null"):
    environ = {"PATH": os.environ["PATH"], "DISPLAY": display, "XAUTHORITY": authority}
    shown = subprocess.run(["xdpyinfo"], env=environ, capture_output=True)
    print("denied" if shown.returncode else "open")
"""

#: What its own user may do, and what others may: the display without the cookie is nobody's.
OWN = {"socket": "open", "folder": "open", "cookie": "open", "display": "open", "display without cookie": "denied"}
OTHER = dict.fromkeys(OWN, "denied")


def attempts(uid, path, display, authority):
    """As a user, which root must ask: connect to the socket, list its folder, read the cookie, open the display."""
    command = [sys.executable, "-c", _SCRIPT, str(uid), path, display, authority]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(zip(OWN, done.stdout.split(), strict=True))
