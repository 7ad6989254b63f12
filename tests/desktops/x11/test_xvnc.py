"""Which X server is taken, and how it is told to listen."""

import itertools
import sys
from pathlib import Path

import pytest

from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.x11 import xvnc
from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.system import children

TIGER = """
Xvnc TigerVNC 1.12.0 - built 2023-01-06 16:01
Copyright (C) 1999-2021 TigerVNC Team and many others (see README.rst)
Underlying X server release 12101006, X.Org
"""
TURBO = "TurboVNC Server (Xvnc) 64-bit v3.1.2 (build 20240722)\nCopyright (C) 1999-2024 The VirtualGL Project\n"


BANNER = "Xvnc TigerVNC 1.13.1 - built Jan  1 2024"


class Slow:
    """An X server on a cold disk: the first answer does not come in time."""

    def __init__(self, folder, failures=1):
        self.path = folder / "Xslow"
        self.path.write_text("#!/bin/sh\nexit 0\n")
        self.path.chmod(0o755)
        self.asked = 0
        self.failures = failures
        self.banner = BANNER

    def __call__(self, command, **limits):
        self.asked += 1
        if self.asked <= self.failures:
            raise TimeoutError
        return children.Finished(0, self.banner.encode())


@pytest.fixture
def slow(tmp_path, monkeypatch):
    program = Slow(tmp_path)
    monkeypatch.setattr(xvnc.children, "run_blocking", program)
    return program


def test_a_program_that_did_not_answer_is_asked_again(slow, monkeypatch):
    path = str(slow.path)
    assert xvnc.ask(path) == xvnc.ask(path) == ""
    assert slow.asked == 1  # not at each request: an answer may take seconds
    assert xvnc.silent([path]) == path
    monkeypatch.setattr(xvnc, "RETRY", 0.0)
    assert xvnc.ask(path) == BANNER
    assert xvnc.ask(path) == BANNER
    assert slow.asked == 2
    assert xvnc.silent([path]) == ""


@pytest.mark.parametrize("banner", ["", "Xvnc: error while loading shared libraries: libX11.so.6: cannot open"])
def test_a_program_that_could_not_say_what_it_is_is_asked_again(banner, slow, monkeypatch):
    """What it lacks, a library or an interpreter, may come while it stays the same file."""
    slow.failures, slow.banner = 0, banner
    assert xvnc.find([str(slow.path)]) is None
    slow.banner = BANNER
    assert xvnc.find([str(slow.path)]) is None  # not at each request
    monkeypatch.setattr(xvnc, "RETRY", 0.0)
    assert xvnc.find([str(slow.path)]).version == (1, 13)
    asked = slow.asked
    assert xvnc.find([str(slow.path)]) is not None
    assert slow.asked == asked


def test_a_program_that_was_replaced_is_asked_again(slow):
    slow.failures = 0
    slow.banner = "Xvnc TigerVNC 1.9.0"
    assert xvnc.find([str(slow.path)]) is None
    slow.banner = BANNER
    assert xvnc.find([str(slow.path)]) is None
    other = slow.path.with_name("new")
    other.write_text("#!/bin/sh\necho new\n")
    other.chmod(0o755)
    other.replace(slow.path)
    assert xvnc.find([str(slow.path)]).version == (1, 13)


def test_a_desktop_says_that_its_x_server_did_not_answer(slow, monkeypatch):
    manager = DesktopManager(xserver=str(slow.path))
    assert not manager.available
    assert manager.advice == f"`{slow.path} -version` did not answer within 5 seconds. It is asked again in a moment."
    monkeypatch.setattr(xvnc, "RETRY", 0.0)
    assert manager.available
    assert manager.advice == ""


@pytest.mark.parametrize(
    ("banner", "expected"),
    [
        (TIGER, ("TigerVNC", (1, 12))),
        ("Xvnc TigerVNC 1.11.0 - built", ("TigerVNC", (1, 11))),
        ("Xvnc TigerVNC v1.15.80 - built", ("TigerVNC", (1, 15))),
        ("Xvnc TigerVNC 1.10.1 - built", None),
        (TURBO, ("TurboVNC", (3, 1))),
        ("TurboVNC Server (Xvnc) 64-bit v3.0.3 (build 1)", None),
        ("Xvnc KasmVNC 1.3.3", None),
        ("Xvfb 21.1.7", None),
        ("", None),
    ],
)
def test_identify(banner, expected):
    server = xvnc.identify("/x", banner)
    assert (server and (server.flavour.name, server.version)) == expected


