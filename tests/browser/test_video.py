"""What moves on a desktop, seen in a real browser as video, and the sharp picture after it.

One desktop and one page for all: each test finds them connected and at rest, and leaves them so.
"""

import base64
import contextlib
import io
import os
import signal
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.chromium import PLAIN

from .conftest import log_in, new_page
from .test_viewer import connected, until, view

pytestmark = [pytest.mark.browser, pytest.mark.real]

#: A low one, since each pixel of the desktop is encoded and decoded by this machine. A narrower page has no buttons.
VIEWPORT = {"width": 1004, "height": 400}

#: A terminal of our own that scrolls while a file is there. Another file is there once it has drawn all of it, as its
#: answer to the question for where its cursor is says.
SCROLLS = """
while :; do
  if [ -e {go} ]; then rm -f {still}; seq 400
  elif [ -e {still} ]; then sleep 0.05
  else read -rsdR -p $'\\e[6n'; touch {still}
  fi
done
"""

#: Seconds for what other processes do, on a machine that is busy.
PATIENCE = 60

#: Counts pictures that are drawn from video; and while ``slow`` is set, a decoder brings one in 0.7 seconds.
TAP = """
const draw = CanvasRenderingContext2D.prototype.drawImage;
window.drawn = 0;
window.slow = false;
CanvasRenderingContext2D.prototype.drawImage = function (picture, ...rest) {
  window.drawn += picture instanceof VideoFrame ? 1 : 0;
  return draw.call(this, picture, ...rest);
};
window.VideoDecoder &&= class extends VideoDecoder {
  constructor({ output, error }) {
    const waiting = [];
    let free = 0;
    const give = () => {
      while (waiting.length && (!window.slow || performance.now() > free)) {
        free = performance.now() + 700;
        output(waiting.shift());
      }
      waiting.length && setTimeout(give, 50);
    };
    super({ error, output: picture => waiting.push(picture) && give() });
  }
};
"""

PIXELS = "document.querySelector('.jp-VNC-screen canvas').toDataURL()"


