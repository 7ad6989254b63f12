"""How many megabytes of a viewer's messages the guard checks in a second, by kind of traffic and by mode.

Run it with ``make bench-guard``. A person makes a few kilobytes a second and a paste is at most 256 KiB, so 20 MB/s is
nothing that anybody waits for.
"""

import argparse
import json
import statistics
import struct
import time

from jupyter_vnc.rfb.guard import Guard
from jupyter_vnc.rfb.permissions import Mode, Permissions

#: As much as the websocket hands over at once at most (``max_message``).
PIECE = 128 * 1024

POINTER = struct.pack(">BBHH", 5, 1, 640, 400)
KEY = struct.pack(">BBxxI", 4, 1, 0x61)
UPDATE_REQUEST = struct.pack(">BBHHHH", 3, 1, 0, 0, 1024, 768)
CUT_TEXT = struct.pack(">B3xi", 6, 100_000) + b"x" * 100_000

TRAFFIC = {
    "a busy pointer": POINTER * 6,
    "typing": KEY * 2 + UPDATE_REQUEST,
    "all at once": POINTER * 6 + UPDATE_REQUEST + KEY * 2,
    "pastes": CUT_TEXT,
}


def rate(mode: Mode, permissions: Permissions, traffic: bytes, seconds: float) -> float:
    """Return megabytes checked in a second."""
    data = (traffic * (PIECE * 8 // len(traffic) + 1))[: PIECE * 8 // len(traffic) * len(traffic) or None]
    pieces = [data[start : start + PIECE] for start in range(0, len(data), PIECE)]
    judge, judged, begin = Guard(permissions, mode), 0, time.perf_counter()
    while (spent := time.perf_counter() - begin) < seconds:
        for piece in pieces:
            judge.feed(piece)
        judged += len(data)
    return judged / spent / 1e6


def measure(repeats: int, seconds: float) -> dict[str, dict[str, float]]:
    """Return for each kind of traffic, with each kind of guard, the median of some runs."""
    guards: dict[str, tuple[Mode, Permissions]] = {
        "control": ("control", Permissions()),
        "control, no clipboard": ("control", Permissions(clipboard_to_desktop=False)),
        "view": ("view", Permissions()),
    }
    return {
        kind: {
            name: statistics.median(rate(*guard, traffic, seconds) for _ in range(repeats))
            for name, guard in guards.items()
        }
        for kind, traffic in TRAFFIC.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="runs for each figure, of which the median counts")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a run")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    figures = measure(options.repeats, options.seconds)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    names = list(next(iter(figures.values())))
    print(f"{'MB/s':<18}" + "".join(f"{name:>24}" for name in names))
    for kind, row in figures.items():
        print(f"{kind:<18}" + "".join(f"{row[name]:>24.0f}" for name in names))


if __name__ == "__main__":
    main()
