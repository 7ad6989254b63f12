"""The account of a container's uid: no entry in the password database, no ``USER``, no ``HOME``."""

import getpass
import json
import os
import pwd
import subprocess
import sys

from jupyter_vnc.model.users import User
from jupyter_vnc.system.account import account_name, home_folder

#: Any uid will do that has no entry.
UID = "54321"
NAMELESS = ("unshare", "-U", f"--map-user={UID}", f"--map-group={UID}")


def as_nobody_known(code, **more):
    """Run Python under a uid that the database does not know; return what it prints as JSON."""
    unnamed = {
        name: value for name, value in os.environ.items() if name not in {"USER", "LOGNAME", "LNAME", "USERNAME"}
    }
    environ = {name: value for name, value in (unnamed | more).items() if value is not None}
    command = [*NAMELESS, sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_an_account_without_a_name_has_its_uid():
    code = "import json; from jupyter_vnc.system.account import *; print(json.dumps([account_name(), home_folder()]))"
    assert as_nobody_known(code, HOME=None) == [UID, "/"]
    assert as_nobody_known(code, HOME="/srv", LOGNAME="jovyan") == ["jovyan", "/srv"]


def test_what_the_database_does_not_know_is_made_up_in_this_process_too(monkeypatch):
    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    assert (account_name(), home_folder()) == (str(os.getuid()), "/")


def test_an_account_with_a_name_has_that(monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere")
    assert (account_name(), home_folder()) == (getpass.getuser(), "/somewhere")


def test_the_owner_of_a_server_and_the_settings_of_a_desktop_use_it():
    code = """
import json
from jupyter_server.auth.identity import PasswordIdentityProvider
from jupyter_vnc.desktops.settings import Settings
from jupyter_vnc.visitor import JupyterVisitor
print(json.dumps([JupyterVisitor.owner(PasswordIdentityProvider()).name, Settings(None).home]))
"""
    owner, home = as_nobody_known(code, HOME=None)
    assert User(owner) == User(UID)
    assert home == "/"
