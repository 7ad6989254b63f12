"""Two people at one real desktop, each in a browser of their own: who is asked, who makes way, and who is seen."""

import contextlib
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.processes import running

from .conftest import NOTE_WORDS, PATIENCE, SCRIPT, JupyterServer, VNCServer, still, wait_for, was_told

pytestmark = [pytest.mark.browser, pytest.mark.real]

#: More of a page's own time than the first attempts of a viewer that would reconnect need (milliseconds).
SURE = 10_000

#: Everybody is whom a cookie says.
IDENTITY = """
from jupyter_server.auth.identity import IdentityProvider, User

class NamedByCookie(IdentityProvider):
    async def get_user(self, handler):
        name = handler.get_cookie("who")
        return User(name) if name else None

c.ServerApp.identity_provider_class = NamedByCookie
"""


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="jvb-") as name, contextlib.ExitStack() as stack:
        yield started_server(Path(name), stack)


def started_server(folder, stack):
    """A Jupyter server that knows several people, with one real desktop under several names."""
    (folder / "password").write_bytes(
        subprocess.run(["tigervncpasswd", "-f"], input=b"canary42", stdout=subprocess.PIPE, check=True).stdout
    )
    (folder / "password").chmod(0o600)
    script = folder / "colours"
    script.write_text(SCRIPT)
    script.chmod(0o700)
    terminal = ["xterm", "-bg", "#d02040", "-geometry", "300x120+0+0", "-b", "0", "+sb", "-e", str(script)]
    path = folder / "vnc.sock"
    vnc = VNCServer(["-rfbport", "-1", "-rfbunixpath", str(path), "-rfbunixmode", "0600"], folder, terminal)
    stack.callback(vnc.stop)
    vnc.start()
    real = {"socket": str(path), "password_file": str(folder / "password"), "resize": "scale"}
    targets = {
        "scope": {"title": "Microscope", "sharing": "exclusive", **real},
        "booth": {"title": "Booth", "sharing": "takeover", **real},
        "watch": {"title": "To watch", "mode": "view", **real},
        "repaired": {
            "title": "Repaired",
            "desktop": {"command": ["sh", "-c", f"[ -e {folder}/repaired ] && exec xclock; exit 7"]},
        },
        "brief": {"title": "Until a key", "desktop": {"command": ["xterm", "-e", "bash", "-c", "read -rsn1"]}},
    }

    def ready(server):
        return len(rows("api/targets")) == len(targets)

    def rows(path, who="root"):
        return server.get(path, Cookie=f"who={who}")

    server = JupyterServer(folder, f"{IDENTITY}\nc.VNCBroker.targets = {targets!r}\n", ready)
    server.start()
    stack.callback(server.stop)
    return SimpleNamespace(base=server.root, log=server.log, rows=rows, folder=folder, pid=server.pid)


@pytest.fixture
def visit(chromium, server):
    """Open a target's page as somebody, in a browser context of their own."""
    with contextlib.ExitStack() as stack:

        def opened(who, target, *, clock=False, **options):
            context = stack.enter_context(chromium.new_context(viewport={"width": 900, "height": 600}, **options))
            context.add_cookies([{"name": "who", "value": who, "url": server.base}])
            page = context.new_page()
            page.add_init_script(NOTE_WORDS)
            if clock:
                page.clock.install()
            page.goto(f"{server.base}view/{target}")
            return page

        yield opened


def reaches(page, state):
    page.wait_for_selector(f".jp-VNC[data-state='{state}']", timeout=2 * PATIENCE)


def told(page):
    return page.inner_text(".jp-VNC-sentence"), page.inner_text(".jp-VNC-detail")


