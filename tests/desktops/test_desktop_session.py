"""Which session is taken, and what its programs see."""

import os

import pytest

from jupyter_vnc.desktops import launch, session
from jupyter_vnc.desktops.settings import Settings
from jupyter_vnc.desktops.x11.xvnc import TIGERVNC, XServer
from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.model.addresses import DesktopSpec


def installed(*programs):
    return lambda program: f"/usr/bin/{program}" if program in programs else None


@pytest.mark.parametrize(
    ("programs", "name", "command"),
    [
        (["xfce4-session", "mate-session", "openbox"], "Xfce", ("/usr/bin/xfce4-session",)),
        (["mate-session", "startlxqt"], "MATE", ("/usr/bin/mate-session",)),
        (["startlxqt", "twm"], "LXQt", ("/usr/bin/startlxqt",)),
        (
            ["gnome-session", "gnome-flashback", "metacity"],
            "GNOME Flashback",
            ("/usr/bin/gnome-session", "--session=gnome-flashback-metacity"),
        ),
        (["gnome-session", "icewm"], "IceWM", ("/usr/bin/icewm",)),
        (["openbox"], "Openbox", ("/usr/bin/openbox",)),
    ],
)
def test_the_first_session_that_is_installed(programs, name, command):
    chosen = session.choose(DesktopSpec(), installed(*programs))
    assert (chosen.name, chosen.command, chosen.alone) == (name, command, False)


def test_a_bare_window_manager_gets_a_terminal():
    chosen = session.choose(DesktopSpec(), installed("twm", "xfce4-terminal"))
    assert chosen.command == ("/bin/sh", "-c", "/usr/bin/xfce4-terminal & exec /usr/bin/twm")


def test_a_desktop_environment_names_itself():
    assert session.choose(DesktopSpec(), installed("mate-session")).variables["XDG_CURRENT_DESKTOP"] == "MATE"


def test_no_session_is_one_sentence_that_says_what_to_install():
    with pytest.raises(DesktopFailed, match=r"install one of Xfce, MATE, .* twm"):
        session.choose(DesktopSpec(), installed())


def test_the_admins_command_wins(tmp_path, monkeypatch):
    program = tmp_path / "mate-session"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = session.choose(DesktopSpec(("~/mate-session", "--debug")), installed("xfce4-session"))
    assert chosen.command == (str(program), "--debug")
    assert chosen.variables["XDG_CURRENT_DESKTOP"] == "MATE"
    assert not chosen.alone
    assert session.choose(DesktopSpec(("sh",))).variables == {}
    assert session.choose(DesktopSpec(("sh",))).alone


def test_a_command_that_is_not_installed_is_named_without_its_path():
    with pytest.raises(DesktopFailed, match="The program of this desktop, qgis, is not installed") as caught:
        session.choose(DesktopSpec(("/secret/place/qgis",)))
    assert "/secret" not in str(caught.value)
    assert "/secret/place/qgis" in caught.value.detail


def test_which_prefers_the_system(tmp_path, monkeypatch):
    for name in ("sh", "only-here"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert session.which("sh") in {"/usr/bin/sh", "/bin/sh", "/usr/local/bin/sh"}
    assert session.which("only-here") == str(tmp_path / "only-here")
    assert session.which("nowhere") is None


def test_environment():
    command = session.SessionCommand("MATE", ("/x",), {"XDG_CURRENT_DESKTOP": "MATE", "LANG": "C"})
    environ = {
        "PATH": "/opt/conda/bin",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/other",
        "WAYLAND_DISPLAY": "wayland-0",
        "GSETTINGS_SCHEMA_DIR": "/opt/conda/share",
        "DISPLAY": ":0",
        "QT_QPA_PLATFORM": "offscreen",
    }
    result = session.environment(environ, command, {"DISPLAY": ":107", "XAUTHORITY": "/x"}, {"LANG": "de_DE.UTF-8"})
    assert result == {
        "PATH": "/opt/conda/bin",
        "DISPLAY": ":107",
        "XAUTHORITY": "/x",
        "XDG_CURRENT_DESKTOP": "MATE",
        "XDG_SESSION_TYPE": "x11",
        "LANG": "de_DE.UTF-8",
    }


def test_bus_command():
    command = session.bus_command("unix:path=/run/bus", installed("dbus-daemon"))
    assert command is not None
    assert command[0] == "/usr/bin/dbus-daemon"
    assert "--address=unix:path=/run/bus" in command
    assert session.bus_command("unix:path=/run/bus", installed()) is None


def test_lockers_are_hidden_before_the_systems_autostart(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CONFIG_DIRS", raising=False)
    folders = session.mask_lockers(tmp_path / "xdg").split(":")
    assert folders == [str(tmp_path / "xdg"), "/etc/xdg"]
    hidden = {entry.name: entry.read_text() for entry in (tmp_path / "xdg" / "autostart").iterdir()}
    assert "light-locker.desktop" in hidden
    assert all("Hidden=true" in text for text in hidden.values())
    monkeypatch.setenv("XDG_CONFIG_DIRS", f"/a{os.pathsep}/b")
    assert session.mask_lockers(tmp_path / "other") == f"{tmp_path / 'other'}:/a:/b"


def test_a_second_display_has_the_same_environment_but_for_its_number(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    command, settings = session.SessionCommand("x", ("/x",)), Settings(XServer("/x", TIGERVNC, (1, 12)))
    first, second = (
        launch.session_environment(tmp_path, {"DISPLAY": display}, command, settings) for display in (":1", ":2")
    )
    assert first["XDG_RUNTIME_DIR"] == str(tmp_path / "run")
    assert first["XDG_CONFIG_DIRS"].startswith(str(tmp_path / "xdg"))
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert second == {**first, "DISPLAY": ":2"}
