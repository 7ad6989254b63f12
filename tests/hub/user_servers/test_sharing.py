"""The owner of a server shares its desktops from the toolbar; a guest comes by the link. A real hub, two browsers."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.hub.conftest import until
from tests.hub.user_servers.conftest import log_in, window

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

CONNECTED = ".jp-VNC[data-state='connected']"

#: Why a removed guest's session ends: the removal, or the check of a moment later, which runs each second here.
REMOVED = re.compile(
    r"(The owner no longer shares this desktop with you|You may no longer use this (service|desktop))\."
)


async def open_link(page, link, name):
    """Open a link, log in at the hub, accept, and agree that the server may know who they are."""
    await page.goto(link)
    await page.fill("input[name=username]", name)
    await page.fill("input[name=password]", "x")
    await page.press("input[name=password]", "Enter")
    for path in ("/accept-share", "/oauth2/authorize"):
        await page.wait_for_url(lambda url, path=path: urlsplit(url).path.endswith(path))
        await page.click("form [type=submit]")


def is_list(response):
    """Whether somebody's page has heard with whom the server is shared."""
    return response.request.method == "GET" and urlsplit(response.url).path.endswith("/api/shares")


async def press(page, key):
    """Press a key over the lamp of the desktop."""
    await page.mouse.move(300, 300)
    await page.keyboard.press(key)


async def test_a_guest_comes_by_a_link_sees_cannot_type_and_is_removed(hub, chromium):
    hub.start_servers("ann")
    async with window(chromium) as anns, window(chromium) as guests:
        ann, guest = await anns.new_page(), await guests.new_page()
        await log_in(ann, hub, "ann", "/user/ann/vnc/view/desk")
        await ann.wait_for_selector(CONNECTED)
        await ann.click("[data-action=share]")
        panel = ann.locator(".jp-VNC-share")
        await panel.get_by_text("Copy a link").click()
        link = panel.get_by_label("Link for guests")
        await expect(link).to_have_value(re.compile("accept-share"))
        link = await link.input_value()
        await open_link(guest, link, "guy")
        await guest.wait_for_selector(CONNECTED)
        assert guest.url == f"{hub.url}/user/ann/vnc/view/desk"
        await expect(guest.locator("[data-action=share]")).to_be_hidden()
        events = hub.folder / "home-ann" / "events"
        await until(lambda: events.exists() and "ready" in events.read_text().splitlines())
        await press(guest, "q")
        await ann.click("[data-action=share]")  # closes the panel
        await press(ann, "w")
        await until(lambda: "key w" in events.read_text().splitlines())
        assert "key q" not in events.read_text().splitlines()
        async with ann.expect_response(is_list):
            await ann.click("[data-action=share]")
        await panel.get_by_label("Close the link").click()
        await expect(panel.get_by_text("Open links")).to_be_hidden()
        await panel.get_by_label("Remove guy").click()
        await expect(guest.get_by_text(REMOVED).first).to_be_visible()
        await guest.goto(link)
        await expect(guest.get_by_text("Share not found or expired")).to_be_visible()
