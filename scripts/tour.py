#!/usr/bin/env python3
"""Make the README's moving picture from a running demo: ``python -m scripts.tour URL [FILE]``.

The URL is the one that ``make demo`` prints. About twenty seconds: the launcher, a click on the tile, the desktop, a
notebook beside it whose plot opens on the desktop, and the same desktop on a phone. Needs Chromium and the tests'
environment.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from PIL import Image

ROOT: Final = Path(__file__).resolve().parent.parent
PICTURE: Final = ROOT / "docs" / "images" / "tour.webp"
CHROMIUM: Final = "/usr/bin/chromium"

#: Size of the browser's window, and of the picture (pixels).
WINDOW: Final = (1280, 800)
SIZE: Final = (960, 600)
PHONE: Final = {"width": 390, "height": 760}
#: Milliseconds that one of several pictures of a change is shown, and the last one of a scene.
STEP: Final = 400
REST: Final = 2600

NOTEBOOK: Final = "Windows on the desktop.ipynb"
#: Milliseconds between two pictures: long enough for a busy machine to start a program.
PAUSE: Final = 4000
#: Seconds that a machine that does other things as well may take for one scene.
PATIENCE: Final = 180


class Tour:
    """Collects pictures with the milliseconds for which they are shown."""

    def __init__(self) -> None:
        self.frames: list[tuple[Image.Image, int]] = []

    def take(self, page: Any, milliseconds: int) -> None:
        """Add what a page shows; a page that looks as before is only shown longer."""
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        picture = Image.new("RGB", WINDOW, "#2b2f36")
        shot.thumbnail(WINDOW)
        picture.paste(shot, ((WINDOW[0] - shot.width) // 2, (WINDOW[1] - shot.height) // 2))
        picture = picture.resize(SIZE, Image.Resampling.LANCZOS)
        if self.frames and self.frames[-1][0].tobytes() == picture.tobytes():
            self.frames[-1] = (picture, self.frames[-1][1] + milliseconds)
        else:
            self.frames.append((picture, milliseconds))

    def watch(self, page: Any, count: int = 6) -> None:
        """Add so many pictures of what a page does, some seconds apart; let the last one rest."""
        for _ in range(count):
            page.wait_for_timeout(PAUSE)
            self.take(page, STEP)
        picture, _ = self.frames[-1]
        self.frames[-1] = (picture, REST)

    def save(self, file: Path) -> None:
        """Write the moving picture."""
        pictures, times = zip(*self.frames, strict=True)
        first, *others = pictures
        first.save(file, save_all=True, append_images=others, duration=list(times), loop=0, quality=70, method=6)


def scenes(url: str, browser: Any, tour: Tour) -> None:
    """Play all scenes."""
    page = browser.new_page(viewport={"width": WINDOW[0], "height": WINDOW[1]})
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(url)
    tile = page.locator(".jp-LauncherCard", has_text="My desktop")
    tile.wait_for()
    tile.hover()
    tour.take(page, REST)
    tile.click()
    tour.watch(page)
    _beside(page, tour)
    _phone(url, browser, tour)


def _beside(page: Any, tour: Tour) -> None:
    """Open the notebook, put it beside the desktop, and run it."""
    page.locator(".jp-DirListing-item", has_text="Windows on the").dblclick()
    page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
    page.wait_for_timeout(3000)
    box = page.locator("#jp-main-dock-panel").bounding_box()
    tab = page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="Windows on")
    tab.hover()
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=5)
    page.mouse.move(box["x"] + 12, box["y"] + box["height"] / 2, steps=10)
    page.mouse.up()
    tour.watch(page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    tour.watch(page)


def _phone(url: str, browser: Any, tour: Tour) -> None:
    """Open the page of the same desktop on a phone."""
    parts = urlsplit(url)
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{parts.scheme}://{parts.netloc}/vnc/view/desktop?{parts.query}")
    tour.watch(page)


def play(act: Callable[[str, Any, Tour], None], url: str, file: Path) -> None:
    """Open a browser, play, and save."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only the tests' environment has it

    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    tour = Tour()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=options)
        try:
            act(url, browser, tour)
        finally:
            browser.close()
            if tour.frames:
                tour.save(file)
    seconds = sum(milliseconds for _, milliseconds in tour.frames) / 1000
    print(f"{file}: {len(tour.frames)} pictures, {seconds:.0f} seconds, {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    play(scenes, sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else PICTURE)
