"""Measure the wall of the course room in Chromium: how long the frames take while somebody scrolls through it.

The page is the real one; a small server stands for the service and has so many people, each with a new picture every
five seconds. Run it with ``python scripts/measure_wall.py``; it prints the median and the 95th percentile of the time
from one frame to the next, and the load of the machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, cast

from jinja2 import Environment, FileSystemLoader
from playwright.sync_api import CDPSession, Page, sync_playwright

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "jupyter_vnc"
KINDS: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json"}
#: Seconds from one picture of somebody to the next.
EVERY: Final = 5.0
#: Different pictures, as large as viewers make them from a desktop with text and colours.
PICTURES: Final = 40
DRAW: Final = """count => Array.from({length: count}, (_, nth) => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [320, 200];
    const context = canvas.getContext('2d');
    for (let at = 0; at < 160; at += 1) {
        context.fillStyle = `hsl(${(at * 37 + nth * 90) % 360} 70% 50%)`;
        context.fillRect((at * 53 + nth * 7) % 320, (at * 29) % 200, 24, 10);
        context.fillText(`line ${at} of ${nth}`, (at * 71) % 320, (at * 13) % 200);
    }
    return canvas.toDataURL('image/webp', 0.4).split(',')[1];
})"""
#: Scroll down and up by so many pixels a frame, and note when each frame comes.
SCROLL: Final = """seconds => new Promise(done => {
    const times = [], begun = performance.now();
    let step = 24;
    const frame = now => {
        times.push(now);
        const bottom = document.documentElement.scrollHeight - innerHeight;
        if (scrollY >= bottom - 1) step = -24;
        if (scrollY <= 0) step = 24;
        scrollBy(0, step);
        if (now - begun < seconds * 1000) requestAnimationFrame(frame);
        else done(times.slice(1).map((at, nth) => at - times[nth]));
    };
    requestAnimationFrame(frame);
})"""


class Service(ThreadingHTTPServer):
    """Stands for the hub's service."""

    def __init__(self, people: int) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        now = datetime.now(UTC)
        self.ids = [f"{nth:016x}" for nth in range(people)]
        self.room = {
            "sessions": [
                {
                    "id": one,
                    "target": "lab",
                    "mode": "control",
                    "user": f"student-{nth}",
                    "owner": f"student-{nth}",
                    "machine": f"m{nth}",
                    "since": (now - timedelta(hours=1)).isoformat(),
                    "last_input": (now - timedelta(minutes=nth % 20)).isoformat(),
                    "hand": now.isoformat() if nth % 50 == 0 else None,
                    "hand_sentence": "",
                }
                for nth, one in enumerate(self.ids)
            ],
            "machines": [],
            "waiting": [],
            "servers": [],
            "absent": [],
        }
        self.pictures: list[str] = []
        self._turn = itertools.count()
        self._asked = time.monotonic()

    def new_pictures(self) -> list[dict[str, str]]:
        """List what has come since the last question: those of all people go round once in each :data:`EVERY`."""
        now = time.monotonic()
        count = min(len(self.ids), round(len(self.ids) * (now - self._asked) / EVERY)) if self.pictures else 0
        self._asked = now
        turns = list(itertools.islice(self._turn, count))
        return [
            {"session": self.ids[nth % len(self.ids)], "data": self.pictures[(nth * 7) % len(self.pictures)]}
            for nth in turns
        ]


class Answer(BaseHTTPRequestHandler):
    """Answers with the page, its files, the room, and what is new on the wall."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The page, a file of it, or the room."""
        path = self.path.split("?")[0]
        if path == "/vnc/room":
            templates = Environment(loader=FileSystemLoader(PACKAGE / "templates"), autoescape=True)
            page = templates.get_template("room.html").render(root="/vnc/", version="1", asked_as="")
            self._send(page.encode(), "text/html")
        elif path == "/vnc/api/room":
            self._send(json.dumps(cast("Service", self.server).room).encode(), "application/json")
        elif (file := PACKAGE / path.removeprefix("/vnc/")).is_file():
            self._send(file.read_bytes(), KINDS.get(file.suffix, "text/plain"))
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """What is new on the wall."""
        self.rfile.read(int(self.headers["Content-Length"]))
        pictures = cast("Service", self.server).new_pictures()
        body = {"pictures": pictures, "process": "0" * 16, "stamp": 1, "more": False}
        self._send(json.dumps(body).encode(), "application/json")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def measure(page: Page, service: Service, seconds: float) -> tuple[list[float], float]:
    """Open the wall, wait until each tile has a picture, and scroll.

    Returns:
        The times between frames, and how long the page's main thread has worked for one (ms).
    """
    page.goto(f"http://127.0.0.1:{service.server_port}/vnc/room")
    service.pictures = page.evaluate(DRAW, PICTURES)
    page.click("#views [data-view=wall]")
    page.wait_for_function(
        "count => document.querySelectorAll('.jp-VNC-shot img:not([hidden])').length === count",
        arg=len(service.ids),
        timeout=120_000,
    )
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = _worked(devtools)
    times = cast("list[float]", page.evaluate(SCROLL, seconds))
    return times, 1000 * (_worked(devtools) - before) / len(times)


def _worked(devtools: CDPSession) -> float:
    """Return the processor time of the page's main thread (seconds), which other programs do not take any of."""
    metrics = devtools.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def main() -> None:
    """Measure as the options say."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=300)
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--chromium", default="/usr/bin/chromium")
    options.add_argument("--screenshot", help="a file for a picture of the wall")
    chosen = options.parse_args()
    service = Service(chosen.people)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chosen.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        times, worked = measure(page, service, chosen.seconds)
        times.sort()
        if chosen.screenshot:
            page.screenshot(path=chosen.screenshot)
        size = statistics.mean(len(one) * 3 / 4 for one in service.pictures)
        browser.close()
    service.shutdown()
    print(
        f"{chosen.people} people, pictures of {size / 1024:.1f} KiB every {EVERY:.0f} s, {len(times)} frames: "
        f"median {statistics.median(times):.1f} ms, p95 {times[int(len(times) * 0.95)]:.1f} ms, "
        f"longest {times[-1]:.1f} ms; processor time of the page {worked:.1f} ms a frame; "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    )


if __name__ == "__main__":
    main()
