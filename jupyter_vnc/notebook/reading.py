"""The text in a picture, by Tesseract: a program of its own that need not be installed."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from .server import NotebookError

if TYPE_CHECKING:
    from PIL.Image import Image

PROGRAM: Final = "tesseract"
#: Letters on a screen are a third as large as those that it was made for.
_ENLARGED: Final = 3
#: How long it may take (seconds); a full screen of text takes some.
TIMEOUT: Final = 60.0
#: Of what it complains, that much is told (characters).
_COMPLAINT: Final = 300

_MISSING: Final = "Reading text needs Tesseract. On Debian and Ubuntu: apt install tesseract-ocr"


def read_text(image: Image, language: str) -> str:
    """Return the text in a picture, its lines from above to below without empty ones.

    Args:
        image: the picture.
        language: as Tesseract names it: ``eng``, ``deu+fra``.

    Raises:
        NotebookError: there is no Tesseract, or it fails; the message says why.
    """
    if (program := shutil.which(PROGRAM)) is None:
        raise NotebookError(_MISSING)
    large = image.convert("L").resize((image.width * _ENLARGED, image.height * _ENLARGED))
    png = io.BytesIO()
    large.save(png, "png", compress_level=1)
    # One block of lines, as a terminal and a form are; it would look for columns of a newspaper otherwise.
    command = [program, "stdin", "stdout", "-l", language, "--psm", "6"]
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and one argument each
            command, input=png.getvalue(), capture_output=True, check=False, timeout=TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotebookError(f"Tesseract does not work: {error}") from None
    if done.returncode:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:_COMPLAINT]
        raise NotebookError(f"Tesseract could not read the screen: {said or f'exit status {done.returncode}'}")
    lines = (line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines())
    return "\n".join(filter(None, lines))
