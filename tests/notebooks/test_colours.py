"""Where a colour is in a picture."""

import PIL.Image
import pytest

from jupyter_vnc.notebook.colours import find_colour


@pytest.fixture
def screen():
    """Grey, with two red points on one line and one below them."""
    image = PIL.Image.new("RGB", (10, 8), (128, 128, 128))
    for point in ((7, 2), (4, 2), (1, 5)):
        image.putpixel(point, (250, 5, 0))
    return image


@pytest.mark.parametrize(
    ("colour", "at", "tolerance", "found"),
    [
        ("red", None, 5, (4, 2)),
        ("#ff0000", None, 5, (4, 2)),
        ((250, 5, 0), None, 0, (4, 2)),
        ("red", None, 4, None),
        ("red", (1, 5), 5, (1, 5)),
        ("red", (2, 5), 5, None),
        ("blue", None, 24, None),
    ],
)
def test_the_first_point_from_above(screen, colour, at, tolerance, found):
    assert find_colour(screen, colour, at, tolerance) == found


def test_no_colour(screen):
    with pytest.raises(ValueError, match="nonsense"):
        find_colour(screen, "nonsense", None, 0)
