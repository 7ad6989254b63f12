"""What a viewer sends, cut into messages however it comes."""

import itertools
import struct
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import ViewerError
from jupyter_vnc.rfb.grammar import GRAMMAR
from jupyter_vnc.rfb.messages import UNKNOWN, Scanner, encodings
from jupyter_vnc.rfb.vendor_messages import FOREIGN
from jupyter_vnc.rfb.wire import MAX_CUT_TEXT, MAX_ENCODINGS, MAX_FENCE, MAX_SCREENS, Encoding
from tests.rfb import viewer_says as say
from tests.rfb.feeding import ways

ALL = b"".join(data for _, data in say.EACH)


def scan(chunks, **options):
    scanner = Scanner(**options)
    return [tuple(message) for chunk in chunks for message in scanner.feed(chunk)]


@pytest.mark.parametrize(("kind", "data"), say.EACH)
def test_a_message_comes_out_as_it_went_in(kind, data):
    for chunks in ways(data):
        assert scan(chunks) == [(kind, data)]


def test_messages_in_a_row_are_cut_however_they_come():
    for chunks in ways(ALL):
        assert scan(chunks) == say.EACH


def test_part_of_a_message_waits():
    for data in (data for _, data in say.EACH):
        scanner = Scanner()
        for byte in data[:-1]:
            assert scanner.feed(bytes([byte])) == []
        assert [message.data for message in scanner.feed(data[-1:])] == [data]


def test_fixed_sizes_come_joined_on_request():
    keys, moves, asks = say.key() * 2, say.pointer() * 3, say.update_request() * 2
    data = asks + keys + moves + asks + say.cut_text() + moves
    assert scan([data], joined=[{3}, {3, 4, 5}]) == [
        (3, asks),
        (4, keys + moves + asks),
        (6, say.cut_text()),
        (5, moves),
    ]


def test_two_byte_types_come_joined_too():
    data = say.qemu_key() * 3
    assert scan([data + say.qemu_audio()], joined=[{0xFF00}]) == [(0xFF00, data), (0xFF01, say.qemu_audio())]


def test_a_row_holds_whole_messages_only():
    for chunks in ways(say.pointer() * 4):
        pieces = scan(chunks, joined=[{5}])
        assert b"".join(data for _, data in pieces) == say.pointer() * 4
        assert all(len(data) % 6 == 0 for _, data in pieces)


class TestPointerOfSevenBytes:
    """rfbproto, "Extended Mouse Buttons": TigerVNC reads seven bytes as soon as it has seen -316, QEMU never does."""

    AGREED = say.encodings(7, Encoding.EXTENDED_MOUSE_BUTTONS)
    LONG = say.pointer(0x81, more=b"\x01")

    def test_it_has_six_bytes_before_and_without(self):
        assert scan([self.LONG[:6] + say.key()]) == [(5, self.LONG[:6]), (4, say.key())]

    @pytest.mark.parametrize("joined", [(), [{4, 5}]])
    def test_bit_seven_announces_the_seventh_byte_once_agreed(self, joined):
        data = self.AGREED + self.LONG + say.pointer() + self.LONG
        for chunks in ways(data):
            pieces = scan(chunks, joined=joined)
            assert b"".join(piece for _, piece in pieces) == data
        assert pieces == [(2, self.AGREED), (5, self.LONG), (5, say.pointer()), (5, self.LONG)]

    def test_a_later_list_without_it_ends_it(self):
        data = self.AGREED + self.LONG + say.encodings(7) + self.LONG[:6]
        assert [piece for _, piece in scan([data])] == [self.AGREED, self.LONG, say.encodings(7), self.LONG[:6]]

    @pytest.mark.parametrize("joined", [(), [{4, 5}]])
    def test_it_never_has_where_the_encoding_is_stripped(self, joined):
        data = self.AGREED + self.LONG[:6] + say.key()
        pieces = scan([data], long_pointer=False, joined=joined)
        assert b"".join(piece for _, piece in pieces) == data
        # The seventh byte is taken for the next type, so such a viewer only confuses itself.
        with pytest.raises(ViewerError):
            scan([self.AGREED + say.pointer(0x80, more=b"\x63")], long_pointer=False, joined=joined)


class TestUnknown:
    TYPES = sorted(set(range(255)) - set(GRAMMAR) - {kind for kind, foreign in FOREIGN.items() if foreign.header})

    @pytest.mark.parametrize("number", TYPES)
    def test_type_ends_a_strict_scan(self, number):
        with pytest.raises(ViewerError) as caught:
            scan([say.key() + bytes([number])])
        assert caught.value.close_code is CloseCode.VIEWER_PROTOCOL
        assert str(number) in caught.value.detail

    def test_qemu_sub_type_ends_a_strict_scan(self):
        with pytest.raises(ViewerError) as caught:
            scan([b"\xff\x02"])
        assert caught.value.detail == "type 255/2"

    def test_type_ends_the_sight_of_a_tolerant_scan(self):
        data = say.key() + b"\x07whatever\x04"
        for chunks in ways(data):
            scanner = Scanner(strict=False)
            pieces = [tuple(piece) for chunk in chunks for piece in scanner.feed(chunk)]
            assert scanner.lost
            assert b"".join(piece for _, piece in pieces) == data
            assert pieces[0] == (4, say.key())
            assert {kind for kind, _ in pieces[1:]} == {UNKNOWN}


