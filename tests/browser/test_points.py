"""What the viewer promises at home in JupyterLab, in Notebook and by touch: a test for each promise."""

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.request

import pytest
from PIL import Image
from playwright.sync_api import Error

from demo.processes import free_port
from tests.chromium import ARGUMENTS, CHROMIUM

from .conftest import stop, wait_for
from .test_viewer import CANVAS, connected, focus, open_in_lab, settings, size, typed, until, view, violations

__all__ = ["typed"]

pytestmark = [pytest.mark.browser, pytest.mark.real]

TAB = '.lm-TabBar-tab[data-type="jupyter-vnc-desktop"]'
THEMES = ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]
ACTIONS = [
    *("Disconnect", "View only", "Full screen", "Open in a browser tab", "Clipboard"),
    *("On-screen keyboard and input method", "Settings", "Save a screenshot", "Save a screenshot to the files"),
]


def themed(page, theme):
    page.click('.lm-MenuBar-itemLabel:text("Settings")')
    page.hover('.lm-Menu-itemLabel:text-is("Theme")')
    page.click(f'.lm-Menu-itemLabel:text-is("{theme}")')
    page.wait_for_selector(f'body[data-jp-theme-name="{theme}"]', state="attached")


# In JupyterLab


def test_the_tab_takes_the_launchers_place_and_shows_that_it_is_connected(page, lab):
    open_in_lab(page, lab)
    tab = page.locator(TAB)
    assert tab.inner_text().strip() == "Lab machine 1"
    assert tab.locator("svg").count() > 0
    assert page.locator(".lm-TabBar-tab", has_text="Launcher").count() == 0
    icon = f"{TAB} .lm-TabBar-tabIcon"
    dot = f"getComputedStyle(document.querySelector({json.dumps(icon)}), '::after').content"
    assert page.evaluate(dot) == '""'
    assert tab.get_attribute("title").startswith("Connected to")
    page.click('[data-action="toggle-connection"]')
    assert until(page, lambda: page.evaluate(dot) == "none")


@pytest.mark.parametrize("theme", THEMES)
def test_each_theme_colours_the_viewer_and_axe_finds_nothing(page, lab, theme, tmp_path):
    open_in_lab(page, lab)
    themed(page, theme)
    colours = page.evaluate("""[getComputedStyle(document.querySelector('.jp-VNC')).backgroundColor,
        (() => { const node = document.body.appendChild(document.createElement('i'));
                 node.style.color = 'var(--jp-layout-color2)'; return getComputedStyle(node).color; })()]""")
    assert colours[0] == colours[1]
    for action in ("settings", "clipboard", "toggle-connection"):
        page.click(f'[data-action="{action}"]')
        page.wait_for_timeout(300)
        page.screenshot(path=tmp_path / f"{action}.png")
        assert violations(page, "document.querySelector('.jp-VNC').closest('.jp-MainAreaWidget')") == []


def test_the_tabs_menu_and_the_palette_offer_what_the_toolbar_does(page, lab):
    open_in_lab(page, lab)
    page.locator(TAB).click(button="right")
    menu = page.locator(".lm-Menu").first
    menu.wait_for()
    offered = menu.locator(".lm-Menu-itemLabel").all_inner_texts()
    assert [one for one in [*ACTIONS, "Size of the desktop", "Send keys"] if one not in offered] == []
    page.hover('.lm-Menu-itemLabel:text-is("Size of the desktop")')
    page.click('.lm-Menu-itemLabel:text-is("Fit to the frame")')
    page.click('[data-action="scaling"]')
    assert page.get_by_role("menuitemradio", name="Fit to the frame").get_attribute("aria-checked") == "true"
    page.get_by_role("menuitemradio", name="Desktop takes").click()
    page.keyboard.press("Control+Alt+Shift")
    page.keyboard.press("Control+Shift+c")
    page.fill(".lm-CommandPalette-input", "remote desktop")
    entries = page.locator(".lm-CommandPalette-itemLabel").all_inner_texts()
    assert [one for one in [*ACTIONS, "Send Ctrl+Alt+Del"] if one not in entries] == []


def test_a_narrow_toolbar_keeps_the_rest_in_a_menu(page, lab):
    open_in_lab(page, lab)
    page.set_viewport_size({"width": 560, "height": 600})
    more = page.locator(".jp-MainAreaWidget:has(.jp-VNC) .jp-Toolbar-responsive-opener")
    more.wait_for()
    more.click()
    page.locator('.jp-Toolbar-responsive-popup [data-action="settings"]').click()
    page.locator(".jp-VNC-panel:visible").wait_for()


