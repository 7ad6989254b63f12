"""Look at desktops in a real browser, for whoever tries out what people install."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

#: Seconds for the desktop's picture to have its colours.
DRAWING: Final = 120.0


class FreshError(Exception):
    """A step has failed; the text has the end of its output."""


def settle(page: Any) -> None:
    """Wait until the page has looked the same for a while, or for :data:`DRAWING` seconds."""
    before, deadline = b"", time.monotonic() + DRAWING
    while (now := page.screenshot()) != before and time.monotonic() < deadline:
        before = now
        page.wait_for_timeout(6000)


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """Open a URL in a real browser; yields the page."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only the tests' environment has it

    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(DRAWING * 1000)
        page.goto(url)
        yield page
        browser.close()


#: Counts the colours of a desktop's picture.
COUNT: Final = """() => {
  const canvas = [...document.querySelectorAll('canvas')].find(one => one.width > 200);
  if (!canvas) return 0;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""


def colours(page: Any, least: int = 2) -> int:
    """Wait until the desktop on a page has at least so many colours, and return how many.

    Raises:
        FreshError: there is no desktop, or it stays an empty screen.
    """
    deadline = time.monotonic() + DRAWING
    while (found := page.evaluate(COUNT)) < least and time.monotonic() < deadline:
        page.wait_for_timeout(250)
    if found < least:
        raise FreshError(f"The desktop has {found} colours")
    return int(found)
