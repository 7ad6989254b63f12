"""A folder with a file for each target: both formats, changes, and files that should not be believed."""

import errno
import logging
import os
from pathlib import Path

import pytest

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.users import User
from jupyter_vnc.sources.directory import DirectoryTargets
from jupyter_vnc.system import files

ANN = User("ann")


@pytest.fixture
def said():
    """What the source logs."""
    return []


@pytest.fixture
def build(said):
    log = logging.Logger("test")
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())
    log.addHandler(handler)
    return lambda folder: DirectoryTargets(log=log, path=str(folder))


async def names(source):
    return [target.name for target in await source.targets(ANN)]


async def test_both_formats_are_read(tmp_path, build, said):
    (tmp_path / "lab-1.toml").write_text('host = "lab-1.example.org"\nport = 5901\nmode = "view"\n')
    (tmp_path / "mine.json").write_text('{"socket": "/run/vnc/{username}.sock", "title": "Mine"}')
    lab, mine = await build(tmp_path).targets(ANN)
    assert (lab.address, lab.mode) == (TCPAddress("lab-1.example.org", 5901), Mode.VIEW)
    assert (mine.address, mine.title) == (UnixAddress("/run/vnc/{username}.sock"), "Mine")
    assert mine.for_user(ANN).address == UnixAddress("/run/vnc/ann.sock", "ann")
    assert said == []


async def test_a_file_that_comes_changes_and_goes_is_seen(tmp_path, build):
    source = build(tmp_path)
    file = tmp_path / "lab.toml"
    assert await names(source) == []
    file.write_text('host = "a"\n')
    assert (await source.target(ANN, "lab")).address == TCPAddress("a", 5900)
    file.write_text('host = "bb"\n')
    assert (await source.target(ANN, "lab")).address == TCPAddress("bb", 5900)
    file.unlink()
    assert await source.target(ANN, "lab") is None


async def test_what_has_not_changed_is_not_parsed_again(tmp_path, build):
    (tmp_path / "lab.toml").write_text('host = "a"\n')
    source = build(tmp_path)
    assert await source.target(ANN, "lab") is await source.target(ANN, "lab")


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("lab.toml", "host = hunter2", "is not TOML: "),
        ("lab.json", "{'host': 'hunter2'}", "is not JSON: "),
        ("lab.json", "[" * 100_000, "is nested too deeply"),
        ("lab.json", "[]", "must be a dictionary"),
        ("lab.toml", "", "key 'host': needs exactly one of"),
        ("lab.toml", 'hots = "hunter2"', "key 'hots': unknown key, did you mean 'host'?"),
        ("lab.toml", 'host = "h"\nport = 0', "key 'port': must be a whole number"),
        ("no spaces.toml", 'host = "h"', "a name is 1 to 64"),
        ("good.toml", 'host = "h"', "there is a target of this name already"),
    ],
)
async def test_a_bad_file_is_named_once_and_quoted_never(name, text, complaint, tmp_path, build, said):
    (tmp_path / "good.json").write_text('{"host": "h"}')
    (tmp_path / name).write_text(text)
    source = build(tmp_path)
    for _ in range(2):
        assert await names(source) == ["good"]
    assert len(said) == 1
    assert said[0].startswith(f"DirectoryTargets: {tmp_path / name}: ")
    assert complaint in said[0]
    assert "hunter2" not in said[0]


@pytest.mark.parametrize(
    ("mode", "text", "complaint"),
    [
        (0o646, 'host = "h"\n', "everybody can change it"),
        (0o644, 'host = "h"\npassword = "hunter2"\n', "key 'password': others can read it"),
    ],
)
async def test_a_file_is_believed_only_if_its_mode_is_right(mode, text, complaint, tmp_path, build, said):
    file = tmp_path / "lab.toml"
    file.write_text(text)
    file.chmod(mode)
    source = build(tmp_path)
    assert await names(source) == []
    assert complaint in said[0]
    file.chmod(0o600)
    assert await names(source) == ["lab"]
    assert len(said) == 1


async def test_other_files_are_left_alone(tmp_path, build, said):
    for name in (".lab.toml", "lab.toml~", "README", "lab.yaml"):
        (tmp_path / name).write_text("rubbish")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "dangling.toml").symlink_to(tmp_path / "nowhere")
    assert await names(build(tmp_path)) == []
    assert said == []


async def test_a_folder_that_is_missing_is_logged_once(tmp_path, build, said):
    source = build(tmp_path / "vnc")
    for _ in range(2):
        assert await names(source) == []
    assert said == [f"DirectoryTargets: {tmp_path / 'vnc'}: No such file or directory"]
    (tmp_path / "vnc").touch()
    assert await names(source) == []
    assert said[1:] == [f"DirectoryTargets: {tmp_path / 'vnc'}: Not a directory"]


