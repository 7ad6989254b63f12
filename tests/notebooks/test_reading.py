"""The text in a picture, by a stand-in for Tesseract: what it is given, and what becomes of what it says."""

import io
import subprocess

import PIL.Image
import pytest

from jupyter_vnc.notebook import reading
from jupyter_vnc.notebook.server import NotebookError

IMAGE = PIL.Image.new("RGB", (40, 20), "white")


@pytest.fixture
def tesseract(tmp_path, monkeypatch):
    """Install a program in its place; it leaves its arguments and its input in the folder that this returns."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def install(script):
        program = tmp_path / reading.PROGRAM
        program.write_text(f'#!/bin/sh\ncd {tmp_path}\necho "$@" > arguments\n/bin/cat > input\n{script}\n')
        program.chmod(0o700)
        return tmp_path

    return install


def test_it_reads_the_picture_enlarged_and_its_lines_come_back(tesseract):
    folder = tesseract(r"printf ' total 12\n\n  Grüße \n\f'")
    assert reading.read_text(IMAGE, "deu+eng") == "total 12\nGrüße"
    assert (folder / "arguments").read_text() == "stdin stdout -l deu+eng --psm 6\n"
    given = PIL.Image.open(io.BytesIO((folder / "input").read_bytes()))
    assert (given.format, given.size) == ("PNG", (120, 60))


def test_without_it_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotebookError, match="apt install tesseract-ocr"):
        reading.read_text(IMAGE, "eng")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'Error opening data file' >&2; echo 'xyz.traineddata' >&2; exit 1", "data file xyz.traineddata$"),
        ("exit 3", "exit status 3$"),
        (
            "for i in 1 2 3 4 5 6 7 8 9; do echo 1234567890123456789012345678901234567890 >&2; done; exit 1",
            r"0 1234567890\d+$",
        ),
    ],
)
def test_its_complaint_is_told_in_part(tesseract, script, said):
    tesseract(script)
    with pytest.raises(NotebookError, match=f"^Tesseract could not read the screen: .*{said}") as error:
        reading.read_text(IMAGE, "xyz")
    assert len(str(error.value)) < 350


def test_one_that_takes_too_long_or_cannot_be_started(tesseract, monkeypatch):
    tesseract("exit 0")

    def slow(*args, timeout, **options):
        raise subprocess.TimeoutExpired(reading.PROGRAM, timeout)

    monkeypatch.setattr(subprocess, "run", slow)
    with pytest.raises(NotebookError, match=r"^Tesseract does not work: .*60"):
        reading.read_text(IMAGE, "eng")
