"""What ``jupyter vnc doctor`` and the empty page say about machines that lack something."""

import json
import os

import pytest

from jupyter_vnc.desktops import doctor
from jupyter_vnc.desktops.ownership import trust
from jupyter_vnc.desktops.x11.xvnc import TIGERVNC, XServer

SERVER = XServer("/usr/bin/Xtigervnc", TIGERVNC, (1, 12))
FILES = (
    "usr/share/X11/xkb/rules/evdev",
    "usr/share/fonts/dejavu/DejaVuSans.ttf",
    "usr/lib/x86_64-linux-gnu/dri/swrast_dri.so",
    "usr/lib/x86_64-linux-gnu/libGLX.so.0",
)
PROGRAMS = ("xfce4-session", "dbus-daemon", "xkbcomp")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that lacks nothing, whatever this one lacks."""
    root = tmp_path / "root"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "etc").mkdir()
    (root / "etc" / "os-release").write_text('ID=ubuntu\nID_LIKE="debian"\n')
    (root / "dev").mkdir()
    (root / "dev" / "shm").symlink_to("/dev/shm")
    monkeypatch.setattr(trust, "X_SOCKETS", tmp_path / "X11-unix")
    monkeypatch.setattr(doctor, "SHARED_MEMORY", 1)
    monkeypatch.setattr(trust, "flaw", lambda folder: "")
    return root


@pytest.fixture
def examine(machine, tmp_path):
    def examine(*, server=SERVER, programs=PROGRAMS, runtime_dir=tmp_path, library=False, video=False, trouble=""):
        def which(name):
            return f"/usr/bin/{name}" if name in programs else None

        environ = {"HOME": "/nonexistent"}
        libraries = {"sound_library": lambda: library, "video_library": lambda: video, "video_trouble": lambda: trouble}
        here = doctor.Surroundings(lambda: server, str(runtime_dir), which, machine, environ, **libraries)
        return doctor.examine(here)

    return examine


def wrong(report):
    return [finding.name for finding in report.wrong]


def test_a_machine_that_lacks_nothing(examine):
    report = examine()
    assert (wrong(report), report.usable, report.command) == ([], True, "")
    assert not any("MISSING" in line or "sudo" in line for line in doctor.lines(report))


@pytest.mark.parametrize(
    ("name", "change", "package", "needed"),
    [
        ("X server", {"server": None}, "tigervnc-standalone-server", True),
        ("session", {"programs": ("dbus-daemon", "xkbcomp")}, "xfce4-session", True),
        ("session", {"programs": ("openbox", "xterm", "dbus-daemon", "xkbcomp")}, "xfce4-session", False),
        ("session", {"programs": ("xterm", "dbus-daemon", "xkbcomp")}, "xfce4-session", False),
        ("D-Bus", {"programs": ("xfce4-session", "xkbcomp")}, "dbus-x11", False),
        ("keyboard data", {"programs": ("xfce4-session", "dbus-daemon")}, "xkb-data", True),
        ("fonts", "usr/share/fonts/dejavu/DejaVuSans.ttf", "fonts-dejavu-core", False),
        ("OpenGL", "usr/lib/x86_64-linux-gnu/dri/swrast_dri.so", "libgl1-mesa-dri", False),
        ("OpenGL", "usr/lib/x86_64-linux-gnu/libGLX.so.0", "libgl1-mesa-dri", False),
        ("keyboard data", "usr/share/X11/xkb/rules/evdev", "xkb-data", True),
    ],
)
def test_each_package_that_is_missing_is_in_the_command(examine, machine, name, change, package, needed):
    if isinstance(change, str):
        (machine / change).unlink()
    report = examine(**({} if isinstance(change, str) else change))
    assert wrong(report) == [name]
    assert report.usable is not needed
    assert report.command.startswith("sudo apt-get install --no-install-recommends ")
    assert package in report.command.split()
    text = "\n".join(doctor.lines(report))
    assert ("MISSING" if needed else "advised") in text
    assert report.command in text


@pytest.mark.parametrize(
    ("release", "begins"),
    [
        ("ID=fedora\n", "sudo dnf install tigervnc-server-minimal"),
        ("ID='rocky'\nID_LIKE='rhel centos fedora'\n", "sudo dnf"),
        ("ID=alpine\n", ""),
    ],
)
def test_other_distributions(examine, machine, release, begins):
    (machine / "etc" / "os-release").write_text(release)
    report = examine(server=None)
    assert report.command.startswith(begins)
    assert bool(report.command) == bool(begins)
    assert begins or "equivalents" in "\n".join(doctor.lines(report))


def test_a_path_that_is_too_long_for_sockets(examine, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "places", lambda folder: [tmp_path / ("x" * 100)])
    report = examine()
    assert wrong(report) == ["socket path"]
    assert not report.usable
    assert "JUPYTER_RUNTIME_DIR" in report.wrong[0].remedy


def test_no_folder_for_sockets(examine, monkeypatch):
    monkeypatch.setattr(doctor, "places", lambda folder: [doctor.Path("/proc/nowhere")])
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith("/proc"))
    assert wrong(examine()) == ["runtime folder"]


def test_a_short_place_that_cannot_be_written_does_not_help(examine, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "places", lambda folder: [doctor.Path("/proc/x"), tmp_path / ("x" * 100)])
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith("/proc"))
    assert wrong(examine()) == ["socket path"]


def test_little_shared_memory(examine, monkeypatch):
    monkeypatch.setattr(doctor, "SHARED_MEMORY", 1 << 60)
    report = examine()
    assert (wrong(report), report.usable, report.command) == (["shared memory"], True, "")
    assert "--shm-size" in "\n".join(doctor.lines(report))


def test_a_folder_of_x_sockets_that_others_can_change(examine, monkeypatch):
    monkeypatch.setattr(trust, "flaw", lambda folder: f"{folder} is somebody's. Run as root: chown root {folder}")
    (finding,) = examine().wrong
    assert finding.said.endswith("is somebody's.")
    assert finding.remedy.startswith("sudo chown root ")


def test_for_programs(examine):
    report = json.loads(json.dumps(examine(server=None).as_json()))
    assert (report["ok"], report["usable"]) == (False, False)
    assert report["command"].endswith("tigervnc-standalone-server")
    assert [row["name"] for row in report["checks"] if not row["ok"]] == ["X server"]
    assert len(report["checks"]) == len(doctor.CHECKS)


@pytest.mark.parametrize(
    ("library", "programs", "good", "said"),
    [
        (False, PROGRAMS, True, "pip install 'jupyter-vnc[sound]'"),
        (False, (*PROGRAMS, "pulseaudio"), True, "pip install 'jupyter-vnc[sound]'"),
        (True, PROGRAMS, False, "PulseAudio is not installed"),
        (True, (*PROGRAMS, "pulseaudio"), True, "/usr/bin/pulseaudio"),
    ],
)
def test_sound_is_advised_to_those_who_have_asked_for_it(examine, library, programs, good, said):
    report = examine(library=library, programs=programs)
    (sound,) = (finding for finding in report.findings if finding.name == "sound")
    assert report.usable
    assert (sound.good, said in sound.said) == (good, True)
    assert ("pulseaudio" in report.command) is not good


@pytest.mark.parametrize(
    ("library", "said"),
    [(True, "pixelflux, whose wheels contain code under the GPL"), (False, "pip install 'jupyter-vnc[stream]'")],
)
def test_video_is_lacked_by_nobody_and_its_licence_is_said_before_it_is_installed(examine, library, said):
    report = examine(video=library)
    (video,) = (finding for finding in report.findings if finding.name == "video")
    assert (video.good, video.needed, wrong(report)) == (True, False, [])
    assert said in video.said
    assert "GPL" in video.said
    assert any(said in line for line in doctor.lines(report))


def test_a_library_of_video_that_cannot_be_loaded_is_said_with_the_packages_that_it_wants(examine):
    report = examine(video=True, trouble="ImportError: libgbm.so.1: cannot open shared object file")
    (video,) = report.wrong
    assert (video.name, video.needed, report.usable) == ("video", False, True)
    assert "libgbm.so.1" in video.said
    assert "libgbm1" in report.command
    assert examine(trouble="whatever it would be").wrong == []
