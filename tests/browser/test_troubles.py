"""What goes wrong on the way: the reader is told, and it comes back by itself where it can."""

import contextlib
import json
import re
import secrets
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.processes import running

from .cable import Cable
from .conftest import NOTE_WORDS, PATIENCE, JupyterServer, VNCServer, wait_for, was_told

pytestmark = [pytest.mark.browser, pytest.mark.real]

TERMINAL = ["xterm", "-geometry", "300x120+0+0", "-e", "cat"]
#: Half a minute of the page's own time (milliseconds): until a viewer is sure that nobody answers.
SURE = 31_000


@pytest.fixture(scope="module")
def place():
    """A server that can be restarted, at the end of a cable, with a real desktop that is reached as two targets."""
    with tempfile.TemporaryDirectory(prefix="jvb-") as name, contextlib.ExitStack() as stack:
        folder, token, path = Path(name), secrets.token_hex(16), Path(name) / "vnc.sock"
        password = subprocess.run(["tigervncpasswd", "-f"], input=b"canary42", stdout=subprocess.PIPE, check=True)
        (folder / "password").write_bytes(password.stdout)
        (folder / "password").chmod(0o600)
        listen = ["-rfbport", "-1", "-rfbunixpath", str(path), "-rfbunixmode", "0600"]
        vnc = VNCServer(listen, folder, TERMINAL)
        stack.callback(vnc.stop)
        vnc.start()
        (folder / "targets").mkdir()
        target = {"socket": str(path), "password_file": str(folder / "password")}
        broken = {"title": "Broken", "desktop": {"command": ["/bin/sh", "-c", "echo 'no paint left' >&2; exit 7"]}}
        clock = {"title": "Clock", "desktop": {"command": ["xclock"]}}
        slow = folder / "Xslow"
        slow.write_text('#!/bin/sh\n[ "$1" = -version ] || sleep 3\nexec Xtigervnc "$@"\n')
        slow.chmod(0o755)
        (folder / "targets" / "borrowed.json").write_text(json.dumps(target | {"title": "Borrowed"}))
        config = (
            f"c.VNCBroker.targets = { ({'lab': target | {'title': 'Lab'}, 'broken': broken, 'clock': clock})!r}\n"
            f"c.DesktopManager.xserver = {str(slow)!r}\n"
            "c.VNCBroker.target_sources = ['config', 'directory']\n"
            f"c.DirectoryTargets.path = {str(folder / 'targets')!r}\n"
            f"c.VNCBroker.ping_interval = 2\nc.IdentityProvider.token = {token!r}\n"
        )
        server = JupyterServer(folder, config, lambda one: len(one.get(f"api/targets?token={token}")) == 4)
        server.start()
        stack.callback(server.stop)
        cable = Cable(server.port)
        stack.callback(cable.close)
        root = server.root.replace(str(server.port), str(cable.port))
        yield SimpleNamespace(server=server, cable=cable, root=root, token=token, folder=folder)


@pytest.fixture
def page(chromium, place):
    with chromium.new_context(viewport={"width": 900, "height": 600}) as context:
        page = context.new_page()
        page.clock.install()
        page.add_init_script(NOTE_WORDS)
        yield page
        place.cable.repair()


def view(page, place, name="lab"):
    page.goto(f"{place.root}view/{name}?token={place.token}")
    reaches(page, "connected")


def reaches(page, state):
    page.wait_for_selector(f".jp-VNC[data-state='{state}']", timeout=2 * PATIENCE)


def sessions(place):
    return place.server.get(f"api/sessions?token={place.token}")


