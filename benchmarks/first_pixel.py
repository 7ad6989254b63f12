"""From the click to the first pixel of a desktop that the server starts, beside jupyter-remote-desktop-proxy.

Run it with ``make bench-first-pixel``. Cold: Jupyter has just started, and no desktop runs. Warm: it runs already. The
same session, the same Xvnc, the same Chromium, in alternation.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Final

import psutil
from playwright.sync_api import Browser, sync_playwright

from tests.chromium import ARGUMENTS, CHROMIUM

from .contestants import JupyterServer

#: The session of both: it paints the screen, which the benchmark waits for.
_SESSION: Final = "#!/bin/sh\nxsetroot -solid '#c02040'\nexec openbox\n"
_PAINTED: Final = """() => {
  const canvas = document.querySelector('canvas');
  if (!canvas || canvas.width < 50) return false;
  const [red, green] = canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
  return red > 150 && green < 80;
}"""
#: A browser is still when it used at most this much of a CPU between so many looks, that far apart (seconds). The wait
#: for that has a limit (seconds).
_IDLE: Final = 0.1
_STILL: Final = 4
_LOOK: Final = 0.2
_PATIENCE: Final = 15.0


class _Desktop(JupyterServer):
    """A Jupyter server that starts a desktop."""

    path: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self._session = folder / "session"
        self._session.write_text(_SESSION)
        self._session.chmod(0o755)
        super().__init__(folder, {})

    def first_pixel(self, browser: Browser) -> float:
        """Open the page as a new reader does; return the seconds until the desktop is visible."""
        with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
            page = context.new_page()
            page.goto(f"{self._root_url}api/status?token={self._token}")  # logged in from here on
            _wait_until_still()
            began = time.perf_counter()
            page.goto(self._root_url + self.path, wait_until="commit")
            page.wait_for_function(_PAINTED, polling="raf", timeout=60000)
            return time.perf_counter() - began

    @property
    def _root_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.rest(1)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def _environ(self) -> dict[str, str]:
        gone = {"DISPLAY", "XAUTHORITY"}
        return {name: value for name, value in super()._environ().items() if name not in gone} | {
            "HOME": str(self._folder),
            "JUPYTER_REMOTE_DESKTOP_PROXY_XSTARTUP": str(self._session),
        }


def _wait_until_still() -> None:
    """Wait until Chromium has loaded what its new window needs.

    For half a second and more that is a hundred scripts of its own (for the address bar, say), in a process beside the
    page's: a person who clicks has had the window for a while.
    """
    deadline = time.monotonic() + _PATIENCE
    spent, still = _browsers_time(), 0
    while still < _STILL and time.monotonic() < deadline:
        time.sleep(_LOOK)
        before, spent = spent, _browsers_time()
        still = still + 1 if spent - before <= _IDLE * _LOOK else 0


def _browsers_time() -> float:
    """The CPU time of all of Chromium's processes (seconds)."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "chrom" in process.name():
                spent += process.cpu_times().user + process.cpu_times().system
    return spent


class _Ours(_Desktop):
    name = package = "jupyter-vnc"
    extensions = ("jupyter_vnc",)
    path = "vnc/view/desktop"

    def _config(self) -> dict[str, Any]:
        return {"VNCBroker": {"targets": {"desktop": {"desktop": {"command": [str(self._session)]}}}}}


class _RemoteDesktopProxy(_Desktop):
    name = package = "jupyter-remote-desktop-proxy"
    extensions = ("jupyter_server_proxy", "jupyter_remote_desktop_proxy")
    path = "desktop/"

    def _config(self) -> dict[str, Any]:
        return {}


_KINDS: Final[Sequence[type[_Desktop]]] = (_Ours, _RemoteDesktopProxy)


def run(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Measure each a number of times, cold and warm."""
    found: dict[str, dict[str, list[float]]] = {kind.name: {"cold": [], "warm": []} for kind in _KINDS}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for number in range(rounds):
            for kind in _KINDS:
                print(f"{kind.name}, {number + 1} of {rounds}", file=sys.stderr, flush=True)
                with tempfile.TemporaryDirectory(prefix="jvbench-", ignore_cleanup_errors=True) as folder:
                    one = kind(Path(folder))
                    with one.running():
                        found[kind.name]["cold"].append(one.first_pixel(browser))
                        found[kind.name]["warm"].append(one.first_pixel(browser))
                    _end_rest(folder)
        browser.close()
    return found


def _end_rest(folder: str) -> None:
    """End what a server left running: our own children's children, known by their home.

    Gently first, so that an X server removes its lock and its socket.
    """
    left = [*_living(folder)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(left, timeout=5)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _living(folder: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME", "").startswith(folder):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def table(found: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Milliseconds: median (lowest to highest), and the ratio."""
    ours, peer = (kind.name for kind in _KINDS)
    lines = [f"|  | {ours} | {peer} | ratio |", "| --- | --- | --- | --- |"]
    for how in ("cold", "warm"):
        medians = {name: statistics.median(times[how]) for name, times in found.items()}
        cells = [
            f"{medians[name] * 1e3:.0f} ({min(found[name][how]) * 1e3:.0f} to {max(found[name][how]) * 1e3:.0f})"
            for name in (ours, peer)
        ]
        lines.append(
            f"| click to first pixel, {how} (ms) | {' | '.join(cells)} | {medians[ours] / medians[peer]:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_pixel", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every sample")
    options = parser.parse_args()
    found = run(options.rounds)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{os.uname().sysname} {os.uname().release}; " + ", ".join(f"{one.name} {one.version()}" for one in _KINDS))
    print(f"\n{table(found)}")


if __name__ == "__main__":
    main()
