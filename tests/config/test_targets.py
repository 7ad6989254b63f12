"""Every key of a target: what is good, what is bad, and that an error names target and key."""

import os

import pytest

from jupyter_vnc.config.keys import KEYS
from jupyter_vnc.config.targets import mistakes, parse_target, parse_targets
from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec, PoolAddress, PoolMachine, TCPAddress, UnixAddress
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.targets import Mode, Sharing

HOST = {"host": "lab.example.org"}
HEX = "ab" * 32

#: Key, value, other keys that it needs, and what comes out of it: attribute path and value.
GOOD = [
    ("title", "Läb 1", HOST, "title", "Läb 1"),
    ("description", "a machine", HOST, "description", "a machine"),
    ("icon", "ui-components:terminal", HOST, "icon", "ui-components:terminal"),
    ("icon", "jupyter-vnc:desktop", HOST, "icon", "jupyter-vnc:desktop"),
    ("icon", "", HOST, "icon", ""),
    ("category", "Labs", HOST, "category", "Labs"),
    ("host", "10.0.0.1", {}, "address", TCPAddress("10.0.0.1", 5900)),
    ("host", "[::1]", {}, "address", TCPAddress("::1", 5900)),
    ("host", "2001:DB8::1", {}, "address", TCPAddress("2001:db8::1", 5900)),
    ("host", "vnc-{username}.example.org", {}, "address", TCPAddress("vnc-{username}.example.org", 5900)),
    ("port", 1, HOST, "address", TCPAddress("lab.example.org", 1)),
    ("port", 65535, HOST, "address", TCPAddress("lab.example.org", 65535)),
    ("port_owner", "vnc", HOST, "address", TCPAddress("lab.example.org", 5900, "vnc")),
    ("socket", "/run/vnc/{username}.sock", {}, "address", UnixAddress("/run/vnc/{username}.sock")),
    ("socket_owner", "vnc", {"socket": "/s"}, "address", UnixAddress("/s", "vnc")),
    ("desktop", {}, {}, "address", DesktopAddress()),
    (
        "desktop",
        {"command": "openbox --sm-disable", "geometry": "800x600", "dpi": 120},
        {},
        "address",
        DesktopAddress(DesktopSpec(("openbox", "--sm-disable"), "800x600", 120)),
    ),
    ("desktop", {"fullscreen": False}, {}, "address", DesktopAddress(DesktopSpec(fullscreen=False))),
    ("pool", {"machines": ["a:1"]}, {}, "address", PoolAddress((PoolMachine("m1", TCPAddress("a", 1)),))),
    ("username", "ann", HOST, "credentials.username", "ann"),
    ("password", "hunter2", HOST, "credentials.value", Secret("hunter2")),
    ("password_env", "VNC_PW", HOST, "credentials.value", "VNC_PW"),
    ("password_command", ["pass", "vnc"], HOST, "credentials.value", ("pass", "vnc")),
    ("password_command", "pass 'v n c'", HOST, "credentials.value", ("pass", "v n c")),
    ("tls", {"mode": "x509"}, HOST, "tls.mode", "x509"),
    ("tls", {"fingerprint": "SHA256:" + ":".join(["AB"] * 32)}, HOST, "tls.fingerprint", HEX),
    ("tls", {"check_hostname": False}, HOST, "tls.check_hostname", False),
    ("allow_unauthenticated", True, HOST, "allow_unauthenticated", True),
    ("mode", "view", HOST, "mode", Mode.VIEW),
    ("sharing", "takeover", HOST, "sharing", Sharing.TAKEOVER),
    ("clipboard", "to-desktop", HOST, "viewer.clipboard", "to-desktop"),
    ("sound", False, {"desktop": {}}, "address.spec.sound", False),
    ("video", False, {"desktop": {}}, "address.spec.video", False),
    ("resize", "off", HOST, "viewer.resize", "off"),
    ("quality", 0, HOST, "viewer.quality", 0),
    ("compression", 9, HOST, "viewer.compression", 9),
    ("power", True, HOST, "viewer.power", True),
    ("wall", True, HOST, "wall", True),
    ("max_sessions", 1, HOST, "limits.max_sessions", 1),
    ("connect_timeout", 0.5, HOST, "limits.connect_timeout", 0.5),
    ("handshake_timeout", 20, HOST, "limits.handshake_timeout", 20.0),
    ("stall_timeout", 60, HOST, "limits.stall_timeout", 60.0),
    ("allow_users", ["ann", "bob"], HOST, "allow_users", frozenset({"ann", "bob"})),
    ("allow_groups", {"lab"}, HOST, "allow_groups", frozenset({"lab"})),
]

