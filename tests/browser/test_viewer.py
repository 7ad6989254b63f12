"""The viewer in a real browser, a test for each thing that it offers."""

import contextlib
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from demo.processes import running
from tests.chromium import ARGUMENTS, CHROMIUM
from tests.integration import real
from tests.needs import require

from .conftest import NO_RETRIES, NOTE_WORDS, PATIENCE, log_in, put, still, stop, wait_for, was_told

pytestmark = [pytest.mark.browser, pytest.mark.real]

AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
#: So axe collects nothing about all the elements that pass.
ONLY_VIOLATIONS = json.dumps({"resultTypes": ["violations"]})
CANVAS = ".jp-VNC-screen canvas:visible"
MIXED = "Grüße, 世界, Привет, שלום, 🙂\n"


@pytest.fixture
def typed(lab, tmp_path):
    """A terminal over the whole desktop that writes each byte typed into it to a file; returns how to read it.

    Its window is there, and so gets the keys; a character whose bytes are not all there yet reads as another.
    """
    file, ready = tmp_path / "typed", tmp_path / "ready"
    script = f"stty raw -echo; touch {ready}; exec cat > {file}"
    environment = os.environ | {"DISPLAY": lab.servers["lab-1"].display, "LC_ALL": "C.UTF-8"}
    command = ["xterm", "-u8", "-T", tmp_path.name, "-geometry", "300x120+0+0", "-b", "0", "-e", "sh", "-c", script]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        assert wait_for(ready.exists)
        assert wait_for(lambda: is_shown(tmp_path.name, environment))
        yield lambda: file.read_text(errors="replace") if file.exists() else ""
    finally:
        stop(process)


def is_shown(title, environment):
    """Whether a window of this title is on a screen."""
    find = ["xdotool", "search", "--onlyvisible", "--name", f"^{re.escape(title)}$"]
    return subprocess.run(find, check=False, env=environment, stdout=subprocess.DEVNULL).returncode == 0


def connected(page, where=""):
    page.wait_for_selector(f"{where} .jp-VNC[data-phase=connected]", timeout=2 * PATIENCE)


def view(page, lab, name="lab-1"):
    page.goto(f"{lab.base}vnc/view/{name}")
    connected(page)
    page.wait_for_selector("[role=toolbar]")  # it follows the picture


def until(page, true, seconds=30):
    return wait_for(lambda: page.wait_for_timeout(50) or true(), seconds)


def focus(page):
    """A click on the desktop, which then gets the keys; its terminals take them from where the pointer is."""
    page.locator(CANVAS).click()
    page.wait_for_selector(".jp-VNC.jp-mod-captured")


def open_in_lab(home, title="Lab machine 1"):
    home.click(f'.jp-LauncherCard:has-text("{title}")')
    connected(home)


def settings(page, **switches):
    page.click('[data-action="settings"]')
    for name, on in switches.items():
        page.locator(f".jp-VNC-panel input[name={name}]").set_checked(on)
    page.keyboard.press("Escape")


def sent_encodings(page):
    """All SetEncodings that went to the server, as lists of numbers."""
    messages = []

    def note(frame):
        data = frame if isinstance(frame, bytes) else b""
        if data[:2] == b"\x02\0":
            count = struct.unpack(">H", data[2:4])[0]
            messages.append(list(struct.unpack(f">{count}i", data[4 : 4 + 4 * count])))

    page.on("websocket", lambda socket: socket.on("framesent", note))
    return messages


def first_quality(page, encodings):
    """Quality and compression that a viewer begins with."""
    assert until(page, lambda: encodings)
    return quality_of(encodings[-1])


def quality_of(encodings):
    """Quality and compression that a list of encodings asks for (rfbproto: from -32, from -256)."""
    return next(e + 32 for e in encodings if -32 <= e <= -23), next(e + 256 for e in encodings if -256 <= e <= -247)


def size(page):
    return page.locator(CANVAS).evaluate("canvas => [canvas.width, canvas.height]")


# The size of the desktop


def test_remote_scaling_gives_the_desktop_the_size_of_its_frame(page, lab):
    view(page, lab)
    page.set_viewport_size({"width": 900, "height": 700})
    assert until(page, lambda: size(page) == [896, 655]), size(page)


def test_a_fitted_desktop_keeps_its_size_and_is_all_visible(page, lab):
    page.set_viewport_size({"width": 900, "height": 700})
    view(page, lab)
    assert until(page, lambda: size(page) == [896, 655])
    page.click('[data-action="scaling"]')
    page.get_by_role("menuitemradio", name="Fit to the frame").click()
    page.set_viewport_size({"width": 500, "height": 400})
    assert until(page, lambda: page.locator(CANVAS).bounding_box()["width"] <= 500)
    page.wait_for_timeout(300)  # what a viewer asks for would be there by then
    assert size(page) == [896, 655]


