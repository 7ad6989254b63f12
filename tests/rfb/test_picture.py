"""What a server sends to a viewer of plain pixels: drawn however it is cut, and bounded whatever it announces."""

import struct
import tracemalloc

import pytest

from jupyter_vnc.exceptions import TargetProtocolError, TargetUnreachable
from jupyter_vnc.rfb.picture import CHUNK, STRIP, PictureReader, check_size, request
from jupyter_vnc.rfb.stream import Stream
from jupyter_vnc.rfb.wire import MAX_PIXELS, MAX_SIDE, MAX_UNREAD, Encoding
from tests.rfb.feeding import ways

BELL = b"\2"


class Canvas:
    """Notes what is drawn, a byte for each pixel."""

    def __init__(self, width, height):
        self.sizes = []
        self.rows = [bytearray(width) for _ in range(height)]

    def resize(self, width, height):
        self.sizes.append((width, height))
        self.rows = [bytearray(width) for _ in range(height)]

    def draw(self, x, y, width, height, pixels):
        assert len(pixels) == 4 * width * height
        for row in range(height):
            start = 4 * width * row
            self.rows[y + row][x : x + width] = pixels[start : start + 4 * width : 4]


def rectangle(x, y, width, height, encoding=Encoding.RAW, pixels=b""):
    return struct.pack(">HHHHi", x, y, width, height, encoding) + pixels


def raw(x, y, width, height, value):
    return rectangle(x, y, width, height, pixels=bytes([value, 0, 0, 0]) * (width * height))


def update(*rectangles):
    return struct.pack(">BxH", 0, len(rectangles)) + b"".join(rectangles)


def text(length, data=b""):
    return struct.pack(">Bxxxi", 3, length) + data


def colours(count):
    return struct.pack(">BxHH", 1, 0, count) + bytes(6 * count)


def read(chunks, size=(4, 3)):
    canvas = Canvas(*size)
    reader = PictureReader(canvas, *size)
    for chunk in chunks:
        reader.receive_data(chunk)
    return reader, canvas


SESSION = (
    BELL
    + update(raw(0, 0, 4, 3, 1))
    + colours(3)
    + text(5, b"hello")
    + text(-8, bytes(8))
    + update()
    + update(
        raw(1, 1, 2, 1, 7), rectangle(0, 0, 0, 9), rectangle(0, 0, 2, 2, Encoding.DESKTOP_SIZE), raw(0, 0, 1, 2, 5)
    )
    + BELL
)


def test_all_that_a_server_may_send_is_read_however_it_is_cut():
    for chunks in ways(SESSION):
        reader, canvas = read(chunks)
        assert reader.exc is None
        assert [bytes(row) for row in canvas.rows] == [b"\5\0", b"\5\0"], chunks
        assert (reader.drawn, reader.sizes, reader.updates, reader.amid) == (2, 1, 3, False)
        assert reader.leftover() == b""
        assert reader.data_to_send() == b""