#: Key, bad value, other keys.
BAD = [
    *(("title", value, HOST) for value in (5, None, "two\nlines", "a\x1b[31m")),
    *(("description", value, HOST) for value in (5, "a\0")),
    ("icon", 5, HOST),
    ("icon", "lab.svg", HOST),
    ("icon", "terminal", HOST),
    ("icon", "ui-components:no-such", HOST),
    ("icon", ["ui-components:terminal"], HOST),
    ("category", [], HOST),
    *(("host", value, {}) for value in ("", "a b", "a/b", "http://a", "a:5901", "-a", "a" * 254, 5, "a\n", "é")),
    *(("port", value, HOST) for value in (0, 65536, -1, "5900", 5900.0, True, None)),
    *(("socket", value, {}) for value in ("", "a.sock", "/run/../a", "/" + "a" * 107, "/a\0", 5)),
    ("port_owner", 5, HOST),
    ("port_owner", "vnc", {"socket": "/s"}),
    ("socket_owner", 5, {"socket": "/s"}),
    ("socket_owner", "vnc", HOST),
    *(("desktop", value, {}) for value in (None, "xfce", [])),
    *(("pool", value, {}) for value in (None, "a:1", ["a:1"])),
    ("username", 5, HOST),
    *(("password", value, HOST) for value in (5, None, b"x", "a\n")),
    *(("password_file", value, HOST) for value in ("/nonexistent", "/", 5)),
    ("password_env", 5, HOST),
    *(("password_command", value, HOST) for value in ([], "", [""], ["a\0"], 5, ["a", 1], "a 'b")),
    *(("tls", value, HOST) for value in ("x509", None)),
    *(("allow_unauthenticated", value, HOST) for value in (1, "yes", None)),
    *(("mode", value, HOST) for value in ("look", "", 5, None, ["view"])),
    ("sharing", "alone", HOST),
    ("clipboard", True, HOST),
    ("sound", "off", {"desktop": {}}),
    ("video", "off", {"desktop": {}}),
    ("resize", "local", HOST),
    *(("wall", value, HOST) for value in ("on", 1, None)),
    *(("power", value, HOST) for value in ("yes", 1, None)),
    *(("quality", value, HOST) for value in (-1, 10, "6", 6.0)),
    ("compression", 10, HOST),
    *(("max_sessions", value, HOST) for value in (0, 1001, "1")),
    *(("connect_timeout", value, HOST) for value in (0, -1, "5", True, 1e9, float("nan"))),
    ("handshake_timeout", 0, HOST),
    ("stall_timeout", -1, HOST),
    *(("allow_users", value, HOST) for value in ("ann", [""], [5], 5)),
    ("allow_groups", "lab", HOST),
]

#: Nested keys.
BAD_NESTED = [
    ("tls", {"mode": "maybe"}, "tls.mode"),
    ("tls", {"ca_file": "/nonexistent"}, "tls.ca_file"),
    ("tls", {"fingerprint": "ab"}, "tls.fingerprint"),
    ("tls", {"check_hostname": "no"}, "tls.check_hostname"),
    ("tls", {"modus": "x509"}, "tls.modus"),
    ("tls", {"cert_file": "/nonexistent"}, "tls.cert_file"),
    ("tls", {"cert_file": __file__}, "tls.cert_file"),
    ("tls", {"key_file": "/nonexistent"}, "tls.key_file"),
]


