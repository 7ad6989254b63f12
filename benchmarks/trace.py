"""What a real VNC server sends: recorded from Xvnc while a terminal scrolls and a moving picture plays in Chromium."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.chromium import ARGUMENTS, CHROMIUM

#: (seconds since the beginning, bytes) in the order in which they came.
Trace = list[tuple[float, bytes]]

_GEOMETRY: Final = (1280, 720)
#: Tight, ZRLE, Hextile, CopyRect, Raw; quality 6 and compression 2: noVNC's own defaults.
_ENCODINGS: Final = (7, 16, 5, 1, 0, -26, -254)
#: How often the viewer asks for an update (seconds): a browser's frame rate, halved.
_ASK: Final = 1 / 30
_PIECE: Final = 1 << 18

#: Half of the window is a picture with soft colours and noise that moves, which is what a video is to an encoder.
_VIDEO: Final = """<!doctype html><body style="margin:0;background:#222"><canvas width=640 height=480></canvas><script>
const c = document.querySelector('canvas').getContext('2d');
let t = 0;
setInterval(() => {
  t += 0.04;
  for (let i = 0; i < 12; i++) {
    const x = 320 + 300 * Math.sin(t * (1 + i / 9) + i), y = 240 + 220 * Math.cos(t * (1 + i / 7) + 2 * i);
    const g = c.createRadialGradient(x, y, 5, x, y, 190);
    g.addColorStop(0, `hsla(${(40 * i + 30 * t) % 360} 70% 55% / .6)`);
    g.addColorStop(1, 'transparent');
    c.fillStyle = g;
    c.fillRect(0, 0, 640, 480);
  }
}, 40);
</script>"""
_SCROLL: Final = "while :; do for f in /etc/*.conf /etc/services; do cat $f; sleep 0.1; done; done"
_CHROMIUM: Final = [CHROMIUM, *ARGUMENTS, "--disable-gpu", "--window-position=0,0", "--window-size=640,520"]


def record(seconds: float) -> Trace:
    """Record that many seconds of a desktop's traffic.

    Raises:
        FileNotFoundError: a program is missing; names it.
    """
    for program in ("Xtigervnc", "xterm", CHROMIUM):
        if shutil.which(program) is None:
            raise FileNotFoundError(f"{program} is not installed; `make bench` installs it.")
    with tempfile.TemporaryDirectory(prefix="jvbench-") as name, _desktop(Path(name)) as path:
        return _watch(path, seconds)


@contextmanager
def _desktop(folder: Path) -> Iterator[str]:
    """A desktop with a scrolling terminal and a moving picture; gives its socket."""
    path, page = folder / "vnc.sock", folder / "video.html"
    page.write_text(_VIDEO)
    environ = {**os.environ, "HOME": str(folder)}
    geometry = "x".join(map(str, _GEOMETRY))
    listen = ["-rfbport", "-1", "-rfbunixpath", str(path), "-SecurityTypes", "None", "-geometry", geometry]
    out, into = os.pipe()
    programs = [_start(["Xtigervnc", "-displayfd", str(into), *listen], environ, into)]
    try:
        os.close(into)
        with os.fdopen(out) as said:
            environ["DISPLAY"] = ":" + said.readline().strip()
        programs.append(_start(["xterm", "-geometry", "100x50+650+0", "-e", "sh", "-c", _SCROLL], environ))
        browser = [*_CHROMIUM, f"--user-data-dir={folder / 'chromium'}", f"--app=file://{page}"]
        programs.append(_start(browser, environ))
        time.sleep(5)  # until both have drawn
        yield str(path)
    finally:
        for program in reversed(programs):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()


def _start(command: list[str], environ: dict[str, str], *inherited: int) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(
        command, env=environ, stdout=nowhere, stderr=nowhere, start_new_session=True, pass_fds=inherited
    )


def _watch(path: str, seconds: float) -> Trace:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        _log_in(server)
        encodings = struct.pack(f">BxH{len(_ENCODINGS)}i", 2, len(_ENCODINGS), *_ENCODINGS)
        server.sendall(encodings + struct.pack(">BB4H", 3, 0, 0, 0, *_GEOMETRY))
        trace: Trace = []
        began = asked = time.monotonic()
        while (now := time.monotonic()) - began < seconds:
            if now - asked >= _ASK:
                asked = now
                server.sendall(struct.pack(">BB4H", 3, 1, 0, 0, *_GEOMETRY))
            if select.select([server], [], [], _ASK / 4)[0]:
                trace.append((time.monotonic() - began, server.recv(_PIECE)))
        return trace


def _log_in(server: socket.socket) -> None:
    def exactly(size: int) -> bytes:
        return server.recv(size, socket.MSG_WAITALL)

    exactly(12)
    server.sendall(b"RFB 003.008\n")
    exactly(exactly(1)[0])
    server.sendall(b"\x01")
    exactly(4)
    server.sendall(b"\x01")
    exactly(20)
    exactly(int.from_bytes(exactly(4), "big"))
