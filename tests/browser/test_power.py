"""The power switch of a real machine, in the viewer of who may press it and of those who may not."""

import contextlib
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from tests.integration import machines

from .conftest import JupyterServer, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.real]

#: What the menu says, what the question says, and what the machine is told (xvp's numbers).
SWITCHES = {
    "Shut down the machine…": ("Shut down", "power 2"),
    "Restart the machine…": ("Restart", "power 3"),
    "Reset the machine…": ("Reset", "power 4"),
}


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="jvb-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        machine = stack.enter_context(machines.powered(folder))
        watch = stack.enter_context(machine.watching())
        switches = {"default": {}, "on": {"power": True}, "watched": {"power": True, "mode": "view"}}
        targets = {name: machine.keys() | keys for name, keys in switches.items()}
        config = f"c.VNCBroker.targets = {targets!r}\nc.IdentityProvider.token = ''\n"
        server = JupyterServer(folder, config, lambda server: len(server.get("api/targets")) == len(targets))
        server.start()
        stack.callback(server.stop)
        yield SimpleNamespace(root=server.root, watch=watch)


@pytest.fixture
def visit(chromium, server):
    with chromium.new_context(viewport={"width": 1280, "height": 800}) as context:

        def opened(target):
            page = context.new_page()
            page.goto(f"{server.root}view/{target}")
            page.wait_for_selector(".jp-VNC[data-phase=connected]", timeout=20000)
            return page

        yield opened


def test_the_machine_is_switched_after_a_question(visit, server, tmp_path):
    page = visit("on")
    page.click('[data-action="power"]')
    assert page.get_by_role("menuitem").all_inner_texts() == list(SWITCHES)
    page.screenshot(path=tmp_path / "menu.png")
    page.keyboard.press("Escape")
    before = len(server.watch.events)
    for label, (yes, _) in SWITCHES.items():
        for answer in ("Cancel", yes):
            page.click('[data-action="power"]')
            page.get_by_role("menuitem", name=label).click()
            dialog = page.get_by_role("dialog")
            expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
            page.screenshot(path=tmp_path / f"{yes}.png")
            dialog.get_by_role("button", name=answer, exact=True).click()
            expect(dialog).to_have_count(0)
    wanted = [said for _, said in SWITCHES.values()]
    # Had a "Cancel" done something, it would stand among these.
    assert wait_for(lambda: server.watch.events[before:] == wanted), server.watch.events


@pytest.mark.parametrize("target", ["default", "watched"])
def test_who_may_not_switch_it_sees_no_switch(visit, target):
    page, other = visit(target), visit("on")
    # Whoever may know it has been notified by now.
    expect(other.locator('[data-action="power"]')).to_be_visible()
    expect(page.locator('[data-action="screenshot"]')).to_be_enabled()
    expect(page.locator('[data-action="power"]')).to_be_hidden()
