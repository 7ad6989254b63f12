"""A desktop as a program sees it, and what it does there: on a desktop that is made of bytes."""

import asyncio
import itertools
import threading
from types import SimpleNamespace

import PIL.Image
import pytest

from jupyter_vnc import desktop
from jupyter_vnc.notebook import acting, viewer, watching
from jupyter_vnc.notebook import desktop as desktops
from jupyter_vnc.notebook.asynchronous import AsyncDesktop
from jupyter_vnc.notebook.desktop import Desktop

from .screen import Screen, Server, plain, show_at


@pytest.fixture
def see(monkeypatch):
    """A desktop that shows these pictures, and its screen."""
    monkeypatch.setattr(acting, "_PAUSE", 0)

    def see(*pictures, mode="control"):
        screen = Screen(*pictures)
        show_at(monkeypatch, screen)
        return Desktop(Server(mode), "lab"), screen

    return see


@pytest.fixture
def stripes():
    """Three by two pixels that are nowhere by chance."""
    image = PIL.Image.new("RGB", (3, 2))
    image.putdata([(value * 40, 255 - value * 40, 7) for value in range(6)])
    return image


def with_picture(image, place):
    screen = plain("white")
    screen.paste(image, place)
    return screen


def test_a_picture_is_found_or_not(see, stripes):
    one, screen = see(with_picture(stripes, (20, 30)))
    assert one.find(stripes) == desktop.Area(20, 30, 3, 2)
    assert one.find(plain("black", (2, 2))) is None
    assert (screen.opened, screen.closed) == (2, 2)


def test_a_picture_is_waited_for(see, stripes, tmp_path):
    stripes.save(tmp_path / "stripes.png")
    one, _ = see(plain("white"), plain("grey"), with_picture(stripes, (5, 6)))
    assert one.wait_for(tmp_path / "stripes.png").centre == (6, 7)


def test_what_does_not_come_is_named_and_the_error_has_the_screen(see, stripes, tmp_path):
    stripes.save(tmp_path / "stripes.png")
    one, _ = see(plain("white"), plain("grey"))
    with pytest.raises(desktop.NotSeen, match=r"^The picture 'stripes\.png' \(3 x 2 pixels\) did not appear") as seen:
        one.wait_for(tmp_path / "stripes.png")
    assert seen.value.screen.getpixel((1, 1)) == (128, 128, 128)
    with pytest.raises(desktop.NotSeen, match=r"^A picture of 3 x 2 pixels did not appear on 'lab' within 10 seconds"):
        one.wait_for(stripes)
    with pytest.raises(desktop.NotSeen, match=r"^'red' did not appear") as seen:
        one.wait_for_colour("red")
    assert seen.value.screen.size == (64, 48)


def test_a_wait_ends_on_a_desktop_that_never_rests(see, stripes, monkeypatch):
    """It has changed at once, however late it is."""
    one, screen = see(*(plain(colour) for colour in ("red", "blue") * 50))
    clock = itertools.count()
    for module in (watching, viewer):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock) / 10))
    with pytest.raises(desktop.NotSeen):
        one.wait_for(stripes, timeout=2)
    assert len(screen.pictures) > 50


def test_wheel_and_drag(see):
    one, screen = see()
    one.scroll(5, 6, down=2, right=-1)
    assert screen.pointer == [(0, 5, 6), (16, 5, 6), (0, 5, 6), (16, 5, 6), (0, 5, 6), (64 // 2, 5, 6), (0, 5, 6)]
    screen.pointer.clear()
    one.scroll(5, 6, down=-1, right=1)
    assert screen.pointer == [(0, 5, 6), (8, 5, 6), (0, 5, 6), (64, 5, 6), (0, 5, 6)]
    screen.pointer.clear()
    one.drag((10, 40), (30, 20), "right")
    (first, *way, last) = screen.pointer
    assert (first, last) == ((0, 10, 40), (0, 30, 20))
    assert (way[0], way[-1], len(way)) == ((4, 10, 40), (4, 30, 20), 11)
    assert (4, 20, 30) in way


def test_clicks_and_moves(see):
    one, screen = see()
    one.click(1, 2, "middle")
    one.double_click(3, 4)
    one.move(5, 6)
    clicks = [(0, 1, 2), (2, 1, 2), (0, 1, 2)]
    twice = [(0, 3, 4), (1, 3, 4), (0, 3, 4), (1, 3, 4), (0, 3, 4)]
    assert screen.pointer == [*clicks, *twice, (0, 5, 6)]


def test_a_point_between_pixels_is_in_one_of_them(see):
    one, screen = see()
    one.move(63.5, 2.25)
    one.drag((0.5, 1), (10.5, 1))
    assert screen.pointer[0] == (0, 63, 2)
    assert screen.pointer[-1] == (0, 10, 1)


def test_a_screen_that_has_grown_meanwhile(see):
    one, screen = see()
    with one:
        screen.pictures[0] = plain("white", (128, 96))
        one.move(100, 90)
        with pytest.raises(ValueError, match="which has 128 x 96 pixels"):
            one.move(100, 96)
    assert screen.pointer == [(0, 100, 90)]


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda one: one.click(64, 0), r"\(64, 0\) is not on the screen, which has 64 x 48 pixels"),
        (lambda one: one.move(0, -1), r"\(0, -1\) is not on the screen"),
        (lambda one: one.drag((1, 1), (float("nan"), 1)), "NaN"),
        (lambda one: one.drag((1, 1), (1, 48)), r"\(1, 48\) is not on the screen"),
        (lambda one: one.drag((1, 1), (2, 2), "back"), "'back' is not a button"),
        (lambda one: one.scroll(1, 1, 1001), "1000 steps at once"),
        (lambda one: one.text((60, 0, 5, 5)), r"\(60, 0, 5, 5\) is not within the screen"),
        (lambda one: one.text((0, 0, 0, 5)), r"\(0, 0, 0, 5\) is not within the screen"),
    ],
)
def test_what_is_not_possible_is_refused_before_anything_is_done(see, act, sentence):
    one, screen = see()
    with pytest.raises(ValueError, match=sentence):
        act(one)
    assert screen.pointer == []
    assert screen.opened == screen.closed