def at(value, path):
    for part in path.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize(("key", "value", "others", "path", "result"), GOOD)
def test_a_good_value(key, value, others, path, result):
    assert at(parse_target("lab", {**others, key: value}), path) == result


@pytest.mark.parametrize(("key", "value", "others"), BAD)
def test_a_bad_value_is_named_by_target_and_key(key, value, others):
    with pytest.raises(ConfigError) as caught:
        parse_target("lab", {**others, key: value})
    assert caught.value.target == "lab"
    assert caught.value.key == key
    assert str(caught.value).startswith(f"target 'lab', key '{key}': ")
    assert caught.value.message


@pytest.mark.parametrize(("key", "value", "named"), BAD_NESTED)
def test_a_bad_nested_value_is_named_by_its_path(key, value, named):
    with pytest.raises(ConfigError) as caught:
        parse_target("lab", {**HOST, key: value})
    assert (caught.value.target, caught.value.key) == ("lab", named)


@pytest.mark.parametrize("value", ["800", "800x", "0x600", "800x99999", "20000x600", "800X600", 5])
def test_a_bad_geometry(value):
    with pytest.raises(ConfigError) as caught:
        parse_target("lab", {"desktop": {"geometry": value}})
    assert caught.value.key == "desktop.geometry"


def test_every_key_is_tested():
    files = {"password_file"}
    assert {row[0] for row in GOOD} | files == set(KEYS)
    assert {row[0] for row in BAD} == set(KEYS)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({}, "host"),
        ({"host": "a", "socket": "/a"}, "host"),
        ({"desktop": {}, "socket": "/a"}, "host"),
        ({"socket": "/a", "port": 5900}, "port"),
        ({"host": "a", "password": "x", "password_env": "X"}, "password_env"),
        ({"pool": {"machines": ["a:1"]}, "host": "a"}, "host"),
        ({"pool": {"machines": ["a:1"]}, "port": 5900}, "port"),
        ({"desktop": {}, "password": "x"}, "password"),
        ({"desktop": {}, "username": "x"}, "username"),
        ([], ""),
        ("lab:5901", ""),
    ],
)
def test_what_does_not_go_together(raw, key):
    with pytest.raises(ConfigError) as caught:
        parse_target("lab", raw)
    assert (caught.value.target, caught.value.key) == ("lab", key)


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'password_file'"):
        parse_target("lab", {"host": "a", "pasword_file": "/x"})
    with pytest.raises(ConfigError, match="unknown key"):
        parse_target("lab", {"host": "a", 5: "/x"})


@pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False)])
def test_a_password_file_that_others_can_read_is_refused(mode, good, tmp_path):
    file = tmp_path / "passwd"
    file.write_text("x")
    file.chmod(mode)
    raw = {"host": "a", "password_file": str(file)}
    if good:
        assert parse_target("lab", raw).credentials.value == str(file)
        return
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        parse_target("lab", raw)
    assert caught.value.key == "password_file"


def test_a_password_is_in_no_error():
    with pytest.raises(ConfigError) as caught:
        parse_target("lab", {"host": "a", "password": "hunter2", "password_env": "X"})
    assert "hunter2" not in str(caught.value)


def test_a_ca_file(tmp_path):
    file = tmp_path / "ca.pem"
    file.touch()
    assert parse_target("lab", {"host": "a", "tls": {"ca_file": os.fspath(file)}}).tls.ca_file == str(file)


