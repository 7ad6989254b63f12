"""Write the inputs that the fuzzer begins with: real talk, one file for each state that it leads into."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.rfb import scripts, viewer_says
from tests.rfb.test_handshake import BEGINNINGS

SCANNED = (
    viewer_says.encodings(0, 7, -316, -1063131698),
    viewer_says.update_request() + viewer_says.key() + viewer_says.pointer(),
    viewer_says.pixel_format() + viewer_says.encodings(7, 1, 0),
    viewer_says.cut_text() + viewer_says.extended_clipboard(1 << 24, b"\0" * 8),
    viewer_says.desktop_size((1280, 1024)) + viewer_says.xvp() + viewer_says.fence(b"abc"),
    viewer_says.qemu_key() + viewer_says.qemu_audio(2) + viewer_says.continuous_updates(),
    viewer_says.file_transfer(b"abc"),
)


def seeds() -> Iterator[bytes]:
    """Yield each input: machine, setting, step, bytes (``fuzz_rfb.check``)."""
    yield from (bytes([0, setting, 0]) + talk for setting, talk in itertools.product((2, 5), BEGINNINGS))
    yield from (bytes([1, setting, 0]) + scripts.V38 + b"\x01\x01" for setting in range(3))
    for machine, setting in itertools.product((2, 3), (0, 63, 127)):
        yield from (bytes([machine, setting, 7]) + talk for talk in SCANNED)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (folder / f"seed-{number:03}").write_bytes(seed)
