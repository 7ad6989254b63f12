"""A viewer in view mode changes nothing on a real desktop, whatever they send, and keeps viewing; nobody is
disconnected.

The client here is no viewer of ours: it logs in and asks to be alone (ClientInit with 0), and then says what it likes.
"""

import asyncio
import struct
import zlib

import pytest

from jupyter_vnc.desktops.x11.xvnc import TIGERVNC
from jupyter_vnc.rfb.wire import Encoding
from tests.integration import machines, real
from tests.integration.real import BACKGROUND, LAMP_HAND, wait_until
from tests.integration.test_real_servers import pasted
from tests.integration.viewer import Viewer
from tests.rfb import viewer_says as say

pytestmark = pytest.mark.real

CAPS, REQUEST, PEEK, NOTIFY, PROVIDE = (1 << bit for bit in range(24, 29))
TEXT = 1
STOLEN = "not yours"
DIRECTORY_COMMAND, CREATE = 10, 1

RAW_AND_CLIPBOARD = say.encodings(0, Encoding.EXTENDED_CLIPBOARD)
PLAIN_TEXT = say.cut_text(STOLEN.encode())
EXTENDED_TEXT = (
    say.extended_clipboard(CAPS | REQUEST | PEEK | NOTIFY | PROVIDE | TEXT, struct.pack(">I", 1 << 20))
    + say.extended_clipboard(NOTIFY | TEXT)
    + say.extended_clipboard(
        PROVIDE | TEXT, zlib.compress(struct.pack(">I", len(STOLEN) + 1) + STOLEN.encode() + b"\0")
    )
    + say.extended_clipboard(REQUEST | TEXT)
    + say.extended_clipboard(PEEK)
)
GII_VERSION, GII_CREATE = 1, 2

#: What our viewer never sends in view mode, or never at all.
ATTACKS = {
    "keys": say.key() + say.key(down=False),
    "keys of QEMU": say.encodings(0, Encoding.QEMU_KEY) + say.qemu_key() + say.key(0xFFE3) + say.qemu_key(),
    "pointer": say.pointer(0, *LAMP_HAND) + say.pointer(1, *LAMP_HAND) + say.pointer(0, *LAMP_HAND),
    "pointer of seven bytes": say.encodings(0, Encoding.EXTENDED_MOUSE_BUTTONS)
    + say.pointer(0x81, *LAMP_HAND, more=b"\x01")
    + say.pointer(0x80, *LAMP_HAND, more=b"\0"),
    "text": PLAIN_TEXT,
    "text in the extended form": RAW_AND_CLIPBOARD + EXTENDED_TEXT,
    "size": say.encodings(0, Encoding.EXTENDED_DESKTOP_SIZE) + say.desktop_size((320, 200)),
    "power": say.encodings(0, Encoding.XVP) + say.xvp(2) + say.xvp(3) + say.xvp(4),
    "audio": say.encodings(0, Encoding.QEMU_AUDIO) + say.qemu_audio(2) + say.qemu_audio(0),
    "other viewers' messages": b"".join(data for _, data in say.FOREIGN),
    "gii": say.encodings(0, Encoding.GII)
    + say.gii(struct.pack(">HH", 1, 0))
    + struct.pack(">BBH", 253, 0x80 | GII_CREATE, 56)
    + bytes(56),
}

POLICIES = ("both", "to-desktop", "from-desktop", "off")

#: Power is only QEMU's to lose; it would end with the machine. Files only libvncserver's.
SERVERS = {
    "TigerVNC": (real.tigervnc, {}),
    "x11vnc": (real.x11vnc, {"options": ["-ultrafilexfer"]}),
    "QEMU": (machines.qemu, {"more": ",power-control=on", "options": ["-no-reboot"]}),
}


class Hostile(Viewer):
    """Says what it likes; still reads what a server may answer."""

    def __init__(self, websocket):
        super().__init__(websocket)
        self.extended = []

    async def _cut_text(self):
        (length,) = await self._unpack(">3xi")
        text = await self._read(abs(length))
        (self.extended if length < 0 else self.copied).append(text)


@pytest.fixture
def intrude(client):
    """Log in to a target as somebody hostile."""
    websockets = []

    async def intrude(target, **more):
        issued = await client.issue(target, **more)
        websockets.append(await client.connect(issued["token"]))
        return await Hostile(websockets[-1]).log_in()

    yield intrude
    for websocket in websockets:
        websocket.close()