def test_the_status_bar_says_where_the_keys_go(page, lab):
    open_in_lab(page, lab)
    said = page.locator("#jp-main-statusbar").get_by_text("Keys go to the desktop")
    focus(page)
    said.wait_for()
    page.keyboard.press("Control+Alt+Shift")
    said.wait_for(state="hidden")
    focus(page)
    said.wait_for()
    said.click()
    said.wait_for(state="hidden")


def test_the_first_time_a_hint_says_how_to_get_the_keys_back(page, lab):
    view(page, lab)
    page.evaluate("localStorage.clear()")
    page.reload()
    connected(page)
    focus(page)
    page.locator(".jp-VNC-hint", has_text="Press Ctrl+Alt+Shift to get them back").wait_for()
    page.reload()
    connected(page)
    focus(page)
    assert page.locator(".jp-VNC-hint").is_hidden()


def test_lists_follow_the_servers_events(page, lab):
    """Also where nobody asks: the page's own rounds are held back, and another window does something."""
    page.add_init_script("""const real = setTimeout;
        window.setTimeout = (run, delay, ...rest) => real(run, delay >= 5000 ? 1e8 : delay, ...rest);""")
    page.goto(f"{lab.base}lab?reset")
    page.wait_for_selector('.jp-LauncherCard:has-text("My desktop")', timeout=60000)
    page.click('.jp-SideBar [data-id="jp-running-sessions"]')
    page.wait_for_timeout(1500)
    other = page.context.new_page()
    other.goto(f"{lab.base}vnc/view/desktop")
    connected(other)
    items = page.locator(".jp-RunningSessions-item", has_text="My desktop")
    assert until(page, lambda: items.count() == 2), items.all_inner_texts()
    tile = page.locator('.jp-LauncherCard:has-text("My desktop")')
    assert until(page, lambda: "Running" in tile.get_attribute("title")), tile.get_attribute("title")
    status = page.locator("#jp-main-statusbar [aria-label*='remote desktop']")
    assert until(page, lambda: status.count() == 1)
    other.close()
    assert until(page, lambda: items.count() == 1), items.all_inner_texts()
    assert until(page, lambda: status.count() == 0 or status.is_hidden())


def test_the_machine_of_a_pool_is_given_back_from_its_tab(page, lab):
    def row():
        answer = page.request.get(f"{lab.base}vnc/api/targets").json()
        return next(row["pool"] for row in answer if row["name"] == "pool")

    open_in_lab(page, lab, "One of many")
    assert (row()["machine"], row()["free"]) == ("m1", 0)
    page.click('[data-action="give-back"]')
    dialog = page.get_by_role("dialog", name="Give the machine back?")
    dialog.get_by_role("button", name="Cancel").click()
    assert page.locator(".jp-VNC").get_attribute("data-phase") == "connected"
    assert row()["machine"] == "m1"
    page.locator(TAB).click(button="right")
    page.click('.lm-Menu-itemLabel:text-is("Give the machine back")')
    dialog.get_by_role("button", name="Give the machine back").click()
    page.locator(".jp-VNC-overlay").get_by_text("You gave the machine back.").wait_for()
    assert (row()["machine"], row()["free"]) == (None, 1)
    page.locator(TAB).and_(page.locator('[data-phase="stopped"]')).wait_for()
    # Whoever wants one again gets one.
    page.get_by_role("button", name="Reconnect").click()
    connected(page)
    assert row()["machine"] == "m1"


# The viewer


def test_who_only_looks_on_does_no_harm(page, lab, typed):
    view(page, lab)
    focus(page)
    page.click('[data-action="view-only"]')
    assert page.locator(".jp-VNC-state").inner_text() == "Connected, view only"
    page.locator(CANVAS).click()
    page.keyboard.press("a")
    page.click('[data-action="view-only"]')
    focus(page)
    page.keyboard.press("b")
    assert until(page, lambda: typed() == "b"), typed()


def test_the_menu_sends_keys_that_a_browser_keeps(page, lab, typed):
    view(page, lab)
    for name in ("Esc", "Ctrl+W", "Tab", "Ctrl+T", "Ctrl+N"):
        page.click('[data-action="keys"]')
        page.get_by_role("menuitem", name=name, exact=True).click()
    assert until(page, lambda: typed() == "\x1b\x17\t\x14\x0e"), typed()


