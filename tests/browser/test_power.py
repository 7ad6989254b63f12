"""The power switch of a real machine, in the viewer of who may press it and of those who may not."""

import contextlib
import tempfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.integration import machines

from .conftest import added, wait_for
from .test_viewer import view

pytestmark = [pytest.mark.browser, pytest.mark.real]

#: What the menu says, what the question says, and what the machine is told (xvp's numbers).
SWITCHES = {
    "Shut down the machine…": ("Shut down", "power 2"),
    "Restart the machine…": ("Restart", "power 3"),
    "Reset the machine…": ("Reset", "power 4"),
}


@pytest.fixture(scope="module")
def watch(lab):
    """A machine with a switch, as several targets; what it was told."""
    with tempfile.TemporaryDirectory(prefix="jvb-") as name, contextlib.ExitStack() as stack:
        machine = stack.enter_context(machines.powered(Path(name)))
        switches = {"default": {}, "on": {"power": True}, "watched": {"power": True, "mode": "view"}}
        stack.enter_context(added(lab, **{name: machine.keys() | keys for name, keys in switches.items()}))
        yield stack.enter_context(machine.watching())


@pytest.fixture
def visit(page, lab, watch):
    def opened(target):
        one = page.context.new_page()
        view(one, lab, target)
        return one

    return opened


def test_the_machine_is_switched_after_a_question(visit, watch, tmp_path):
    page = visit("on")
    page.click('[data-action="power"]')
    expect(page.get_by_role("menuitem")).to_have_text(list(SWITCHES))
    page.screenshot(path=tmp_path / "menu.png")
    page.keyboard.press("Escape")
    before = len(watch.events)
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
    assert wait_for(lambda: watch.events[before:] == wanted), watch.events


@pytest.mark.parametrize("target", ["default", "watched"])
def test_who_may_not_switch_it_sees_no_switch(visit, target):
    page, other = visit(target), visit("on")
    # Whoever may know it has been notified by now.
    expect(other.locator('[data-action="power"]')).to_be_visible()
    expect(page.locator('[data-action="screenshot"]')).to_be_enabled()
    expect(page.locator('[data-action="power"]')).to_be_hidden()
