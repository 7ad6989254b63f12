"""Where a picture is on a screen."""

import random
import time

import PIL.Image
import pytest

from jupyter_vnc.notebook import pictures
from jupyter_vnc.notebook.pictures import Area, find_picture, load

ICON = [
    "rrr.",
    "rgr.",
    "rrrb",
]
COLOURS = {"r": (200, 0, 0, 255), "g": (0, 200, 0, 255), "b": (0, 0, 200, 255), ".": (9, 9, 9, 0)}


@pytest.fixture
def icon():
    """Four by three pixels; two of them are transparent."""
    image = PIL.Image.new("RGBA", (4, 3))
    image.putdata([COLOURS[letter] for row in ICON for letter in row])
    return image


@pytest.fixture
def screen():
    """Noise, always the same."""
    noise = random.Random(1)
    return PIL.Image.frombytes("RGB", (60, 40), noise.randbytes(60 * 40 * 3))


@pytest.mark.parametrize("place", [(0, 0), (56, 0), (0, 37), (56, 37), (21, 17)])
def test_it_is_found_wherever_it_is(screen, icon, place):
    assert find_picture(screen, icon, 24) is None
    screen.paste(icon, place, icon)
    assert find_picture(screen, icon, 0) == (*place, 4, 3)


def test_of_two_it_is_the_first_from_above(screen, icon):
    for place in ((40, 20), (5, 30), (10, 20)):
        screen.paste(icon, place, icon)
    assert find_picture(screen, icon, 0) == (10, 20, 4, 3)


@pytest.mark.parametrize(("tolerance", "found"), [(4, None), (5, (21, 17, 4, 3))])
def test_every_pixel_may_be_off_as_far_as_is_permitted(screen, icon, tolerance, found):
    """Each of them in turn, so that it does not matter which ones are looked up first."""
    for x, y in ((0, 0), (1, 1), (3, 2), (2, 2)):
        here = screen.copy()
        here.paste(icon, (21, 17), icon)
        red, green, blue = here.getpixel((21 + x, 17 + y))
        here.putpixel((21 + x, 17 + y), (red, green, blue - 5 if blue else 5))
        assert find_picture(here, icon, tolerance) == found


def test_a_place_that_has_the_rare_colours_only_is_none(screen, icon):
    screen.paste(icon, (30, 10), icon)
    screen.putpixel((32, 12), (1, 2, 3))
    assert find_picture(screen, icon, 24) is None


def test_one_colour_and_a_picture_of_the_whole_screen():
    screen = PIL.Image.new("RGB", (30, 20), "white")
    assert find_picture(screen, load(PIL.Image.new("RGB", (3, 3), "white")), 0) == (0, 0, 3, 3)
    assert find_picture(screen, load(screen), 0) == (0, 0, 30, 20)
    for size in ((31, 3), (3, 21)):
        assert find_picture(screen, load(PIL.Image.new("RGB", size, "white")), 0) is None


def test_more_colours_than_are_counted():
    noise = random.Random(2)
    screen = PIL.Image.frombytes("RGB", (160, 120), noise.randbytes(160 * 120 * 3))
    wanted = load(screen.crop((30, 20, 130, 110)))
    assert find_picture(screen, wanted, 0) == (30, 20, 100, 90)


def test_what_tells_a_picture_from_all_of_the_screen_is_looked_up_wherever_it_is(monkeypatch):
    """Noise of colours that are all alike; only the lower half of the picture has others."""
    noise = random.Random(3)
    screen = PIL.Image.frombytes("RGB", (200, 150), bytes(noise.randrange(100, 120) for _ in range(200 * 150 * 3)))
    other = PIL.Image.frombytes("RGB", (32, 16), noise.randbytes(32 * 16 * 3))
    wanted = screen.crop((20, 20, 52, 52))
    wanted.paste(other, (0, 16))
    compared = []
    monkeypatch.setattr(pictures, "_is_like", lambda part, *_: compared.append(part))
    assert find_picture(screen, load(wanted), 24) is None
    assert len(compared) < 10


def test_it_is_looked_for_until_the_time_is_up(monkeypatch):
    screen, compared = PIL.Image.new("RGB", (200, 150), "white"), []
    monkeypatch.setattr(pictures, "_is_like", lambda part, *_: compared.append(part))
    assert find_picture(screen, load(screen.crop((0, 0, 5, 5))), 24, time.monotonic() - 1) is None
    assert len(compared) == 1


@pytest.mark.parametrize("count", [0, 1, 2, 3, 12, 64, 4096, 6000])
def test_each_pixel_is_counted_once(count):
    assert sorted(pictures._all_over(count)) == [*range(count)]


def test_a_picture_of_a_file(tmp_path, icon):
    icon.save(tmp_path / "icon.png")
    assert load(tmp_path / "icon.png").tobytes() == load(str(tmp_path / "icon.png")).tobytes() == icon.tobytes()
    with pytest.raises(FileNotFoundError, match=r"nothing\.png"):
        load(tmp_path / "nothing.png")


def test_an_invisible_picture_is_refused():
    with pytest.raises(ValueError, match="no pixel of the picture is opaque"):
        load(PIL.Image.new("RGBA", (4, 4), (1, 2, 3, 254)))


def test_an_area():
    area = Area(10, 20, 5, 7)
    assert (area.centre, area.box) == ((12, 23), (10, 20, 15, 27))
