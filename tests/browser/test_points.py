"""What the viewer promises at home in JupyterLab, in Notebook and by touch: a test for each promise."""

import contextlib
import json
import os
import re
import subprocess

import pytest
from PIL import Image
from playwright.sync_api import Error, expect

from tests.chromium import ARGUMENTS, CHROMIUM

from .conftest import PATIENCE, added, log_in, put, stop, wait_for
from .test_desktops import KEEP_SOCKETS
from .test_viewer import (
    AT_REST,
    CANVAS,
    connected,
    focus,
    is_shown,
    open_in_lab,
    settings,
    size,
    typed,
    until,
    view,
    violations,
)

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


def test_the_tab_takes_the_launchers_place_and_shows_that_it_is_connected(home, lab):
    open_in_lab(home)
    tab = home.locator(TAB)
    expect(tab).to_have_text("Lab machine 1")
    expect(tab.locator("svg").first).to_be_visible()
    expect(home.locator(".lm-TabBar-tab", has_text="Launcher")).to_have_count(0)
    icon = f"{TAB} .lm-TabBar-tabIcon"
    dot = f"getComputedStyle(document.querySelector({json.dumps(icon)}), '::after').content"
    assert until(home, lambda: home.evaluate(dot) == '""')
    expect(tab).to_have_attribute("title", re.compile("^Connected to"))
    home.click('[data-action="toggle-connection"]')
    assert until(home, lambda: home.evaluate(dot) == "none")


@pytest.mark.parametrize("theme", THEMES)
def test_each_theme_colours_the_viewer_and_axe_finds_nothing(home, lab, theme, tmp_path):
    open_in_lab(home)
    themed(home, theme)
    colours = home.evaluate("""[getComputedStyle(document.querySelector('.jp-VNC')).backgroundColor,
        (() => { const node = document.body.appendChild(document.createElement('i'));
                 node.style.color = 'var(--jp-layout-color2)'; const { color } = getComputedStyle(node);
                 node.remove(); return color; })()]""")
    assert colours[0] == colours[1]
    for action in ("settings", "clipboard", "toggle-connection"):
        home.click(f'[data-action="{action}"]')
        home.wait_for_function(AT_REST)
        home.screenshot(path=tmp_path / f"{action}.png")
        assert violations(home, "document.querySelector('.jp-VNC').closest('.jp-MainAreaWidget')") == []


def test_the_tabs_menu_and_the_palette_offer_what_the_toolbar_does(home, lab):
    open_in_lab(home)
    home.locator(TAB).click(button="right")
    menu = home.locator(".lm-Menu").first
    menu.wait_for()
    offered = menu.locator(".lm-Menu-itemLabel").all_inner_texts()
    assert [one for one in [*ACTIONS, "Size of the desktop", "Send keys"] if one not in offered] == []
    home.hover('.lm-Menu-itemLabel:text-is("Size of the desktop")')
    home.click('.lm-Menu-itemLabel:text-is("Fit to the frame")')
    home.click('[data-action="scaling"]')
    expect(home.get_by_role("menuitemradio", name="Fit to the frame")).to_have_attribute("aria-checked", "true")
    home.get_by_role("menuitemradio", name="Desktop takes").click()
    home.keyboard.press("Control+Alt+Shift")
    home.keyboard.press("Control+Shift+c")
    home.fill(".lm-CommandPalette-input", "remote desktop")
    entries = home.locator(".lm-CommandPalette-itemLabel")
    assert until(home, lambda: {*ACTIONS, "Send Ctrl+Alt+Del"} <= set(entries.all_inner_texts())), (
        entries.all_inner_texts()
    )


def test_a_narrow_toolbar_keeps_the_rest_in_a_menu(home, lab):
    open_in_lab(home)
    home.set_viewport_size({"width": 560, "height": 600})
    more = home.locator(".jp-MainAreaWidget:has(.jp-VNC) .jp-Toolbar-responsive-opener")
    more.wait_for()
    more.click()
    home.locator('.jp-Toolbar-responsive-popup [data-action="settings"]').click()
    home.locator(".jp-VNC-panel:visible").wait_for()


def test_the_status_bar_says_where_the_keys_go(home, lab):
    open_in_lab(home)
    said = home.locator("#jp-main-statusbar").get_by_text("Keys go to the desktop")
    focus(home)
    said.wait_for()
    home.keyboard.press("Control+Alt+Shift")
    said.wait_for(state="hidden")
    focus(home)
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
    # Another may be there: that the page before is still known to the server.
    expect(page.locator(".jp-VNC-hint", has_text="Press Ctrl+Alt+Shift")).to_be_hidden()