def test_a_desktop_at_its_actual_size_is_moved_by_dragging(page, lab):
    page.set_viewport_size({"width": 900, "height": 700})
    view(page, lab)
    assert until(page, lambda: size(page) == [896, 655])
    page.click('[data-action="scaling"]')
    page.get_by_role("menuitemradio", name="Actual size").click()
    page.set_viewport_size({"width": 500, "height": 400})
    frame = page.locator(".jp-VNC-screen > div")
    assert until(page, lambda: frame.evaluate("node => node.scrollWidth > node.clientWidth"))
    page.click('[data-action="scaling"]')
    page.get_by_role("menuitemcheckbox", name="Move the view").click()
    assert until(page, lambda: frame.evaluate("node => node.scrollWidth <= node.clientWidth"))
    assert until(page, lambda: size(page) == [496, 355]), size(page)
    before = page.locator(CANVAS).screenshot()
    page.mouse.move(400, 300)
    page.mouse.down()
    page.mouse.move(100, 100, steps=5)
    page.mouse.up()
    assert until(page, lambda: page.locator(CANVAS).screenshot() != before)
    assert size(page) == [496, 355]


# Quality


def test_quality_and_compression_are_what_the_reader_chose_and_are_remembered(page, lab):
    encodings = sent_encodings(page)
    view(page, lab)
    settings(page, adaptive=False)
    page.click('[data-action="settings"]')
    page.locator("input[name=quality]").fill("9")
    page.locator("input[name=compression]").fill("0")
    assert until(page, lambda: encodings and quality_of(encodings[-1]) == (9, 0))
    encodings.clear()
    page.reload()
    connected(page)
    assert until(page, lambda: encodings and quality_of(encodings[-1]) == (9, 0))