def test_a_held_modifier_is_to_be_seen(page, lab):
    view(page, lab)
    keys = page.locator('[data-action="keys"]')
    for pressed in ("true", "false"):
        keys.click()
        page.get_by_role("menuitemcheckbox", name="Hold Alt").click()
        assert until(page, lambda: keys.get_attribute("aria-pressed") == pressed)  # noqa: B023


def test_no_modifier_sticks_when_another_window_takes_the_keys(page, lab, typed):
    view(page, lab)
    focus(page)
    page.keyboard.down("Control")
    page.keyboard.down("Alt")
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    # Nobody hears that they are let go.
    page.evaluate("window.addEventListener('keyup', event => event.stopImmediatePropagation(), {capture: true})")
    page.keyboard.up("Alt")
    page.keyboard.up("Control")
    page.keyboard.press("a")
    assert until(page, lambda: typed() == "a"), typed()


def test_stop_ends_the_countdown(page, lab):
    view(page, lab)
    page.route("**/api/tokens", lambda route: route.abort())
    page.click('[data-action="toggle-connection"]')
    page.click('[data-action="toggle-connection"]')
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Connect").first.wait_for()
    assert page.locator(".jp-VNC").get_attribute("data-phase") == "idle"


def test_a_fine_screen_is_used_to_its_last_pixel_where_that_is_wanted(chromium, lab):
    with chromium.new_context(viewport={"width": 900, "height": 500}, device_scale_factor=2) as context:
        page = context.new_page()
        page.goto(f"{lab.base}vnc/?token={lab.token}")
        view(page, lab)
        frame = page.locator(".jp-VNC-screen").evaluate("node => [node.clientWidth, node.clientHeight]")
        assert until(page, lambda: size(page) == frame), (size(page), frame)
        settings(page, sharp=True)
        assert until(page, lambda: size(page) == [2 * length for length in frame]), (size(page), frame)
        assert page.locator(CANVAS).bounding_box()["width"] == frame[0]
        settings(page, sharp=False)
        assert until(page, lambda: size(page) == frame), (size(page), frame)


def test_the_focus_is_to_be_seen_on_everything_that_takes_it(page, lab):
    view(page, lab)
    page.keyboard.press("Control+Alt+Shift")
    seen = set()
    for _ in range(12):
        name, style = page.evaluate("""[document.activeElement.title || document.activeElement.tagName,
            getComputedStyle(document.activeElement).outlineStyle]""")
        if name not in ("BODY", "CANVAS"):
            assert style != "none", name
            seen.add(name)
        page.keyboard.press("Tab")
    assert {"Disconnect", "Send keys", "Clipboard", "Settings"} <= seen


@pytest.fixture(params=["light", "dark"])
def few_colours(chromium, lab, request):
    """A page of a reader whose system has its own few colours, as Windows has with its contrast themes."""
    options = {"forced_colors": "active", "color_scheme": request.param}
    with chromium.new_context(viewport={"width": 1280, "height": 800}, **options) as context:
        page = context.new_page()
        page.goto(f"{lab.base}vnc/?token={lab.token}")
        yield page


def inks(page, buttons):
    """Of each button: what it is for, and the colours of its drawing, its ground and its outline, if it has one."""
    return page.locator(buttons).evaluate_all("""nodes => nodes.map(node => {
        const {backgroundColor, outlineStyle, outlineColor} = getComputedStyle(node);
        return [node.closest('[data-action]').dataset.action, getComputedStyle(node.querySelector('[fill]')).fill,
            backgroundColor, outlineStyle !== 'none' && outlineColor];
    })""")


def system(page, *names):
    """The reader's own colours by their names in CSS."""
    return page.evaluate(
        """names => names.map(name => {
            const node = document.body.appendChild(document.createElement('i'));
            node.style = `color: ${name}; forced-color-adjust: none`;
            return getComputedStyle(node).color;
        })""",
        names,
    )


def test_who_has_few_colours_sees_which_button_is_pressed(few_colours, lab):
    page = few_colours
    view(page, lab)
    ink, highlight, on_highlight = system(page, "ButtonText", "Highlight", "HighlightText")
    page.click('[data-action="settings"]')  # where the pointer stays
    seen = {action: (drawing, ground) for action, drawing, ground, _ in inks(page, ".jp-VNC-tools button:visible")}
    assert seen.pop("settings") == (on_highlight, highlight)
    assert {drawing for drawing, _ in seen.values()} == {ink}
    assert highlight not in {ground for _, ground in seen.values()}
    page.keyboard.press("Escape")
    page.click('[data-action="toggle-connection"]')
    connect = page.locator(".jp-VNC-overlay .jp-VNC-button")
    assert connect.evaluate("node => getComputedStyle(node).backgroundColor") == highlight