def photograph(page, folder, name):
    """Take pictures of a page as it is by day and by night, for whoever looks at them."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=folder / f"{name}-{scheme}.png")


def test_an_exclusive_desktop_asks_before_it_changes_hands(visit, server, tmp_path):
    ann = visit("ann", "scope", clock=True)
    reaches(ann, "connected")
    bob = visit("bob", "scope")
    reaches(bob, "busy")
    assert told(bob)[1] == "ann is using this desktop."
    photograph(bob, tmp_path, "busy")
    assert ann.get_attribute(".jp-VNC", "data-state") == "connected"
    bob.click("button:text-is('Take it over')")
    reaches(bob, "connected")
    reaches(ann, "taken-over")
    assert told(ann) == ("Another viewer has taken over this desktop.", "bob is using it now.")
    photograph(ann, tmp_path, "taken-over")
    ann.clock.run_for(SURE)
    assert ann.get_attribute(".jp-VNC", "data-state") == "taken-over"
    assert [row["user"] for row in server.rows("api/targets/scope/viewers")] == ["bob"]
    ann.click("button:text-is('Take it back')")
    reaches(ann, "connected")
    reaches(bob, "taken-over")


def test_a_reload_does_not_lock_its_user_out(visit):
    ann = visit("ann", "scope")
    reaches(ann, "connected")
    ann.reload()
    reaches(ann, "connected")
    other = visit("ann", "scope")
    reaches(other, "connected")
    reaches(ann, "taken-over")
    assert told(ann)[1] == "You have opened it in another window."


def test_a_takeover_desktop_is_the_last_comers(visit):
    ann = visit("ann", "booth")
    reaches(ann, "connected")
    bob = visit("bob", "booth")
    reaches(bob, "connected")
    reaches(ann, "taken-over")
    ann.click("button:text-is('Take it back')")
    reaches(ann, "connected")
    reaches(bob, "taken-over")


def test_a_student_sees_that_the_instructor_watches(visit, tmp_path):
    prof = visit("prof", "watch")
    reaches(prof, "connected")
    student = visit("student", "scope")
    reaches(student, "connected")
    people = student.locator("[data-action=people]:not([hidden])").first
    expect(people).to_have_text("prof")
    expect(people).to_have_attribute("title", "prof is watching")
    was_told(student, "prof is watching.")
    photograph(student, tmp_path, "people")
    people.click()
    expect(student.get_by_role("menu")).to_have_text("prof is watching")
    photograph(student, tmp_path, "people-menu")
    student.keyboard.press("Escape")
    student.set_viewport_size({"width": 360, "height": 640})
    photograph(student, tmp_path, "people-narrow")
    # The instructor was there first: they learn of the student with their next question.
    seen = prof.locator("[data-action=people]:not([hidden])").first
    expect(seen).to_have_attribute("title", "student is in control")
    prof.close()
    student.set_viewport_size({"width": 900, "height": 600})
    student.wait_for_selector("[data-action=people]", state="hidden")


def test_the_toolbar_of_lab_names_the_others_too(home, lab, tmp_path):
    home.click('.jp-LauncherCard:has-text("Lab machine 1")')
    reaches(home, "connected")
    people = home.locator("[data-action=people]:visible")
    expect(people).to_have_count(0)  # whoever was there before is known to have left
    other = home.context.new_page()
    other.goto(f"{lab.base}vnc/view/watch")
    reaches(other, "connected")
    home.bring_to_front()
    expect(people).to_have_text("+1")
    home.screenshot(path=tmp_path / "lab.png")
    other.close()


def test_a_desktop_that_its_user_has_left_is_not_started_again(visit, server):
    ann = visit("ann", "brief", clock=True)
    reaches(ann, "connected")
    ann.click("canvas")

    def ended():
        ann.keyboard.press("x")  # again, until the shell in the terminal reads: its window comes first
        ann.wait_for_timeout(100)
        return ann.get_attribute(".jp-VNC", "data-state") == "ended"

    assert wait_for(ended, 30)
    ann.clock.run_for(SURE)
    assert ann.get_attribute(".jp-VNC", "data-state") == "ended"
    asked = []
    ann.on("request", lambda one: asked.append(one.url))

    def state():
        return {row["name"]: row["state"] for row in server.rows("api/targets", "ann")}["brief"]

    # What is left of it goes before long, and nothing comes instead.
    assert wait_for(lambda: state() == "stopped"), state()
    ann.clock.run_for(SURE)
    ann.evaluate("fetch('../api/targets').then(answer => answer.text())")  # as a list does that is open
    still(ann, asked)
    assert [url for url in asked if "/api/tokens" in url] == []
    assert ann.get_attribute(".jp-VNC", "data-state") == "ended"
    assert state() == "stopped"


def x_servers(server):
    """The process ids of the X servers of the desktops that the server has started."""
    return {process.pid for process in running("Xtigervnc", server.pid)}


def test_a_desktop_whose_command_was_repaired_is_started_and_restarted(visit, server, tmp_path):
    ann = visit("ann", "repaired")
    for _ in range(3):
        reaches(ann, "desktop-failed")
        ann.reload()
    reaches(ann, "desktop-failed")
    ann.locator(".jp-VNC-detail", has_text="This desktop failed 3 times.").wait_for()
    (server.folder / "repaired").touch()
    ann.get_by_role("button", name="Try again").click()
    reaches(ann, "connected")
    before = x_servers(server)
    ann.click("[data-action=restart]")
    ann.screenshot(path=tmp_path / "restart.png")
    ann.get_by_role("button", name="Cancel").click()
    assert ann.get_attribute(".jp-VNC", "data-state") == "connected"
    ann.click("[data-action=restart]")
    ann.get_by_role("dialog").get_by_role("button", name="Restart").click()
    assert wait_for(lambda: ann.wait_for_timeout(50) or (x_servers(server) and not x_servers(server) & before))
    reaches(ann, "connected")
    again = x_servers(server)
    ann.goto(server.base)
    ann.screenshot(path=tmp_path / "list.png", full_page=True)
    ann.locator("[data-restart=repaired]").click()
    ann.get_by_role("dialog").get_by_role("button", name="Restart").click()
    assert wait_for(lambda: ann.wait_for_timeout(50) or (x_servers(server) and not x_servers(server) & again))
    assert ann.locator("[data-restart=scope]").count() == 0
