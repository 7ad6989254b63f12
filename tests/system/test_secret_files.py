"""Who may read a file with a secret: its owner, and the group of a file of root's, as Kubernetes mounts a Secret."""

import asyncio
import os
import stat
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet

from jupyter_vnc.config.checks import private_file
from jupyter_vnc.connect.passwords import load_password
from jupyter_vnc.exceptions import ConfigError, TargetRefused
from jupyter_vnc.hub.files import cookie_secret, metrics_token
from jupyter_vnc.model.credentials import Credentials
from jupyter_vnc.sources.directory import _read
from jupyter_vnc.stores.database import urls
from jupyter_vnc.stores.database.keyring import Keyring
from jupyter_vnc.system import files

VNC = 1000


@pytest.mark.parametrize(
    ("mode", "owner", "account", "is_open"),
    [
        (0o600, VNC, VNC, False),
        (0o400, 0, VNC, False),
        (0o440, VNC, VNC, True),
        (0o640, VNC, VNC, True),
        (0o440, 0, VNC, False),
        (0o640, 0, VNC, False),
        (0o660, 0, VNC, True),
        (0o650, 0, VNC, True),
        (0o644, 0, VNC, True),
        (0o604, 0, VNC, True),
        (0o602, 0, VNC, True),
        (0o440, 0, 0, True),
        (0o600, 0, 0, False),
        (0o440, VNC + 1, VNC, True),
    ],
)
def test_who_may_read_it(mode, owner, account, is_open, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: account)
    status = SimpleNamespace(st_mode=stat.S_IFREG | mode, st_uid=owner)
    assert files.is_open_to_others(status) is is_open


#: Every reader of a secret, with what it reads.
READERS = {
    "cookie secret": (cookie_secret, b"s" * 32),
    "metrics token": (lambda file: metrics_token(str(file)), b"t" * 32),
    "URL of the database": (lambda file: urls.load("", str(file)), b"postgresql+psycopg://vnc:x@db/vnc"),
    "keys": (Keyring, Fernet.generate_key()),
    "password file": (
        lambda file: asyncio.run(load_password(Credentials("", "password_file", str(file)))),
        b"s3cret",
    ),
    "checked path": (lambda file: private_file(str(file)), b"s3cret"),
    "folder of targets": (_read, b'{"host": "h", "password": "s3cret"}'),
}


@pytest.fixture(params=READERS)
def reading(request, tmp_path, monkeypatch):
    """Read a file of root's by another account: this test may not make one, so its own account is taken for root."""
    monkeypatch.delenv("JUPYTER_VNC_KEYS", raising=False)
    reader, content = READERS[request.param]
    (file := tmp_path / "secret.json").write_bytes(content)
    monkeypatch.setattr(files, "ROOT", os.geteuid())
    monkeypatch.setattr(os, "geteuid", lambda: files.ROOT + 1)

    def reading(mode):
        file.chmod(mode)
        return reader(file)

    return reading


def test_each_reader_takes_a_file_that_root_gives_to_its_group(reading):
    assert reading(0o440) is not None


@pytest.mark.parametrize("mode", [0o444, 0o460])
def test_and_none_that_others_can_read_or_the_group_can_change(reading, mode):
    with pytest.raises((ConfigError, TargetRefused, ValueError), match=r"others can|by others|cannot be read"):
        reading(mode)
