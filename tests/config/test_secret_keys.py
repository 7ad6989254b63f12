"""Secrets taken out of a target's keys and put back, wherever they are."""

from jupyter_vnc.config.secret_keys import join, kept, recipients, split

POOL = {"pool": {"machines": {"m1": {"host": "a", "password": "one"}, "m.2": {"host": "b"}}}, "password": "all"}


def test_what_is_split_has_no_secret_and_is_joined_again():
    public, secrets = split(POOL)
    assert secrets == {"password": "all", "pool.machines.m1.password": "one"}
    assert "one" not in repr(public)
    assert sorted(kept(public)) == sorted(secrets)
    assert join(public, secrets) == POOL
    assert POOL["password"] == "all", "it is a copy"
    assert join(public, {})["password"] is True


def test_a_new_secret_is_not_replaced_by_the_stored_one():
    assert join({"host": "a", "password": "new"}, {"password": "old"}) == {"host": "a", "password": "new"}


def test_a_secret_of_a_list_of_machines_goes_to_each_of_them():
    both = recipients({"pool": {"machines": ["a:5901", "b:5901"]}}, "password")
    assert len(both) == 2
    assert both > recipients({"pool": {"machines": ["b:5901"]}}, "password")


def test_a_secret_goes_to_its_own_servers():
    assert recipients(POOL, "pool.machines.m1.password") == recipients({"host": "a"}, "password")
    assert recipients(POOL, "password") == recipients({"host": "a"}, "password") | recipients({"host": "b"}, "password")
    assert recipients({"host": "a"}, "password") != recipients({"host": "a", "tls": {"mode": "off"}}, "password")
    assert recipients({"host": "a"}, "password") != recipients({"host": "a", "port": 1}, "password")


def test_nonsense_has_no_secrets():
    for keys in (
        {"pool": 5},
        {"pool": {"machines": 5}},
        {"tls": []},
        {"password": 5},
        {"pool": {"machines": {"a": 5}}},
    ):
        assert split(keys)[1] == {}
        recipients(keys, "password")
        recipients(keys, "pool.machines.a.password")