def test_who_has_few_colours_sees_the_buttons_in_lab(few_colours, lab):
    page = few_colours
    open_in_lab(page, lab)
    ink, highlight = system(page, "ButtonText", "Highlight")
    page.click('[data-action="settings"]')
    page.mouse.move(5, 500)
    seen = {action: (drawing, outline) for action, drawing, _, outline in inks(page, "[data-action] > :visible")}
    assert seen.pop("settings") == (ink, highlight)
    assert set(seen.values()) == {(ink, False)}


# By touch


def test_fingers_scroll_and_press_the_right_button(chromium, lab, tmp_path):
    file, ready = tmp_path / "mouse", tmp_path / "ready"
    script = rf"stty raw -echo; printf '\033[?1000h\033[?1006h'; touch {ready}; exec cat > {file}"
    environment = os.environ | {"DISPLAY": lab.servers["lab-1"].display}
    command = ["xterm", "-geometry", "300x120+0+0", "-b", "0", "-e", "sh", "-c", script]
    terminal = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        assert wait_for(ready.exists)
        with chromium.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True) as context:
            page = context.new_page()
            page.goto(f"{lab.base}vnc/?token={lab.token}")
            view(page, lab)
            session = context.new_cdp_session(page)

            def touch(kind, *points):
                places = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
                session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
                page.wait_for_timeout(40)

            touch("touchStart", (150, 300))
            page.wait_for_timeout(1300)
            touch("touchEnd")
            assert until(page, lambda: "\x1b[<2;" in file.read_text()), file.read_text()
            touch("touchStart", (120, 300), (180, 300))
            for step in range(8):
                touch("touchMove", (120, 300 - 25 * step), (180, 300 - 25 * step))
            touch("touchEnd")
            assert until(page, lambda: re.search("\x1b\\[<6[45];", file.read_text())), file.read_text()
    finally:
        stop(terminal)


def test_a_finger_finds_everything_large_enough(chromium, lab):
    with chromium.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        page.goto(f"{lab.base}vnc/?token={lab.token}")
        page.locator('a[data-target="lab-1"]').tap()
        connected(page)
        page.get_by_role("button", name="More").tap()
        small = """nodes => nodes.map(node => [node.textContent || node.title, node.getBoundingClientRect()])
            .filter(([, {width, height}]) => Math.min(width, height) < 44).map(([name]) => name)"""
        assert page.locator(".jp-VNC-menuItem:visible, .jp-VNC-tool:visible").evaluate_all(small) == []
        page.get_by_role("menuitemcheckbox", name="On-screen keyboard").tap()
        assert page.locator(".jp-VNC-keyboard:visible :is(button, input)").evaluate_all(small) == []


# Clipboard


@pytest.mark.parametrize(
    ("policy", "boxes"),
    [
        ("both", ["Text from the desktop", "Text for the desktop"]),
        ("to-desktop", ["Text for the desktop"]),
        ("from-desktop", ["Text from the desktop"]),
        ("off", []),
    ],
)
def test_the_panel_offers_what_the_policy_allows(page, lab, configured, policy, boxes):
    configured(clipboard=policy)
    view(page, lab, "added")
    button = page.locator('[data-action="clipboard"]')
    assert button.is_visible() == bool(boxes)
    if boxes:
        button.click()
        shown = page.locator(".jp-VNC-panel:visible textarea:visible")
        assert shown.evaluate_all("nodes => nodes.map(node => node.getAttribute('aria-label'))") == boxes


@pytest.fixture
def configured(lab):
    """Configure one more target, *added*, which is lab-1 under another name, for a test."""
    file = lab.folder / "targets" / "added.json"

    def configured(**keys):
        target = {"host": "127.0.0.1", "port": lab.port, "password_file": str(lab.folder / "password"), **keys}
        file.write_text(json.dumps(target))

    yield configured
    file.unlink(missing_ok=True)


MARKUP = "<img src=x onerror=\"window.struck = 'it was'\">"


