"""Whoever watches a real desktop sees where the others point, and at what."""

import asyncio

import pytest

from jupyter_vnc.rfb.wire import Encoding
from tests.integration import machines, real
from tests.integration.real import BACKGROUND
from tests.rfb import viewer_says as say

pytestmark = pytest.mark.real

#: What noVNC announces of the pointer.
POINTERS = say.encodings(0, Encoding.VMWARE_CURSOR, Encoding.CURSOR)
#: Where somebody points, on a background of one colour, and how far round it the pointer is looked for.
THERE, ROUND = (400, 60), 12

SERVERS = {
    "TigerVNC": (real.tigervnc, {}),
    "x11vnc": (real.x11vnc, {}),
    "TightVNC": (machines.tightvnc, {"password": "k4narien"}),
}


async def pointed_at(viewer, where):
    """How many pixels round a place have another colour than the background, of those on a cross."""
    x, y = where
    cross = [(x + by, y) for by in range(-ROUND, ROUND + 1)] + [(x, y + by) for by in range(-ROUND, ROUND + 1)]
    colours = await viewer.area(x - ROUND, y - ROUND, 2 * ROUND + 1, 2 * ROUND + 1)
    return sum(colours[at] != BACKGROUND for at in cross)


@pytest.mark.parametrize("name", SERVERS)
async def test_an_onlooker_sees_the_pointer_of_whoever_works(name, start, add_target, look):
    kind, options = SERVERS[name]
    desktop = start(kind, **options)
    desktop.run("xsetroot", "-cursor_name", "cross", "-solid", BACKGROUND)
    add_target("lab", desktop.keys())
    async with look("lab", mode="view") as onlooker, look("lab") as user:
        for viewer in (onlooker, user):
            await viewer.send(POINTERS)
        assert await pointed_at(onlooker, THERE) == 0
        await user.move(*THERE)
        async with asyncio.timeout(real.PATIENCE):
            while await pointed_at(onlooker, THERE) < 5:
                await asyncio.sleep(0.1)
