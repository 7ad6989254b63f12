"""Which desktops of a server have sound."""

import logging
from types import SimpleNamespace

import pytest

from jupyter_vnc.desktops.sound import pulseaudio
from jupyter_vnc.desktops.sound.policy import SoundPolicy
from jupyter_vnc.model.addresses import DesktopSpec

LOG = logging.getLogger("test")
SILENT = DesktopSpec(sound=False)


@pytest.fixture
def lack(monkeypatch):
    """What is missing; empty where sound is installed."""
    found = SimpleNamespace(said="")
    monkeypatch.setattr(pulseaudio, "lack", lambda: found.said)
    return found


def test_the_servers_own_sound_server_is_that_of_its_start(monkeypatch):
    monkeypatch.setenv("PULSE_SERVER", "first")
    policy = SoundPolicy({}, LOG)
    monkeypatch.setenv("PULSE_SERVER", "a desktop's")
    assert policy.own["PULSE_SERVER"] == "first"


@pytest.mark.parametrize(
    ("spec", "variables", "said", "has"),
    [
        (DesktopSpec(), {}, "", True),
        (DesktopSpec(), {}, "Not installed.", False),
        (SILENT, {}, "", False),
        (DesktopSpec(), {"PULSE_SERVER": "tcp:thin-client"}, "", False),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_of_a_desktop_that_runs_only_its_own_sound_counts(lack, spec, variables, said, has, there):
    lack.said = said
    policy = SoundPolicy(variables, LOG)
    assert policy.has(spec, None) is has
    assert policy.has(spec, SimpleNamespace(there=there)) is there


def test_what_is_missing_is_said_once_and_only_if_a_desktop_is_to_have_sound(lack, caplog):
    caplog.set_level("INFO")
    lack.said = "No sound here."
    policy = SoundPolicy({}, LOG)
    policy.tell_lack(SILENT)
    assert caplog.messages == []
    for _ in range(2):
        policy.tell_lack(DesktopSpec())
    assert caplog.messages == ["No sound here. `jupyter vnc doctor` says what to do"]
