"""The scopes that the hub passes on to the service."""

import pytest

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.hub.scopes import names_ours


@pytest.mark.parametrize("said", ["", "{", "{}", "5", "[5]", '"a"', "[" * 10_000, "9" * 5000])
def test_they_are_a_list_of_words_or_an_error(said):
    with pytest.raises(ConfigError, match="must be a JSON list of scopes") as caught:
        names_ours(said, "SCOPES")
    assert caught.value.key == "SCOPES"


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("[]", False),
        ('["a", "b!c"]', False),
        ('["a", "custom:jupyter-vnc:view"]', True),
        ('["custom:jupyter-vnc:control!group=course-a"]', True),
        ('["custom:jupyter-vnc:admin!user=ann"]', True),
        ('["custom:jupyter-vnc:manage"]', False),
        ('["custom:jupyter-vnc:views"]', False),
    ],
)
def test_one_of_them_may_permit_something(said, ours):
    assert names_ours(said, "SCOPES") is ours
