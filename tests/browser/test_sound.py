"""What a desktop plays, heard in a real browser by its frequency."""

import contextlib
import os
import subprocess
import threading

import pytest
from playwright.sync_api import expect

from tests.desktops.sound.tones import FORM, TONE, tone
from tests.needs import require

from .conftest import still, wait_for
from .test_viewer import view

pytestmark = [pytest.mark.browser, pytest.mark.real]

BUTTON = "[data-action=sound]"

#: Listens where the page gives its sound to the speaker: ``loudest()`` is the loudest frequency (hertz) of the last 0.7
#: seconds, 0 for silence. Without video, whose websocket would be one more.
TAP = """
delete window.VideoDecoder;
const connect = AudioNode.prototype.connect;
const taps = [];
AudioNode.prototype.connect = function (target, ...rest) {
  if (target === this.context.destination) {
    const tap = this.context.createAnalyser();
    tap.fftSize = 32768;
    connect.call(this, tap);
    taps.push(tap);
  }
  return connect.call(this, target, ...rest);
};
window.loudest = () => {
  const tap = taps.at(-1);
  if (!tap || tap.context.state !== 'running') return 0;
  const found = new Float32Array(tap.frequencyBinCount);
  tap.getFloatFrequencyData(found);
  const at = found.indexOf(Math.max(...found));
  return found[at] > -40 ? (at * tap.context.sampleRate) / tap.fftSize : 0;
};
"""


@pytest.fixture
def heard(page, lab):
    """The page of a managed desktop whose sound server listens; the environment to play on it."""
    require("pulseaudio", "pacat")
    page.add_init_script(TAP)
    view(page, lab, "desktop")

    def sockets():
        with contextlib.suppress(FileNotFoundError):  # a folder that goes while it is looked at
            return [path for path in (lab.folder / "jr").rglob("sound") if path.is_socket()]

    (socket,) = wait_for(sockets)
    cookie = lab.folder / "cookie"
    return os.environ | {"PULSE_SERVER": f"unix:{socket}", "PULSE_COOKIE": str(cookie), "HOME": str(lab.folder)}


class playing:  # noqa: N801 - used like a function
    """A tone that sounds on the desktop until the end of the block."""

    def __init__(self, environ):
        self._environ, self._over = environ, threading.Event()

    def __enter__(self):
        command = ["pacat", "--playback", "--latency-msec=100", *FORM]
        self._player = subprocess.Popen(command, env=self._environ, stdin=subprocess.PIPE)
        self._thread = threading.Thread(target=self._play)
        self._thread.start()
        return self

    def _play(self):
        second = tone(1.0)  # a whole number of waves
        with contextlib.suppress(BrokenPipeError):  # it is stopped in the middle
            while not self._over.is_set():
                self._player.stdin.write(second)

    def __exit__(self, *_):
        self._over.set()
        self._player.kill()
        self._player.wait(20)
        self._thread.join(20)
        with contextlib.suppress(BrokenPipeError):
            self._player.stdin.close()


def loudest(page):
    return page.evaluate("loudest()")


def hears(page, hertz):
    """Whether the page plays that frequency, in a moment."""
    return wait_for(lambda: page.wait_for_timeout(50) or abs(loudest(page) - hertz) < 3, 60)


def streams(page):
    return [frames for url, frames in page.sockets if url.endswith("/vnc/stream")]


def test_a_tone_of_the_desktop_is_heard_once_the_reader_wants_it(page, heard):
    button = page.locator(BUTTON)
    assert button.get_attribute("aria-pressed") == "false"
    with playing(heard):
        page.wait_for_timeout(500)
        assert (streams(page), loudest(page)) == ([], 0)
        button.focus()
        page.keyboard.press("Enter")
        assert hears(page, TONE)
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(button).to_have_attribute("aria-label", "Sound")
        button.press("Space")
        expect(button).to_have_attribute("aria-pressed", "false")
        (frames,) = streams(page)
        still(page, frames)
        assert hears(page, 0)


def test_a_silent_desktop_sends_nothing_and_a_reload_is_silent(page, lab, heard):
    page.locator(BUTTON).click()
    assert wait_for(lambda: page.wait_for_timeout(50) or any(streams(page)))
    page.wait_for_timeout(1000)
    (frames,) = streams(page)
    assert [bytes(frame) for frame in frames] == [b"\x03\x01"]
    view(page, lab, "desktop")
    expect(page.locator(BUTTON)).to_have_attribute("aria-pressed", "false")


def test_the_volume_is_the_readers_and_is_kept(page, lab, heard):
    page.locator("[data-action=settings]").click()
    slider = page.locator("input[name=volume]")
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Escape")
    page.locator(BUTTON).click()
    with playing(heard):
        assert wait_for(lambda: page.wait_for_timeout(50) or any(len(one) > 20 for one in streams(page)))
        assert loudest(page) == 0
        view(page, lab, "desktop")
        page.locator("[data-action=settings]").click()
        expect(page.locator("input[name=volume]")).to_have_value("0")
        page.locator("input[name=volume]").fill("10")
        page.locator("input[name=volume]").dispatch_event("change")
        page.locator(BUTTON).click()
        assert hears(page, TONE)


def test_a_desktop_without_sound_has_no_button(page, lab):
    view(page, lab, "lab-1")
    expect(page.locator(BUTTON)).to_be_hidden()


def test_sound_comes_back_with_the_desktop(page, heard):
    page.locator(BUTTON).click()
    with playing(heard):
        assert hears(page, TONE)
        page.locator("[data-action=toggle-connection]").click()
        assert hears(page, 0)
        page.locator("[data-action=toggle-connection]").click()
        assert hears(page, TONE)