def test_a_certificate_of_ours(tmp_path):
    files = {"cert_file": tmp_path / "cert.pem", "key_file": tmp_path / "key.pem"}
    for file in files.values():
        file.touch(0o600)
    tls = {key: os.fspath(file) for key, file in files.items()}
    parsed = parse_target("lab", {"host": "a", "tls": tls}).tls
    assert (parsed.cert_file, parsed.key_file) == tuple(tls.values())
    with pytest.raises(ConfigError, match=r"without tls\.cert_file") as caught:
        parse_target("lab", {"host": "a", "tls": {"key_file": tls["key_file"]}})
    assert caught.value.key == "tls.key_file"
    files["key_file"].chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600") as caught:
        parse_target("lab", {"host": "a", "tls": tls})
    assert caught.value.key == "tls.key_file"


def test_good_targets_work_beside_bad_ones():
    targets, errors = parse_targets({"one": HOST, "bad name": HOST, "two": {"host": "a", "port": 0}, "three": HOST})
    assert list(targets) == ["one", "three"]
    assert [(error.target, error.key) for error in errors] == [("bad name", ""), ("two", "port")]


def pool(machines, **others):
    return parse_target("lab", {"pool": {"machines": machines}, **others})


def test_machines_by_name():
    address = parse_target(
        "lab",
        {
            "pool": {
                "machines": {"blue": {"host": "Lab-1", "port": 5901}, "red": {"socket": "/r", "socket_owner": "vnc"}},
                "idle_timeout": 0,
                "max_lease": 7200,
                "retry_after": 5,
            }
        },
    ).address
    blue, red = PoolMachine("blue", TCPAddress("Lab-1", 5901)), PoolMachine("red", UnixAddress("/r", "vnc"))
    assert address == PoolAddress((blue, red), 0.0, 7200.0, 5.0)


def test_machines_of_a_list_are_named_by_place():
    machines = pool(["lab-1.example.org:5901", "[2001:DB8::1]:5900", "10.0.0.1:1"]).address.machines
    assert [machine.name for machine in machines] == ["m1", "m2", "m3"]
    addresses = [TCPAddress("lab-1.example.org", 5901), TCPAddress("2001:db8::1", 5900), TCPAddress("10.0.0.1", 1)]
    assert [machine.address for machine in machines] == addresses


def test_what_a_machine_has_not_is_the_targets():
    machines = {
        "a": {"host": "a"},
        "b": {"host": "b", "username": "bob"},
        "c": {"host": "c", "password_env": "C"},
        "d": {"host": "d", "username": "", "password": "hunter2"},
    }
    target = pool(machines, username="ann", password_env="X")
    assert target.credentials == Credentials("ann", "password_env", "X")
    assert [machine.credentials for machine in target.address.machines] == [
        None,
        Credentials("bob", "password_env", "X"),
        Credentials("ann", "password_env", "C"),
        Credentials("", "password", Secret("hunter2")),
    ]


