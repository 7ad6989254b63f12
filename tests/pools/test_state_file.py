"""The file of leases: whole at every moment, its owner's alone, and no other thing taken for it."""

import json
import os

import pytest

from jupyter_vnc.pools import state_file as lease_file

POOLS = {"lab": {"leases": []}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "leases.json"


def test_what_is_written_is_read_again(path):
    assert lease_file.read(path) == {}
    old = os.umask(0)
    try:
        lease_file.write(path, lease_file.encode({}))
        lease_file.write(path, lease_file.encode(POOLS))
    finally:
        os.umask(old)
    assert lease_file.read(path) == POOLS
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path, step, monkeypatch):
    lease_file.write(path, lease_file.encode(POOLS))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full) if step == "fsync" else monkeypatch.setattr(type(path), "replace", full)
    with pytest.raises(OSError, match="No space"):
        lease_file.write(path, lease_file.encode({}))
    assert lease_file.read(path) == POOLS
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe", "codec|Expecting"),
        (b'{"version": 1, "poo', "Unterminated"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "holds no pools"),
        (b'{"version": 1}', "holds no pools"),
        (b'{"version": 1, "pools": []}', "holds no pools"),
        (json.dumps({"version": 2, "pools": {}}).encode(), "has version 2, and this is version 1"),
        (b" " * (lease_file.MAX_FILE + 1), "more than"),
    ],
)
def test_another_thing_is_said_to_be_one_and_kept(path, content, said):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        lease_file.read(path)
    kept = lease_file.set_apart(path)
    assert kept == path.with_name("leases.json.broken")
    assert kept.read_bytes() == content
    assert lease_file.read(path) == {}


def test_what_a_killed_service_was_writing_is_written_over(tmp_path):
    """There is one name for it, so there is one of it at most; a link or a pipe of that name is not followed."""
    path = tmp_path / "leases.json"
    new = tmp_path / ".leases.json.new"
    new.write_text("half of a fi")
    lease_file.write(path, b"{}")
    assert [entry.name for entry in tmp_path.iterdir()] == ["leases.json"]
    for make in (os.mkfifo, lambda place: place.symlink_to(path)):
        make(new)
        with pytest.raises(OSError, match=r"No such device|symbolic links"):
            lease_file.write(path, b"{1}")
        assert path.read_bytes() == b"{}"
        new.unlink()


def test_a_dangling_link_is_not_a_missing_file(path):
    """What it leads to may be on a disk that is not there yet: to begin anew would forget who has what."""
    path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(OSError, match="is a dangling link"):
        lease_file.read(path)