class Screen:
    """The display of the lab's managed desktop, as a program on it sees it, and the page that shows it."""

    def __init__(self, page, lab, go):
        self.page, self._lab, self.go = page, lab, go
        self._terminal = None
        self._still = go.with_name("still")
        self._script = SCROLLS.format(go=go, still=self._still)

    def open(self):
        """Show the desktop, with the terminal on it."""
        view(self.page, self._lab, "desktop")
        self.start()

    def start(self):
        """Start the terminal on the X server that runs now."""
        self._still.unlink(missing_ok=True)
        _, words = min(self.processes("Xtigervnc", "-auth"))  # it has a child with its command line at times
        self.environ = os.environ | {"DISPLAY": words[1], "XAUTHORITY": words[words.index("-auth") + 1]}
        command = ["xterm", "-geometry", "150x60+0+0", "-e", "bash", "-c", self._script]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._terminal = subprocess.Popen(command, env=self.environ, **quiet)
        self.page.mouse.move(640, 300)  # a pointer that nobody has moved is drawn by the X server

    def end(self):
        """End the terminal, if it has not ended with its X server."""
        self.go.unlink(missing_ok=True)
        if self._terminal is not None:
            self._terminal.terminate()
            self._terminal.wait(20)

    def processes(self, *parts):
        """Process ids and words of those whose command line has all of this, and the lab's folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().decode(errors="replace")
            except OSError:
                continue
            if all(part in line for part in (*parts, str(self._lab.folder))):
                found.append((int(path.parent.name), line.split("\0")))
        return found

    def kill(self, *parts):
        """Kill the process of which this is the command line; returns its id."""
        pid, _ = min(self.processes(*parts))
        os.kill(pid, signal.SIGKILL)
        return pid

    def moves(self):
        self.go.touch()

    def rests(self):
        """Whether, some time after it moves no more, the page shows exactly what the X server has."""
        self.go.unlink(missing_ok=True)
        return until(self.page, lambda: self._still.exists() and self.seen() == self.picture(), PATIENCE)

    def picture(self):
        """What the X server has, without the pointer: width and height, and the colours of each pixel."""
        command = ["xwd", "-root", "-silent"]
        dump = subprocess.run(command, env=self.environ, capture_output=True, timeout=20, check=False)
        if dump.returncode:
            return (0, 0), b""  # its size has changed meanwhile
        head = [int.from_bytes(dump.stdout[at : at + 4]) for at in range(0, 100, 4)]
        start, size, line = head[0] + 12 * head[19], (head[4], head[5]), head[12]
        return size, Image.frombytes("RGB", size, dump.stdout[start:], "raw", "BGRX", line).tobytes()

    def seen(self):
        """The same of what the page shows."""
        with Image.open(io.BytesIO(base64.b64decode(self.page.evaluate(PIXELS).partition(",")[2]))) as picture:
            return picture.size, picture.convert("RGB").tobytes()

    def changes(self, times=1):
        """Whether what the page shows changes so often."""
        for _ in range(times):
            first = self.seen()
            if not until(self.page, lambda first=first: self.seen() != first, PATIENCE):
                return False
        return True

    @property
    def drawn(self):
        """How many pictures of video have been drawn."""
        return self.page.evaluate("drawn")

    def plays(self, count=5):
        """Whether more pictures come by video, in a moment."""
        before = self.drawn
        return until(self.page, lambda: self.drawn > before + count, PATIENCE)

    def pauses(self):
        """Whether, in a while, no picture comes by video for half a second; one may be on its way."""
        return until(self.page, lambda: not self._draws(), PATIENCE)

    def _draws(self):
        before = self.drawn
        self.page.wait_for_timeout(500)
        return self.drawn != before


@pytest.fixture(scope="module")
def opened(chromium, lab, tmp_path_factory):
    with chromium.new_context(viewport=VIEWPORT) as context:
        context.add_init_script(TAP)
        log_in(context, lab)
        screen = Screen(new_page(context), lab, tmp_path_factory.mktemp("video") / "go")
        with contextlib.closing(contextlib.ExitStack()) as stack:
            stack.callback(screen.end)
            screen.open()
            yield screen


@pytest.fixture
def screen(opened):
    """The desktop, connected and at rest."""
    assert opened.rests()
    yield opened
    opened.go.unlink(missing_ok=True)


def choose(page, when):
    page.locator("[data-action=settings]").click()
    page.locator("select[name=video]").select_option(when)
    page.keyboard.press("Escape")


def test_what_moves_is_video_and_sharp_as_soon_as_it_rests(screen):
    assert screen.pauses()
    screen.moves()
    assert screen.plays()
    assert screen.rests()
    assert screen.pauses()
    assert screen.rests()


def test_a_killed_streamer_leaves_no_frozen_picture(screen):
    screen.moves()
    assert screen.plays()
    screen.kill("video.streamer")
    assert screen.changes()
    assert screen.plays()
    assert screen.rests()


def test_a_slow_browser_has_video_too_and_all_of_it_at_rest(screen):
    """How much it is sent, tests/broker/test_watching.py says: here, what is on its way depends on the machine."""
    screen.moves()
    assert screen.plays()
    screen.page.evaluate("slow = true")
    assert screen.plays(3)
    screen.page.evaluate("slow = false")
    assert screen.plays()
    assert screen.rests()


def test_it_is_never_used_where_the_reader_wants_none(screen):
    choose(screen.page, "never")
    before = screen.drawn
    screen.moves()
    assert screen.changes(times=5)
    assert screen.drawn == before
    choose(screen.page, "auto")
    assert screen.plays()


def test_it_follows_the_size(screen):
    screen.moves()
    assert screen.plays()
    for width in (541, 640, 502):
        screen.page.set_viewport_size({"width": width + 4, "height": 400})  # with the frame around the desktop
        assert until(screen.page, lambda width=width: screen.picture()[0][0] == width, PATIENCE)
    assert screen.plays()
    screen.page.mouse.move(300, 300)  # where it was is no screen any more
    assert screen.rests()
    screen.page.set_viewport_size(VIEWPORT)


def test_statistics_say_which_way_the_picture_comes(screen):
    screen.page.locator("[data-action=settings]").click()
    screen.page.locator(".jp-VNC-panel input[name=statistics]").set_checked(True)
    box = screen.page.locator(".jp-VNC-statistics")
    assert until(screen.page, lambda: "single pictures: not much moves" in box.inner_text(), PATIENCE)
    screen.moves()
    assert until(screen.page, lambda: {"video", "H.264"} <= set(box.inner_text().splitlines()), PATIENCE)
    screen.page.locator(".jp-VNC-panel input[name=statistics]").set_checked(False)
    screen.page.keyboard.press("Escape")


def test_a_page_of_plain_http_has_single_pictures_and_says_why(chromium, lab):
    with chromium.new_context(viewport=VIEWPORT) as context:
        page = context.new_page()
        page.goto(f"{lab.base}vnc/view/desktop?token={lab.token}".replace("127.0.0.1", PLAIN))
        connected(page)
        assert not page.evaluate("isSecureContext")
        page.locator("[data-action=settings]").click()
        assert page.locator("select[name=video]").is_disabled()
        assert page.get_by_text("Video needs an https page, and a current browser.").is_visible()


def test_a_killed_x_server_is_the_end_of_its_picture_and_the_next_one_has_video(screen):
    screen.moves()
    assert screen.plays()
    killed = screen.kill("Xtigervnc", "-auth")
    screen.end()
    # Another one is started as soon as the viewer, which has noticed, asks for the desktop again.
    assert until(screen.page, lambda: {pid for pid, _ in screen.processes("Xtigervnc", "-auth")} - {killed}, PATIENCE)
    connected(screen.page)
    screen.start()
    assert screen.rests()
    screen.moves()
    assert screen.plays()
