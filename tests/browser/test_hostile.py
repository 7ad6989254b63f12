"""Desktops that mean harm, in a real JupyterLab: what they announce costs little, and Lab stays usable."""

import contextlib
import re
import secrets
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tests.fakes.hostile import ANNOUNCEMENTS, INITS, in_thread

from .conftest import PATIENCE, JupyterServer, still, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.real]

NAMES = [*ANNOUNCEMENTS, *INITS]
MEGABYTE = 2**20
#: What an announcement may cost the browser, beside what a calm desktop costs it (MiB).
MOST = 200
#: So long Lab is watched after a desktop is there (seconds).
WATCHED = 3

#: How each of them ends: the state of the viewer, and the button that is there.
ENDS = {
    "size": ("too-large", "Try again"),
    "size-16k": ("too-large", "Try again"),
    "size-x2500": ("too-large", "Try again"),
    "init-size": ("too-large", "Try again"),
    "init-name": ("not-rfb", "Try again"),  # the proxy reads the greeting, and refuses it
    "pointer": ("excess", "Try again"),
    "name": ("excess", "Try again"),
    "cut-text-4g": ("excess", "Try again"),
    "layers": ("excess", "Try again"),
    "zrle-bomb": ("excess", "Try again"),
    "broken-picture": ("excess", "Try again"),
    "tight-bomb": ("excess", "Try again"),
    "video": ("garbled", "Try again"),
}
#: One of each kind is in `make test`: what is announced with the greeting and later, what the browser's decoders
#: refuse, and what it inflates. The others end in the same code, which `test/engine.spec.ts` shows with noVNC itself.
IN_BRIEF = {"init-size", "init-name", "size", "zrle-bomb", "broken-picture", "video", "size-0", "init-empty"}
IN_BRIEF |= {"names", "cut-text", "fences"}


def brief(names):
    """All of these, of which some are for `make endurance`."""
    return [name if name in IN_BRIEF else pytest.param(name, marks=pytest.mark.endurance) for name in names]


#: What the console of the browser says beside the sentence; noVNC itself says so of what it was not offered to take.
EXPLAINED = re.compile("jupyter-vnc:|Unsupported encoding")
#: These are floods; the desktop goes on.
GO_ON = [
    "calm",
    "names",
    "size-0",
    "init-empty",
    "sizes",
    "cut-text",
    "cut-texts",
    "bells",
    "fences",
    "power",
    "empty-rectangles",
    "fills",
]

#: Notes how long the page did nothing for anybody else (milliseconds).
WATCH = """() => {
    let last = performance.now();
    window.longest = 0;
    const look = () => {
        const now = performance.now();
        window.longest = Math.max(window.longest, now - last);
        last = now;
        setTimeout(look, 10);
    };
    look();
}"""


@pytest.fixture(scope="module")
def place():
    """A JupyterLab with a hostile desktop of each kind."""
    with tempfile.TemporaryDirectory(prefix="jvh-") as name, contextlib.ExitStack() as stack:
        servers = stack.enter_context(in_thread(*NAMES))
        token = secrets.token_hex(16)
        targets = {
            name: {"title": f"Desktop {name}.", "host": "127.0.0.1", "port": server.address.port}
            for name, server in servers.items()
        }
        config = f"c.VNCBroker.targets = {targets!r}\nc.IdentityProvider.token = {token!r}\n"
        ready = lambda one: len(one.get(f"api/targets?token={token}")) == len(NAMES)  # noqa: E731
        server = JupyterServer(Path(name), config, ready, program="jupyterlab")
        server.start()
        stack.callback(server.stop)
        yield SimpleNamespace(root=server.root, lab=server.root.removesuffix("vnc/") + "lab", token=token)


@pytest.fixture
def page(chromium, place):
    with chromium.new_context(viewport={"width": 1000, "height": 700}) as context:
        page = context.new_page()
        page.errors = []
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        yield page


def view(page, place, name):
    page.goto(f"{place.root}view/{name}?token={place.token}")


def reaches(page, state, seconds=60):
    page.wait_for_selector(f".jp-VNC[data-state='{state}']", timeout=seconds * 1000)


def goes_on(page):
    """The desktop is there, and so is the page."""
    reaches(page, "connected")
    page.evaluate("() => new Promise(resolve => requestAnimationFrame(resolve))")
    page.wait_for_timeout(300)
    reaches(page, "connected")


class Memory:
    """The most that the processes of the browser which show pages had, while it was watched (bytes)."""

    def __enter__(self):
        self.most, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.wait(0.05):
            self.most = max(self.most, sum(map(self._of, psutil.Process().children(recursive=True))))

    def _of(self, process):
        with contextlib.suppress(psutil.Error):
            if {"--type=renderer", "--type=gpu-process"} & set(process.cmdline()):
                return process.memory_info().rss
        return 0


