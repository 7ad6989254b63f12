"""What of a stranger's text survives in a line of ours."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_vnc.escaping import MAX_REMOTE_TEXT, is_web_address, printable, quote_remote, spreadsheet_cell


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("Authentication failed", "Authentication failed"),
        ("a\r\nb\x1b[31m", "a\\r\\nb\\x1b[31m"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}evil", "\\u202eevil"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\x00", "�\\x00"),
    ],
)
def test_text_of_a_stranger_is_escaped(text, quoted):
    assert quote_remote(text) == quoted


@settings(deadline=None)
@given(st.text() | st.binary(max_size=1000))
def test_text_of_a_stranger_is_one_short_printable_line(text):
    quoted = quote_remote(text)
    assert len(quoted) <= MAX_REMOTE_TEXT
    assert quoted.isprintable()


def test_long_text_is_cut_where_one_sees_it():
    assert quote_remote("x" * MAX_REMOTE_TEXT) == "x" * MAX_REMOTE_TEXT
    assert quote_remote("x" * (MAX_REMOTE_TEXT + 1)) == "x" * (MAX_REMOTE_TEXT - 1) + "…"


@pytest.mark.parametrize(
    ("text", "limit", "keep", "clean"),
    [
        ("a\nb", None, "", "a\\nb"),
        ("a\nb\x1b", None, "\n", "a\nb\\x1b"),
        ("café \u200d", None, "", "café \u200d"),
        ("12345", 5, "", "12345"),
        ("123456", 5, "", "1234…"),
        ("123\n", 4, "", "123…"),
    ],
)
def test_a_text_stays_within_its_line_and_its_limit(text, limit, keep, clean):
    assert printable(text, limit, keep=keep) == clean


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("", ""),
        ("ann", "ann"),
        ("=1+1", "'=1+1"),
        ("@sum", "'@sum"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\nx", "'\nx"),
        ("-1", "-1"),
        ("+2.5", "+2.5"),
        ("-1+1", "'-1+1"),
    ],
)
def test_a_cell_is_no_formula_and_a_number_stays_one(text, cell):
    assert spreadsheet_cell(text) == cell


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://example.org", True),
        ("HTTP://example.org:8080/it's_~!.,)*?a=b#c", True),
        ("https://[::1]/", True),
        ("https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/\N{HIRAGANA LETTER A}", True),
        ("", False),
        ("example.org", False),
        ("https:example.org", False),
        ("https://", False),
        ("https://:80", False),
        ("https://a:0", False),
        ("https://a:99999", False),
        ("https://[a/", False),
        ("ftp://example.org", False),
        ("javascript:alert(1)", False),
        ("https://a b", False),
        ("https://a\\@b", False),
        ("https://a/\x07", False),
        ("https://a/\u202egpj.exe", False),
        ("https://a/\u200d", False),
        ("https://a/\u3164", False),
        ("https://a/\ufe0f", False),
        ("https://a/\udc00", False),
    ],
)
def test_a_web_address_shows_as_what_it_is(text, is_one):
    assert is_web_address(text) is is_one
