"""From a tile to a desktop, in a real browser: pixels, keys, clipboard, reload, failure, and no secret."""

import contextlib
import io
import os
import re
import subprocess
import urllib.parse

import pytest
from PIL import Image
from playwright.sync_api import Error, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.rfb import viewer_says as say

from .conftest import PATIENCE, wait_for
from .test_viewer import focus, typed, view, xsrf

__all__ = ["typed"]

pytestmark = [pytest.mark.browser, pytest.mark.real]

RED, GREEN, BLUE = (0xD0, 0x20, 0x40), (0x20, 0xA0, 0x40), (0x20, 0x40, 0xD0)
TEXT = "Grüße, 世界, 🙂"
CANVAS = "canvas:visible"  # noVNC has others, and the viewer keeps the last picture: all hidden


def colour(page):
    """The colour of the desktop beside the pointer, as the reader sees it; None while there is no desktop."""
    canvas = page.locator(CANVAS).last
    if not canvas.count():
        return None
    try:
        picture = Image.open(io.BytesIO(canvas.screenshot(timeout=2000))).convert("RGB")
    except PlaywrightTimeout:
        return None  # a picture that went as one looked at it
    return picture.getpixel((picture.width // 3, picture.height // 3))


def shows(page, wanted, seconds=60):
    def near():
        found = colour(page)
        return found is not None and all(abs(a - b) < 24 for a, b in zip(found, wanted, strict=True))

    page.wait_for_timeout(50)
    assert wait_for(lambda: page.wait_for_timeout(50) or near(), seconds), (wanted, colour(page), page.url)


def work(page):
    """A click and keys change the pixels."""
    page.locator(CANVAS).last.click()
    shows(page, BLUE)
    page.keyboard.press("g")
    shows(page, GREEN)
    page.keyboard.press("r")
    shows(page, RED)


@pytest.mark.parametrize("title", ["My desktop", "Lab machine 1", "Socket machine"])
def test_a_tile_opens_a_desktop_that_can_be_worked_on(home, title):
    home.click(f'.jp-LauncherCard:has-text("{title}")')
    shows(home, RED)
    work(home)
    assert home.locator("input[type=password]").count() == 0


def is_layout_with(name):
    """What tells whether an answer is to a page of Lab's that keeps its layout, with that desktop in it."""

    def is_it(answer):
        asked = answer.request
        return "/api/workspaces/" in answer.url and asked.method == "PUT" and name in (asked.post_data or "")

    return is_it


def test_a_reload_of_lab_brings_the_desktop_back(home, lab):
    with (
        home.expect_response(is_layout_with("lab-1"), timeout=2 * PATIENCE),
        home.expect_response(lambda answer: "/api/tokens" in answer.url) as first,
    ):
        home.click('.jp-LauncherCard:has-text("Lab machine 1")')
    shows(home, RED)
    before = first.value.json()["token"]
    with home.expect_response(lambda answer: "/api/tokens" in answer.url, timeout=2 * PATIENCE) as second:
        home.goto(f"{lab.base}lab")
    assert second.value.json()["token"] != before
    shows(home, RED)


@pytest.mark.parametrize("name", ["desktop", "lab-1", "socket-1"])
def test_the_standalone_page_shows_the_desktop_again_after_a_reload(page, lab, name):
    page.goto(f"{lab.base}vnc/view/{name}")
    shows(page, RED)
    work(page)
    page.reload()
    shows(page, RED)


#: Keeps the websockets of a page where a test can send through them what the viewer would not.
KEEP_SOCKETS = """window.opened = [];
    window.WebSocket = new Proxy(WebSocket, {construct(real, options) {
        const socket = new real(...options);
        window.opened.push(socket);
        return socket;
    }});"""


@pytest.mark.parametrize(("name", "arrives"), [("watch", ""), ("lab-1", "gh")])
def test_keys_do_nothing_to_a_desktop_that_is_only_watched(page, lab, typed, name, arrives):
    """Neither those that the page gets, nor those of a page that does not keep to the mode of its target."""
    worker = page.context.new_page()
    view(worker, lab)
    page.add_init_script(KEEP_SOCKETS)
    view(page, lab, name)
    page.locator(CANVAS).last.click()
    page.keyboard.press("g")
    for down in (True, False):
        page.evaluate("key => window.opened.at(-1).send(new Uint8Array(key))", list(say.key(ord("h"), down)))
    page.click('[data-action="toggle-connection"]')
    sessions = f"{lab.base}vnc/api/sessions"
    assert wait_for(lambda: len(worker.request.get(sessions).json()) == 1)
    # Whatever was let through is on its way to the desktop by now, and this comes after it.
    focus(worker)
    worker.keyboard.press("b")
    assert wait_for(lambda: worker.wait_for_timeout(50) or typed().endswith("b")), typed()
    assert typed() == f"{arrives}b"


def test_text_is_copied_both_ways(page, lab):
    environment = os.environ | {"DISPLAY": lab.servers["lab-1"].display}
    page.goto(f"{lab.base}vnc/view/lab-1")
    shows(page, RED)
    page.click('[data-action="clipboard"], button[aria-label*="lipboard"]')
    page.get_by_label("Text for the desktop").fill(TEXT)
    page.get_by_role("button", name="Send to the desktop").click()
    command = ["xclip", "-selection", "clipboard"]

    def pasted():
        page.wait_for_timeout(50)
        return (
            subprocess.run([*command, "-o"], check=False, env=environment, capture_output=True, timeout=30).stdout
            == TEXT.encode()
        )

    assert wait_for(pasted)
    back = TEXT[::-1]
    subprocess.run([*command, "-i"], input=back.encode(), env=environment, check=True, timeout=30)
    area = page.get_by_label("Text from the desktop")
    assert wait_for(lambda: page.wait_for_timeout(50) or area.input_value() == back), area.input_value()


def test_a_killed_desktop_is_told_of_and_comes_back(page, lab):
    page.goto(f"{lab.base}vnc/view/lab-1")
    shows(page, RED)
    server = lab.servers["lab-1"]
    server.stop()
    try:
        page.wait_for_selector(".jp-VNC[data-state=ended]")
        expect(page.locator(".jp-VNC-sentence")).to_have_text("The desktop has ended.")
    finally:
        server.start()
    with page.expect_request("**/vnc/api/tokens"):
        page.get_by_role("button", name="Reconnect").click()
    shows(page, RED)


def test_the_url_cannot_choose_the_websocket(page, lab):
    page.goto(f"{lab.base}vnc/view/lab-1?host=evil&port=1&path=evil&password=evil#host=evil&path=evil")
    shows(page, RED)
    ours = urllib.parse.urlsplit(f"{lab.base}vnc/ws")
    opened = [urllib.parse.urlsplit(url) for url, _ in page.sockets]
    assert [(one.netloc, one.path, one.query) for one in opened] == [(ours.netloc, ours.path, "")]


def test_nothing_secret_is_told(page, lab):
    page.goto(f"{lab.base}vnc/")
    for name in ("lab-1", "socket-1"):
        page.goto(f"{lab.base}vnc/view/{name}")
        shows(page, RED)
        assert page.locator("input[type=password]").count() == 0
        received = b"".join(frame for frame in page.sockets[-1][1] if isinstance(frame, bytes))
        # The browser is offered one security type, None: there is neither challenge nor response.
        assert received.startswith(b"RFB 003.008\n\x01\x01\0\0\0\0")
    frames = [frame for _, frames in page.sockets for frame in frames]
    told = b"".join(frame.encode() if isinstance(frame, str) else frame for frame in frames)
    texts = ("text", "json", "javascript")
    for answer in page.recorded:
        if answer.ok and any(kind in answer.headers.get("content-type", "") for kind in texts):
            with contextlib.suppress(Error):  # a page that was left keeps no bodies
                told += answer.body()
    # traitlets prints the whole configuration at DEBUG, for each of Jupyter's extensions; the rest is what we say.
    log = b"\n".join(line for line in lab.log.read_bytes().splitlines() if b" Config changed: " not in line)
    assert b"lab-1" in log
    for secret in lab.secrets:
        assert secret.encode() not in told
        assert secret.encode() not in log, secret


def test_each_card_of_the_list_opens(page, lab):
    page.goto(f"{lab.base}vnc/")
    expect(page.locator("a.jp-VNC-desktop")).to_have_count(5)
    page.click('a[data-target="socket-1"]')
    shows(page, RED)


@pytest.mark.parametrize("path", ["vnc/", "vnc/view/lab-1"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_page_does_not_overflow(page, lab, path, scheme):
    page.set_viewport_size({"width": 360, "height": 640})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{lab.base}{path}")
    if "view" in path:
        shows(page, RED)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_file_is_opened_on_the_desktop_from_the_file_browser(home, lab):
    """With the application that the desktop has for it: here one that paints the screen blue."""
    folder = lab.folder / "home"
    entries, config = folder / ".local/share/applications", folder / ".config"
    for one in (entries, config):
        one.mkdir(parents=True, exist_ok=True)
    program = folder / "paint"
    program.write_text("#!/bin/sh\nexec xterm -bg '#2040d0' -geometry 300x120+0+0 -b 0 +sb -e sleep 60\n")
    program.chmod(0o755)
    entry = f"[Desktop Entry]\nType=Application\nName=Paint\nExec={program} %f\nMimeType=text/plain;\n"
    (entries / "paint.desktop").write_text(entry)
    (config / "mimeapps.list").write_text("[Default Applications]\ntext/plain=paint.desktop\n")
    (lab.folder / "root" / "picture.txt").write_text("blue")
    home.evaluate("jupyterapp.commands.execute('filebrowser:refresh')")
    home.get_by_role("listitem", name=re.compile("picture.txt")).click(button="right")
    home.get_by_role("menuitem", name="Open on Desktop").click()
    shows(home, BLUE)
    # The next test finds this desktop without the blue.
    assert home.request.delete(f"{lab.base}vnc/api/desktops/desktop", headers=xsrf(home)).ok