def test_lists_follow_the_servers_events(page, lab):
    """Also where nobody asks: the page's own rounds are held back, and another window does something."""
    page.add_init_script("""const real = setTimeout;
        window.setTimeout = (run, delay, ...rest) => real(run, delay >= 5000 ? 1e8 : delay, ...rest);""")
    page.add_init_script(KEEP_SOCKETS)
    page.goto(f"{lab.base}lab?reset")
    page.wait_for_selector('.jp-LauncherCard:has-text("My desktop")', timeout=2 * PATIENCE)
    page.click('.jp-SideBar [data-id="jp-running-sessions"]')
    page.wait_for_function("opened.some(({ url, readyState }) => url.includes('/api/events/') && readyState === 1)")
    other = page.context.new_page()
    other.goto(f"{lab.base}vnc/view/desktop")
    connected(other)
    items = page.locator(".jp-RunningSessions-item", has_text="My desktop")
    assert until(page, lambda: items.count() == 2), items.all_inner_texts()
    tile = page.locator('.jp-LauncherCard:has-text("My desktop")')
    assert until(page, lambda: "Running" in (tile.get_attribute("title") or "")), tile.get_attribute("title")
    status = page.locator("#jp-main-statusbar [aria-label*='remote desktop']")
    assert until(page, lambda: status.count() == 1)
    other.close()
    assert until(page, lambda: items.count() == 1), items.all_inner_texts()
    assert until(page, lambda: status.count() == 0 or status.is_hidden())


def test_the_machine_of_a_pool_is_given_back_from_its_tab(home, lab):
    def row():
        answer = home.request.get(f"{lab.base}vnc/api/targets").json()
        return next(row["pool"] for row in answer if row["name"] == "pool")

    open_in_lab(home, "One of many")
    assert (row()["machine"], row()["free"]) == ("m1", 0)
    home.click('[data-action="give-back"]')
    dialog = home.get_by_role("dialog", name="Give the machine back?")
    dialog.get_by_role("button", name="Cancel").click()
    assert home.locator(".jp-VNC").get_attribute("data-phase") == "connected"
    assert row()["machine"] == "m1"
    home.locator(TAB).click(button="right")
    home.click('.lm-Menu-itemLabel:text-is("Give the machine back")')
    dialog.get_by_role("button", name="Give the machine back").click()
    home.locator(".jp-VNC-overlay").get_by_text("You gave the machine back.").wait_for()
    assert (row()["machine"], row()["free"]) == (None, 1)
    home.locator(TAB).and_(home.locator('[data-phase="stopped"]')).wait_for()
    # Whoever wants one again gets one.
    home.get_by_role("button", name="Reconnect").click()
    connected(home)
    assert row()["machine"] == "m1"


# The viewer


def test_who_only_looks_on_does_no_harm(page, lab, typed):
    view(page, lab)
    focus(page)
    page.click('[data-action="view-only"]')
    expect(page.locator(".jp-VNC-state")).to_have_text("Connected, view only")
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
    expect(page.locator(".jp-VNC")).to_have_attribute("data-phase", "idle")


def test_a_fine_screen_is_used_to_its_last_pixel_where_that_is_wanted(chromium, lab):
    with chromium.new_context(viewport={"width": 900, "height": 500}, device_scale_factor=2) as context:
        log_in(context, lab)
        page = context.new_page()
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


