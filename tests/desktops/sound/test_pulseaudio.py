"""How programs find a desktop's sound server."""

from pathlib import Path

import pytest

from jupyter_vnc.desktops.sound import pulseaudio
from jupyter_vnc.model.addresses import DesktopSpec


@pytest.mark.parametrize(
    ("folder", "has"),
    [("/run/vnc/abc", True), ("/run/my vnc/abc", False), ("/run/" + "x" * 95, True), ("/run/" + "x" * 96, False)],
)
def test_a_folder_whose_name_cannot_be_used(folder, has, monkeypatch):
    """By the variable, which white space ends; or by a socket (unix(7))."""
    monkeypatch.setattr(pulseaudio, "program", lambda: "/usr/bin/pulseaudio")
    assert bool(pulseaudio.variables(Path(folder))) is has


@pytest.mark.parametrize(
    ("spec", "variables", "wanted"),
    [
        (DesktopSpec(), {}, True),
        (DesktopSpec(), {"LANG": "C"}, True),
        (DesktopSpec(), {"PULSE_SERVER": "tcp:thin-client"}, False),
        (DesktopSpec(sound=False), {}, False),
    ],
)
def test_who_has_a_sound_server_of_its_own(spec, variables, wanted):
    assert pulseaudio.wanted(spec, variables) is wanted


def test_what_speaks_of_a_sound_server():
    environ = {"PULSE_SERVER": "a", "PULSE_SINK": "b", "PATH": "/bin"}
    assert pulseaudio.own(environ) == {"PULSE_SERVER": "a", "PULSE_SINK": "b"}
    assert pulseaudio.without(environ) == {"PATH": "/bin"}


def test_the_sound_server_inherits_no_setting_of_another():
    environ = pulseaudio.environment({"PULSE_SERVER": "a", "PULSE_CONFIG": "b", "PATH": "/bin"}, Path("/run/d"))
    assert environ == {
        "PATH": "/bin",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        "PULSE_RUNTIME_PATH": "/run/d/pulse",
        "PULSE_STATE_PATH": "/run/d/pulse",
        "PULSE_CONFIG": "/dev/null",
    }


@pytest.mark.parametrize("name", ["DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "PULSE_SINK"])
def test_sound_is_apart_from_the_session_in_which_the_server_was_started(name):
    environ = {name: "of the user", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus", "PATH": "/bin"}
    assert pulseaudio.apart(environ) == {"PATH": "/bin", "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
