"""The menu of a bare window manager: what is installed, in the user's language, and nothing that cannot run."""

import pwd
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_vnc.desktops import applications, launch, session
from jupyter_vnc.desktops.applications import Application
from jupyter_vnc.desktops.settings import Settings
from jupyter_vnc.desktops.x11 import xvnc

EDITOR = """[Desktop Entry]
Type=Application
Name=Text Editor
Name[de]=Texteditor
Name[pt_BR]=Editor de texto
Exec=editor %U --title %c --percent 50%%
Categories=GTK;Utility;
"""


def which(program):
    return f"/usr/bin/{program}" if program in {"editor", "top", "sh"} else None


@pytest.fixture
def share(tmp_path):
    """Two folders of data, the user's own and the system's."""
    folders = {name: tmp_path / name / "applications" for name in ("own", "system")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    return folders


@pytest.fixture
def environ(tmp_path, share):
    return {"XDG_DATA_HOME": str(tmp_path / "own"), "XDG_DATA_DIRS": str(tmp_path / "system"), "LANG": "C.UTF-8"}


@pytest.mark.parametrize(
    ("language", "name"),
    [("", "Text Editor"), ("de_AT.UTF-8", "Texteditor"), ("pt_BR", "Editor de texto"), ("pt_PT", "Text Editor")],
)
def test_a_name_in_the_users_language_and_a_command_without_fields(share, environ, language, name):
    (share["system"] / "editor.desktop").write_text(EDITOR)
    (found,) = applications.installed({**environ, "LANG": language}, which)
    assert (found.section, found.name) == ("Accessories", name)
    assert (
        found.command == f"editor --title {name!r} --percent 50%"
        if " " in name
        else f"editor --title {name} --percent 50%"
    )


@pytest.mark.parametrize(
    "change",
    [
        ("Exec=editor", "Exec=missing"),
        ("Type=Application", "Type=Link"),
        ("Categories=", "NoDisplay=true\nCategories="),
        ("Categories=", "Hidden=true\nCategories="),
        ("Categories=", "OnlyShowIn=GNOME;\nCategories="),
        ("Categories=", "TryExec=missing\nCategories="),
        ("Categories=", "Terminal=true\nCategories="),
        ("Exec=editor %U", 'Exec=editor "unclosed'),
        ("Exec=", "Command="),
        ("[Desktop Entry]", "[Something]"),
        ("[Desktop Entry]", "no section at all"),
    ],
)
def test_what_cannot_run_or_is_not_for_a_menu_is_left_out(share, environ, change):
    (share["system"] / "editor.desktop").write_text(EDITOR)
    assert len(applications.installed(environ, which)) == 1
    (share["system"] / "editor.desktop").write_text(EDITOR.replace(*change))
    assert applications.installed(environ, which) == []


def test_files_that_are_no_text_or_too_large_are_left_out(share, environ):
    (share["system"] / "bytes.desktop").write_bytes(b"\xff\xfe" + EDITOR.encode())
    (share["system"] / "large.desktop").write_text(EDITOR + "#" * applications.MAX_FILE)
    (share["system"] / "nowhere.desktop").symlink_to("/nowhere")
    (share["system"] / "folder.desktop").mkdir()
    assert applications.installed(environ, which) == []


def test_the_users_own_file_has_precedence_even_to_hide(share, environ):
    (share["system"] / "kde").mkdir()
    (share["system"] / "kde" / "editor.desktop").write_text(EDITOR)
    (share["own"] / "kde-editor.desktop").write_text("[Desktop Entry]\nType=Application\nName=x\nHidden=true\n")
    assert applications.installed(environ, which) == []


@pytest.mark.parametrize(
    ("terminal", "command"),
    [
        (("/usr/bin/xterm",), "/usr/bin/xterm -e top -d 1"),
        (("/usr/bin/qterminal",), "/usr/bin/qterminal -e 'top -d 1'"),
    ],
)
def test_an_application_for_a_terminal_gets_one(share, environ, terminal, command):
    text = "[Desktop Entry]\nType=Application\nName=Top\nExec=top -d 1\nTerminal=true\nCategories=System;Monitor;\n"
    (share["system"] / "top.desktop").write_text(text)
    assert applications.installed(environ, which, terminal) == [Application("System", "Top", command)]


def test_the_menu_is_xml_whatever_names_and_commands_contain():
    nasty = [Application("A & <B>", 'Say "_hello_"', "sh -c 'echo <&>\"'"), Application("Other", "Plain", "editor")]
    menu = applications.openbox_menu(nasty, ("xterm", "-fs", "12"))
    space = {"": "http://openbox.org/"}
    root = ET.fromstring(menu).find("menu", space)
    assert [one.get("label") for one in root.findall("menu", space)] == ["A & <B>", "Other"]
    labels = [item.get("label") for item in root.iter("{http://openbox.org/}item")]
    assert labels == ["Terminal", 'Say "__hello__"', "Plain", "Exit"]
    commands = [one.text for one in root.iter("{http://openbox.org/}command")]
    assert commands == ["xterm -fs 12", "sh -c 'echo <&>\"'", "editor"]


def test_the_menu_is_where_openbox_looks_for_it(share, environ, tmp_path):
    (share["system"] / "editor.desktop").write_text(EDITOR)
    session.write_menu(tmp_path / "xdg", environ, which)
    assert "Text Editor" in (tmp_path / "xdg" / "openbox" / "menu.xml").read_text()
    dirs = session.config_dirs(tmp_path / "xdg", {"XDG_CONFIG_DIRS": "/a:/b"})
    assert dirs == f"{tmp_path / 'xdg'}:/a:/b"


def test_real_files_of_this_machine_are_understood():
    """Whatever is installed here: commands that a shell can split, and programs that exist."""
    for one in applications.installed(
        {"HOME": "/nonexistent", "LANG": "de_DE.UTF-8"}, session.which, ("/usr/bin/xterm",)
    ):
        assert subprocess.run(["sh", "-n", "-c", one.command], check=False).returncode == 0, one


@pytest.mark.parametrize("home", [None, ""])
def test_an_account_that_nobody_knows_has_the_root_for_a_home(home, tmp_path, monkeypatch):
    """Under a uid of a container: no ``HOME``, and no entry in the password database."""

    def unknown(uid):
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    assert applications.folders({})[0] == Path("/.local/share/applications")
    settings = Settings(server=xvnc.XServer("Xvnc", xvnc.TIGERVNC, (1, 12)))
    command = session.SessionCommand("openbox", ("openbox",), bare=True)
    assert launch.session_environment(tmp_path, {"DISPLAY": ":1"}, command, settings)["HOME"] == "/"
    assert (tmp_path / "xdg" / "openbox" / "menu.xml").exists()
    theirs = replace(settings, variables={"HOME": str(tmp_path)})
    assert launch.session_environment(tmp_path, {}, command, theirs)["HOME"] == str(tmp_path)
