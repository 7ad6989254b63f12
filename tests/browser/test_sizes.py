"""Whose size a real TigerVNC has, when browsers of several sizes look at it."""

import contextlib
import socket
import struct
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.integration import real
from tests.rfb import viewer_says as say

from .conftest import added, log_in, wait_for
from .test_viewer import view

pytestmark = [pytest.mark.browser, pytest.mark.real]

LARGE, SMALL = {"width": 1200, "height": 800}, {"width": 360, "height": 740}
EXTENDED_DESKTOP_SIZE = -308
#: The size that noVNC knows of the desktop: that of the canvas which it draws on.
SIZE = "() => { const { width, height } = document.querySelector('.jp-VNC-screen canvas'); return [width, height]; }"


@pytest.fixture(scope="module")
def place(lab):
    """Two real desktops: one with one screen, one with two."""
    # A short path: a display's files have long names.
    with tempfile.TemporaryDirectory(prefix="jvz-") as name, contextlib.ExitStack() as stack:
        desktops = {which: stack.enter_context(real.tigervnc(Path(name) / which)) for which in ("one", "two")}
        stack.enter_context(added(lab, **{which: desktop.keys() for which, desktop in desktops.items()}))
        yield SimpleNamespace(**desktops)


#: What a viewer asks for, and what it is told of sizes and of others: for whoever wonders why a size is not there.
NOTE_SIZES = """window.said = [];
    const number = (bytes, at) => bytes[at] * 256 + bytes[at + 1];
    const note = (...what) => window.said.push([Math.round(performance.now()), ...what].join(' '));
    const hear = ({ data }) => {
        if (typeof data === 'string') return note('is told', data);
        if (!(data instanceof ArrayBuffer)) return;
        const bytes = new Uint8Array(data);
        // A picture that begins with ExtendedDesktopSize: who asked for it, and whether it was granted.
        if (bytes[0] === 0 && bytes.length > 15 && new DataView(data).getInt32(12) === -308) {
            note('gets', number(bytes, 8), 'x', number(bytes, 10), 'reason', bytes[5], 'status', bytes[7]);
        }
    };
    window.WebSocket = new Proxy(WebSocket, { construct(real, options) {
        const socket = new real(...options);
        const send = socket.send.bind(socket);
        socket.send = data => {
            const bytes = data instanceof Uint8Array ? data : new Uint8Array(data instanceof ArrayBuffer ? data : 0);
            if (bytes[0] === 251) note('asks for', number(bytes, 2), 'x', number(bytes, 4));
            send(data);
        };
        socket.addEventListener('message', hear);
        socket.addEventListener('close', () => note('is closed'));
        return socket;
    } });"""


@pytest.fixture
def visit(chromium, lab, place):
    """Open a desktop in a window of some size; it closes when the test does."""
    with contextlib.ExitStack() as stack:

        def opened(name, viewport):
            context = stack.enter_context(chromium.new_context(viewport=viewport))
            log_in(context, lab)
            page = context.new_page()
            page.add_init_script(NOTE_SIZES)
            view(page, lab, name)
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
    if not wait_for(lambda: page.wait_for_timeout(50) or page.evaluate(SIZE) == size):
        state = page.locator(".jp-VNC").evaluate("node => ({ ...node.dataset, hidden: document.hidden })")
        said = "\n".join(page.evaluate("said"))
        pytest.fail(f"{page.evaluate(SIZE)} is not {size}; the frame has {frame(page)}; {state}; the viewer:\n{said}")


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
    width = "node => node.getBoundingClientRect().width"
    canvas = page.locator(".jp-VNC-screen canvas")
    assert wait_for(lambda: page.wait_for_timeout(50) or canvas.evaluate(width) <= viewport["width"] + 100)
    page.wait_for_timeout(500)  # what is asked for is answered by then
    assert page.evaluate(SIZE) == [1280, 480]
    assert monitors(place.two) == 2
