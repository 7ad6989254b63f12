"""Passwords from each place that the configuration may name, read anew for each login."""

import asyncio
import errno
import os
import subprocess

import pytest

from jupyter_vnc.connect import passwords as module
from jupyter_vnc.connect.passwords import load_password
from jupyter_vnc.exceptions import LimitExceeded, TargetRefused
from jupyter_vnc.model.credentials import Credentials, Secret
from tests.needs import require


def from_file(path):
    return Credentials("", "password_file", str(path))


def command(*words):
    return Credentials("", "password_command", words)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "passwd"
    path.touch(mode=0o600)
    return path


async def refused(credentials):
    with pytest.raises(TargetRefused) as caught:
        async with asyncio.timeout(30):
            await load_password(credentials)
    assert str(caught.value).startswith("The password configured for this desktop cannot be read.")
    assert credentials.form in caught.value.detail
    return caught.value


async def test_no_process_left_for_a_command_is_not_the_targets_fault(monkeypatch):
    """The limit of an account's processes: ``fork`` says EAGAIN."""

    def no_fork(*args, **kwargs):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(subprocess, "Popen", no_fork)
    with pytest.raises(LimitExceeded, match="has no room for another desktop"):
        await load_password(command("echo", "s3cret"))


async def test_no_thread_left_for_a_file_is_not_the_targets_fault(file, monkeypatch):
    async def no_thread(*args):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(asyncio, "to_thread", no_thread)
    with pytest.raises(LimitExceeded, match="has no room for another desktop"):
        await load_password(from_file(file))


async def test_none_and_inline():
    assert await load_password(Credentials()) == ""
    assert await load_password(Credentials("u", "password", Secret("hünter2"))) == "hünter2"


@pytest.mark.parametrize(
    ("raw", "password"),
    [
        (b"hunter2", "hunter2"),
        (b"hunter2\n", "hunter2"),
        (b"hunter2\r\nand more\n", "hunter2"),
        (b"exactly8", "exactly8"),
        (b"sixteen letters!", "sixteen letters!"),
        (b"  spaces kept  \n", "  spaces kept  "),
        ("hünter2\n".encode(), "hünter2"),
        (b"", ""),
    ],
)
async def test_a_file_of_text(raw, password, file):
    file.write_bytes(raw)
    assert await load_password(from_file(file)) == password


@pytest.mark.parametrize("password", ["hunter2", "exactly8", "longer than eight", "p w;'d"])
async def test_a_file_that_vncpasswd_wrote(password, file):
    require("tigervncpasswd")
    made = subprocess.run(["tigervncpasswd", "-f"], input=f"{password}\n".encode(), capture_output=True, check=True)
    assert len(made.stdout) in {8, 16}
    file.write_bytes(made.stdout)
    assert await load_password(from_file(file)) == password[:8]


async def test_a_file_with_a_password_for_looking_only_gives_the_first(file):
    require("tigervncpasswd")
    made = [
        subprocess.run(["tigervncpasswd", "-f"], input=word, capture_output=True, check=True).stdout[:8]
        for word in (b"control1\n", b"lookonly\n")
    ]
    file.write_bytes(b"".join(made))
    assert await load_password(from_file(file)) == "control1"


async def test_a_rotated_password_needs_no_restart(file):
    file.write_text("first")
    assert await load_password(from_file(file)) == "first"
    file.write_text("second")
    assert await load_password(from_file(file)) == "second"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
async def test_a_file_that_others_can_read_is_refused(mode, file):
    file.write_text("hunter2")
    file.chmod(mode)
    error = await refused(from_file(file))
    assert "chmod 600" in error.detail
    assert "hunter2" not in error.log_line


async def test_a_file_that_is_none(tmp_path, file):
    await refused(from_file(tmp_path / "missing"))
    await refused(from_file(tmp_path))
    file.write_bytes(b"\xff\xfe\xfd")
    error = await refused(from_file(file))
    assert str(file) not in str(error)


async def test_no_more_than_a_limit_is_read(file):
    file.write_bytes(b"x" * (module.MAX_PASSWORD * 3))
    assert len(await load_password(from_file(file))) == module.MAX_PASSWORD


async def test_from_the_environment(monkeypatch):
    credentials = Credentials("", "password_env", "JUPYTER_VNC_TEST_PASSWORD")
    await refused(credentials)
    monkeypatch.setenv("JUPYTER_VNC_TEST_PASSWORD", "hunter2")
    assert await load_password(credentials) == "hunter2"


async def test_from_a_command():
    assert await load_password(command("printf", "hunter2\\r\\nmore\\n")) == "hunter2"
    assert await load_password(command("echo", "$HOME; `id`")) == "$HOME; `id`"
    assert await load_password(command("cat")) == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sh", "-c", "echo hunter2; exit 3"), "status 3"),
        (("sh", "-c", "kill -9 $$"), "status -9"),
        (("no-such-program-here",), "FileNotFoundError"),
        (("/",), "PermissionError"),
        (("printf", "\\377"), "UnicodeDecodeError"),
    ],
)
async def test_a_command_that_fails(words, says):
    error = await refused(command(*words))
    assert says in error.detail
    assert "hunter2" not in error.log_line


async def test_a_command_that_hangs_is_ended(monkeypatch, tmp_path):
    """On a busy machine, it may be ended before it has said who it is: then it gets longer."""
    pid_file = tmp_path / "pid"
    pid_file.touch()
    for limit in (0.3, 3.0, 20.0):
        monkeypatch.setattr(module, "COMMAND_TIMEOUT", limit)
        error = await refused(command("sh", "-c", f"echo $$ > {pid_file}; exec sleep 60"))
        assert "TimeoutError" in error.detail
        if pid_file.read_text():
            break
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


async def test_a_login_that_is_given_up_leaves_no_command(tmp_path):
    pid_file = tmp_path / "pid"
    task = asyncio.create_task(load_password(command("sh", "-c", f"echo $$ > {pid_file}; exec sleep 60")))
    async with asyncio.timeout(30):
        while not pid_file.exists() or not pid_file.read_text():
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


@pytest.mark.parametrize("script", ["exec yes", "yes & wait", "head -c 5000 /dev/zero"])
async def test_a_command_that_prints_without_end_is_ended_and_named(script, monkeypatch):
    monkeypatch.setattr(module, "COMMAND_TIMEOUT", 30.0)
    with pytest.raises(TargetRefused) as caught:
        await load_password(command("sh", "-c", script), "lab-4")
    assert f"more than {module.MAX_PASSWORD} bytes" in caught.value.detail
    assert "target 'lab-4', key 'password_command': " in caught.value.detail
