"""Addresses and credentials as values: what of a request reaches an address, and what shows nowhere."""

import pytest

from jupyter_vnc.exceptions import TargetNotFound
from jupyter_vnc.model.addresses import (
    DesktopAddress,
    PoolAddress,
    PoolMachine,
    TCPAddress,
    UnixAddress,
    UserServerAddress,
)
from jupyter_vnc.model.credentials import Credentials, Secret


def test_a_secret_shows_in_no_text():
    credentials = Credentials("u", "password", Secret("hunter2"))
    machine = PoolMachine("m1", TCPAddress("a", 1), credentials)
    shown = f"{Secret('hunter2')} {Secret('hunter2')!r} {credentials} {machine} {PoolAddress((machine,))!r}"
    assert "hunter2" not in shown
    assert "***" in shown
    assert Secret("hunter2").reveal() == "hunter2"
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.mark.parametrize("name", ["ann", "a.b", "ann@example.org", "x+y", "_svc", "A" * 64])
def test_a_user_name_becomes_part_of_a_path(name):
    assert UnixAddress("/r/{username}.s").for_user(name) == UnixAddress(f"/r/{name}.s", owner=name)


@pytest.mark.parametrize("name", ["ann", "Ann-2", "_svc", "a_b", "7", "x" * 59])
def test_a_user_name_becomes_part_of_a_label_of_a_host_name(name):
    assert TCPAddress("vnc-{username}", 5900).for_user(name).host == f"vnc-{name}"
    assert TCPAddress("{username}.vnc.example.org.", 5900).for_user(name).host == f"{name}.vnc.example.org."


@pytest.mark.parametrize("name", ["a.b", "evil.example.org", "ann@example.org", "x+y", "ann-", "ann.", "x" * 64])
@pytest.mark.parametrize("host", ["{username}", "{username}.example.org", "vnc-{username}.example.org"])
def test_a_user_name_becomes_no_more_than_a_label(host, name):
    with pytest.raises(TargetNotFound, match="no such desktop"):
        TCPAddress(host, 5900).for_user(name)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        *(("{username}", name) for name in ("127.0.0.1", "127.1", "1", "2130706433", "0x7f000001", "017700000001")),
        *(("{username}", name) for name in ("0x", "0X7F", "localhost", "LocalHost", "ip6-localhost", "localhost6")),
        *(("{username}", name) for name in ("_localdnsstub", "_LocalDNSproxy", "_outbound", "_gateway")),
        *(("127.0.0.{username}", name) for name in ("1", "0x1")),
        *(("{username}.0.0.1", "127"), ("lab.{username}", "1"), ("{username}.", "localhost"), ("{username}.", "1")),
        *(
            ("local{username}", "host"),
            ("{username}host", "local"),
            ("0{username}", "x7f000001"),
            ("1{username}", "27"),
        ),
    ],
)
def test_a_user_name_makes_no_address_of_a_host_name(host, name):
    with pytest.raises(TargetNotFound, match="no such desktop"):
        TCPAddress(host, 5900).for_user(name)


def test_a_host_name_may_become_as_long_as_dns_permits():
    host = ".".join(["{username}", *["d" * 63] * 3])
    assert len(TCPAddress(host, 5900).for_user("u" * 61).host) == 253
    with pytest.raises(TargetNotFound):
        TCPAddress(host, 5900).for_user("u" * 62)


def test_a_user_name_of_digits_is_no_uid_of_a_socket():
    assert UnixAddress("/r/{username}.s").for_user("1000") == UnixAddress("/r/1000.s")
    assert UnixAddress("/r/{username}.s", owner="1001").for_user("1000").owner == "1001"


