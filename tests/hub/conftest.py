"""Somebody at a desktop of a hub, and patience."""

import asyncio
from contextlib import asynccontextmanager

from tests.integration.viewer import Viewer


@asynccontextmanager
async def looking(person, target, *, notes=True, **more):
    """Somebody at a target, logged in up to the first pixels."""
    websocket = await person.open(target, *(["vnc.notes"] if notes else []), **more)
    try:
        yield await Viewer(websocket).log_in()
    finally:
        websocket.close()


async def until(condition, limit=60):
    """Wait for something to become true."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.05)
