"""Whose size a real TigerVNC has, when browsers of several sizes look at it."""

import contextlib
import secrets
import socket
import struct
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.integration import real
from tests.rfb import viewer_says as say

from .conftest import JupyterServer, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.real]

LARGE, SMALL = {"width": 1200, "height": 800}, {"width": 360, "height": 740}
EXTENDED_DESKTOP_SIZE = -308
#: The size that noVNC knows of the desktop: that of the canvas which it draws on.
SIZE = "() => { const { width, height } = document.querySelector('.jp-VNC-screen canvas'); return [width, height]; }"


@pytest.fixture(scope="module")
def place():
    """A Jupyter server with two real desktops: one with one screen, one with two."""
    with tempfile.TemporaryDirectory(prefix="jvz-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        desktops = {which: stack.enter_context(real.tigervnc(folder / which)) for which in ("one", "two")}
        token = secrets.token_hex(16)
        targets = {name: desktop.keys() for name, desktop in desktops.items()}
        config = f"c.VNCBroker.targets = {targets!r}\nc.IdentityProvider.token = {token!r}\n"
        ready = lambda server: len(server.get(f"api/targets?token={token}")) == 2  # noqa: E731
        server = JupyterServer(folder, config, ready)
        server.start()
        stack.callback(server.stop)
        yield SimpleNamespace(root=server.root, token=token, **desktops)


@pytest.fixture
def visit(chromium, place):
    """Open a desktop in a window of some size; it closes when the test does."""
    with contextlib.ExitStack() as stack:

        def opened(name, viewport):
            context = stack.enter_context(chromium.new_context(viewport=viewport))
            page = context.new_page()
            page.goto(f"{place.root}view/{name}?token={place.token}")
            page.wait_for_selector(".jp-VNC[data-state='connected']", timeout=30000)
            return page

        yield opened


def frame(page):
    """The size of the frame that a desktop has on a page."""
    return page.evaluate(
        "() => { const { clientWidth, clientHeight } = document.querySelector('.jp-VNC-screen');"
        " return [clientWidth, clientHeight]; }"
    )


def becomes(page, size):
    """Wait until the desktop has a size."""
    assert wait_for(lambda: page.wait_for_timeout(50) or page.evaluate(SIZE) == size), (page.evaluate(SIZE), size)


def test_a_small_window_that_leaves_leaves_the_desktop_as_large_as_the_other(visit):
    large = visit("one", LARGE)
    whole = frame(large)
    becomes(large, whole)
    small = visit("one", SMALL)
    narrow = frame(small)
    becomes(small, narrow)
    becomes(large, narrow)
    small.close()
    becomes(large, whole)


def set_screens(desktop, *screens):
    """Give a desktop screens beside each other, as a viewer with several monitors does."""

    def read(count):
        data = b""
        while len(data) < count:
            more = line.recv(count - len(data))
            assert more
            data += more
        return data

    with socket.create_connection((desktop.address.host, desktop.address.port), timeout=real.PATIENCE) as line:
        read(12)
        line.sendall(b"RFB 003.008\n")
        line.sendall(bytes([1]) if read(read(1)[0]) else b"")
        assert read(4) == bytes(4)
        line.sendall(b"\1")
        read(struct.unpack(">20xI", read(24))[0])
        line.sendall(say.encodings(0, EXTENDED_DESKTOP_SIZE) + say.update_request(incremental=False))
        width, height = sum(width for width, _ in screens), max(height for _, height in screens)
        rows, left = b"", 0
        for number, size in enumerate(screens):
            rows += struct.pack(">IHHHHI", number, left, 0, *size, 0)
            left += size[0]
        line.sendall(struct.pack(">BxHHBx", 251, width, height, len(screens)) + rows)
        wait_for(lambda: monitors(desktop) == len(screens))


def monitors(desktop):
    """How many screens a desktop has."""
    shown = desktop.run("xrandr", "--listactivemonitors", capture_output=True).stdout.decode()
    return int(shown.splitlines()[0].removeprefix("Monitors:"))


@pytest.mark.parametrize("viewport", [LARGE, SMALL])
def test_a_desktop_with_two_screens_keeps_both_and_is_shown_scaled(visit, place, viewport):
    set_screens(place.two, (640, 480), (640, 480))
    assert monitors(place.two) == 2
    page = visit("two", viewport)
    becomes(page, [1280, 480])
    # A larger frame would make a viewer ask again.
    page.set_viewport_size({"width": viewport["width"] + 100, "height": viewport["height"]})
    small = visit("two", SMALL)
    small.close()
    shown = page.locator(".jp-VNC-screen canvas").bounding_box()
    assert shown["width"] <= viewport["width"] + 100
    page.wait_for_timeout(500)  # what is asked for is answered by then
    assert page.evaluate(SIZE) == [1280, 480]
    assert monitors(place.two) == 2