def test_what_is_configured_is_text_and_never_markup(page, lab, configured):
    configured(title=f"T{MARKUP}", description=f"D{MARKUP}", category=f"C{MARKUP}")
    struck = "window.struck ?? [...document.querySelectorAll('[onerror], [onload]')].map(node => node.outerHTML)"
    page.goto(f"{lab.base}vnc/")
    page.locator('a[data-target="added"]', has_text=f"T{MARKUP}").wait_for()
    assert page.evaluate(struck) == []
    view(page, lab, "added")
    assert page.title().startswith(f"T{MARKUP}")
    assert page.evaluate(struck) == []
    page.goto(f"{lab.base}lab?reset")
    tile = page.locator(".jp-LauncherCard", has_text=f"T{MARKUP}")
    tile.click(timeout=60000)
    connected(page)
    page.locator(".lm-TabBar-tab", has_text=f"T{MARKUP}").first.wait_for()
    assert page.evaluate(struck) == []


# Notebook 7


@pytest.fixture
def notebook(lab):
    """Notebook 7 beside JupyterLab, with the same configuration."""
    port = free_port()
    environment = os.environ | {"HOME": str(lab.folder / "home"), "JUPYTER_RUNTIME_DIR": str(lab.folder / "nr")}
    command = [sys.executable, "-m", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--config={lab.folder / 'config.py'}"]
    with (lab.folder / "notebook.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={lab.folder / 'root'}"], env=environment, stdout=log, stderr=log
        )
    base = lab.base.replace(re.search(r":\d+/", lab.base).group(), f":{port}/")

    def answers():
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{base}api?token={lab.token}", timeout=5) as answer:
            return answer.status == 200

    try:
        assert wait_for(answers, 60), (lab.folder / "notebook.log").read_text()[-2000:]
        yield base
    finally:
        stop(process)


STATES = {"desktop": "failed", "lab-1": "busy", "socket-1": "down", "watch": "starting", "pool": "up"}
TITLES = {
    "desktop": "My desktop",
    "lab-1": "Lab machine 1",
    "socket-1": "Socket machine",
    "watch": "Only watch",
    "pool": "One of many",
}


def say_states(page):
    """Let the server's list say these states, which it takes several broken machines to bring about."""

    def answer(route):
        rows = route.fetch().json()
        route.fulfill(json=[row | {"state": STATES.get(row["name"], row["state"])} for row in rows])

    page.route("**/vnc/api/targets?*", answer)


@contextlib.contextmanager
def own_icons(page, lab):
    """Two targets more: one with a file as its icon, which has a script, and one with an icon of JupyterLab's."""
    files = {"drawn": str(lab.folder / "icon.svg"), "named": "ui-components:terminal"}
    (lab.folder / "icon.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect width='16' height='16' fill='#0c0'/>"
        "<script>top.broken = document.documentElement.broken = 1; throw Error('ran')</script></svg>"
    )
    paths = [lab.folder / "targets" / f"{name}.json" for name in files]
    for path, icon in zip(paths, files.values(), strict=True):
        path.write_text(json.dumps({"host": "127.0.0.1", "port": lab.port, "icon": icon}))
    try:
        assert wait_for(lambda: len(page.request.get(f"{lab.base}vnc/api/targets").json()) == len(STATES) + len(files))
        yield
    finally:
        for path in paths:
            path.unlink()


def is_green(locator, path):
    locator.screenshot(path=path)
    red, green, blue = Image.open(path).convert("RGB").resize((1, 1)).getpixel((0, 0))
    return green > red + 20 and green > blue + 20


def drawings(page, items):
    """The names of the icons beside the titles of all targets in a list of elements."""
    found = {}
    for name, title in TITLES.items():
        icon = page.locator(items, has_text=title).first.locator("svg").first
        found[name] = icon.get_attribute("data-icon", timeout=60000)
    return found


def test_icons_and_states_in_the_launcher(page, lab, tmp_path):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    say_states(page)
    with own_icons(page, lab):
        page.goto(f"{lab.base}lab?reset")
        page.wait_for_selector('.jp-LauncherCard:has-text("drawn")', timeout=60000)
        drawn = page.locator('.jp-LauncherCard:has-text("drawn") svg').first
        assert until(page, lambda: is_green(drawn, tmp_path / "icon.png"))
        wanted = {name: f"jupyter-vnc:desktop-{state}" for name, state in STATES.items()}
        assert drawings(page, ".jp-LauncherCard") == wanted
        named = page.locator('.jp-LauncherCard:has-text("named") svg').first
        assert named.get_attribute("data-icon") == "ui-components:terminal"
        tips = [page.locator(f'.jp-LauncherCard:has-text("{TITLES[name]}")').first for name in ("desktop", "lab-1")]
        assert [tip.get_attribute("title").split(" · ")[1] for tip in tips] == ["Failed", "In use"]
        assert not page.evaluate("window.broken")
        opened = page.context.new_page()
        opened.goto(f"{lab.base}vnc/api/targets/drawn/icon")
        assert opened.evaluate("document.documentElement.broken") is None
        assert opened.evaluate("origin") == "null"
        page.screenshot(path=tmp_path / "launcher.png")
    assert errors == []


