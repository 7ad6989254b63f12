"""Secrets at rest: what is encrypted, with which keys, and what is said where they are not there."""

import os
import stat

import pytest
from cryptography.fernet import Fernet

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.stores.database import keyring as keyrings
from jupyter_vnc.stores.database.keyring import Keyring, Unreadable
from jupyter_vnc.system import environment


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.setattr(environment, "_TAKEN", {})
    monkeypatch.delenv(keyrings.VARIABLE, raising=False)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "jupyter-vnc-keys"


def test_the_first_start_makes_a_private_file_and_the_next_one_reads_it(file):
    sealed = Keyring(file).seal("lab", {"password": "s3cret"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "s3cret" not in sealed
    assert Keyring(file).unseal("lab", sealed) == {"password": "s3cret"}
    assert Keyring(file).seal("lab", {}) == ""
    assert Keyring(file).unseal("lab", "") == {}


def test_without_the_right_key_it_is_said_which_is_missing(file):
    sealed = Keyring(file).seal("lab", {"password": "s3cret"})
    file.unlink()
    with pytest.raises(Unreadable, match=f"a key that is not in {file}"):
        Keyring(file).unseal("lab", sealed)


def test_secrets_of_one_target_are_not_those_of_another(file):
    keyring = Keyring(file)
    with pytest.raises(Unreadable, match="another target"):
        keyring.unseal("mine", keyring.seal("lab", {"password": "s3cret"}))


def test_a_new_key_encrypts_and_the_old_one_still_decrypts_in_a_service_that_runs(file):
    running, command = Keyring(file), Keyring(file)
    old = running.seal("lab", {"password": "1"})
    command.add_key()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    new = command.seal("lab", {"password": "2"})
    assert running.unseal("lab", new) == {"password": "2"}
    assert running.unseal("lab", old) == {"password": "1"}
    newest = next(line for line in file.read_text().splitlines() if not line.startswith("#"))
    assert Fernet(newest).decrypt(new)


def test_the_variable_has_the_keys_and_nothing_inherits_it(file, monkeypatch):
    first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv(keyrings.VARIABLE, f"{first}, {second}")
    keyring = Keyring(file)
    assert keyrings.VARIABLE not in os.environ
    assert not file.exists()
    assert Fernet(first).decrypt(keyring.seal("lab", {"password": "1"}))
    with pytest.raises(ConfigError, match="put a new key first"):
        keyring.add_key()


def test_files_that_cannot_be_keys_are_refused(file):
    file.write_text("no key s3cret\n")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="something other than keys") as refused:
        Keyring(file)
    assert "s3cret" not in str(refused.value)
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        Keyring(file)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ConfigError, match="FIFO"):
        Keyring(file)
