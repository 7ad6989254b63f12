"""How the streamer of a desktop's video is started, with a program of the test's own."""

import asyncio

from jupyter_vnc.desktops.sound import sound
from jupyter_vnc.desktops.video import video
from jupyter_vnc.desktops.video.video import NAME, Video, VideoSettings
from tests.desktops.sound.test_sound import Programs, listening


async def test_a_streamer_may_take_longer_to_load_its_library_than_one_of_sound(tmp_path, monkeypatch):
    monkeypatch.setattr(sound, "PATIENCE", 0.0)
    monkeypatch.setattr(video, "LIBRARY", "json")
    one, tree = Video(), Programs()
    one.start(tree, 1, tmp_path / "authority", {}, VideoSettings())
    asking = asyncio.create_task(one.watch())
    await asyncio.wait([asking], timeout=0.2)
    async with listening(tmp_path / NAME):
        (await asking)[1].close()
    assert tree.started == [NAME]