#: A reader's system may have its own few colours, as Windows has with its contrast themes: bright ones or dark ones.
SCHEMES = ["light", "dark"]


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
            const { color } = getComputedStyle(node);
            node.remove();
            return color;
        })""",
        names,
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_who_has_few_colours_sees_which_button_is_pressed(page, lab, scheme):
    page.emulate_media(forced_colors="active", color_scheme=scheme)
    view(page, lab)
    ink, highlight, on_highlight = system(page, "ButtonText", "Highlight", "HighlightText")
    page.click('[data-action="settings"]')  # where the pointer stays
    page.wait_for_function(AT_REST)
    seen = {action: (drawing, ground) for action, drawing, ground, _ in inks(page, ".jp-VNC-tools button:visible")}
    assert seen.pop("settings") == (on_highlight, highlight)
    assert {drawing for drawing, _ in seen.values()} == {ink}
    assert highlight not in {ground for _, ground in seen.values()}
    page.keyboard.press("Escape")
    page.click('[data-action="toggle-connection"]')
    expect(page.locator(".jp-VNC-overlay .jp-VNC-button")).to_have_css("background-color", highlight)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_who_has_few_colours_sees_the_buttons_in_lab(home, scheme):
    home.emulate_media(forced_colors="active", color_scheme=scheme)
    open_in_lab(home)
    ink, highlight = system(home, "ButtonText", "Highlight")
    home.click('[data-action="settings"]')
    home.mouse.move(5, 500)
    home.wait_for_function(AT_REST)
    seen = {action: (drawing, outline) for action, drawing, _, outline in inks(home, "[data-action] > :visible")}
    assert seen.pop("settings") == (ink, highlight)
    assert set(seen.values()) == {(ink, False)}


# By touch


def test_fingers_scroll_and_press_the_right_button(chromium, lab, tmp_path):
    file, ready = tmp_path / "mouse", tmp_path / "ready"
    script = rf"stty raw -echo; printf '\033[?1000h\033[?1006h'; touch {ready}; exec cat > {file}"
    environment = os.environ | {"DISPLAY": lab.servers["lab-1"].display}
    command = ["xterm", "-T", tmp_path.name, "-geometry", "300x120+0+0", "-b", "0", "-e", "sh", "-c", script]
    terminal = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        assert wait_for(ready.exists)
        assert wait_for(lambda: is_shown(tmp_path.name, environment))
        with chromium.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True) as context:
            log_in(context, lab)
            page = context.new_page()
            view(page, lab)
            session = context.new_cdp_session(page)

            def touch(kind, *points):
                places = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
                session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})
                page.wait_for_timeout(40)

            touch("touchStart", (150, 300))
            # Held for as long as it takes: whoever lets go before the page has counted a second presses the left one.
            assert until(page, lambda: "\x1b[<2;" in file.read_text()), file.read_text()
            touch("touchEnd")
            touch("touchStart", (120, 300), (180, 300))
            for step in range(8):
                touch("touchMove", (120, 300 - 25 * step), (180, 300 - 25 * step))
            touch("touchEnd")
            assert until(page, lambda: re.search("\x1b\\[<6[45];", file.read_text())), file.read_text()
    finally:
        stop(terminal)


def test_a_finger_finds_everything_large_enough(chromium, lab):
    with chromium.new_context(viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True) as context:
        log_in(context, lab)
        page = context.new_page()
        page.goto(f"{lab.base}vnc/")
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
    expect(button).to_be_visible(visible=bool(boxes))
    if boxes:
        button.click()
        shown = page.locator(".jp-VNC-panel:visible textarea:visible")
        labels = "nodes => nodes.map(node => node.getAttribute('aria-label'))"
        assert until(page, lambda: shown.evaluate_all(labels) == boxes), shown.evaluate_all(labels)


@pytest.fixture
def configured(lab):
    """Configure one more target, *added*, which is lab-1 under another name, for a test."""
    file = lab.folder / "targets" / "added.json"

    def configured(**keys):
        target = {"host": "127.0.0.1", "port": lab.port, "password_file": str(lab.folder / "password"), **keys}
        put(file, json.dumps(target))

    yield configured
    file.unlink(missing_ok=True)


MARKUP = "<img src=x onerror=\"window.struck = 'it was'\">"


def test_what_is_configured_is_text_and_never_markup(page, home, lab, configured):
    configured(title=f"T{MARKUP}", description=f"D{MARKUP}", category=f"C{MARKUP}")
    struck = "window.struck ?? [...document.querySelectorAll('[onerror], [onload]')].map(node => node.outerHTML)"
    page.goto(f"{lab.base}vnc/")
    page.locator('a[data-target="added"]', has_text=f"T{MARKUP}").wait_for()
    assert page.evaluate(struck) == []
    view(page, lab, "added")
    assert page.title().startswith(f"T{MARKUP}")
    assert page.evaluate(struck) == []
    page.goto("about:blank")
    # Lab asks for the list by itself.
    home.locator(".jp-LauncherCard", has_text=f"T{MARKUP}").click(timeout=2 * PATIENCE)
    connected(home)
    home.locator(".lm-TabBar-tab", has_text=f"T{MARKUP}").first.wait_for()
    assert home.evaluate(struck) == []


# Notebook 7, which Lab's server has, too


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
    with added(lab, **{name: {"host": "127.0.0.1", "port": lab.port, "icon": icon} for name, icon in files.items()}):
        assert wait_for(lambda: len(page.request.get(f"{lab.base}vnc/api/targets").json()) == len(STATES) + len(files))
        yield


def is_green(locator, path):
    locator.screenshot(path=path)
    red, green, blue = Image.open(path).convert("RGB").resize((1, 1)).getpixel((0, 0))
    return green > red + 20 and green > blue + 20


def drawings(page, items):
    """The names of the icons beside the titles of all targets in a list of elements."""
    found = {}
    for name, title in TITLES.items():
        icon = page.locator(items, has_text=title).first.locator("svg").first
        found[name] = icon.get_attribute("data-icon", timeout=2 * PATIENCE)
    return found


def test_icons_and_states_in_the_launcher(page, lab, tmp_path):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    say_states(page)
    with own_icons(page, lab):
        page.goto(f"{lab.base}lab?reset")
        page.wait_for_selector('.jp-LauncherCard:has-text("drawn")', timeout=2 * PATIENCE)
        drawn = page.locator('.jp-LauncherCard:has-text("drawn") svg').first
        assert until(page, lambda: is_green(drawn, tmp_path / "icon.png"))
        wanted = {name: f"jupyter-vnc:desktop-{state}" for name, state in STATES.items()}
        assert until(page, lambda: drawings(page, ".jp-LauncherCard") == wanted), drawings(page, ".jp-LauncherCard")
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
        assert until(page, lambda: is_green(drawn, tmp_path / "icon.png"))
        expect(page.locator('[data-target="lab-1"] .jp-VNC-picture > svg')).to_have_count(1)
        page.clock.fast_forward(11000)
        states = {name: page.locator(f'[data-target="{name}"] [data-state]') for name in STATES}
        assert until(page, lambda: {name: one.get_attribute("data-state") for name, one in states.items()} == STATES)
        said = {"desktop": "Failed", "lab-1": "In use", "socket-1": "Not reachable", "watch": "Starting"}
        for name, words in said.items():
            expect(states[name]).to_have_text(words)
        expect(page.locator('[data-restart="desktop"]')).to_be_visible()


def test_notebook_opens_desktops_from_its_tree(page, lab, tmp_path):
    say_states(page)
    page.goto(f"{lab.base}tree")
    page.get_by_role("menuitem", name="New").click(timeout=2 * PATIENCE)
    page.locator(".lm-Menu-itemLabel", has_text="Lab machine 1").wait_for(timeout=PATIENCE)
    assert drawings(page, ".lm-Menu-item") == {name: f"jupyter-vnc:desktop-{state}" for name, state in STATES.items()}
    entry = page.locator(".lm-Menu-itemLabel", has_text="Lab machine 1")
    entry.wait_for(timeout=PATIENCE)
    page.screenshot(path=tmp_path / "new.png")
    with page.context.expect_page() as opened:
        entry.click()
    desktop = opened.value
    assert desktop.url == f"{lab.base}vnc/view/lab-1"
    connected(desktop)
    assert until(desktop, lambda: re.fullmatch(r"\d+ ms", desktop.locator(".jp-VNC-delay").inner_text()))
    focus(desktop)
    desktop.locator(".jp-VNC-keys", has_text="Ctrl+Alt+Shift").wait_for()
    page.bring_to_front()
    page.get_by_role("tab", name="Running").click()
    item = page.locator(".jp-RunningSessions-item", has_text="Lab machine 1")
    item.wait_for(timeout=2 * PATIENCE)
    page.screenshot(path=tmp_path / "running.png")
    item.hover()
    with contextlib.suppress(Error):
        item.locator("[title='Disconnect'], [aria-label='Disconnect']").first.click()
    desktop.wait_for_selector(".jp-VNC[data-state='ended-by-server']")


def test_closing_a_tab_is_asked_about_where_somebody_works(chromium, lab):
    # A browser of its own: Chromium has crashed while it ended a page that had just asked.
    with chromium.browser_type.launch(executable_path=CHROMIUM, args=ARGUMENTS) as browser:
        context = browser.new_context()
        log_in(context, lab)
        other = context.new_page()  # somewhere for the browser to be while a page closes
        for name, asks in (("watch", False), ("socket-1", True)):
            page = context.new_page()
            view(page, lab, name)
            page.click(".jp-VNC-screen canvas")  # a browser asks only whoever has done something on the page
            dialogs = []
            # In this order: a question that still waits for its answer when the test is over ends with the browser.
            page.on("dialog", lambda dialog, dialogs=dialogs: (dialog.dismiss(), dialogs.append(dialog.type)))
            page.close(run_before_unload=True)
            assert wait_for(lambda: other.wait_for_timeout(50) or dialogs or page.is_closed())  # noqa: B023 - called at once
            assert dialogs == (["beforeunload"] if asks else [])
            assert page.is_closed() is not asks
