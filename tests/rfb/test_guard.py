"""What a viewer may send, by mode and permission."""

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_vnc.exceptions import ViewerError
from jupyter_vnc.rfb.guard import Guard
from jupyter_vnc.rfb.messages import Scanner, encodings
from jupyter_vnc.rfb.permissions import VIEW_ENCODINGS, Permissions
from jupyter_vnc.rfb.wire import MAX_CUT_TEXT, Encoding
from tests.rfb import viewer_says as say
from tests.rfb.feeding import ways
from tests.rfb.test_messages import TALK

CAPS, REQUEST, PEEK, NOTIFY, PROVIDE = (1 << bit for bit in range(24, 29))
TEXT = 1

#: What noVNC 1.7 announces, in its order.
NOVNC = (
    *(1, 50, 7, -260, 16, 21, 5, 2, 6, 0, -26, -254, -223, -224, -258, -261, -308, -309, -312, -313, -307),
    Encoding.EXTENDED_CLIPBOARD,
    Encoding.EXTENDED_MOUSE_BUTTONS,
    Encoding.VMWARE_CURSOR,
    -239,
)

HARMLESS = say.pixel_format() + say.update_request() + say.continuous_updates() + say.fence(b"x")
INPUT = {
    "keyboard": [say.key(), say.qemu_key()],
    "pointer": [say.pointer()],
    "resize": [say.desktop_size((800, 600))],
    "power": [say.xvp()],
    "clipboard_to_desktop": [say.cut_text(), say.extended_clipboard(PROVIDE | TEXT, b"zlib")],
}


#: What a guard leaves out for as long as it understands what passes.
TOO_LONG = say.cut_text(bytes(MAX_CUT_TEXT + 1))


def understands(judge):
    """Whether a guard still cuts what passes into messages, by what it does with the next one; or what it says then."""
    try:
        return judge.feed(TOO_LONG) == b""
    except ViewerError as error:
        return error.log_line


def guard(mode="control", **permissions):
    return Guard(Permissions(**permissions), mode)


def passed(data, mode="control", **permissions):
    """What the desktop gets, which has to be the same however the bytes come."""
    results = set()
    for chunks in ways(data):
        judge = guard(mode, **permissions)
        results.add((b"".join(judge.feed(chunk) for chunk in chunks), judge.input_seen, understands(judge)))
    assert len(results) == 1
    return results.pop()[0]


def refused(data, mode="control", **permissions):
    for chunks in ways(data):
        judge = guard(mode, **permissions)
        with pytest.raises(ViewerError) as caught:
            b"".join(map(judge.feed, chunks))
    return caught.value


