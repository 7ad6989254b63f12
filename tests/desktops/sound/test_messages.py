"""The messages of a stream, byte for byte."""

import asyncio

import pytest

from jupyter_vnc.desktops.sound import messages


def test_what_the_server_sends():
    assert messages.sound(0x01020304, b"opus") == b"\x02\x01\x02\x03\x04opus"
    assert messages.sound((1 << 32) + 960, b"")[1:] == (960).to_bytes(4)
    assert (messages.state(heard=True), messages.state(heard=False)) == (b"\x03\x01", b"\x03\x00")


@pytest.mark.parametrize(
    ("message", "meaning"),
    [(b"\x12\x01", True), (b"\x12\x00", False), (b"\x12\x02", None), (b"\x12", None), (b"\x11\x01", None), (b"", None)],
)
def test_what_a_viewer_says(message, meaning):
    assert messages.switched(message) is meaning


async def read_all(data):
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    found = []
    while message := await messages.read(reader):
        found.append(message)
    return found


async def test_messages_of_a_streamer_end_with_the_first_that_is_none():
    longest = bytes(messages.LONGEST)
    good = messages.framed(b"\x03\x01") + messages.framed(longest)
    for end in (b"", b"\0\0", bytes(4), messages.framed(longest + b"x"), b"\xff" * 4, messages.framed(b"abc")[:-1]):
        assert await read_all(good + end) == [b"\x03\x01", longest]
