"""Addresses and credentials as values: what of a request reaches an address, and what shows nowhere."""

import pytest

from jupyter_vnc.exceptions import TargetNotFound
from jupyter_vnc.model.addresses import DesktopAddress, PoolAddress, PoolMachine, TCPAddress, UnixAddress
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
def test_a_user_name_becomes_part_of_an_address(name):
    assert TCPAddress("vnc-{username}", 5900).for_user(name).host == f"vnc-{name}"
    assert UnixAddress("/r/{username}.s").for_user(name) == UnixAddress(f"/r/{name}.s", owner=name)


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