class TestViewMode:
    def test_watching_passes(self):
        assert passed(HARMLESS, "view") == HARMLESS

    @pytest.mark.parametrize(
        "data", [data for rows in INPUT.values() for data in rows] + [say.qemu_audio(2), say.xvp()]
    )
    def test_input_is_dropped_between_what_passes(self, data):
        asks = say.update_request()
        assert passed(asks + data * 2 + asks + data, "view") == asks * 2

    @pytest.mark.parametrize("flag", INPUT)
    def test_permissions_change_nothing(self, flag):
        data = b"".join(itertools.chain(*INPUT.values()))
        assert passed(data, "view", **{flag: False}) == passed(data, "view") == b""

    @pytest.mark.parametrize("data", [data for _, data in say.FOREIGN])
    def test_what_other_viewers_send_is_dropped_between_what_passes(self, data):
        asks = say.update_request()
        assert passed(asks + data * 2 + asks + data, "view") == asks * 2

    @pytest.mark.parametrize("data", [b"\xff\x03", b"\x63", b"\xfe\x01", b"\x7f\0\0\0"])
    def test_a_message_of_unknown_length_ends_the_session(self, data):
        refused(say.update_request() + data, "view")

    def test_encodings_are_those_of_the_allow_list(self):
        kept = encodings(passed(say.encodings(*NOVNC), "view"))
        assert kept == [number for number in NOVNC if number in VIEW_ENCODINGS]
        gone = set(NOVNC) - set(kept)
        pointers = {Encoding.CURSOR, Encoding.VMWARE_CURSOR}
        left_out = {-258, -261, -308, -309, Encoding.EXTENDED_CLIPBOARD, Encoding.EXTENDED_MOUSE_BUTTONS}
        assert gone == left_out | pointers | {Encoding.H264}

    @pytest.mark.parametrize(
        "number", [Encoding.CURSOR, Encoding.X_CURSOR, Encoding.CURSOR_WITH_ALPHA, Encoding.VMWARE_CURSOR]
    )
    def test_no_picture_of_the_pointer_is_asked_for_so_that_the_desktop_draws_it(self, number):
        assert passed(say.encodings(7, number), "view") == say.encodings(7)
        assert passed(say.encodings(7, number)) == say.encodings(7, number)

    @pytest.mark.parametrize(
        "number",
        [-316, -308, -309, -305, -258, -259, -257, -261, 0x574D5668, 0x574D5669, Encoding.EXTENDED_CLIPBOARD, 999],
    )
    def test_what_leads_to_input_is_not_on_it(self, number):
        assert passed(say.encodings(7, number), "view") == say.encodings(7)

    @pytest.mark.parametrize("number", [-23, -32, -247, -256, -412, -512, -763, -768])
    def test_levels_are_on_it(self, number):
        assert passed(say.encodings(number), "view") == say.encodings(number)

    @pytest.mark.parametrize(("bits", "depth"), [(8, 8), (16, 16), (32, 24), (32, 32), (8, 3)])
    def test_a_possible_pixel_format_passes(self, bits, depth):
        assert passed(say.pixel_format(bits, depth), "view") == say.pixel_format(bits, depth)

    @pytest.mark.parametrize(("bits", "depth"), [(0, 0), (24, 24), (64, 32), (8, 16), (16, 24)])
    def test_an_impossible_one_ends_the_session(self, bits, depth):
        refused(say.pixel_format(bits, depth), "view")

    def test_a_pointer_of_seven_bytes_is_dropped_where_the_viewer_announced_it(self):
        """Neither reaches the server: their length matters to this viewer and us only."""
        asks = say.update_request()
        announced = say.encodings(Encoding.EXTENDED_MOUSE_BUTTONS) + say.pointer(0x81, more=b"\x63") + asks
        assert passed(announced, "view") == say.encodings() + asks
        refused(say.pointer(0x81, more=b"\x63") + asks, "view")

    def test_nothing_counts_as_activity(self):
        judge = guard("view")
        judge.feed(HARMLESS + b"".join(itertools.chain(*INPUT.values())))
        assert not judge.input_seen


class TestControlModeWithEveryRight:
    def test_everything_passes_as_it_is(self):
        data = b"".join(data for _, data in say.EACH)
        assert passed(data) == data
        assert not guard().enforcing

    def test_an_unknown_type_ends_the_observing_and_nothing_else(self):
        data = say.update_request() + b"\x07 a file, \x00\x01\x02 and more"
        assert passed(data) == data
        judge = guard()
        assert judge.feed(data) == data
        assert judge.feed(TOO_LONG) == TOO_LONG

    def test_what_cannot_be_understood_counts_as_activity(self):
        judge = guard()
        judge.feed(b"\x07")
        assert judge.input_seen
        judge.input_seen = False
        judge.feed(b"\x03" + bytes(9))
        assert judge.input_seen

    def test_a_paste_over_the_limit_is_left_out(self):
        judge = guard()
        data = say.key() + TOO_LONG + say.key()
        assert judge.feed(data) == say.key() * 2
        assert understands(judge)

    def test_a_length_out_of_range_ends_the_session(self):
        refused(struct.pack(">BxH", 2, 0xFFFF))

    def test_a_server_may_agree_on_seven_bytes(self):
        data = say.encodings(-316) + say.pointer(0x81, more=b"\x63") + say.key()
        assert passed(data) == data