@pytest.mark.parametrize("name", brief(ENDS))
def test_what_is_too_much_ends_with_a_sentence_and_a_button(page, place, name):
    state, button = ENDS[name]
    view(page, place, name)
    reaches(page, state)
    page.get_by_role("button", name=button, exact=True).wait_for()
    explained = lambda: any(EXPLAINED.search(text) for text in page.errors)  # noqa: E731
    assert state == "not-rfb" or wait_for(lambda: page.wait_for_timeout(50) or explained()), page.errors


@pytest.mark.parametrize("name", brief(GO_ON))
def test_a_flood_passes(page, place, name):
    view(page, place, name)
    goes_on(page)


#: The longest that a viewer waits before it tries again (milliseconds).
LONGEST_DELAY = 30_000

#: Notes that the page counted down to a new attempt, for however short a time.
NOTE = """new MutationObserver(() => {
    window.countedDown ||= document.body?.innerText.includes('Reconnecting in');
}).observe(document, { childList: true, subtree: true, characterData: true });"""


def test_a_message_that_novnc_fails_at_is_tried_again_and_then_left_to_the_reader(page, place):
    sockets = []
    page.on("websocket", lambda one: sockets.append(one.url))
    page.clock.install()
    page.add_init_script(NOTE)
    view(page, place, "message")
    page.get_by_role("button", name="Try again").wait_for(timeout=90000)
    reaches(page, "broken")
    assert page.evaluate("window.countedDown")
    exceeded = lambda: sum("Receive queue buffer exceeded" in text for text in page.errors)  # noqa: E731
    assert wait_for(lambda: page.wait_for_timeout(50) or exceeded() == 3), page.errors
    page.clock.run_for(LONGEST_DELAY)
    reaches(page, "broken")
    assert (still(page, sockets), exceeded()) == (3, 3), "no attempt follows"


def in_lab(chromium, place, name):
    """Open a desktop in JupyterLab, and use Lab meanwhile; its memory at most, and its longest pause (ms)."""
    with chromium.new_context(viewport={"width": 1000, "height": 700}) as context:
        page = context.new_page()
        page.goto(f"{place.lab}?reset&token={place.token}")
        page.wait_for_selector(".jp-LauncherCard", timeout=2 * PATIENCE)
        page.evaluate(WATCH)
        with Memory() as memory:
            page.click(f'.jp-LauncherCard:has-text("Desktop {name}.")')
            page.wait_for_selector(".jp-VNC[data-phase=connected], .jp-VNC[data-phase=stopped]", timeout=2 * PATIENCE)
            began = time.monotonic()
            page.click("text=File")
            page.wait_for_selector(".lm-Menu-item:has-text('New Launcher')")
            page.keyboard.press("Escape")
            assert wait_for(lambda: page.wait_for_timeout(100) or time.monotonic() - began > WATCHED)
        return memory.most, page.evaluate("window.longest")


@pytest.fixture(scope="module")
def calm(chromium, place):
    """What a desktop costs that does nothing, when Lab has been loaded before; and the longest pause that it makes.

    No other test's page is in the browser meanwhile, or its memory would count.
    """
    for context in chromium.contexts:
        context.close()
    in_lab(chromium, place, "calm")
    return in_lab(chromium, place, "calm")


#: What used to take gigabytes, or the page's time; and the largest screens that are shown. The first ones of each kind
#: are in `make test`, and all in `make endurance`.
HEAVY = ["sizes-8k", "fills", "tight-bomb"]
HEAVY_TOO = [
    "size-x2500",
    "size",
    "size-16k",
    "init-size",
    "sizes",
    "bells",
    "fences",
    "zrle-bomb",
    "copies-8k",
    "names",
]
HEAVY += [pytest.param(name, marks=pytest.mark.endurance) for name in HEAVY_TOO]


@pytest.mark.parametrize("name", HEAVY)
def test_lab_stays_usable_and_small(chromium, place, calm, name):
    most, longest = in_lab(chromium, place, name)
    more, (_, pause) = (most - calm[0]) / MEGABYTE, calm
    # The machine may be busier than it was when a calm desktop was looked at, or was busy for one moment: then both are
    # looked at again. What a desktop does, it does each time.
    for _ in range(3):
        if longest < 10 * max(pause, 100):
            break
        pause = max(pause, in_lab(chromium, place, "calm")[1])
        longest = min(longest, in_lab(chromium, place, name)[1])
    seen = f"{more:.0f} MiB more; longest pause {longest:.0f} ms, calm {pause:.0f} ms"
    assert more < MOST, seen
    assert longest < 10 * max(pause, 100), seen
