"""What is in the runtime folders of servers: desktops, and the displays that are written down for them."""

import json


def displays(place):
    """Map each desktop's folder, in the servers' folders below a place, to its display: the last that was noted."""
    found = {}
    for lock in sorted(place.glob("jupyter-vnc*/*/lock")):
        for line in lock.read_text().splitlines()[1:]:
            entry = json.loads(line or "{}")
            if "pid" in entry and (lock.parent / entry["desktop"]).is_dir():
                found[lock.parent / entry["desktop"]] = entry["display"]
    return found
