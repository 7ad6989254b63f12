"""The messages of video, as bytes."""

import asyncio

import pytest

from jupyter_vnc.desktops.video import messages
from jupyter_vnc.desktops.video.messages import Commands, Mode

PARAMETERS, SLICE_OF_KEY, SLICE, DELIMITER = (bytes((0, 0, 1, unit, 9, 9)) for unit in (0x67, 0x65, 0x41, 0x09))


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (PARAMETERS + SLICE_OF_KEY, True),
        (b"\0" + DELIMITER + PARAMETERS, True),
        (SLICE_OF_KEY, True),
        (SLICE + PARAMETERS, False),
        (DELIMITER + SLICE, False),
        (b"", False),
        (b"\0\0\1", False),
        (b"no unit at all", False),
    ],
)
def test_which_pictures_are_key_frames(data, key):
    assert messages.is_key(data) is key
    message = messages.picture(data, 1280, 800)
    assert message == bytes((1, key, 5, 0, 3, 32)) + data
    assert messages.begins(message) is key


def test_short_messages():
    assert (messages.way(video=True), messages.way(video=False)) == (b"\x04\x01", b"\x04\x00")
    assert (messages.motion(moves=True), messages.motion(moves=False)) == (b"\x05\x01", b"\x05\x00")
    assert messages.mode(Mode.ALWAYS) == b"\x13\x01"
    assert not messages.begins(messages.motion(moves=True))


@pytest.mark.parametrize("size", [1, 2, 7])
def test_commands_in_pieces(size):
    said = b"\x10\x11\x13\x00\x13\x01\x11"
    commands = Commands()
    found = [one for at in range(0, len(said), size) for one in commands.feed(said[at : at + size])]
    assert found == [b"\x10", b"\x11", b"\x13\x00", b"\x13\x01", b"\x11"]


@pytest.mark.parametrize("said", [b"\x01", b"\x04\x00", b"\x12\x01", b"\x13\x02", b"\xff"])
def test_what_is_no_command(said):
    with pytest.raises(ValueError):
        list(Commands().feed(said))


async def test_what_is_read_of_a_streamer():
    reader = asyncio.StreamReader()
    reader.feed_data(messages.framed(b"\x05\x01") + (messages.LONGEST + 1).to_bytes(4))
    assert await messages.read(reader) == b"\x05\x01"
    assert await messages.read(reader) == b""
    reader.feed_eof()
    assert await messages.read(reader) == b""