def test_quality_follows_a_slow_connection_down(page, lab):
    encodings = sent_encodings(page)
    view(page, lab)
    first = first_quality(page, encodings)
    session = page.context.new_cdp_session(page)
    limits = {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", limits)
    # Less of the one and more of the other, in one message.
    assert until(page, lambda: quality_of(encodings[-1]) < first and quality_of(encodings[-1])[1] > first[1], 60)


#: A browser that takes long to draw what a desktop has sent; one picture in a while is no motion nevertheless.
SLOW_CANVAS = """const draw = CanvasRenderingContext2D.prototype.drawImage;
    CanvasRenderingContext2D.prototype.drawImage = function (...what) {
      draw.apply(this, what);
      for (const end = performance.now() + 60; this.canvas.isConnected && performance.now() < end;);
    };"""

#: Fills a terminal with colours, far more than a palette has, 30 times a second.
COLOURS = r"""import random, sys, time
while True:
    cells = (f"\33[48;2;{random.randrange(1 << 8)};{random.randrange(1 << 8)};{n % 256}m " for n in range(800))
    sys.stdout.write("\33[H" + "".join(cells)), sys.stdout.flush()
    time.sleep(0.03)
"""


@contextlib.contextmanager
def moving(environment):
    """Something small moves on a display, until the end of the block."""
    command = ["xterm", "-geometry", "40x20+0+0", "-e", sys.executable, "-c", COLOURS]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        stop(process)


def test_quality_follows_what_the_browser_can_draw_and_rests_at_the_best(page, lab):
    encodings = sent_encodings(page)
    page.add_init_script(SLOW_CANVAS)
    view(page, lab)
    first = first_quality(page, encodings)
    with moving(os.environ | {"DISPLAY": lab.servers["lab-1"].display}):
        assert until(page, lambda: quality_of(encodings[-1])[0] < first[0], 60)
    assert until(page, lambda: quality_of(encodings[-1]) == first, 60)


@pytest.fixture
def unrefined(lab, tmp_path):
    """A target that never sends again by itself what was lossy; yields the environment of its display."""
    file = lab.folder / "targets" / "unrefined.json"
    with real.x11vnc(tmp_path) as server:
        put(file, json.dumps({"host": "127.0.0.1", "port": server.address.port}))
        try:
            yield server.env
        finally:
            file.unlink()


def test_what_was_drawn_worse_is_requested_anew_when_nothing_moves(page, lab, unrefined):
    encodings, wholes, pictures = sent_encodings(page), [], []

    def note(data):
        pixel = struct.pack(">2B4H", 3, 0, 0, 0, 1, 1)  # asks whether the desktop is alive
        wholes.append(data[:6] == pixel[:6] and data != pixel)

    def listen(one):
        one.on("framesent", note)
        one.on("framereceived", lambda data: pictures.append(data) if len(data) > 1000 else None)

    page.on("websocket", listen)
    page.add_init_script(SLOW_CANVAS)
    assert until(page, lambda: "unrefined" in page.request.get(f"{lab.base}vnc/api/targets").text())
    view(page, lab, "unrefined")
    first = first_quality(page, encodings)
    # noVNC's own are for a new size, and there is none any more; a busy machine may rest before the movement is over.
    before = sum(wholes)
    with moving(unrefined):
        assert until(page, lambda: quality_of(encodings[-1])[0] < first[0], 60)
        good = len(pictures)
        assert until(page, lambda: len(pictures) >= good + 20, 60), "what is drawn now is drawn worse"
    assert until(page, lambda: quality_of(encodings[-1]) == first, 60)
    assert until(page, lambda: sum(wholes) > before, 60), "what stands still is drawn anew"


def test_statistics_show_frames_delay_bandwidth_and_encoding(page, lab):
    view(page, lab)
    settings(page, statistics=True)
    box = page.locator(".jp-VNC-statistics")
    focus(page)
    assert until(page, lambda: page.keyboard.press("g") or re.search(r"Delay\s+\d+ ms", box.inner_text()))
    assert until(page, lambda: re.search(r"Drawing\s+\d+ %\s+Encoding\s+\w+", box.inner_text())), box.inner_text()
    assert until(page, lambda: page.keyboard.press("r") or re.search(r"Frames\s+[1-9]\d* /s", box.inner_text()))
    settings(page, statistics=False)
    expect(box).to_be_hidden()


# Keys


#: What is pressed on keyboards of other countries, and what the desktop has to show; see also ``test_layouts.py``.
LAYOUTS = {
    "German": ([("AltRight", "AltGraph", None), ("KeyQ", "@", "@")], "@"),
    "German umlaut": ([("BracketLeft", "ü", "ü")], "ü"),
    "French": ([("AltRight", "AltGraph", None), ("Digit0", "@", "@")], "@"),
    "French dead key": ([("BracketLeft", "Dead", None), ("KeyE", "ê", "ê")], "ê"),
    "Japanese": ([("IntlYen", "¥", "¥")], "¥"),
}


def test_keys_of_other_layouts_arrive(page, lab, typed):
    view(page, lab)
    focus(page)
    session = page.context.new_cdp_session(page)
    shown = ""
    for layout, (keys, wanted) in LAYOUTS.items():
        for code, key, text in keys:
            event = {"code": code, "key": key, "modifiers": 0} | ({"text": text} if text else {})
            session.send("Input.dispatchKeyEvent", {"type": "keyDown", **event})
        for code, key, _ in reversed(keys):
            session.send("Input.dispatchKeyEvent", {"type": "keyUp", "code": code, "key": key})
        shown += wanted
        assert until(page, lambda: typed() == shown), (layout, typed())  # noqa: B023 - called at once


def test_composed_text_arrives_from_an_input_method(page, lab, typed):
    view(page, lab)
    page.click('[data-action="keyboard"]')
    session = page.context.new_cdp_session(page)
    session.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    page.wait_for_timeout(100)
    assert typed() == ""
    session.send("Input.insertText", {"text": "日本"})
    page.keyboard.type("ok")
    page.keyboard.press("Backspace")
    assert until(page, lambda: typed() == "日本ok\x7f" or typed() == "日本ok\b"), typed()


def test_a_held_modifier_goes_with_the_next_key_until_it_is_let_go(page, lab, typed):
    view(page, lab)
    focus(page)
    page.click('[data-action="keys"]')
    page.get_by_role("menuitemcheckbox", name="Hold Ctrl").click()
    page.keyboard.press("a")
    page.click('[data-action="keys"]')
    page.get_by_role("menuitemcheckbox", name="Hold Ctrl").click()
    page.keyboard.press("b")
    assert until(page, lambda: typed() == "\x01b"), typed()


def test_no_modifier_sticks_when_the_focus_is_lost(page, lab, typed):
    view(page, lab)
    focus(page)
    page.keyboard.down("Control")
    page.keyboard.down("Shift")
    page.locator('[data-action="screenshot"]').focus()
    page.keyboard.up("Shift")
    page.keyboard.up("Control")
    focus(page)
    page.keyboard.press("a")
    assert until(page, lambda: typed() == "a"), typed()


def test_a_text_is_typed_key_by_key(page, lab, typed):
    view(page, lab)
    focus(page)
    page.click('[data-action="keys"]')
    page.get_by_role("menuitem", name="Type text").click()
    page.get_by_label("Text to type").fill("straße ñ € 世界 {[|]}")
    page.get_by_role("button", name="Type it").click()
    assert until(page, lambda: typed() == "straße ñ € 世界 {[|]}"), typed()


def test_the_chord_gives_the_keyboard_back_and_lab_has_its_shortcuts_again(home, lab, typed):
    open_in_lab(home)
    focus(home)
    home.keyboard.press("Control+b")
    assert until(home, lambda: typed() == "\x02"), typed()
    bar = home.locator("#jp-left-stack")
    before = bar.is_visible()
    home.keyboard.press("Control+Alt+Shift")
    expect(home.locator(".jp-VNC.jp-mod-captured")).to_have_count(0)
    home.keyboard.press("Control+b")
    assert until(home, lambda: bar.is_visible() != before)
    assert typed() == "\x02"


# Clipboard


def xclip(lab, *arguments, **options):
    environment = os.environ | {"DISPLAY": lab.servers["lab-1"].display}
    command = ["xclip", "-selection", "clipboard", *arguments]
    return subprocess.run(command, check=False, env=environment, timeout=PATIENCE / 1000, **options)


def test_both_clipboards_are_one_where_the_browser_permits_it(page, lab):
    text = MIXED * (200 * 1024 // len(MIXED.encode()))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view(page, lab)
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.locator('[data-action="screenshot"]').focus()
    focus(page)
    assert until(page, lambda: xclip(lab, "-o", capture_output=True).stdout == text.encode())
    back = text[::-1]
    xclip(lab, "-i", input=back.encode())
    assert until(page, lambda: page.evaluate("navigator.clipboard.readText()") == back)


def test_a_text_that_is_too_long_is_refused_with_a_sentence(page, lab):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view(page, lab)
    page.evaluate("navigator.clipboard.writeText('ä'.repeat(128 * 1024 + 1))")
    page.locator('[data-action="screenshot"]').focus()
    focus(page)
    page.get_by_text("at most 256 KiB").first.wait_for()
    page.click('[data-action="clipboard"]')
    page.get_by_label("Text for the desktop").fill("ä" * (128 * 1024 + 1))
    page.get_by_role("button", name="Send to the desktop").click()
    expect(page.locator(".jp-VNC-panel:visible .jp-VNC-note")).to_contain_text("256 KiB")


def test_a_text_that_is_too_long_is_not_taken_from_the_desktop(page, lab):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script(NOTE_WORDS)
    view(page, lab)
    page.click('[data-action="clipboard"]')
    xclip(lab, "-i", input=b"short")
    area = page.get_by_label("Text from the desktop")
    assert until(page, lambda: area.input_value() == "short")
    xclip(lab, "-i", input="ä".encode() * (128 * 1024 + 1))
    page.locator(".jp-VNC-panel:visible .jp-VNC-note", has_text="at most 256 KiB").wait_for()
    was_told(page, "at most 256 KiB")
    expect(area).to_have_value("")
    assert until(page, lambda: page.evaluate("navigator.clipboard.readText()") == "short")


def test_long_texts_of_many_scripts_go_both_ways_through_the_panel(page, lab):
    text = MIXED * (200 * 1024 // len(MIXED.encode()))
    view(page, lab)
    page.click('[data-action="clipboard"]')
    page.get_by_label("Text for the desktop").evaluate("(area, text) => void (area.value = text)", text)
    page.get_by_role("button", name="Send to the desktop").click()
    assert until(page, lambda: xclip(lab, "-o", capture_output=True).stdout == text.encode())
    back = text[::-1]
    xclip(lab, "-i", input=back.encode())
    area = page.get_by_label("Text from the desktop")
    assert until(page, lambda: area.input_value() == back)


CLIPBOARD_PERMISSIONS = {
    "granted": (["clipboard-read", "clipboard-write"], "Your browser lets both clipboards follow each other."),
    "prompt": (None, "Your browser asks you once before the clipboards can follow each other."),
    # A browser that is given a list of permissions denies all others.
    "denied": (
        ["geolocation"],
        "Your browser is set to keep its clipboard from this page: use the boxes above.",
    ),
}


@pytest.mark.parametrize(("permissions", "sentence"), CLIPBOARD_PERMISSIONS.values(), ids=CLIPBOARD_PERMISSIONS)
def test_the_panel_says_how_the_clipboards_are_joined(page, lab, permissions, sentence):
    if permissions is not None:
        page.context.grant_permissions(permissions)
    view(page, lab)
    page.click('[data-action="clipboard"]')
    panel = page.locator(".jp-VNC-panel:visible")
    panel.get_by_text(sentence).wait_for()
    others = {other for _, other in CLIPBOARD_PERMISSIONS.values()} - {sentence}
    assert not [other for other in others if other in panel.inner_text()]


# Screen, bell, touch


def test_full_screen_is_of_the_panel_alone_and_says_how_to_leave(home, lab):
    open_in_lab(home)
    home.click('[data-action="fullscreen"]')
    assert until(home, lambda: home.evaluate("document.fullscreenElement?.classList.contains('jp-VNC')"))
    home.locator(".jp-VNC-hint", has_text="leave full screen").wait_for()
    home.evaluate("document.exitFullscreen()")
    assert until(home, lambda: home.evaluate("document.fullscreenElement === null"))


@pytest.fixture
def on_a_screen(chromium, lab, tmp_path):
    """A page of a browser that has a window, on a screen of its own, and how to press keys of that screen's keyboard.

    A browser without a window never sees the keys that it would keep for itself: playwright gives them to the page.
    """
    require("openbox", "xdotool")
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(real.tigervnc(tmp_path / "screen"))
        log = tmp_path / "openbox.log"
        stack.enter_context(running(["openbox", "--sm-disable"], log, env=screen.env, cwd=tmp_path))
        options = {"executable_path": CHROMIUM, "args": ARGUMENTS, "headless": False, "env": screen.env}
        browser = stack.enter_context(chromium.browser_type.launch(**options))
        context = browser.new_context(no_viewport=True)
        log_in(context, lab)
        yield context.new_page(), lambda *keys: screen.run("xdotool", *keys)


def test_full_screen_gives_the_desktop_the_keys_that_a_browser_keeps(on_a_screen, lab, typed):
    page, press = on_a_screen
    view(page, lab)
    focus(page)
    full = "document.fullscreenElement !== null"
    page.click('[data-action="fullscreen"]')
    assert until(page, lambda: page.evaluate(full))
    page.locator(".jp-VNC-hint", has_text="Hold Esc to leave full screen.").wait_for()
    press("key", "Escape", "ctrl+w", "ctrl+t", "F11")
    assert until(page, lambda: typed() == "\x1b\x17\x14\x1b[23~"), typed()
    assert (page.evaluate(full), len(page.context.pages)) == (True, 1)
    press("keydown", "ctrl", "keydown", "alt", "keydown", "shift", "keyup", "shift", "keyup", "alt", "keyup", "ctrl")
    assert until(page, lambda: page.locator(".jp-mod-captured").count() == 0)
    press("key", "a", "keydown", "Escape")
    assert until(page, lambda: not page.evaluate(full))
    press("keyup", "Escape")
    # Whatever is in full screen next has its own keys.
    page.evaluate("document.body.requestFullscreen()")
    assert until(page, lambda: page.evaluate(full))
    press("key", "Escape")
    assert until(page, lambda: not page.evaluate(full))
    with page.context.expect_page():
        press("key", "ctrl+t")
    assert typed() == "\x1b\x17\x14\x1b[23~"


def test_the_bell_flashes_and_can_be_switched_off(page, lab):
    view(page, lab)
    page.evaluate("""() => {
        window.rung = 0;
        const node = document.querySelector('.jp-VNC');
        let was = false;
        new MutationObserver(() => {
            const is = node.classList.contains('jp-mod-bell');
            window.rung += is && !was ? 1 : 0;
            was = is;
        }).observe(node, {attributeFilter: ['class']});
    }""")
    environment = os.environ | {"DISPLAY": lab.servers["lab-1"].display}
    ring = ["xterm", "-geometry", "20x5", "-e", "sh", "-c", r"sleep 0.3; printf '\a'; sleep 0.5"]
    subprocess.run(ring, env=environment, check=True, timeout=60, stderr=subprocess.DEVNULL)
    assert until(page, lambda: page.evaluate("rung") == 1), page.evaluate("rung")
    settings(page, bell=False)
    subprocess.run(ring, env=environment, check=True, timeout=60, stderr=subprocess.DEVNULL)
    page.wait_for_timeout(500)
    assert page.evaluate("rung") == 1


def test_the_screen_stays_on_only_while_that_is_wanted(page, lab):
    # The browser's own locks, counted; each of them says itself when it is let go.
    page.add_init_script("""
        window.held = new Set();
        const request = navigator.wakeLock.request.bind(navigator.wakeLock);
        navigator.wakeLock.request = async kind => {
            const lock = await request(kind);
            held.add(lock);
            lock.addEventListener('release', () => held.delete(lock));
            return lock;
        };
    """)
    view(page, lab)
    held = "[...held].map(({ type, released }) => [type, released])"
    assert page.evaluate(held) == []
    settings(page, keepAwake=True)
    assert until(page, lambda: page.evaluate(held) == [["screen", False]])
    page.click('[data-action="toggle-connection"]')
    assert until(page, lambda: page.evaluate(held) == [])
    page.click('[data-action="toggle-connection"]')
    connected(page)
    assert until(page, lambda: page.evaluate(held) == [["screen", False]])
    settings(page, keepAwake=False)
    assert until(page, lambda: page.evaluate(held) == [])


def test_a_finger_clicks_and_a_phone_types(chromium, lab, typed):
    with chromium.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True) as context:
        log_in(context, lab)
        page = context.new_page()
        view(page, lab)
        page.locator(CANVAS).tap()
        page.get_by_role("button", name="More").tap()
        page.get_by_role("menuitemcheckbox", name="On-screen keyboard").tap()
        page.get_by_label("Keys for the desktop").wait_for()
        page.keyboard.insert_text("hé")
        assert until(page, lambda: typed() == "hé"), typed()
        for node in page.locator(".jp-VNC-key, .jp-VNC-tool:visible").all():
            box = node.bounding_box()
            assert min(box["width"], box["height"]) >= 44
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_screenshot_is_a_download(page, lab):
    view(page, lab)
    with page.expect_download() as download:
        page.click('[data-action="screenshot"]')
    assert download.value.suggested_filename == "lab-1.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


# At home in JupyterLab


def test_a_screenshot_goes_to_the_files(home, lab):
    open_in_lab(home)
    with home.expect_response(lambda answer: "/api/contents/" in answer.url and answer.request.method == "PUT") as put:
        home.click('[data-action="keep-screenshot"]')
    assert put.value.status == 201
    assert re.search(r"lab-1-[\d-]+\.png", put.value.url)


@contextlib.contextmanager
def traffic(page):
    """The pictures that a page receives, and the sizes that it asks for, on websockets that are opened in the block."""
    frames, sizes = [], []

    def listen(socket):
        socket.on("framereceived", lambda data: frames.append(len(data)) if isinstance(data, bytes) else None)
        socket.on("framesent", lambda data: sizes.append(data) if data[:1] == b"\xfb" else None)

    page.on("websocket", listen)
    try:
        yield frames, sizes
    finally:
        page.remove_listener("websocket", listen)


def test_a_hidden_tab_gets_no_pictures_and_asks_for_no_size(home, lab):
    with traffic(home) as (frames, sizes):
        open_in_lab(home)
        focus(home)
        home.keyboard.press("Control+Alt+Shift")
        home.evaluate("document.activeElement.blur()")
        home.locator(".lm-TabBar-addButton:visible").first.click()
        home.wait_for_selector(".jp-LauncherCard:visible")
        before, asked = still(home, frames), len(sizes)
        environment = os.environ | {"DISPLAY": lab.servers["lab-1"].display}
        draw = ["xterm", "-geometry", "80x24", "-e", "sh", "-c", "for i in $(seq 40); do seq 20; sleep 0.03; done"]
        subprocess.run(draw, env=environment, check=True, timeout=60, stderr=subprocess.DEVNULL)
        assert len(frames) - before <= 1  # the answer to being told to stop
        home.locator('.lm-TabBar-tab[data-type="jupyter-vnc-desktop"]').click()
        assert until(home, lambda: len(frames) > before + 1)
        home.wait_for_timeout(300)
        zero = [message for message in sizes if struct.unpack(">HH", message[2:6]) < (200, 150)]
        assert (zero, len(sizes)) == ([], asked)


def test_a_drag_to_the_side_keeps_the_connection(home, lab):
    open_in_lab(home)
    home.locator(".lm-TabBar-addButton:visible").first.click()
    home.wait_for_selector(".jp-LauncherCard:visible")
    opened = len(home.sockets)
    tab = home.locator('.lm-TabBar-tab[data-type="jupyter-vnc-desktop"]').bounding_box()
    home.mouse.move(tab["x"] + 40, tab["y"] + 10)
    home.mouse.down()
    home.mouse.move(900, 300, steps=8)
    home.mouse.move(1240, 450, steps=8)
    home.wait_for_timeout(500)
    home.mouse.up()
    moved = "nodes => nodes.some(node => node.getBoundingClientRect().x > 600)"
    assert until(home, lambda: home.locator(CANVAS).evaluate_all(moved))
    connected(home)
    assert len(home.sockets) == opened


def test_the_running_panel_shuts_a_desktop_down(home, lab):
    open_in_lab(home, "My desktop")
    home.click('.jp-SideBar [data-id="jp-running-sessions"]')
    shut_down = home.locator("[title='Shut Down'], [aria-label='Shut Down']")
    item = home.locator(".jp-RunningSessions-item", has_text="My desktop", has=shut_down)
    item.wait_for()
    item.hover()
    item.locator("[title='Shut Down'], [aria-label='Shut Down']").first.click()
    with home.expect_response(lambda answer: answer.request.method == "DELETE") as answer:
        home.locator(".jp-Dialog").get_by_role("button", name="Shut Down").click()
    assert answer.value.status == 204
    assert until(home, lambda: item.count() == 0)
    home.wait_for_selector('.jp-VNC:not([data-phase="connected"])')


def test_shut_down_all_ends_the_desktops_of_the_server_and_no_others(home, lab):
    def rows(what):
        return home.request.get(f"{lab.base}vnc/api/{what}").json()

    open_in_lab(home, "My desktop")
    home.locator(".lm-TabBar-addButton:visible").first.click()
    home.click('.jp-LauncherCard:visible:has-text("Lab machine 1")')
    assert until(home, lambda: {row["target"] for row in rows("sessions")} == {"desktop", "lab-1"}), rows("sessions")
    home.click('.jp-SideBar [data-id="jp-running-sessions"]')
    panel = home.locator("#jp-running-sessions")
    heading = panel.locator(".jp-AccordionPanel-title", has_text="Desktops of this server")
    heading.get_by_text("Shut Down All", exact=True).click()
    dialog = home.locator(".jp-Dialog")
    dialog.get_by_role("button", name="Cancel").click()
    assert until(home, lambda: [row["state"] for row in rows("desktops")] == ["up"]), rows("desktops")
    heading.get_by_text("Shut Down All", exact=True).click()
    dialog.get_by_text("Shut down all desktops of this server?").wait_for()
    dialog.get_by_role("button", name="Shut Down All").click()
    assert until(home, lambda: [row["state"] for row in rows("desktops")] == ["stopped"]), rows("desktops")
    assert until(home, lambda: {row["target"] for row in rows("sessions")} == {"lab-1"}), rows("sessions")
    shut_down = home.locator("[title='Shut Down'], [aria-label='Shut Down']")
    running = panel.locator(".jp-RunningSessions-item", has_text="My desktop", has=shut_down)
    assert until(home, lambda: running.count() == 0), running.all_inner_texts()


def test_the_status_bar_counts_desktops_says_the_delay_and_leads_to_what_is_running(home, lab):
    open_in_lab(home)
    item = home.locator("#jp-main-statusbar [aria-label*='remote desktop']")
    assert until(home, lambda: item.count() and re.search(r"^\d+ · \d+ ms$", item.inner_text())), item.all_inner_texts()
    running, files = home.locator("#jp-running-sessions"), home.locator('.jp-SideBar [data-id="filebrowser"]')
    for show in (item.click, lambda: item.press("Enter")):
        if running.is_visible():
            files.click()
        running.wait_for(state="hidden")
        show()
        running.get_by_text("Remote desktops").first.wait_for()


def test_the_tile_of_a_desktop_has_the_icon_of_its_state(page, lab):
    def drawn(title):
        return page.locator(f'.jp-LauncherCard:has-text("{title}") svg').first.get_attribute("data-icon")

    def states():
        return {row["name"]: row["state"] for row in page.request.get(f"{lab.base}vnc/api/targets").json()}

    names = {"up": "desktop-up", "down": "desktop-down", "unknown": "desktop", "stopped": "desktop"}
    away = lab.folder / "vnc.away"
    (lab.folder / "vnc.sock").rename(away)
    try:
        page.request.delete(f"{lab.base}vnc/api/desktops/desktop", headers=xsrf(page))
        wanted = {"lab-1": "up", "socket-1": "down", "desktop": "stopped"}
        assert until(page, lambda: states().items() >= wanted.items()), states()
        page.goto(f"{lab.base}lab?reset")
        page.wait_for_selector('.jp-LauncherCard:has-text("Lab machine 1")', timeout=60000)
        for name, title in (("lab-1", "Lab machine 1"), ("socket-1", "Socket machine"), ("desktop", "My desktop")):
            icon = f"jupyter-vnc:{names[wanted[name]]}"
            assert until(page, lambda t=title, i=icon: drawn(t) == i), (title, drawn(title))
    finally:
        away.rename(lab.folder / "vnc.sock")


def xsrf(page):
    """The header that proves that a request is a page's own."""
    (value,) = {one["value"] for one in page.context.cookies() if one["name"] == "_xsrf"}
    return {"X-XSRFToken": value}


def test_file_new_lists_the_desktops_and_the_tile_tells_the_state(home, lab):
    tile = home.locator('.jp-LauncherCard:has-text("Lab machine 1")')
    assert until(home, lambda: "Running" in (tile.get_attribute("title") or "")), tile.get_attribute("title")
    home.click('.lm-MenuBar-itemLabel:text("File")')
    home.hover('.lm-Menu-itemLabel:text-is("New")')
    home.click('.lm-Menu-itemLabel:text-is("Lab machine 1")')
    connected(home)


def test_the_form_of_settings_and_the_panel_are_one(home, lab):
    open_in_lab(home)
    settings(home, statistics=True)
    home.locator(".jp-VNC-statistics").wait_for()
    home.keyboard.press("Control+Alt+Shift")
    # Of all that Lab has, as somebody who looks for it does: to draw all of it takes long.
    home.evaluate("jupyterapp.commands.execute('settingeditor:open', { query: 'remote desktops' })")
    form = home.locator("#jp-SettingsEditor-jupyter-vnc\\:plugin_statistics, input[id$=plugin_statistics]").first
    home.locator(".jp-PluginList-entry", has_text="Remote desktops").first.click(timeout=2 * PATIENCE)
    expect(form).to_be_checked()
    with home.expect_response(lambda answer: "/api/settings/" in answer.url and answer.request.method == "PUT"):
        form.uncheck()
    home.locator('.lm-TabBar-tab[data-type="jupyter-vnc-desktop"]').click()
    home.locator(CANVAS).wait_for()
    expect(home.locator(".jp-VNC-statistics")).to_be_hidden()


def test_little_is_loaded_before_the_first_use(page, lab):
    got = []
    page.on(
        "requestfinished",
        lambda one: got.append(one) if re.search(r"jupyter-vnc/static|/vnc/static", one.url) else None,
    )
    page.goto(f"{lab.base}lab?reset")
    page.wait_for_selector('.jp-LauncherCard:has-text("Lab machine 1")', timeout=60000)
    page.wait_for_timeout(1000)
    assert not [one.url for one in got if "novnc" in one.url]
    assert 0 < sum(one.sizes()["responseBodySize"] for one in got) < 20_000
    for _ in range(2):
        page.locator('.jp-LauncherCard:has-text("Lab machine 1")').last.click()
        connected(page)
        page.locator(".lm-TabBar-addButton:visible").first.click()
    assert sum("novnc/rfb.js" in one.url for one in got) == 1


# For everybody


#: Whether nothing fades or moves on a page, but what always does.
AT_REST = """() => document.getAnimations().every(one =>
    one.playState !== 'running' || one.effect?.getComputedTiming().endTime === Infinity)"""


def violations(page, scope):
    """What axe finds in a part of a page: rule and element."""
    page.wait_for_function(AT_REST)
    page.evaluate(AXE.read_text())
    found = page.evaluate(f"axe.run({scope}, {ONLY_VIOLATIONS})")["violations"]
    return [(one["id"], node["html"][:200]) for one in found for node in one["nodes"] if not _is_labs_own(one, node)]


def _is_labs_own(violation, node):
    """Whether it is that JupyterLab's buttons have aria-pressed, and no role until they have their shadow."""
    if violation["id"] != "aria-allowed-attr" or not node["html"].startswith("<jp-button "):
        return False
    told = [check["data"] for check in node["any"] + node["all"] + node["none"]]
    return all("aria-pressed" in str(data) and "aria-" not in str(data).replace("aria-pressed", "") for data in told)


# In JupyterLab: test_points.py, in each of its themes.
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(page, lab, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{lab.base}vnc/")
    assert violations(page, "document") == [], "the list"
    view(page, lab)
    page.click('[data-action="clipboard"]')
    page.locator(".jp-VNC-panel:visible").wait_for()
    assert violations(page, "document") == [], "a desktop"
    page.click('[data-action="toggle-connection"]')
    page.locator(".jp-VNC:not([data-phase=connected])").wait_for()
    assert violations(page, "document") == [], "a desktop that was left"


def focused(page, what, wanted):
    """Wait until something of the element that has the focus is so."""
    found = f"document.activeElement?.{what}"
    assert until(page, lambda: page.evaluate(found) == wanted), (page.evaluate(found), wanted)


def test_everything_can_be_reached_and_closed_with_the_keyboard(page, lab):
    view(page, lab)
    page.keyboard.press("Control+Alt+Shift")
    focused(page, "dataset.action", "toggle-connection")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    focused(page, "getAttribute('role')", "menuitemradio")
    page.keyboard.press("Escape")
    focused(page, "dataset.action", "scaling")
    page.locator('[data-action="settings"]').focus()
    page.keyboard.press("Enter")
    focused(page, "name", "adaptive")
    page.keyboard.press("Escape")
    expect(page.locator(".jp-VNC-panel:visible")).to_have_count(0)


@pytest.mark.parametrize(
    ("locale", "heading", "connected", "full_screen"),
    [("zh-TW", "遠端桌面", "已連線", "全螢幕"), ("de-AT", "Remote-Desktops", "Verbunden", "Vollbild")],
)
def test_the_pages_speak_the_readers_language(chromium, lab, locale, heading, connected, full_screen):
    with chromium.new_context(locale=locale) as context:
        log_in(context, lab)
        page = context.new_page()
        page.goto(f"{lab.base}vnc/")
        page.get_by_role("heading", name=heading).wait_for()
        assert page.evaluate("document.documentElement.lang") == {"de-AT": "de-DE"}.get(locale, locale)
        view(page, lab)
        expect(page.locator(".jp-VNC-state")).to_have_text(connected)
        expect(page.locator('[data-action="fullscreen"]')).to_have_attribute("aria-label", full_screen)


def test_the_list_shows_the_last_picture_of_a_desktop(page, lab):
    page.goto(f"{lab.base}vnc/")
    assert page.locator('[data-target="lab-1"] img').count() == 0
    view(page, lab)
    page.goto(f"{lab.base}vnc/")
    picture = page.locator('[data-target="lab-1"] img')
    picture.wait_for()
    assert picture.evaluate("node => node.decode().then(() => node.naturalWidth)") == 320
    assert page.locator('[data-target="socket-1"] img').count() == 0
    view(page, lab)
    settings(page, pictures=False)
    page.goto(f"{lab.base}vnc/")
    page.wait_for_timeout(300)
    assert page.locator('[data-target="lab-1"] img').count() == 0


# What happens


@pytest.mark.parametrize(
    ("code", "state", "button"),
    [
        (1000, "ended", "Reconnect"),
        (1012, "restarting", "Retry now"),
        (4401, "login", "Log in"),
        (4404, "gone", "Back to the list"),
        (4409, "taken-over", "Take it back"),
        (4429, "limit", "Try again"),
        (4502, "unreachable", "Retry now"),
        (4505, "desktop-failed", "Try again"),
    ],
)
def test_each_end_has_a_sentence_and_a_button(page, lab, code, state, button):
    # The real websocket, of which the page is told that it was closed with another code.
    page.add_init_script(f"""
        window.WebSocket = new Proxy(WebSocket, {{construct(real, options) {{
            const socket = new real(...options);
            const close = () => socket.dispatchEvent(new CloseEvent('close', {{code: {code}}}));
            socket.addEventListener('open', () => setTimeout(close, 100));
            return socket;
        }}}});
    """)
    page.add_init_script(NO_RETRIES)  # what follows is done by the button, and not by a retry that was due
    address = f"{lab.base}vnc/view/lab-1"
    page.goto(address)
    page.wait_for_selector(f'.jp-VNC[data-state="{state}"]')
    page.get_by_role("button", name=button).wait_for()
    assert page.locator(".jp-VNC-sentence").inner_text().endswith(".")
    places = {"Log in": address, "Back to the list": f"{lab.base}vnc/"}
    wanted = places.get(button, f"{lab.base}vnc/api/tokens")
    with page.expect_request(lambda request: request.url.split("?")[0] == wanted) as asked:
        page.get_by_role("button", name=button).click()
    if button not in places:
        assert asked.value.post_data_json["takeover"] == (button == "Take it back")


def test_nothing_of_a_grant_is_kept(page, lab):
    with page.expect_response(lambda answer: "/api/tokens" in answer.url) as answer:
        view(page, lab)
    token = answer.value.json()["token"]
    assert token not in json.dumps(page.evaluate("({...localStorage, ...sessionStorage, at: location.href})"))
    assert token not in page.content()