def test_a_network_that_is_gone_is_noticed_though_nobody_says_so(page, place, tmp_path):
    view(page, place)
    place.cable.hold()
    for _ in range(2 * SURE // 1000):
        page.clock.run_for(500)
        if page.locator(".jp-VNC[data-state='lost']").count():
            break
    was_told(page, "Reconnecting in ")
    page.screenshot(path=tmp_path / "lost.png")
    place.cable.repair()
    reaches(page, "connected")


def test_a_cut_network_is_counted_down_and_comes_back_by_itself(page, place):
    view(page, place)
    place.cable.cut()
    said = page.get_by_text(re.compile(r"Reconnecting in \d+ s"))
    said.wait_for()
    seen = set()

    def counted():  # each attempt fails, and the next is later
        seen.update(int(re.search(r"(\d+) s", text)[1]) for text in said.all_text_contents())  # there, or gone by now
        page.clock.run_for(500)
        return len(seen) > 2

    assert wait_for(counted, 60), seen
    assert page.locator(".jp-VNC[data-state=connected]").count() == 0
    assert wait_for(lambda: sessions(place) == [])
    place.cable.repair()
    # An attempt that had begun before may have to fail first; the page's time goes on until the next one is good.
    connected = page.locator(".jp-VNC[data-state='connected']")
    assert wait_for(lambda: page.clock.run_for(1000) or connected.count() == 1, 60)
    assert wait_for(lambda: len(sessions(place)) == 1), sessions(place)


def test_a_laptop_that_has_slept_is_back_at_once(page, place):
    view(page, place)
    place.cable.hold()
    # The server asks for a sign of life, and gives up.
    assert wait_for(lambda: sessions(place) == [])
    place.cable.repair()
    page.clock.fast_forward("08:00:00")
    reaches(page, "connected")
    assert wait_for(lambda: len(sessions(place)) == 1)


def test_a_server_that_restarts_is_waited_for(page, place, tmp_path):
    view(page, place)
    place.server.stop()
    was_told(page, "Reconnecting in ")
    page.screenshot(path=tmp_path / "restarting.png")
    place.server.start()
    page.clock.run_for(SURE)
    reaches(page, "connected")


def test_who_logs_in_again_is_back_at_the_desktop(page, place, tmp_path):
    view(page, place)
    page.goto(f"{place.root}view/lab")  # the login is in the cookie now, and no longer in the address
    reaches(page, "connected")
    page.context.clear_cookies()
    page.click('[data-action="toggle-connection"]')
    page.click('[data-action="toggle-connection"]')
    reaches(page, "login")
    page.screenshot(path=tmp_path / "login.png")
    page.get_by_role("button", name="Log in").click()
    page.fill("input[name=password]", place.token)
    page.click("button[type=submit]")
    reaches(page, "connected")


def test_a_target_that_is_taken_away_is_said_to_be_gone(page, place, tmp_path):
    view(page, place, "borrowed")
    file = place.folder / "targets" / "borrowed.json"
    file.rename(file.with_suffix(".away"))
    assert wait_for(lambda: len(place.server.get(f"api/targets?token={place.token}")) == 3)
    page.click('[data-action="toggle-connection"]')
    page.click('[data-action="toggle-connection"]')
    reaches(page, "gone")
    page.screenshot(path=tmp_path / "gone.png")
    page.get_by_role("button", name="Back to the list").click()
    page.wait_for_selector("[data-target=lab]")
    assert page.locator("[data-target=borrowed]").count() == 0


def test_a_desktop_that_does_not_start_says_how_far_it_came_and_shows_its_log(page, place, tmp_path):
    page.goto(f"{place.root}view/broken?token={place.token}")
    was_told(page, "Starting the X server…")
    page.screenshot(path=tmp_path / "starting.png")
    reaches(page, "desktop-failed")
    page.locator(".jp-VNC-detail", has_text="The desktop's session ended at once: no paint left").wait_for()
    card = page.locator(".jp-VNC-card")
    lines = [
        "The desktop failed to start.",
        "The desktop's session ended at once: no paint left",
        "Try again",
        "Show the end of its log",
    ]
    assert wait_for(lambda: [line for line in card.inner_text().splitlines() if line] == lines), card.inner_text()
    page.screenshot(path=tmp_path / "failed.png")
    page.get_by_text("Show the end of its log").click()
    expect(page.locator(".jp-VNC-log")).to_contain_text("no paint left")
    page.screenshot(path=tmp_path / "failed-open.png")
    page.set_viewport_size({"width": 360, "height": 640})
    page.emulate_media(color_scheme="dark")
    page.screenshot(path=tmp_path / "failed-narrow.png")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="The whole log").click()
    expect(opened.value.locator("body")).to_contain_text("vncext")


def x_servers(place):
    """The X servers of the desktops that the server has started."""
    return running("Xtigervnc", place.server.pid)


def test_a_desktop_that_crashes_is_told_of_and_started_again(page, place, tmp_path):
    view(page, place, "clock")
    # One that has failed may still be ending, and one that only says its version has the same name.
    assert wait_for(lambda: len(x_servers(place)) == 1), x_servers(place)
    (server,) = x_servers(place)
    server.kill()
    page.locator(".jp-VNC-detail", has_text="The desktop's X server crashed").wait_for()
    was_told(page, "Reconnecting in ")
    page.screenshot(path=tmp_path / "crashed.png")
    page.clock.run_for(SURE)
    reaches(page, "connected")
    assert x_servers(place)
