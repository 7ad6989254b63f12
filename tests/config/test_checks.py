"""Each kind of value of the configuration: what is good, what comes out, and what the sentence says of the rest."""

import pytest

from jupyter_vnc.config import checks
from jupyter_vnc.exceptions import ConfigError

#: Check, value, what comes out.
GOOD = [
    (checks.text, "Läb 1", "Läb 1"),
    (checks.flag, False, False),
    (checks.integer(1, 3), 3, 3),
    (checks.seconds(), 0.5, 0.5),
    (checks.seconds(900), 900, 900.0),
    (checks.seconds(900, never=True), 0, 0.0),
    (checks.choice("a", "b"), "b", "b"),
    (checks.names, ["ann", "bob", "ann"], frozenset({"ann", "bob"})),
    (checks.argv, "pass 'v n c'", ("pass", "v n c")),
    (checks.argv, ["pass", "vnc"], ("pass", "vnc")),
    (checks.host, "2001:DB8::1", "2001:db8::1"),
    (checks.host, "[::1]", "::1"),
    (checks.host, "vnc-{username}.example.org", "vnc-{username}.example.org"),
    (checks.socket, "/run/vnc.sock", "/run/vnc.sock"),
    (checks.fingerprint, "SHA256:" + ":".join(["AB"] * 32), "ab" * 32),
    (checks.geometry, "800x600", "800x600"),
    (checks.table({"a": checks.flag}, "x"), {"a": True}, {"a": True}),
]

#: Check, value, part of the sentence.
BAD = [
    *((checks.text, value, "line of text") for value in (5, None, "a\nb")),
    (checks.flag, 1, "True or False"),
    *((checks.integer(1, 3), value, "whole number from 1 to 3") for value in (0, 4, True, "2", 2.0)),
    *((checks.seconds(), value, "more than 0, up to 86400") for value in (0, -1, 86401, True, "5", float("nan"))),
    *((checks.seconds(9, never=True), value, r"0 \(never\), up to 9") for value in (-1, 10, None)),
    *((checks.choice("a", "b"), value, "one of a, b") for value in ("c", None, ["a"])),
    *((checks.names, value, "list of names") for value in ("ann", [""], [5])),
    *((checks.argv, value, "must be a command") for value in ([], "", [""], ["a\0"], ["a", 1])),
    *((checks.host, value, "must be a host name") for value in ("", "a b", "http://a", "a:5901")),
    *((checks.socket, value, "absolute path") for value in ("", "a.sock", "/run/../a")),
    (checks.socket, "/" + "a" * 107, "108 bytes long"),
    (checks.fingerprint, "ab", "64 hexadecimal"),
    *((checks.geometry, value, "WIDTHxHEIGHT") for value in ("800", "0x600", "800x99999", "20000x600")),
    (checks.private_file, "/nonexistent", "No such file"),
    (checks.private_file, "/", "is not a file"),
    (checks.file, "/", "is not a file"),
    (checks.table({}, "x"), [], "dictionary of x options"),
]


@pytest.mark.parametrize(("check", "value", "result"), GOOD)
def test_a_good_value(check, value, result):
    assert check(value) == result


@pytest.mark.parametrize(("check", "value", "said"), BAD)
def test_a_bad_value(check, value, said):
    with pytest.raises(ValueError, match=said):
        check(value)


@pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False)])
def test_a_file_with_a_secret_is_its_owners(mode, good, tmp_path):
    file = tmp_path / "passwd"
    file.touch()
    file.chmod(mode)
    assert checks.file(str(file)) == str(file)
    if good:
        assert checks.private_file(str(file)) == str(file)
        return
    with pytest.raises(ValueError, match="chmod 600"):
        checks.private_file(str(file))


def test_keys_lead_to_what_is_wrong():
    def loud(value):
        raise ConfigError("no", key=value)

    outer = {"a": checks.table({"flag": checks.flag, "loud": loud}, "x")}
    for value, key in (({"flag": 5}, "a.flag"), ({"loud": "b"}, "a.loud.b"), ({"loud": ""}, "a.loud"), ([], "a")):
        with pytest.raises(ConfigError) as caught:
            checks.checked({"a": value}, outer)
        assert caught.value.key == key
    with pytest.raises(ConfigError, match="did you mean 'flag'") as caught:
        checks.checked({"a": {"flga": True}}, outer)
    assert caught.value.key == "a.flga"
    with pytest.raises(ConfigError, match=r"key '5': unknown key$"):
        checks.checked({5: True}, outer)