def directory(path):
    """UltraVNC's command that makes a directory; the path is one of Windows, which libvncserver translates."""
    return say.file_transfer(b"C:" + str(path).replace("/", "\\").encode(), DIRECTORY_COMMAND, CREATE)


def own(desktop):
    """Put a text of its own on an X desktop's clipboard."""
    real.require("xclip")
    desktop.run("xclip", "-selection", "clipboard", "-i", input=b"mine")


@pytest.mark.parametrize("name", SERVERS)
async def test_an_onlooker_changes_nothing_and_goes_on_looking(name, start, add_target, look, intrude):
    kind, options = SERVERS[name]
    desktop = start(kind, **options)
    watch = start.also(desktop.watching())
    add_target("lab", desktop.keys())
    is_x = kind is not machines.qemu
    policies = POLICIES if is_x else POLICIES[:1]  # QEMU's machine has no clipboard
    for policy in policies:
        add_target(policy, desktop.keys() | {"clipboard": policy})
    if is_x:
        own(desktop)
    async with look("lab") as user:
        await user.until_pixel(5, 5, desktop.background)
        folder = desktop.folder / "made"
        for policy in policies:
            hostile = await intrude(policy, mode="view")
            for what, data in (ATTACKS | {"files": directory(folder)}).items():
                await hostile.send(data)
                await user.move(*LAMP_HAND)  # QEMU looks at its screen ever less often while nobody does anything
                assert await hostile.pixel(5, 5) == desktop.background, (policy, what)
                assert await user.pixel(5, 5) == desktop.background, (policy, what)
            assert hostile.extended == []
        await user.key("g")
        await asyncio.to_thread(wait_until, lambda: watch.events, "the user's key arrives")
        size = user.size
    assert watch.events == ["key g"]
    assert desktop.process.poll() is None
    assert not folder.exists()
    if is_x:
        paste = desktop.run("xclip", "-selection", "clipboard", "-o", capture_output=True)
        assert paste.stdout == b"mine"
    async with look("lab") as after:
        assert after.size == size


async def test_the_same_messages_do_their_harm_where_they_are_permitted(start, add_target, intrude):
    """Otherwise the test above would prove nothing."""
    machine = start(machines.qemu, **SERVERS["QEMU"][1])
    add_target("machine", machine.keys() | {"power": True})
    hostile = await intrude("machine")
    await hostile.send(ATTACKS["power"])
    await asyncio.to_thread(machine.process.wait, real.PATIENCE)

    files = start(real.x11vnc, **SERVERS["x11vnc"][1])
    add_target("files", files.keys() | {"power": True})
    hostile = await intrude("files")
    await hostile.send(directory(files.folder / "made"))
    await asyncio.to_thread(wait_until, (files.folder / "made").is_dir, "the directory is made")

    desktop = start(real.tigervnc)
    lamp = start.also(real.lighting(desktop))
    own(desktop)
    add_target("lab", desktop.keys())
    hostile = await intrude("lab")
    await hostile.send(ATTACKS["pointer"] + ATTACKS["keys"] + ATTACKS["text"])
    assert await pasted(hostile, desktop, not_this="mine") == STOLEN
    await asyncio.to_thread(wait_until, lambda: lamp.events == ["click", "key a"], "click and key arrive")
    await hostile.send(say.encodings(0, Encoding.EXTENDED_DESKTOP_SIZE) + say.desktop_size((320, 200)))
    await asyncio.to_thread(wait_until, lambda: "1280x1024" in _geometry(desktop), "the size changes")


async def test_the_power_switch_is_the_admins_to_give(start, add_target, intrude):
    """Nobody learns that there is one, and nobody can press it unless the target permits it."""
    machine = start(machines.powered)
    watch = start.also(machine.watching())
    for name, keys in {"default": {}, "off": {"power": False}, "on": {"power": True}}.items():
        add_target(name, machine.keys() | keys)
    for target, mode in (("default", "control"), ("off", "control"), ("on", "view")):
        hostile = await intrude(target, mode=mode)
        await hostile.send(ATTACKS["power"])
        assert await hostile.pixel(5, 5) == machine.background
        assert (hostile.power, watch.events) == ([], [])
    hostile = await intrude("on")
    await hostile.send(ATTACKS["power"])
    assert await hostile.pixel(5, 5) == machine.background
    assert hostile.power == [(1, 1)]
    assert watch.events == ["power 2", "power 3", "power 4"]


def _geometry(desktop):
    return desktop.run("xdpyinfo", capture_output=True, text=True).stdout


