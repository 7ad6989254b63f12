"""Pictures from files: which are taken, and what is said of the others."""

import os
import struct
import zlib

import pytest

from jupyter_vnc.config.icons import icon
from jupyter_vnc.config.pictures import MAX_BYTES, read_picture
from jupyter_vnc.config.targets import parse_target
from jupyter_vnc.exceptions import ConfigError

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" fill="#d02040"/></svg>'


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width=2, height=2, *, data=True, end=True):
    """A red PNG of so many pixels; its rows are those of 2x2."""
    pixels = chunk(b"IDAT", zlib.compress(b"\0\xd0\x20\x40\xd0\x20\x40" * 2))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + pixels * data + chunk(b"IEND", b"") * end


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(SVG, "image/svg+xml", id="SVG"),
        pytest.param(
            b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- by hand -->\n' + SVG, "image/svg+xml", id="with XML"
        ),
        pytest.param(SVG.decode().encode("utf-16"), "image/svg+xml", id="UTF-16"),
        pytest.param(
            b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/x.dtd">' + SVG,
            "image/svg+xml",
            id="DOCTYPE",
        ),
        pytest.param(SVG + b" " * (MAX_BYTES - len(SVG)), "image/svg+xml", id="as large as may be"),
        pytest.param(png(), "image/png", id="PNG"),
        pytest.param(png(1024, 1024), "image/png", id="as many pixels as may be"),
    ],
)
def test_what_is_a_picture(tmp_path, data, kind):
    (tmp_path / "icon").write_bytes(data)
    picture = icon(str(tmp_path / "icon"))
    assert (picture.media_type, picture.data) == (kind, data)
    assert repr(data)[2:20] not in repr(picture)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"", "is neither a PNG nor an SVG", id="empty"),
        pytest.param(b"GIF89a", "is neither a PNG nor an SVG", id="GIF"),
        pytest.param(SVG[:-3], "is neither a PNG nor an SVG", id="SVG that is cut off"),
        pytest.param(b'<?xml version="1.0" encoding="x"?>' + SVG, "is neither a PNG nor an SVG", id="unknown encoding"),
        pytest.param(b"<html><body/></html>", "is XML, but not an SVG", id="a page"),
        pytest.param(b"<svg/>", "is XML, but not an SVG", id="no namespace"),
        pytest.param(b"<html>" + SVG + b"</html>", "is XML, but not an SVG", id="an SVG in a page"),
        pytest.param(b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "declares entities", id="entities"),
        pytest.param(SVG + b" " * MAX_BYTES, f"has more than {MAX_BYTES} bytes", id="too large"),
        pytest.param(png()[:40], "is a PNG that is broken", id="PNG that is cut off"),
        pytest.param(png(end=False), "is a PNG that is broken", id="no end"),
        pytest.param(png(data=False), "is a PNG that is broken", id="no pixels"),
        pytest.param(png().replace(b"IDAT", b"IDAX"), "is a PNG that is broken", id="wrong sum"),
        pytest.param(png(1025, 1), "has 1025x1 pixels", id="too wide"),
        pytest.param(png(1, 0), "has 1x0 pixels", id="no height"),
    ],
)
def test_what_is_none(tmp_path, data, why):
    (tmp_path / "icon").write_bytes(data)
    with pytest.raises(ValueError, match=why):
        read_picture(str(tmp_path / "icon"))


def test_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path, why in (
        (tmp_path / "none", "cannot be read: No such file"),
        (tmp_path / "fifo", "is a FIFO, not a file"),
    ):
        with pytest.raises(ValueError, match=why):
            read_picture(str(path))
    with pytest.raises(ValueError, match="is a folder, not a file"):
        read_picture(str(tmp_path))


def test_targets_with_the_same_picture_keep_it_once(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(SVG)
    one, other = (read_picture(str(tmp_path / name)) for name in ("a", "b"))
    assert one is other


def test_an_error_names_the_target_the_key_and_the_file(tmp_path):
    with pytest.raises(ConfigError) as caught:
        parse_target("lab-1", {"host": "a", "icon": str(tmp_path / "none.svg")})
    assert (caught.value.target, caught.value.key) == ("lab-1", "icon")
    assert f"{str(tmp_path / 'none.svg')!r} cannot be read: No such file" in str(caught.value)