class TestLimits:
    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(struct.pack(">BxH", 2, MAX_ENCODINGS + 1), id="encodings"),
            pytest.param(struct.pack(">BxH", 2, 0xFFFF), id="64 Ki encodings"),
            pytest.param(struct.pack(">B3xIB", 248, 0, MAX_FENCE + 1), id="fence"),
            pytest.param(struct.pack(">BxHHBx", 251, 1, 1, MAX_SCREENS + 1), id="screens"),
            pytest.param(say.qemu_audio(3), id="audio operation"),
            *(pytest.param(say.cut_text(b"", length), id=f"clipboard {length}") for length in (-1, -2, -3)),
        ],
    )
    @pytest.mark.parametrize("strict", [True, False])
    def test_a_length_out_of_range_ends_every_scan(self, data, strict):
        with pytest.raises(ViewerError):
            scan([data], strict=strict)

    def test_what_is_just_in_range_passes(self):
        for data in (
            say.encodings(*range(MAX_ENCODINGS)),
            say.fence(bytes(MAX_FENCE)),
            say.desktop_size(*[(1, 1)] * MAX_SCREENS),
            say.cut_text(bytes(MAX_CUT_TEXT)),
            say.cut_text(bytes(MAX_CUT_TEXT), -MAX_CUT_TEXT),
        ):
            assert [piece for _, piece in scan([data])] == [data]

    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_paste_over_the_limit_is_left_out_and_the_session_goes_on(self, sign):
        size = MAX_CUT_TEXT + 1
        data = say.key() + say.cut_text(bytes([4]) * size, sign * size) + say.pointer()
        for step in (len(data), 1000, 7):
            scanner = Scanner()
            pieces = [
                piece for chunk in range(0, len(data), step) for piece in scanner.feed(data[chunk : chunk + step])
            ]
            assert [tuple(piece) for piece in pieces] == [(4, say.key()), (5, say.pointer())]
            assert scanner.skipped == 1

    @pytest.mark.parametrize("length", [0x7FFFFFFF, -0x80000000])
    def test_two_gigabytes_of_paste_cost_no_memory(self, length):
        scanner = Scanner()
        scanner.feed(say.cut_text(b"", length))
        chunk = bytes(64 * 1024)
        tracemalloc.start()
        try:
            assert all(scanner.feed(chunk) == [] for _ in range(200))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 512 * 1024
        assert scanner.skipped == 1

    def test_a_message_that_never_ends_is_bounded(self):
        """What waits is at most one whole message and what came with its last part."""
        scanner = Scanner()
        scanner.feed(say.cut_text(bytes(MAX_CUT_TEXT - 1), MAX_CUT_TEXT))
        assert len(scanner._buffer) <= MAX_CUT_TEXT + 8
        assert len(scanner.feed(b"\0")) == 1
        assert not scanner._buffer


def test_encodings_of_a_message():
    assert encodings(say.encodings(7, -316, 0x574D5664)) == [7, -316, 0x574D5664]


#: Rows of messages with those of other viewers and with junk between them now and then.
SENTENCES = [data for _, data in say.EACH] + [data for _, data in say.FOREIGN]
TALK = st.lists(st.one_of(st.sampled_from(SENTENCES), st.binary(max_size=24)), max_size=30).map(b"".join)
CUTS = st.lists(st.integers(0, 600), max_size=12)
JOINED = st.sampled_from([(), ({3, 150}, {0, 3, 4, 5, 150, 250}), ({4, 5, 0xFF00},)])


def pieces(data, cuts):
    points = [0, *sorted(point for point in cuts if point < len(data)), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(points)]


def outcome(chunks, **options):
    """All that a scanner says: the bytes of each type in a row, and whether it gave up."""
    scanner = Scanner(**options)
    told = bytearray()
    try:
        for chunk in chunks:
            for message in scanner.feed(chunk):
                told += message.data
            assert len(scanner._buffer) <= MAX_CUT_TEXT + 8
    except ViewerError as error:
        return error.log_line
    return bytes(told), scanner.lost, scanner.skipped


@settings(deadline=None, max_examples=300)
@given(data=TALK, cuts=CUTS, joined=JOINED, strict=st.booleans(), long_pointer=st.booleans())
def test_any_bytes_in_any_pieces_come_to_the_same(data, cuts, joined, strict, long_pointer):
    options = {"strict": strict, "long_pointer": long_pointer}
    whole = outcome([data], **options)
    assert outcome(pieces(data, cuts), joined=joined, **options) == whole
    assert outcome([bytes([byte]) for byte in data], joined=joined, **options) == whole
    if isinstance(whole, tuple) and not whole[2]:
        assert data.startswith(whole[0])