@pytest.mark.parametrize(
    "act",
    [
        lambda one: one.move(1, 1),
        lambda one: one.scroll(1, 1, 1),
        lambda one: one.drag((1, 1), (2, 2)),
        lambda one: one.type_text("a"),
    ],
)
def test_who_may_only_view_is_told_so(see, act):
    one, screen = see(mode="view")
    with pytest.raises(desktop.NotebookError, match="You may view 'lab', but not control it"):
        act(one)
    assert (screen.pointer, screen.keys) == ([], [])
    assert one.screenshot().size == (64, 48)


async def test_the_async_twin_does_the_same(see, stripes):
    one, screen = see(with_picture(stripes, (20, 30)))
    twin = AsyncDesktop(one)
    async with twin as same:
        assert same is twin
        found = await twin.wait_for(stripes)
        await asyncio.gather(twin.click(*found.centre), twin.press("a"), twin.scroll(1, 1, down=1))
    assert (screen.opened, screen.closed) == (1, 1)
    # One after the other, in the order in which they were asked for.
    assert screen.keys == [(ord("a"), 1), (ord("a"), 0)]
    assert screen.pointer == [(0, 21, 31), (1, 21, 31), (0, 21, 31), (0, 1, 1), (16, 1, 1), (0, 1, 1)]
    with pytest.raises(desktop.NotSeen, match="A picture of 2 x 2 pixels"):
        await twin.wait_for(plain("black", (2, 2)))


class Slow:
    """A desktop whose connection is made, and left, when the test says so."""

    name = "slow"

    def __init__(self):
        self.may, self.begun, self.done = threading.Event(), threading.Event(), []

    def __enter__(self):
        self.begun.set()
        assert self.may.wait(60)
        self.done.append("entered")

    def __exit__(self, *_):
        self.done.append("left")

    def press(self, key):
        assert self.may.wait(60)
        self.done.append(key)


async def until_done(slow, *what):
    async with asyncio.timeout(60):
        while slow.done != [*what]:
            await asyncio.sleep(0.01)


async def cancelled(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_async_twin_leaves_what_it_enters_after_it_was_cancelled():
    slow = Slow()
    twin = AsyncDesktop(slow)
    first = twin._thread.submit(slow.may.wait, 60)
    entering = asyncio.create_task(twin.__aenter__())
    await asyncio.sleep(0)
    twin._thread.submit(slow.done.append, "next")
    await cancelled(entering)
    slow.may.set()
    await asyncio.wrap_future(first)
    await until_done(slow, "next", "left")  # it had not begun


async def test_the_async_twin_leaves_what_was_being_entered():
    slow = Slow()
    twin = AsyncDesktop(slow)
    entering = asyncio.create_task(twin.__aenter__())
    await asyncio.sleep(0)
    assert await asyncio.to_thread(slow.begun.wait, 60)
    await cancelled(entering)
    slow.may.set()
    await until_done(slow, "entered", "left")


async def test_the_async_twin_leaves_in_its_turn_though_it_was_cancelled():
    slow = Slow()
    twin = AsyncDesktop(slow)
    waiting = asyncio.create_task(twin._run(lambda: slow.press("a")))
    await asyncio.sleep(0)
    leaving = asyncio.create_task(twin.__aexit__())
    await asyncio.sleep(0)
    await cancelled(leaving)
    slow.may.set()
    await waiting
    await until_done(slow, "a", "left")


def test_the_async_twin_has_all_that_a_desktop_has():
    public = {name for name in dir(Desktop) if not name.startswith("_")}
    assert public <= {name for name in dir(AsyncDesktop) if not name.startswith("_")}
    assert AsyncDesktop.drag.__doc__ == Desktop.drag.__doc__


@pytest.mark.parametrize(
    ("call", "did"),
    [
        (lambda: desktop.find(plain("black", (1, 1))), None),
        (lambda: desktop.wait_for(plain("white", (1, 1)), "b"), (0, 0, 1, 1)),
        (lambda: desktop.scroll(1, 1, down=1, name="b"), None),
        (lambda: desktop.drag((1, 1), (2, 2)), None),
    ],
)
def test_without_a_name_it_is_the_first_desktop(see, monkeypatch, call, did):
    rows = [{"name": name, "title": name} for name in "ab"]
    see()
    monkeypatch.setattr(desktop, "find_server", lambda: Server(targets=rows))
    assert call() == did


def test_it_is_found_by_its_name():
    rows = [{"name": name, "title": name.upper()} for name in "ab"]
    assert desktops.named(Server(targets=rows), None).name == "a"
    assert desktops.named(Server(targets=rows), "b").title == "B"
    with pytest.raises(desktop.NotebookError, match="There is no desktop 'c'; there are: 'a', 'b'"):
        desktops.named(Server(targets=rows), "c")
    with pytest.raises(desktop.NotebookError, match="You have no desktops"):
        desktops.named(Server(targets=[]), None)


async def test_the_async_twin_is_found_by_its_name(monkeypatch):
    monkeypatch.setattr(desktop, "find_server", lambda: Server(targets=[{"name": "a", "title": "A"}]))
    one = await desktop.get_async()
    assert (one.name, one.title, repr(one)) == ("a", "A", "<AsyncDesktop 'a'>")