class TestControlModeWithFewerRights:
    @pytest.mark.parametrize("flag", INPUT)
    def test_what_is_not_permitted_is_dropped(self, flag):
        asks = say.update_request()
        for data in INPUT[flag]:
            assert passed(asks + data + asks, **{flag: False}) == asks * 2

    @pytest.mark.parametrize("flag", INPUT)
    def test_the_rest_passes(self, flag):
        rest = [data for name, rows in INPUT.items() if name != flag for data in rows]
        data = HARMLESS + b"".join(rest) + say.qemu_audio(0)
        assert passed(data, **{flag: False}) == data

    @pytest.mark.parametrize("data", [data for _, data in say.FOREIGN])
    def test_what_other_viewers_send_is_dropped(self, data):
        asks = say.update_request()
        assert passed(asks + data + asks, clipboard_to_desktop=False) == asks * 2

    @pytest.mark.parametrize(
        ("flags", "gone"),
        [
            ({"power": False}, {-309, -316}),
            ({"resize": False}, {-308, -316}),
            ({"keyboard": False}, {-258, -261, -316}),
            ({"pointer": False}, {-316}),
            ({"clipboard_to_desktop": False}, {-316}),
            ({"clipboard_from_desktop": False}, {-316}),
            (
                {"clipboard_to_desktop": False, "clipboard_from_desktop": False},
                {Encoding.EXTENDED_CLIPBOARD, -316},
            ),
        ],
    )
    def test_what_announces_it_is_not_passed_on(self, flags, gone):
        data = say.encodings(*NOVNC, 12345)
        kept = encodings(passed(data, **flags))
        assert kept == [number for number in (*NOVNC, 12345) if number not in gone]

    def test_an_unknown_type_ends_the_session(self):
        """Otherwise one odd byte would switch every restriction off."""
        refused(b"\x63", resize=False)

    def test_a_restriction_cannot_be_slipped_past_in_a_pointer_of_seven_bytes(self):
        """A server without -316 would take the seventh byte, to the guard a button, for the begin of a cut text."""
        data = say.encodings(-316) + say.pointer(0x80) + say.cut_text(b"evil")
        assert passed(data, clipboard_to_desktop=False) == say.encodings() + say.pointer(0x80)

    def test_impossible_pixel_formats_end_the_session(self):
        refused(say.pixel_format(24, 24), power=False)


CAPS_MESSAGE = say.extended_clipboard(CAPS | REQUEST | PEEK | NOTIFY | PROVIDE | TEXT, struct.pack(">I", 1000))
CAPS_ZEROED = say.extended_clipboard(CAPS | REQUEST | PEEK | NOTIFY | PROVIDE | TEXT, bytes(4))
ASK = say.extended_clipboard(REQUEST | TEXT)
LOOK = say.extended_clipboard(PEEK)
TELL = say.extended_clipboard(NOTIFY | TEXT)
GIVE = say.extended_clipboard(PROVIDE | TEXT, b"zlib")
ODD = say.extended_clipboard(1 << 30)
#: Caps for one format that bring two sizes.
LONG_CAPS = say.extended_clipboard(CAPS | TEXT, bytes(8))


@pytest.mark.parametrize(
    ("mode", "to_desktop", "from_desktop", "expected"),
    [
        ("control", True, True, [say.cut_text(), CAPS_MESSAGE, ASK, LOOK, TELL, GIVE, ODD, LONG_CAPS]),
        ("control", True, False, [say.cut_text(), CAPS_ZEROED, TELL, GIVE]),
        ("control", False, True, [CAPS_MESSAGE, ASK, LOOK, LONG_CAPS]),
        ("control", False, False, []),
        ("view", True, True, []),
        ("view", False, True, []),
    ],
)
def test_the_clipboard_passes_in_permitted_directions(mode, to_desktop, from_desktop, expected):
    data = b"".join([say.cut_text(), CAPS_MESSAGE, ASK, LOOK, TELL, GIVE, ODD, LONG_CAPS])
    flags = {"clipboard_to_desktop": to_desktop, "clipboard_from_desktop": from_desktop}
    assert passed(data, mode, **flags) == b"".join(expected)