def test_find_takes_the_first_usable_one_and_asks_each_once():
    installed = {"Xtigervnc": "/old/Xtigervnc", "Xvnc": "/bin/Xvnc", "/bin/Xvnc": "/bin/Xvnc", "/t/Xvnc": "/t/Xvnc"}
    banners = {"/old/Xtigervnc": "Xvnc TigerVNC 1.9.0", "/bin/Xvnc": "nothing known", "/t/Xvnc": TURBO}
    asked = []

    def ask(path):
        asked.append(path)
        return banners[path]

    found = xvnc.find(["Xtigervnc", "Xvnc", "/bin/Xvnc", "missing", "/t/Xvnc"], which=installed.get, ask=ask)
    assert found is not None
    assert found.path == "/t/Xvnc"
    assert asked == ["/old/Xtigervnc", "/bin/Xvnc", "/t/Xvnc"]
    assert xvnc.find(["missing"], which=installed.get, ask=ask) is None


def test_ask_survives_programs_that_cannot_run(tmp_path):
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\x7fELF nonsense")
    garbage.chmod(0o755)
    assert xvnc.ask(str(garbage)) == ""
    assert xvnc.ask(str(tmp_path / "missing")) == ""
    assert "Python" in xvnc.ask(sys.executable) or "usage" in xvnc.ask(sys.executable)


def test_an_x_server_that_has_its_version_in_its_help_only(tmp_path):
    """TigerVNC 1.15, Debian 13's, prints nothing with ``-version`` and exits with 0."""
    program = tmp_path / "Xtigervnc"
    program.write_text(
        "#!/bin/sh\n[ $1 = -version ] && exit 0\n"
        "echo '-ac    disable access control' >&2\necho 'Xvnc TigerVNC 1.15.0 - built 2026-07-03 16:13' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    server = xvnc.find([str(program)])
    assert server is not None
    assert (server.flavour.name, server.version) == ("TigerVNC", (1, 15))


def test_ask_gives_up_on_a_program_that_never_stops_talking(tmp_path):
    program = tmp_path / "talkative"
    program.write_text("#!/bin/sh\nhead -c 200000 /dev/zero\n")
    program.chmod(0o700)
    assert xvnc.ask(str(program)) == ""


def test_ask_gives_up_on_a_program_that_hangs(tmp_path, monkeypatch):
    monkeypatch.setattr(xvnc, "VERSION_TIMEOUT", 0.2)
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    assert xvnc.ask(str(slow)) == ""


LISTENING = xvnc.Listening(107, Path("/run/x/rfb.sock"), Path("/run/x/Xauthority"))


def pairs(arguments):
    return set(itertools.pairwise(arguments))


@pytest.mark.parametrize("banner", [TIGER, TURBO])
def test_arguments_close_every_door_but_the_socket(banner):
    server = xvnc.identify("/usr/bin/Xvnc", banner)
    arguments = xvnc.arguments(server, DesktopSpec(geometry="800x600", dpi=120), LISTENING, title="lab")
    assert arguments[:2] == ["/usr/bin/Xvnc", ":107"]
    assert {
        ("-nolisten", "tcp"),
        ("-nolisten", "local"),
        ("-auth", "/run/x/Xauthority"),
        ("-rfbunixpath", "/run/x/rfb.sock"),
        ("-rfbunixmode", "0600"),
        ("-geometry", "800x600"),
        ("-dpi", "120"),
        ("-desktop", "lab"),
    } <= pairs(arguments)
    assert "-displayfd" not in arguments
    assert "-ac" not in arguments


def test_arguments_of_each_flavour():
    tiger = xvnc.arguments(xvnc.identify("/x", TIGER), DesktopSpec(), LISTENING, title="t")
    assert {("-rfbport", "-1"), ("-SecurityTypes", "None"), ("-UseBlacklist", "0")} <= pairs(tiger)
    turbo = xvnc.arguments(xvnc.identify("/x", TURBO), DesktopSpec(), LISTENING, title="t")
    assert ("-securitytypes", "none") in pairs(turbo)
    assert "-rfbport" not in turbo


@pytest.mark.parametrize(("banner", "mute"), [(TIGER, "-SendCutText=0"), (TURBO, "-noclipboardsend")])
def test_a_desktop_keeps_its_clipboard_to_itself_where_that_is_wanted(banner, mute):
    server = xvnc.identify("/x", banner)
    assert mute not in xvnc.arguments(server, DesktopSpec(), LISTENING, title="t")
    assert mute in xvnc.arguments(server, DesktopSpec(sends_clipboard=False), LISTENING, title="t")


def test_environment_puts_the_systems_programs_first():
    environ = xvnc.environment({"PATH": "/opt/conda/bin:/usr/bin::/bin", "HOME": "/h"})
    folders = environ["PATH"].split(":")
    assert folders.index("/usr/bin") < folders.index("/opt/conda/bin")
    assert "" not in folders
    assert len(folders) == len(set(folders))
    assert environ["HOME"] == "/h"
    assert xvnc.environment({})["PATH"] == ":".join(xvnc.SYSTEM_PATH)
