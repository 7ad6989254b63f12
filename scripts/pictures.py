#!/usr/bin/env python3
"""Make the documentation's pictures of the list, the room and the settings: ``python -m scripts.pictures [FOLDER]``.

Starts the demo with two courses (``make hub-demo`` installs what it needs), and the one of JupyterLab for the settings,
which are more for a desktop that the server starts; and takes the pictures of their real pages in Chromium.
Each is a WebP file of less than :data:`LIMIT` bytes. Needs the tests' environment.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from PIL import Image

from demo.demo import configure, lab
from demo.hub_demo import two_courses

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "images"
CHROMIUM: Final = "/usr/bin/chromium"
OPTIONS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")

#: Size of a browser's window (pixels), and pixels of the picture for each of them.
WINDOW: Final = {"width": 900, "height": 560}
SHARPNESS: Final = 1.5
#: Bytes that a picture may have.
LIMIT: Final = 60_000
#: Milliseconds that a page may take, on a machine that does other things as well.
PATIENCE: Final = 120_000
#: Milliseconds between two looks at a page until it rests, and how many looks it gets.
PAUSE: Final = 1500
LOOKS: Final = 6


class Course:
    """A browser window for each person of the course."""

    def __init__(self, browser: Any, login: str) -> None:
        self._browser, self._login = browser, login
        self.root = re.sub(r"/hub/.*", "/services/vnc/", login)

    def enter(self, name: str) -> Any:
        """Log somebody in; returns their page, which shows the list of desktops."""
        context = self._browser.new_context(viewport=WINDOW, device_scale_factor=SHARPNESS)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(self._login)
        page.fill("#username_input", name)
        page.fill("#password_input", "demo")
        page.click("#login_submit")
        page.wait_for_url(f"{self.root}**")
        return page

    def open(self, page: Any, target: str) -> None:
        """Open a desktop and wait for its picture."""
        show(page, f"{self.root}view/{target}")


def show(page: Any, url: str) -> None:
    """Open a desktop's page and wait for its picture."""
    page.goto(url)
    page.locator("canvas").first.wait_for()
    at_rest(page)


def at_rest(page: Any) -> bytes:
    """Return the picture of a page once it does not change any more, or after a while."""
    before = b""
    for _ in range(LOOKS):
        page.wait_for_timeout(PAUSE)
        if (now := page.screenshot(full_page=True)) == before:
            break
        before = now
    return bytes(before)


def save(page: Any, file: Path) -> None:
    """Write the picture of a page.

    Raises:
        ValueError: it is too large for the documentation.
    """
    with Image.open(io.BytesIO(at_rest(page))) as picture:
        picture.convert("RGB").save(file, quality=80, method=6)
    size = file.stat().st_size
    if size > LIMIT:
        raise ValueError(f"{file} has {size} bytes")
    print(f"{file}: {size / 1000:.0f} kB")


def take(course: Course, folder: Path) -> None:
    """Let three students of course-a ask for its two machines, and look at the pages."""
    ann, amy, al = (course.enter(name) for name in ("ann", "amy", "al"))
    for page in (ann, amy):
        course.open(page, "lab")
    course.open(ann, "screen")
    al.goto(f"{course.root}view/lab")
    ann.goto(course.root)
    save(ann, folder / "list.webp")
    ada = course.enter("ada")
    ada.goto(f"{course.root}room")
    save(ada, folder / "room.webp")


def take_settings(browser: Any, login: str, folder: Path) -> None:
    """Look at the settings of a desktop that Jupyter starts; ``login`` is JupyterLab's URL, with its token."""
    page = browser.new_context(viewport=WINDOW, device_scale_factor=SHARPNESS).new_page()
    page.set_default_timeout(PATIENCE)
    show(page, login.replace("/lab?", "/vnc/view/desktop?"))
    page.get_by_role("button", name="Settings").click()
    save(page, folder / "settings.webp")


def main(folder: Path) -> None:
    """Start the demos, one after the other, and a browser, and take all pictures."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only the tests' environment has it

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=[*OPTIONS])
        try:
            with tempfile.TemporaryDirectory(prefix="jupyter-vnc-demo-") as place, lab(configure(Path(place))) as login:
                take_settings(browser, login, folder)
            with tempfile.TemporaryDirectory(prefix="jupyter-vnc-demo-") as place, two_courses(Path(place)) as words:
                (login,) = re.findall(r"http://\S+/hub/login\S*", words)
                take(Course(browser, login), folder)
        finally:
            browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