@pytest.mark.parametrize(
    ("data", "human"),
    [
        (say.key(), True),
        (say.pointer(), True),
        (say.qemu_key(), True),
        (say.cut_text(), True),
        (TELL, True),
        (CAPS_MESSAGE, False),
        (ASK, False),
        (GIVE, False),
        (HARMLESS, False),
        (say.encodings(7), False),
        (say.desktop_size(), False),
        (say.qemu_audio(1), False),
        (say.update_request() + say.key() + say.update_request(), True),
    ],
)
def test_activity_is_what_a_person_does(data, human):
    for chunks in ways(data):
        judge = guard()
        for chunk in chunks:
            judge.feed(chunk)
        assert judge.input_seen is human


def test_noted_activity_can_be_reset():
    judge = guard()
    judge.feed(say.key())
    judge.input_seen = False
    judge.feed(say.update_request())
    assert not judge.input_seen


def test_dropped_input_is_not_activity():
    judge = guard(keyboard=False)
    judge.feed(say.key())
    assert not judge.input_seen


PERMISSIONS = st.builds(
    Permissions,
    **dict.fromkeys(
        ["keyboard", "pointer", "clipboard_to_desktop", "clipboard_from_desktop", "resize", "power"], st.booleans()
    ),
)


@settings(deadline=None, max_examples=300)
@given(data=TALK, permissions=PERMISSIONS, mode=st.sampled_from(["control", "view"]), step=st.integers(1, 40))
def test_any_bytes_in_any_pieces_are_judged_the_same(data, permissions, mode, step):
    def judged(chunks):
        judge = Guard(permissions, mode)
        try:
            return b"".join(map(judge.feed, chunks)), judge.input_seen, understands(judge)
        except ViewerError:
            return "ended"  # by which of two offences depends on the cut

    whole = judged([data])
    assert judged([data[start : start + step] for start in range(0, len(data), step)]) == whole
    if mode == "view" and isinstance(whole, tuple):
        assert only_watching(whole[0])


def only_watching(data):
    """An independent look at what the desktop got: messages of fixed grammar that change nothing on it."""
    scanner = Scanner(long_pointer=False)
    return {message.type for message in scanner.feed(data)} <= {0, 2, 3, 150, 248} and not scanner.skipped


def test_a_busy_viewer_is_few_pieces():
    """What keeps the guard cheap: a burst of input is cut by one regular expression, not message by message."""
    burst = (say.pointer() * 6 + say.update_request() + say.key() * 2) * 100
    assert len(guard()._scanner.feed(burst)) == 1
    (left,) = guard("view")._scanner.feed(burst)
    assert left.data == say.update_request() * 100


class TestAnothersDesktop:
    """A viewer that may not always change the size."""

    @staticmethod
    def judge():
        here = {"owner": True}
        return here, Guard(Permissions(), may_resize=lambda: not here["owner"])

    def test_a_size_passes_only_while_it_is_nobody_elses(self):
        here, guard = self.judge()
        data = say.desktop_size((800, 600))
        assert guard.feed(say.encodings(7, -308) + data + say.key()) == say.encodings(7, -308) + say.key()
        here["owner"] = False
        assert guard.feed(data) == data
        here["owner"] = True
        assert guard.feed(data) == b""

    def test_no_odd_byte_switches_that_off(self):
        _, guard = self.judge()
        assert guard.enforcing
        with pytest.raises(ViewerError):
            guard.feed(b"\x63" + say.desktop_size((800, 600)))
