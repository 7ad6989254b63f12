"""Pictures for the wall: one lossy WebP picture that is small, and nothing else."""

import base64

import pytest

from jupyter_vnc.model.wall_pictures import LONGEST, read_picture
from tests.webp import PICTURE, text, webp


@pytest.mark.parametrize(
    "picture",
    [webp(), webp(320, 320), webp(1, 1), webp(body=bytes(9)), webp(0x4000 | 320, 0xC000 | 8)],
    ids=["usual", "largest", "smallest", "odd", "scaled"],
)
def test_a_small_picture_is_one(picture):
    assert base64.b64decode(read_picture(text(picture)).data) == picture


def test_the_longest_is_one_and_a_longer_one_is_none():
    around = len(webp(body=b""))
    assert read_picture(text(webp(body=bytes(LONGEST - around))))
    with pytest.raises(ValueError, match="too long"):
        read_picture(text(webp(body=bytes(LONGEST - around + 2))))


@pytest.mark.parametrize(
    "said",
    [
        None,
        7,
        ["UklGRg=="],
        "",
        "no base64!",
        "Bild\N{SNOWMAN}",
        PICTURE + "\n",
        PICTURE + "=",
        text(webp())[:20],
        text(webp(321, 200)),
        text(webp(320, 321)),
        text(webp(0, 200)),
        text(webp(tag=b"\x11\0\0")),
        text(webp(start=b"\x9d\x01\x2b")),
        text(webp(kind=b"VP8L")),
        text(webp(kind=b"VP8X")),
        text(webp(size=4)),
        text(webp(length=2)),
        text(webp(behind=b"EXIF\x04\0\0\0abcd")),
        text(webp().replace(b"RIFF", b"RIFX")),
        text(b"\x89PNG\r\n\x1a\n" + bytes(64)),
        text(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
    ],
)
def test_anything_else_is_none(said):
    with pytest.raises(ValueError, match=r"."):
        read_picture(said)


def test_a_later_one_has_a_higher_stamp_and_none_shows_in_a_log():
    first, second = read_picture(PICTURE), read_picture(PICTURE)
    assert first.stamp < second.stamp
    assert PICTURE not in repr(first)