#: What a viewer is sent when something is copied on a desktop: a text in the old form, in the extended one, a notice.
OLD, EXTENDED, NOTICE, NOTHING = "old", "extended", "notice", "nothing"
#: By mode and policy: to a viewer that negotiates as ours does, and to one that does not know the extended form.
REACH = {
    ("control", "both"): (EXTENDED, OLD),
    ("control", "from-desktop"): (EXTENDED, OLD),
    ("control", "to-desktop"): (NOTICE, OLD),
    ("control", "off"): (OLD, OLD),
    ("view", "both"): (OLD, OLD),
    ("view", "from-desktop"): (OLD, OLD),
    ("view", "to-desktop"): (OLD, OLD),
    ("view", "off"): (OLD, OLD),
}


async def _sent(hostile, desktop, text, seconds):
    """In which form a text that is copied on the desktop comes."""
    await hostile.pixel(5, 5)
    hostile.extended.clear()
    desktop.run("xclip", "-selection", "clipboard", "-i", input=text.encode())
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        await hostile.pixel(5, 5)
        if hostile.copied:
            assert hostile.copied == [text.encode()]
            return OLD
        kinds = {struct.unpack_from(">I", message)[0] & ~TEXT for message in hostile.extended}
        if PROVIDE in kinds:
            return EXTENDED
        if struct.pack(">I", NOTIFY | TEXT) in hostile.extended:
            return NOTICE
        await asyncio.sleep(0.02)
    return NOTHING


@pytest.mark.parametrize("muted", [False, True])
async def test_text_of_the_desktop_reaches_as_far_as_the_documentation_says(muted, start, add_target, intrude):
    """RFB servers send it unasked, so this documents what no guard can hold back, and what does."""
    desktop = start(real.tigervnc, options=TIGERVNC.mute if muted else ())
    for number, ((mode, policy), forms) in enumerate(REACH.items()):
        if muted and policy not in {"to-desktop", "off"}:
            continue
        add_target(policy, desktop.keys() | {"clipboard": policy})
        for words, form in zip((RAW_AND_CLIPBOARD + EXTENDED_TEXT, say.encodings(0)), forms, strict=True):
            hostile = await intrude(policy, mode=mode)
            await hostile.send(words)
            sent = await _sent(hostile, desktop, f"{form} {number}", 0.3 if muted else real.PATIENCE)
            assert sent == (NOTHING if muted else form), (mode, policy)
            hostile.websocket.close()


@pytest.mark.parametrize(
    ("policy", "text_arrives", "is_asked"),
    [("both", True, True), ("to-desktop", True, True), ("from-desktop", False, True), ("off", False, False)],
)
async def test_a_clipboard_policy_holds_in_control_mode(
    policy, text_arrives, is_asked, start, add_target, look, intrude
):
    desktop = start(real.tigervnc)
    lamp = start.also(real.lighting(desktop))
    own(desktop)
    add_target("lab", desktop.keys() | {"clipboard": policy})
    async with look("lab") as witness:
        hostile = await intrude("lab")
        await hostile.send(PLAIN_TEXT)
        if policy != "both":  # who may everything is not held up: what TigerVNC does not know, it ends itself
            await hostile.send(ATTACKS["other viewers' messages"] + ATTACKS["gii"] + say.encodings(0))
        await hostile.pixel(5, 5)
        await hostile.move(*LAMP_HAND)
        await hostile.key("g")
        await asyncio.to_thread(wait_until, lambda: lamp.events, "the key arrives")
        if text_arrives:
            assert await pasted(hostile, desktop, not_this="mine") == STOLEN
        paste = await asyncio.to_thread(desktop.run, "xclip", "-selection", "clipboard", "-o", capture_output=True)
        assert (paste.stdout.decode() == STOLEN) == text_arrives
        await hostile.send(RAW_AND_CLIPBOARD)
        assert await hostile.pixel(5, 5) == BACKGROUND
        # TigerVNC answers the encoding with what it can do, if it has heard of it.
        assert bool(hostile.extended) == is_asked
        if not text_arrives:
            await hostile.send(EXTENDED_TEXT)
            assert await hostile.pixel(5, 5) == BACKGROUND
            paste = await asyncio.to_thread(desktop.run, "xclip", "-selection", "clipboard", "-o", capture_output=True)
            assert paste.stdout == b"mine"
        assert await witness.pixel(5, 5) == BACKGROUND
    assert lamp.events == ["key g"]
