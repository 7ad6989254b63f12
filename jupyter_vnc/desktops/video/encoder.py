"""What captures a display and encodes it: pixelflux, which only the streamer's process loads."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

#: Variables of the library that open remote control and recording.
_UNWANTED: Final = "PIXELFLUX_"

#: Takes each picture, in another thread.
Seen = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to encode: pictures a second, and quality (0 to 9)."""

    rate: int
    quality: int

    @property
    def crf(self) -> int:
        """Quality on the encoder's scale of constant rate factors: 9 is 18, 6 is 25.5, 0 is 40."""
        return 40 - round(self.quality * 22 / 9)


class Encoder:
    """Captures a display, from its making until it is stopped.

    Args:
        wishes: how.
        size: width and height of the screen (pixels); of odd ones, the last column and row are left out, because
            the colours of H.264 are those of two by two pixels.
        seen: takes each picture.

    Raises:
        RuntimeError: the display cannot be captured.
    """

    def __init__(self, wishes: Wishes, size: tuple[int, int], seen: Seen) -> None:
        pixelflux = importlib.import_module("pixelflux")
        self.width, self.height = size[0] & ~1, size[1] & ~1
        self._capture: Any = pixelflux.ScreenCapture()
        self._capture.start_capture(lambda frame: seen(bytes(frame)), self._settings(pixelflux, wishes))

    def _settings(self, pixelflux: Any, wishes: Wishes) -> Any:
        settings = pixelflux.CaptureSettings()
        values = {
            "capture_width": self.width,
            "capture_height": self.height,
            "capture_x": 0,
            "capture_y": 0,
            "capture_cursor": False,
            "auto_adjust_screen_capture_size": False,
            "target_fps": float(wishes.rate),
            "codec": "h264",
            "use_cpu": True,
            # One thread, so that nobody's film takes more than a processor: others work on the same server. It also
            # makes each picture one slice.
            "cpu_encode_threading": False,
            "use_wayland": False,
            "video_fullframe": True,
            "video_streaming_mode": False,
            "video_crf": wishes.crf,
            "use_paint_over_quality": False,
            "omit_stripe_headers": True,
            "debug_logging": False,
        }
        for name, value in values.items():
            setattr(settings, name, value)
        return settings

    def want_key(self) -> None:
        """Make the next picture one that can be decoded without those before it."""
        self._capture.request_idr_frame()

    def stop(self) -> None:
        """Capture no more."""
        self._capture.stop_capture()


def load(folder: str) -> None:
    """Load the library, which takes its time, before it is needed.

    Args:
        folder: where it is.

    Raises:
        ImportError: it is not there, or cannot be loaded.
    """
    sys.path.append(folder)
    for name in [name for name in os.environ if name.startswith(_UNWANTED)]:
        del os.environ[name]
    importlib.import_module("pixelflux")
