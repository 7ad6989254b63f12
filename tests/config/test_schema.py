"""The JSON Schema of a target accepts what the checks accept, and is made from the same table."""

from math import isfinite

import pytest
from jsonschema import Draft202012Validator

from jupyter_vnc.config.keys import KEYS, NESTED, SECTIONS, rows
from jupyter_vnc.config.schema import target_schema
from tests.config.test_targets import BAD, GOOD

SCHEMA = Draft202012Validator(target_schema())
#: Bad values that JSON Schema has no words for: characters of host names, files, accounts, commands, odd numbers.
BEYOND = {"title", "description", "host", "socket", "port_owner", "socket_owner", "password_file", "password_command"}
BEYOND |= {"desktop", "pool", "tls", "username", "password", "password_env", "icon", "category", "allow_users"}


def as_json(value):
    return sorted(value) if isinstance(value, set) else value


@pytest.mark.parametrize(("key", "value", "others"), [row[:3] for row in GOOD])
def test_what_the_checks_accept_is_valid(key, value, others):
    SCHEMA.validate({key: as_json(value), **others})


@pytest.mark.parametrize(("key", "value", "others"), [row for row in BAD if row[0] not in BEYOND])
def test_what_the_checks_refuse_is_not_valid(key, value, others):
    # JSON has no infinity, and does not tell 6.0 from 6.
    beyond = isinstance(value, float) and (not isfinite(value) or value.is_integer())
    assert beyond or not SCHEMA.is_valid({key: as_json(value), **others})


def test_unknown_keys_are_not_valid():
    assert not SCHEMA.is_valid({"hots": "a"})
    assert not SCHEMA.is_valid({"tls": {"mod": "off"}})
    assert not SCHEMA.is_valid({"pool": {"machines": {"m1": {"title": "a"}}}})


def test_a_saved_secret_is_true():
    SCHEMA.validate({"host": "a", "password": True})
    SCHEMA.validate({"pool": {"machines": {"m1": {"host": "a", "password": True}}}})
    assert SCHEMA.schema["properties"]["password"]["writeOnly"]


def test_every_key_has_help_and_a_section():
    assert list(KEYS) == [name for section in SECTIONS for name, _ in rows(section) if "." not in name]
    assert {name for section in SECTIONS for name, _ in rows(section) if "." in name} == {
        f"{name}.{inner}" for name, keys in NESTED.items() for inner in keys
    }
    for section in SECTIONS:
        for name, key in rows(section):
            assert key.help.endswith("."), name
    for name, part in target_schema()["properties"].items():
        assert part["x-section"] in SECTIONS
        assert part["description"] == KEYS[name].help
    assert "desktop" not in target_schema(without=("desktop",))["properties"]
