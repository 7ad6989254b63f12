"""User names in addresses: put where the placeholder is, and nowhere else."""

import pytest

from jupyter_vnc.exceptions import TargetNotFound
from jupyter_vnc.model.usernames import in_hostname, in_path


@pytest.mark.parametrize("put", [in_path, in_hostname])
@pytest.mark.parametrize("username", ["ann", "../root", ""])
def test_an_address_without_a_placeholder_is_everybodys(put, username):
    assert put("shared", username) == "shared"


@pytest.mark.parametrize("put", [in_path, in_hostname])
def test_a_name_that_could_change_the_meaning_of_an_address_is_refused(put):
    assert put("pc-{username}", "ann") == "pc-ann"
    with pytest.raises(TargetNotFound):
        put("pc-{username}", "../root")