@pytest.mark.parametrize(
    "name", ["", "..", "a..b", "../etc", "a/b", "a b", "a\n", "-a", ".a", "ä", "a:1", "a\0", "{username}", "A" * 65]
)
def test_a_user_name_that_could_change_an_addresss_meaning_is_refused(name):
    for address in (TCPAddress("vnc-{username}", 5900), UnixAddress("/r/{username}.s")):
        with pytest.raises(TargetNotFound):
            address.for_user(name)
        assert TCPAddress("fixed", 1).for_user(name) == TCPAddress("fixed", 1)


def test_a_socket_path_that_becomes_too_long_is_refused():
    with pytest.raises(TargetNotFound):
        UnixAddress("/" + "d" * 60 + "/{username}").for_user("u" * 60)


def test_a_socket_without_a_user_name_is_everybodys():
    address = UnixAddress("/run/vnc/lab.sock", "lab")
    assert address.for_user("../evil") is address


def test_a_named_owner_stays():
    assert UnixAddress("/r/{username}.s", owner="vnc").for_user("ann").owner == "vnc"


@pytest.mark.parametrize(
    ("address", "local", "text"),
    [
        (TCPAddress("127.0.0.1", 1), True, "127.0.0.1:1"),
        (TCPAddress("127.9.9.9", 1), True, "127.9.9.9:1"),
        (TCPAddress("::1", 1), True, "[::1]:1"),
        (TCPAddress("LocalHost", 1), True, "LocalHost:1"),
        (TCPAddress("localhost.example.org", 1), False, "localhost.example.org:1"),
        (TCPAddress("10.0.0.1", 1), False, "10.0.0.1:1"),
        (UnixAddress("/a"), True, "/a"),
        (DesktopAddress(), True, "managed desktop"),
    ],
)
def test_what_is_local(address, local, text):
    assert address.is_local is local
    assert str(address) == text


def pool(*addresses):
    return PoolAddress(tuple(PoolMachine(f"m{place}", address) for place, address in enumerate(addresses)))


def test_a_pool():
    far, near = TCPAddress("10.0.0.1", 1), UnixAddress("/a")
    assert [pool(*some).is_local for some in ((far,), (near,), (near, far))] == [False, True, False]
    assert [str(pool(*some)) for some in ((far,), (far, near))] == ["pool of 1 machine", "pool of 2 machines"]
    both = pool(far, near)
    assert both.for_user("../evil") is both


def test_a_machine_is_known_by_its_address():
    blue = PoolMachine("blue", TCPAddress("Lab-1.example.org", 5901))
    assert blue.key == PoolMachine("red", TCPAddress("lab-1.example.org", 5901), Credentials("u")).key
    assert blue.key != PoolMachine("blue", TCPAddress("lab-1.example.org", 5902)).key
    assert blue.key is blue.key, "it is not computed for each comparison"
    assert blue.key not in repr(blue)
    assert "lab" not in blue.key


def test_desktops_of_all_users_have_one_address():
    assert DesktopAddress().for_user("ann") == DesktopAddress()


def test_what_a_certificate_is_for():
    assert TCPAddress("lab.example.org", 5901).hostname == "lab.example.org"


def test_a_socket_is_a_file_while_its_server_runs():
    assert UnixAddress("/run/vnc/ann").socket == "/run/vnc/ann"


def test_each_has_a_desktop_and_a_machine_of_their_own():
    assert DesktopAddress().place("ann", "desk") != DesktopAddress().place("bob", "desk")
    assert pool().place("ann", "lab") == ("pool", "ann", "lab")
    assert DesktopAddress().identity == DesktopAddress().identity
    assert DesktopAddress().identity != TCPAddress("a", 1).identity


def test_a_desktop_in_a_users_server_is_one_of_that_server():
    address = UserServerAddress("second")
    assert address.for_user("ann") is address
    assert address.place("ann", "desk") != UserServerAddress("").place("ann", "desk")
    assert address.place("ann", "desk") != address.place("amy", "desk")
    assert address.identity != UserServerAddress("").identity
    assert str(address) == "user's server"
    assert (address.spec, address.is_local, DesktopAddress().server) == (None, False, None)
