"""The wall in a real browser: pictures of a pool's machine and of a desktop in a student's own server."""

import re
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import wait_for
from tests.browser.test_viewer import AT_REST, AXE, ONLY_VIOLATIONS
from tests.hub import hub as hubs
from tests.integration import real
from tests.needs import require

GROUPS = {"course-a": {"users": ["ann", "al"]}, "course-b": {"users": ["bob"]}}
#: A desktop in one colour: its only window fills it.
SERVER = """
c.VNCBroker.targets = {"desk": {"desktop": {"command": ["xterm", "-bg", "#a01010", "-b", "0", "+sb"]}}}
c.VNCBroker.wall = True
"""
MORE = """
c.Spawner.server_token_scopes = vnc.SERVER_SCOPES
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {{"PYTHONPATH": {root!r}, "JUPYTER_CONFIG_PATH": {folder!r} + "/server"}}
"""
pytestmark = pytest.mark.timeout(300)  # each step has a limit of its own

#: Pictures come each five seconds, on the way over two servers, and this machine may be busy.
PATIENT = {"timeout": 60_000}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The only machine of a pool."""
    require("Xtigervnc", "xterm", "dbus-daemon")
    with real.tigervnc(tmp_path_factory.mktemp("m1"), password="s3cret-55", unix=True) as server:
        yield server


@pytest.fixture(scope="module")
def hub(machine):
    """A hub with a pool, and with desktops in users' servers; the folder's name is short, for their sockets' sake."""
    pool = {"title": "Lab machines", "pool": {"machines": {"m1": machine.keys()}}, "allow_groups": ["course-a"]}
    with tempfile.TemporaryDirectory(prefix="jvw-") as name, ExitStack() as stack:
        (Path(name) / "server").mkdir()
        (Path(name) / "server" / "jupyter_server_config.py").write_text(SERVER)
        config = f"c.VNCBroker.targets = {{'lab': {pool!r}}}\n"
        more = MORE.format(root=str(hubs.ROOT), folder=name)
        running = stack.enter_context(hubs.running(Path(name), config, groups=GROUPS, more=more))
        running.start_servers("al")
        yield running


@pytest.fixture
def enter(hub, chromium):
    """Somebody's browser, logged in through the hub's own page, at some page."""
    contexts = []

    def enter(name, path, **options):
        contexts.append(context := chromium.new_context(**options))
        page = context.new_page()
        page.goto(f"{hub.url}/hub/login?next={path}")
        page.fill("#username_input", name)
        page.fill("#password_input", "x")
        page.click("#login_submit")
        page.wait_for_url(f"**{path}")
        return page

    yield enter
    for context in contexts:
        context.close()


def seated(page):
    expect(page.locator(".jp-VNC[data-phase=connected]")).to_be_visible(**PATIENT)
    return page


#: The colour in the middle of a tile's picture, and its size; black while the browser is loading it.
LOOK = """tile => {
    const image = tile.querySelector('img'), canvas = document.createElement('canvas');
    if (!image.complete || !image.naturalWidth) return {red: 0, green: 0, blue: 0, width: 0, height: 0};
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const [red, green, blue] = context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data;
    return {red, green, blue, width: canvas.width, height: canvas.height};
}"""


def until_it_shows(tile, is_wanted):
    """Wait until a tile's picture has a colour in its middle; return it, and the size of the picture."""
    expect(tile.locator("img")).to_be_visible(**PATIENT)
    seen = {}

    def shows():
        seen.update(tile.evaluate(LOOK))
        return is_wanted(seen)

    assert wait_for(shows, 60), seen
    return seen


def test_an_instructor_sees_what_students_see_and_nobody_else_does(hub, machine, enter):
    ann = seated(enter("ann", "/services/vnc/view/lab"))
    al = seated(enter("al", "/user/al/vnc/view/desk"))
    expect(ann.locator("[data-action=wall]")).to_be_hidden()
    ada = enter("ada", "/services/vnc/room")
    tiles = {name: ada.locator(".jp-VNC-tile", has=ada.locator(f"h3:text-is('{name}')")) for name in ("ann", "al")}
    ada.click("#views [data-view=wall]")
    expect(tiles["al"]).to_contain_text("own server", **PATIENT)

    seen = until_it_shows(tiles["ann"], lambda seen: seen["blue"] > seen["red"] + 60)
    assert max(seen["width"], seen["height"]) == 320
    until_it_shows(tiles["al"], lambda seen: seen["red"] > seen["blue"] + 60)
    for student in (ann, al):
        expect(student.locator("[data-action=wall]")).to_be_visible()
    machine.run("xsetroot", "-solid", "#10a010")
    until_it_shows(tiles["ann"], lambda seen: seen["green"] > seen["blue"] + 60)

    al.click("[data-action=hand]")
    expect(ada.locator(".jp-VNC-tile h3").first).to_have_text("al", **PATIENT)
    expect(tiles["al"]).to_contain_text(re.compile(r"hand up (just now|\d+ min ago)"))
    for name in ("ann", "al"):
        tiles[name].locator("a").click()
        expect(tiles[name].locator(".jp-VNC[data-phase=connected]")).to_be_visible(**PATIENT)
    expect(ann.locator("[data-action=people]")).to_contain_text("ada", **PATIENT)
    expect(tiles["al"]).not_to_contain_text("hand up", **PATIENT)
    tiles["ann"].get_by_text("Stop").click()
    expect(tiles["ann"].locator("a")).to_be_focused()
    expect(tiles["al"].locator(".jp-VNC[data-phase=connected]")).to_be_visible()
    ada.wait_for_function(AT_REST)
    ada.evaluate(AXE.read_text())
    assert ada.evaluate(f"axe.run({ONLY_VIOLATIONS})")["violations"] == []

    for name, status, sees in (("ada", 200, True), ("bea", 200, False), ("bob", 403, False)):
        other = hub.person(name)
        assert other.enter().ok
        answer = other.ask("api/room/wall", "POST", json={"stamps": []})
        assert answer.status_code == status
        assert bool(answer.json().get("pictures")) is sees, name

    ada.click("#views [data-view=table]")
    expect(ada.locator(".jp-VNC-tile")).to_have_count(0)
    for student in (ann, al):
        expect(student.locator("[data-action=wall]")).to_be_hidden(**PATIENT)