def test_icons_and_states_on_the_list_page(page, lab, tmp_path):
    say_states(page)
    page.clock.install()
    with own_icons(page, lab):
        page.goto(f"{lab.base}vnc/")
        loaded = "image => image.complete && image.naturalWidth > 0"
        for name in ("drawn", "named"):
            icon = page.locator(f'[data-target="{name}"] .jp-VNC-picture img')
            assert until(page, lambda one=icon: one.evaluate(loaded))
        drawn = page.locator('[data-target="drawn"] .jp-VNC-picture img')
        assert is_green(drawn, tmp_path / "icon.png")
        assert page.locator('[data-target="lab-1"] .jp-VNC-picture > svg').count() == 1
        page.clock.fast_forward(11000)
        states = {name: page.locator(f'[data-target="{name}"] [data-state]') for name in STATES}
        assert until(page, lambda: {name: one.get_attribute("data-state") for name, one in states.items()} == STATES)
        said = {"desktop": "Failed", "lab-1": "In use", "socket-1": "Not reachable", "watch": "Starting"}
        assert {name: states[name].inner_text() for name in said} == said
        assert page.locator('[data-restart="desktop"]').is_visible()


def test_notebook_opens_desktops_from_its_tree(page, lab, notebook, tmp_path):
    say_states(page)
    page.goto(f"{notebook}tree?token={lab.token}")
    page.get_by_role("menuitem", name="New").click(timeout=60000)
    page.locator(".lm-Menu-itemLabel", has_text="Lab machine 1").wait_for(timeout=20000)
    assert drawings(page, ".lm-Menu-item") == {name: f"jupyter-vnc:desktop-{state}" for name, state in STATES.items()}
    entry = page.locator(".lm-Menu-itemLabel", has_text="Lab machine 1")
    entry.wait_for(timeout=20000)
    page.screenshot(path=tmp_path / "new.png")
    with page.context.expect_page() as opened:
        entry.click()
    desktop = opened.value
    assert desktop.url == f"{notebook}vnc/view/lab-1"
    connected(desktop)
    assert until(desktop, lambda: re.fullmatch(r"\d+ ms", desktop.locator(".jp-VNC-delay").inner_text()))
    focus(desktop)
    desktop.locator(".jp-VNC-keys", has_text="Ctrl+Alt+Shift").wait_for()
    page.bring_to_front()
    page.get_by_role("tab", name="Running").click()
    item = page.locator(".jp-RunningSessions-item", has_text="Lab machine 1")
    item.wait_for(timeout=60000)
    page.screenshot(path=tmp_path / "running.png")
    item.hover()
    with contextlib.suppress(Error):
        item.locator("[title='Disconnect'], [aria-label='Disconnect']").first.click(timeout=5000)
    desktop.wait_for_selector(".jp-VNC[data-state='ended-by-server']")


@pytest.mark.parametrize(("name", "asks"), [("socket-1", True), ("watch", False)])
def test_closing_a_tab_is_asked_about_where_somebody_works(chromium, lab, name, asks):
    # A browser of its own: Chromium has crashed while it ended a page that had just asked.
    with chromium.browser_type.launch(executable_path=CHROMIUM, args=ARGUMENTS) as browser:
        page = browser.new_context().new_page()
        page.goto(f"{lab.base}vnc/view/{name}?token={lab.token}")
        page.wait_for_selector(".jp-VNC[data-state='connected']")
        page.click(".jp-VNC-screen canvas")  # a browser asks only whoever has done something on the page
        other = page.context.new_page()  # somewhere for the browser to be while the page closes
        dialogs = []
        # In this order: a question that still waits for its answer when the test is over ends with the browser.
        page.on("dialog", lambda dialog: (dialog.dismiss(), dialogs.append(dialog.type)))
        page.close(run_before_unload=True)
        assert wait_for(lambda: other.wait_for_timeout(50) or dialogs or page.is_closed())
        assert dialogs == (["beforeunload"] if asks else [])
        assert page.is_closed() is not asks
