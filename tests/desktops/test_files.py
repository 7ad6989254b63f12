"""Files that are opened on a desktop."""

from pathlib import Path

import pytest

from jupyter_vnc.desktops import files
from jupyter_vnc.desktops.processes.tree import Exit
from jupyter_vnc.exceptions import DesktopFailed

FILE = Path("/home/ann/my notes/a.txt")


class Desktop:
    """Notes what it is to run, which ends as a test says."""

    def __init__(self, how):
        self.how = how
        self.ran = []

    async def run(self, command, folder, patience):
        self.ran.append((command, folder))
        return self.how


def test_what_opens_files_has_to_be_installed(monkeypatch):
    monkeypatch.setattr(files, "which", {"xdg-open": "/usr/bin/xdg-open"}.get)
    assert files.opener() == "/usr/bin/xdg-open"
    monkeypatch.setattr(files, "which", {}.get)
    with pytest.raises(DesktopFailed, match="xdg-utils"):
        files.opener()


@pytest.mark.parametrize("how", [None, Exit(0)])
async def test_an_application_may_stay_or_hand_the_file_on(how):
    desktop = Desktop(how)
    await files.open_on(desktop, "/usr/bin/xdg-open", FILE)
    assert desktop.ran == [(["/usr/bin/xdg-open", str(FILE)], "/home/ann/my notes")]


async def test_a_file_without_an_application_is_named_without_its_folder():
    with pytest.raises(DesktopFailed) as caught:
        await files.open_on(Desktop(Exit(3, "no method available\n")), "xdg-open", FILE)
    assert str(caught.value) == "No application of the desktop opens a.txt."
    assert "no method available" in caught.value.log_line
