"""The names of icons, checked at start."""

import re
from pathlib import Path

import pytest

from jupyter_vnc.config.icons import LAB_ICONS, icon

SOURCE = Path(__file__).parents[2] / "labextension/node_modules/@jupyterlab/ui-components/lib/icon/iconimports.js"
DRAWINGS = Path(__file__).parents[2] / "jupyter_vnc/static/viewer/icons"


def test_the_names_are_those_of_the_jupyterlab_that_we_build_for():
    assert set(re.findall(r"name: '(ui-components:[\w-]+)'", SOURCE.read_text())) == LAB_ICONS


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("terminal", "did you mean 'ui-components:terminal'?"),
        ("terminal.svg", "did you mean 'ui-components:terminal'?"),
        ("ui-components:termnal", "did you mean 'ui-components:terminal'?"),
        ("/srv/lab.svg", "must be the name of one of JupyterLab's icons"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(wrong, hint):
    with pytest.raises(ValueError, match=re.escape(hint)):
        icon(wrong)


def test_the_pages_have_a_drawing_for_each_name():
    """JupyterLab is not there when the list shows one."""
    files = {path.stem for path in DRAWINGS.glob("*.svg")}
    assert files == {name.removeprefix("ui-components:") for name in LAB_ICONS}
    assert (DRAWINGS / "LICENSE.txt").read_text().startswith("The icons of @jupyterlab/ui-components")