#: What stands under ``pool``, the key that is wrong, part of the sentence.
BAD_POOLS = [
    ({}, "pool.machines", "is missing"),
    ({"machines": []}, "pool.machines", "needs a machine"),
    ({"machines": {}}, "pool.machines", "needs a machine"),
    ({"machines": "a:1"}, "pool.machines", "dictionary of machines, or a list"),
    ({"machines": None}, "pool.machines", "dictionary of machines, or a list"),
    ({"maschines": ["a:1"]}, "pool.maschines", "did you mean 'machines'"),
    *(
        ({"machines": ["b:1", entry]}, "pool.machines.m2", "must be 'host:port' or")
        for entry in ("a", "a:", ":1", "::1:5900", "a:1:2", "a:x", "[::1]", "a:123456", 5, {"host": "a"})
    ),
    ({"machines": ["a b:1"]}, "pool.machines.m1.host", "must be a host name"),
    ({"machines": ["a:0"]}, "pool.machines.m1.port", "from 1 to 65535"),
    ({"machines": ["a:1", "b:1", "A:1"]}, "pool.machines.m3", "has the address of 'm1'"),
    ({"machines": {"a": {"socket": "/a"}, "b": {"socket": "/a"}}}, "pool.machines.b", "has the address of 'a'"),
    ({"machines": {"a/b": {"host": "a"}}}, "pool.machines.a/b", "a name is 1 to 64"),
    ({"machines": {5: {"host": "a"}}}, "pool.machines.5", "a name is 1 to 64"),
    ({"machines": {"m1": "a:1"}}, "pool.machines.m1", "dictionary of machine options"),
    ({"machines": {"m1": {}}}, "pool.machines.m1.host", r"exactly one of 'host' \(with 'port'\) and 'socket'$"),
    ({"machines": {"m1": {"host": "a", "socket": "/a"}}}, "pool.machines.m1.host", "exactly one of"),
    ({"machines": {"m1": {"host": "a", "port": 0}}}, "pool.machines.m1.port", "from 1 to 65535"),
    ({"machines": {"m1": {"socket": "/a", "port": 1}}}, "pool.machines.m1.port", "goes with 'host' only"),
    ({"machines": {"m1": {"host": "a", "socket_owner": "x"}}}, "pool.machines.m1.socket_owner", "'socket' only"),
    ({"machines": {"m1": {"host": "a", "prot": 1}}}, "pool.machines.m1.prot", "did you mean 'port'"),
    ({"machines": {"m1": {"desktop": {}}}}, "pool.machines.m1.desktop", "unknown key"),
    ({"machines": {"m1": {"host": "a-{username}"}}}, "pool.machines.m1.host", "are shared"),
    ({"machines": {"m1": {"socket": "/{username}"}}}, "pool.machines.m1.socket", "are shared"),
    (
        {"machines": {"m1": {"host": "a", "password": "hunter2", "password_env": "X"}}},
        "pool.machines.m1.password_env",
        "only one of",
    ),
    ({"machines": {"m1": {"host": "a", "password_file": "/none"}}}, "pool.machines.m1.password_file", "cannot be read"),
    *(({"machines": ["a:1"], "idle_timeout": value}, "pool.idle_timeout", "seconds") for value in (-1, "5", 2592001)),
    *(({"machines": ["a:1"], "max_lease": value}, "pool.max_lease", "seconds") for value in (-1, True, 31536001)),
    *(({"machines": ["a:1"], "retry_after": value}, "pool.retry_after", "more than 0") for value in (0, 901)),
]


@pytest.mark.parametrize(("raw", "key", "said"), BAD_POOLS)
def test_a_bad_pool(raw, key, said):
    with pytest.raises(ConfigError, match=said) as caught:
        parse_target("lab", {"pool": raw})
    assert (caught.value.target, caught.value.key) == ("lab", key)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("clipboard", "sends"), [("both", True), ("from-desktop", True), ("to-desktop", False), ("off", False)]
)
def test_a_clipboard_policy_reaches_the_desktop_that_is_ours(clipboard, sends):
    assert parse_target("desk", {"desktop": {}, "clipboard": clipboard}).address.spec.sends_clipboard is sends


def test_an_entry_that_nobody_foresaw_is_an_error_of_its_own():
    class Odd(dict):
        def __iter__(self):
            raise RuntimeError("secret")

        def keys(self):
            raise RuntimeError("secret")

        items = keys

    targets, (error,) = parse_targets({"odd": Odd(HOST), "good": HOST})
    assert list(targets) == ["good"]
    assert str(error) == "target 'odd': cannot be understood (RuntimeError)"


def test_every_key_that_is_wrong_is_named():
    raw = {"host": "a b", "port": 0, "tls": {"mode": "no"}, "titles": "x", "title": "good"}
    assert set(mistakes("lab", raw)) == {"host", "port", "tls.mode", "titles"}
    assert mistakes("lab", {"host": "a", "socket": "/a"}).keys() == {"host"}
    assert "starts with" in mistakes("-lab", HOST)[""]
    assert mistakes("lab", HOST) == {}