def test_no_folder_is_found_at_start(build):
    with pytest.raises(ConfigError) as caught:
        build("")
    assert caught.value.key == "DirectoryTargets.path"


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("host = hunter2", 0o644),
        ('hots = "b"', 0o644),
        ('host = "b"\nport = 0\n', 0o644),
        ("", 0o644),
        ('host = "b"', 0o646),
        ('host = "b"\npassword = "hunter2"', 0o644),
    ],
)
async def test_a_mistake_in_a_file_leaves_its_last_good_version(text, mode, tmp_path, build, said):
    for name in ("a", "lab", "z"):
        (tmp_path / f"{name}.toml").write_text(f'host = "{name}"\n')
    source = build(tmp_path)
    before = await source.targets(ANN)
    assert source.problems == ()
    file = tmp_path / "lab.toml"
    file.write_text(text)
    file.chmod(mode)
    for _ in range(2):
        assert await source.targets(ANN) == before
    assert (await source.target(ANN, "lab")).address == TCPAddress("lab", 5900)
    assert len(said) == 1
    assert said[0].startswith(f"DirectoryTargets: {file}: ")
    assert said[0].endswith(" (its last version without a mistake stays in use)")
    assert source.problems == (said[0].removeprefix("DirectoryTargets: "),)
    file.chmod(0o600)
    file.write_text('host = "fixed"\n')
    assert (await source.target(ANN, "lab")).address == TCPAddress("fixed", 5900)
    assert source.problems == ()
    file.write_text(text)
    file.unlink()
    assert await names(source) == ["a", "z"]


async def test_a_file_that_cannot_be_read_for_a_while_keeps_its_target(tmp_path, build, said, monkeypatch):
    """Errors of a disk, of a network or of our own (no descriptor left) say nothing about the target."""
    (tmp_path / "lab.toml").write_text('host = "a"\n')
    source = build(tmp_path)
    assert await names(source) == ["lab"]
    failing = {}

    def read(path, *args, **kwargs):
        if failing:
            raise OSError(failing["errno"], os.strerror(failing["errno"]))
        return really(path, *args, **kwargs)

    really = files.read_text
    monkeypatch.setattr(files, "read_text", read)
    for number in (errno.EIO, errno.ESTALE, errno.EACCES, errno.EMFILE):
        failing["errno"] = number
        (tmp_path / "lab.toml").write_text(f'host = "b{number}"\n')
        for _ in range(2):
            assert (await source.target(ANN, "lab")).address == TCPAddress("a", 5900)
    assert len(said) == 4
    failing.clear()  # nobody touches the file
    assert (await source.target(ANN, "lab")).address == TCPAddress(f"b{errno.EMFILE}", 5900)
    assert source.problems == ()


async def test_a_folder_that_cannot_be_read_is_not_an_empty_one(tmp_path, build, said, monkeypatch):
    (tmp_path / "lab.toml").write_text('host = "a"\n')
    source = build(tmp_path)
    assert await names(source) == ["lab"]
    with monkeypatch.context() as patched:
        error = OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        patched.setattr(Path, "iterdir", lambda self: (_ for _ in ()).throw(error))
        for _ in range(2):
            assert await names(source) == ["lab"]
    assert said == [f"DirectoryTargets: {tmp_path}: Stale file handle (what was read before stays in use)"]
    assert await names(source) == ["lab"]
    assert source.problems == ()
    (tmp_path / "lab.toml").unlink()
    tmp_path.rmdir()
    assert await names(source) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE, errno.ELOOP])
async def test_one_file_that_cannot_be_looked_at_is_not_the_folder(number, tmp_path, build, said, monkeypatch):
    """A link into somebody's private folder, or round in a circle, is one bad neighbour."""
    for name in ("a", "lab", "z"):
        (tmp_path / f"{name}.toml").write_text(f'host = "{name}"\n')
    really, failing = Path.stat, {"z.toml"}

    def look(self, **options):
        if self.name in failing:
            raise OSError(number, os.strerror(number), str(self))
        return really(self, **options)

    monkeypatch.setattr(Path, "stat", look)
    source = build(tmp_path)
    assert await names(source) == ["a", "lab"]
    assert said == [f"DirectoryTargets: {tmp_path / 'z.toml'}: {os.strerror(number)}"]
    failing.add("lab.toml")
    assert await names(source) == ["a", "lab"]
    assert said[1:] == [
        f"DirectoryTargets: {tmp_path / 'lab.toml'}: {os.strerror(number)} (what was read before stays in use)"
    ]
    failing.clear()
    assert await names(source) == ["a", "lab", "z"]
    assert source.problems == ()


async def test_a_file_of_the_same_name_with_a_mistake_holds_no_other_up(tmp_path, build):
    (tmp_path / "lab.toml").write_text('host = "a"\n')
    source = build(tmp_path)
    assert await names(source) == ["lab"]
    (tmp_path / "lab.json").write_text("{")
    (tmp_path / "lab.toml").write_text('host = "bb"\n')
    assert (await source.target(ANN, "lab")).address == TCPAddress("bb", 5900)
    assert len(source.problems) == 1
