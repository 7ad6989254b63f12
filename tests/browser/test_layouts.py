"""Keyboards of other countries: the keys of an X server with that layout, through a real Chromium's window."""

import os
import subprocess

import pytest

from tests.chromium import ARGUMENTS, CHROMIUM

from .conftest import VNCServer, log_in
from .test_viewer import focus, typed, until, view

__all__ = ["typed"]

pytestmark = [pytest.mark.browser, pytest.mark.real]

#: Keys by their places on a PC's keyboard, as X counts them; what is printed on an American one.
DIGITS = dict(zip("1234567890", range(10, 20), strict=True))
MINUS, EQUALS = 20, 21
Q, E, Y, LETTER_O, BRACKET = 24, 26, 29, 32, 34
A, QUOTE, BACKQUOTE = 38, 48, 49
SHIFT, ALT_GR, SPACE, LESS, RO = 50, 108, 65, 94, 97

#: By layout: what is pressed together, one after the other, and what the desktop has to show.
LAYOUTS = {
    "de": [
        *[((Y,), "z"), ((BRACKET,), "ü"), ((MINUS,), "ß"), ((SHIFT, DIGITS["2"]), '"')],
        *[((ALT_GR, Q), "@"), ((ALT_GR, E), "€"), ((ALT_GR, DIGITS["7"]), "{"), ((ALT_GR, LESS), "|")],
        *[((BACKQUOTE,), ""), ((E,), "ê"), ((EQUALS,), ""), ((E,), "é"), ((SHIFT, EQUALS), ""), ((A,), "à")],
        *[((EQUALS,), ""), ((SHIFT, E), "É"), ((BACKQUOTE,), ""), ((SPACE,), "^"), ((E,), "e")],
    ],
    "fr": [
        *[((A,), "q"), ((DIGITS["2"],), "é"), ((SHIFT, DIGITS["2"]), "2"), ((DIGITS["9"],), "ç")],
        *[((ALT_GR, DIGITS["0"]), "@"), ((ALT_GR, E), "€"), ((ALT_GR, DIGITS["4"]), "{")],
        *[((ALT_GR, DIGITS["6"]), "|"), ((BRACKET,), ""), ((E,), "ê"), ((SHIFT, BRACKET), ""), ((E,), "ë")],
        *[((BRACKET,), ""), ((LETTER_O,), "ô"), ((LETTER_O,), "o")],
    ],
    "jp": [
        *[((BRACKET,), "@"), ((SHIFT, DIGITS["2"]), '"'), ((EQUALS,), "^"), ((QUOTE,), ":"), ((SHIFT, RO), "_")],
        *[((SHIFT, DIGITS["6"]), "&"), ((A,), "a")],
    ],
}


class Seat(VNCServer):
    """An X server with a keyboard, and somebody who presses its keys."""

    def run(self, *command):
        subprocess.run(command, env=os.environ | {"DISPLAY": self.display}, check=True, timeout=60)

    def press(self, *keys):
        """Press keys by their places, and let them go the other way round."""
        steps = [("keydown", key) for key in keys] + [("keyup", key) for key in reversed(keys)]
        self.run("xdotool", *[word for action, key in steps for word in (action, str(key))])


@pytest.fixture(scope="module")
def seat(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seat")
    (folder / "password").write_bytes(bytes(8))
    seat = Seat(["-rfbport", "-1"], folder, ["sleep", "600"])
    seat.start()
    yield seat
    seat.stop()


@pytest.fixture(scope="module")
def window(chromium, seat):
    """A Chromium with a window there."""
    browser = chromium.browser_type.launch(
        executable_path=CHROMIUM,
        args=[*ARGUMENTS, "--ozone-platform=x11"],
        headless=False,
        env=os.environ | {"DISPLAY": seat.display},
    )
    yield browser
    browser.close()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_pressed_on_a_keyboard_is_typed_on_the_desktop(window, seat, lab, typed, layout):
    seat.run("setxkbmap", layout)
    seat.run("xset", "r", "off")  # on a busy machine, a key may be held for long
    with window.new_context() as context:
        log_in(context, lab)
        page = context.new_page()
        view(page, lab)
        focus(page)
        seat.run("xdotool", "search", "--onlyvisible", "--class", "chromium", "windowfocus", "--sync")
        wanted = ""
        for keys, character in LAYOUTS[layout]:
            seat.press(*keys)
            wanted += character
            assert until(page, lambda: typed() == wanted), (keys, wanted, typed())  # noqa: B023 - called at once
