"""Messages of other viewers: their lengths."""

import pytest

from jupyter_vnc.rfb.grammar import GRAMMAR
from jupyter_vnc.rfb.messages import Scanner
from jupyter_vnc.rfb.vendor_messages import FOREIGN, foreign_size
from tests.rfb import viewer_says as say
from tests.rfb.feeding import ways


def test_no_type_is_in_both_tables():
    assert not FOREIGN.keys() & GRAMMAR.keys()


def test_there_is_an_example_of_each_whose_length_is_known():
    assert {kind for kind, foreign in FOREIGN.items() if foreign.header} == {kind for kind, _ in say.FOREIGN}


@pytest.mark.parametrize(("kind", "data"), say.FOREIGN)
def test_it_is_as_long_as_it_is(kind, data):
    assert data[0] == kind
    assert foreign_size(kind, bytearray(b"before" + data + b"behind"), 6) == len(data)


@pytest.mark.parametrize(("kind", "data"), say.FOREIGN)
def test_without_the_whole_header_the_length_is_unknown(kind, data):
    for end in range(FOREIGN[kind].header):
        assert foreign_size(kind, bytearray(data[:end]), 0) == 0


@pytest.mark.parametrize("kind", [99, 127, 252, 254])
def test_without_a_length_that_everybody_agrees_on_there_is_none(kind):
    assert foreign_size(kind, bytearray(64), 0) is None


@pytest.mark.parametrize("data", [data for _, data in say.FOREIGN])
def test_a_strict_scanner_leaves_it_out_however_it_comes(data):
    for chunks in ways(say.key() + data + say.key()):
        scanner = Scanner()
        assert [message.data for chunk in chunks for message in scanner.feed(chunk)] == [say.key()] * 2
        assert scanner.skipped == 1


def test_one_that_claims_four_gigabytes_is_not_kept():
    scanner = Scanner()
    scanner.feed(b"\x07\1\0\0" + bytes(4) + b"\xff" * 4)
    for _ in range(64):
        assert scanner.feed(bytes(65536)) == []
        assert len(scanner._buffer) == 0
