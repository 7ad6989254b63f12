"""While a desktop is seen as video, RFB brings one pixel: whatever area a viewer asks for."""

import struct

import pytest

from jupyter_vnc.rfb.guard import Guard
from jupyter_vnc.rfb.permissions import Permissions
from tests.rfb import viewer_says as say

AREA = struct.pack(">HHHH", 10, 20, 1280, 800)
PIXEL = struct.pack(">HHHH", 0, 0, 1, 1)
#: FramebufferUpdateRequest (RFC 6143, 7.5.3) and EnableContinuousUpdates (rfbproto), with both values of their flags.
ASKING = [bytes((kind, flag)) for kind in (3, 150) for flag in (0, 1)]


@pytest.fixture(params=["control", "view", "restricted"])
def guard(request):
    permissions = Permissions(power=request.param != "restricted")
    return Guard(permissions, "view" if request.param == "view" else "control", narrows=True)


@pytest.mark.parametrize("asking", ASKING)
def test_an_area_becomes_one_pixel_and_an_area_again(guard, asking):
    assert guard.feed(asking + AREA) == asking + AREA
    guard.narrow = True
    assert guard.feed(asking + AREA) == asking + PIXEL
    assert guard.feed(asking) == b""
    assert guard.feed(AREA) == asking + PIXEL
    guard.narrow = False
    assert guard.feed(asking + AREA) == asking + AREA


def test_what_is_between_passes_as_ever():
    guard = Guard(Permissions(), narrows=True)
    guard.narrow = True
    said = say.pointer(), say.fence(b"x"), ASKING[0] + AREA, say.key(), ASKING[3] + AREA, say.desktop_size((800, 600))
    expected = (*said[:2], ASKING[0] + PIXEL, said[3], ASKING[3] + PIXEL, said[5])
    assert guard.feed(b"".join(said)) == b"".join(expected)
    assert guard.input_seen


def test_a_session_without_video_is_never_narrowed():
    guard = Guard(Permissions())
    guard.narrow = True
    assert guard.feed(ASKING[0] + AREA) == ASKING[0] + AREA
