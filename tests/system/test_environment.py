"""What programs that we start inherit of the server's environment, and passwords that are taken out of it."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.connect.passwords import load_password
from jupyter_vnc.desktops.x11 import xvnc
from jupyter_vnc.model.credentials import Credentials
from jupyter_vnc.model.users import User
from jupyter_vnc.sources.directory import DirectoryTargets
from jupyter_vnc.system import environment

DOCS = Path(__file__).parents[2] / "docs/reference/configuration.md"
SECRETS = (
    *("JUPYTER_TOKEN", "JUPYTERHUB_API_TOKEN", "JPY_API_TOKEN", "JPY_COOKIE_SECRET", "JUPYTERHUB_COOKIE_SECRET"),
    *("JUPYTERHUB_CRYPT_KEY", "CONFIGPROXY_AUTH_TOKEN", "CONFIGPROXY_API_SSL_KEY_PASSPHRASE", "JUPYTER_VNC_KEYS"),
    *("JUPYTER_PASSWORD", "JUPYTERHUB_OAUTH_CLIENT_SECRET"),
    *("JUPYTER_GATEWAY_AUTH_TOKEN", "JUPYTER_GATEWAY_HTTP_PWD", "JUPYTER_GATEWAY_HEADERS"),
)
HARMLESS = ("PATH", "JUPYTERHUB_USER", "JUPYTER_PATH", "JPY_PARENT_PID", "JUPYTER_VNC_DESKTOP", "GITHUB_TOKEN", "LANG")


@pytest.fixture
def lab(monkeypatch):
    """A variable with a password, as an admin sets it."""
    monkeypatch.setattr(environment, "_TAKEN", {})
    monkeypatch.setenv("LAB_PASSWORD", "hunter2")
    return "LAB_PASSWORD"


@pytest.fixture
def jp_server_config(lab):
    targets = {"lab": {"host": "127.0.0.1", "port": 1, "password_env": lab}}
    extensions = {"jupyter_vnc": True}
    return {"ServerApp": {"jpserver_extensions": extensions}, "VNCBroker": {"targets": targets}}


def kept():
    return Credentials("", "password_env", "LAB_PASSWORD")


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_left_out(name):
    assert environment.without_secrets({name: "x", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_all_else_stays():
    environ = dict.fromkeys(HARMLESS, "x")
    assert environment.without_secrets(environ) == environ


def test_an_admin_may_name_more():
    environ = {"GITHUB_TOKEN": "x", "MAP_API_KEY": "x", "PATH": "x"}
    assert environment.without_secrets(environ, ["GITHUB_TOKEN", "*_api_key"]) == {"PATH": "x"}


def test_the_reference_lists_each():
    rows = [line.split("|")[1].strip(" `") for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    assert rows == [*environment.SECRET_VARIABLES]


async def test_a_password_is_taken_out_and_still_known(lab):
    assert await load_password(kept()) == "hunter2"
    assert lab not in os.environ
    assert await load_password(kept()) == "hunter2"
    os.environ[lab] = "rotated"
    assert await load_password(kept()) == "rotated"
    assert lab not in os.environ
    assert "hunter2" not in repr(environment._TAKEN)


@pytest.mark.parametrize("name", ["PATH", "HOME", "JUPYTERHUB_API_TOKEN", "JPY_COOKIE_SECRET"])
def test_what_the_server_lives_on_stays(name, lab, monkeypatch):
    monkeypatch.setenv(name, "/bin")
    assert environment.take(name).reveal() == "/bin"
    assert os.environ[name] == "/bin"


@pytest.mark.parametrize(
    "entry",
    [
        {"host": "a", "password_env": "LAB_PASSWORD"},
        {"hots": "a typo: this target is left out", "password_env": "LAB_PASSWORD"},
        {"pool": {"machines": {"m1": {"host": "a", "password_env": "LAB_PASSWORD"}}}},
    ],
)
async def test_the_configuration_takes_what_it_names(entry, lab):
    broker = VNCBroker(targets={"lab": entry})
    assert lab not in os.environ
    assert await load_password(kept()) == "hunter2"
    await broker.close()
    again = VNCBroker(targets={"lab": entry})  # the same configuration, read again
    assert await load_password(kept()) == "hunter2"
    await again.close()


async def test_so_does_a_folder(lab, tmp_path):
    (tmp_path / "lab.json").write_text(json.dumps({"host": "a", "password_env": lab}))
    source = DirectoryTargets(path=str(tmp_path))
    (target,) = await source.targets(User("ann"))
    assert lab not in os.environ
    assert await load_password(target.credentials) == "hunter2"


async def test_our_own_keys_are_not_inherited(lab, monkeypatch):
    monkeypatch.setenv("JUPYTER_VNC_KEYS", "key")
    broker = VNCBroker()
    assert "JUPYTER_VNC_KEYS" not in os.environ
    assert environment.take("JUPYTER_VNC_KEYS").reveal() == "key"
    await broker.close()


async def test_a_kernel_that_starts_later_does_not_have_it(jp_serverapp, broker, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "what a kernel needs")
    kernels = jp_serverapp.kernel_manager
    kernel = await kernels.start_kernel()
    try:
        pid = kernels.get_kernel(kernel).provisioner.pid
        async with asyncio.timeout(30):
            # For a moment, the kernel has the program and not yet its environment.
            while not (environ := Path(f"/proc/{pid}/environ").read_bytes()):
                await asyncio.sleep(0.01)
    finally:
        await kernels.shutdown_kernel(kernel, now=True)
    assert b"hunter2" not in environ
    assert b"JUPYTERHUB_API_TOKEN=what a kernel needs" in environ
    (target,) = await broker.sources[0].targets(User("ann"))
    assert await load_password(target.credentials) == "hunter2"


async def test_a_password_command_inherits_no_secrets(monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    words = ("sh", "-c", "env | grep -c =secret; true")
    assert await load_password(Credentials("", "password_command", words)) == "0"
    words = ("sh", "-c", "echo $HOME")
    assert await load_password(Credentials("", "password_command", words)) == os.environ["HOME"]


def test_an_x_server_that_is_asked_what_it_is_inherits_none(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_TOKEN", "secret")
    (tmp_path / "Xvnc").write_text("#!/bin/sh\nenv\n")
    (tmp_path / "Xvnc").chmod(0o755)
    said = xvnc.ask(str(tmp_path / "Xvnc"))
    assert "PATH=" in said
    assert "secret" not in said