def test_a_picture_in_strips_is_the_same_picture():
    size = (500, 400)  # six strips
    assert 4 * size[0] * size[1] > 5 * STRIP
    said = update(raw(0, 0, *size, 9))
    reader, canvas = read([said[start : start + CHUNK] for start in range(0, len(said), CHUNK)], size)
    assert {bytes(row) for row in canvas.rows} == {b"\x09" * 500}
    assert reader.drawn == 500 * 400


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"\4", id="message"),
        pytest.param(b"\xff", id="vendor's message"),
        pytest.param(update(rectangle(0, 0, 1, 1, Encoding.CURSOR)), id="cursor"),
        pytest.param(update(rectangle(0, 0, 65535, 65535, Encoding.CURSOR)), id="huge cursor"),
        pytest.param(update(rectangle(0, 0, 1, 1, Encoding.TIGHT)), id="encoding"),
        pytest.param(update(rectangle(0, 0, 65535, 65535, Encoding.EXTENDED_DESKTOP_SIZE)), id="extended size"),
        pytest.param(update(rectangle(0, 0, 65535, 65535, Encoding.DESKTOP_SIZE)), id="size"),
        pytest.param(update(rectangle(0, 0, MAX_SIDE + 1, 1, Encoding.DESKTOP_SIZE)), id="side"),
        pytest.param(update(rectangle(0, 0, 65535, 65535)), id="pixels"),
        pytest.param(update(rectangle(1, 0, 4, 3)), id="too wide"),
        pytest.param(update(rectangle(0, 1, 4, 3)), id="too high"),
    ],
)
def test_what_was_not_asked_for_or_is_out_of_bounds_is_an_error_at_once(said):
    seen = set()
    for chunks in ways(said):
        reader, canvas = read(chunks)
        assert isinstance(reader.exc, TargetProtocolError), chunks
        assert canvas.sizes == []
        seen.add(str(reader.exc))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("size", "good"),
    [
        ((0, 0), True),
        ((MAX_SIDE, MAX_PIXELS // MAX_SIDE), True),
        ((MAX_SIDE, MAX_PIXELS // MAX_SIDE + 1), False),
        ((8192, 8192), True),
        ((MAX_SIDE + 1, 1), False),
        ((1, MAX_SIDE + 1), False),
        ((65535, 65535), False),
    ],
)
def test_the_largest_desktop(size, good):
    if good:
        check_size(*size)
        return
    with pytest.raises(TargetProtocolError, match=f"{size[0]} x {size[1]} pixels"):
        check_size(*size)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(text(0x7FFFFFFF), id="text"),
        pytest.param(text(-0x80000000), id="extended clipboard"),
        pytest.param(struct.pack(">BxHH", 1, 0, 65535), id="colours"),
        pytest.param(struct.pack(">BxH", 0, 65535) + rectangle(0, 0, 0, 0) * 10, id="empty rectangles"),
        pytest.param(update(rectangle(0, 0, 8000, 8000)), id="pixels"),
    ],
)
def test_an_endless_message_costs_no_memory(said):
    class Sink:
        def resize(self, width, height): ...
        def draw(self, x, y, width, height, pixels): ...

    more = rectangle(0, 0, 0, 0) * 5000 if b"\xff\xff" in said[:4] else bytes(CHUNK)
    reader = PictureReader(Sink(), 8000, 8000)
    reader.receive_data(said)
    tracemalloc.start()
    try:
        for _ in range(5):
            reader.receive_data(more)
            reader.receive_data(b"")
        assert reader.exc is None
        assert tracemalloc.get_traced_memory()[1] < 2 * MAX_UNREAD
    finally:
        tracemalloc.stop()


SIZES = [rectangle(0, 0, side, side, Encoding.DESKTOP_SIZE) for side in (8192, 8191)]


@pytest.mark.parametrize("between", [[], [raw(0, 0, 1, 1, 1)]], ids=["nothing", "a pixel"])
def test_sizes_without_pictures_are_not_gone_along_with_for_ever(between):
    class Sink:
        def __init__(self):
            self.begun = 0

        def resize(self, width, height):
            self.begun += width * height

        def draw(self, x, y, width, height, pixels): ...

    sink = Sink()
    reader = PictureReader(sink, 1, 1)
    reader.receive_data(update(*[part for size in SIZES for part in (size, *between)] * 100))
    assert isinstance(reader.exc, TargetProtocolError)
    assert sink.begun <= 4 * MAX_PIXELS


def test_a_desktop_may_change_its_size_as_often_as_it_draws(monkeypatch):
    monkeypatch.setattr("jupyter_vnc.rfb.picture.MAX_BEGUN", 100)
    size = rectangle(0, 0, 7, 7, Encoding.DESKTOP_SIZE)
    reader, canvas = read([update(size, size, raw(0, 0, 7, 7, 1), raw(0, 0, 7, 7, 2))] * 20)
    assert reader.exc is None
    assert len(canvas.sizes) == 40


def test_the_end_of_the_server_is_an_error():
    reader, _ = read([BELL])
    reader.receive_eof()
    assert isinstance(reader.exc, TargetUnreachable)


@pytest.mark.parametrize("cut", range(11))
def test_bytes_are_skipped_and_not_kept(cut):
    stream = Stream()
    steps = stream.skip(10)
    stream.feed(bytes(cut))
    if cut < 10:
        next(steps)
        assert stream.unread == 0
        stream.feed(bytes(10 - cut))
    stream.feed(b"rest")
    with pytest.raises(StopIteration):
        next(steps)
    assert stream.take_unread() == b"rest"


def test_skipping_ends_with_the_peer():
    stream = Stream()
    steps = stream.skip(10)
    next(steps)
    stream.eof = True
    with pytest.raises(EOFError):
        next(steps)


@pytest.mark.parametrize(("incremental", "second"), [(False, 0), (True, 1)])
def test_the_whole_desktop_is_requested(incremental, second):
    assert request(640, 0x0102, incremental=incremental) == bytes([3, second, 0, 0, 0, 0, 2, 0x80, 1, 2])
