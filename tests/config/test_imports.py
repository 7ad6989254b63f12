"""Lists of machines of other programs, read and written."""

import pytest

from jupyter_vnc.config.exports import as_config, as_csv
from jupyter_vnc.config.imports import READERS, Row, read_csv, read_guacamole, read_target_file, read_tokens


def found(rows):
    return {row.name: row.keys for row in rows}


def test_a_table_has_numbers_lists_and_dictionaries():
    text = (
        "\ufeffname,host,port,allow_groups,tls.mode,power,connect_timeout,pool.machines,title\r\n"
        'a,h,5901,course-a; course-b,x509,yes,2.5,,"A, one"\r\n'
        "\r\n"
        "b,,,,,,,h1:5901 [::1]:5902,\r\n"
    )
    rows = list(read_csv(text))
    assert rows[0].keys == {
        "host": "h",
        "port": 5901,
        "allow_groups": ["course-a", "course-b"],
        "tls": {"mode": "x509"},
        "power": True,
        "connect_timeout": 2.5,
        "title": "A, one",
    }
    assert rows[1] == Row("line 4", "b", {"pool": {"machines": ["h1:5901", "[::1]:5902"]}})


def test_a_table_with_semicolons_is_one_too():
    assert found(read_csv("name;host;port\na;h;5901\n")) == {"a": {"host": "h", "port": 5901}}


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("", "line 1", "must name the columns"),
        ("host,port\nh,1\n", "line 1", "one of them 'name'"),
        ("name,host\na,h,5901\n", "line 2", "has 3 columns"),
        ("name,tls,tls.mode\na,x,off\n", "line 2", "is a column of its own"),
        ("name,pool\na,h\n", "line 2", "pool.machines"),
        ('name,host\n"a"x,h\n', "line 2", "is not CSV"),
    ],
)
def test_mistakes_of_a_table_are_named_by_line(text, where, said):
    (row,) = read_csv(text)
    assert row.where == where
    assert said in row.error


def test_a_token_file_of_websockify():
    text = "# lab\nlab-1: 10.0.0.1:5901\nlab-2: unix_socket:/run/x\nsix: fe80::1:5900\nbad\nworse: h:port\n"
    rows = list(read_tokens(text))
    assert found(rows)["lab-1"] == {"host": "10.0.0.1", "port": 5901}
    assert found(rows)["lab-2"] == {"socket": "/run/x"}
    assert found(rows)["six"] == {"host": "fe80::1", "port": 5900}
    assert [(row.where, bool(row.error)) for row in rows[3:]] == [("line 5", True), ("line 6", True)]


def test_files_of_targets():
    assert found(read_target_file('host = "h"\n[tls]\nmode = "off"\n', "lab.toml")) == {
        "lab": {"host": "h", "tls": {"mode": "off"}}
    }
    assert found(read_target_file('{"host": "h"}', "lab-2.json")) == {"lab-2": {"host": "h"}}
    for text, name in (("host = ", "a.toml"), ("[1]", "a.json"), ("[" * 100_000, "a.json"), ("x", "a.txt")):
        (row,) = read_target_file(text, name)
        assert row.error, name


MAPPING = """<user-mapping>
  <authorize username="ann" password="guac-pw">
    <protocol>vnc</protocol><param name="hostname">old.example.org</param><param name="password">pw-0</param>
  </authorize>
  <authorize username="bob" password="x">
    <connection name="Lab 1"><protocol>vnc</protocol><param name="hostname">h</param><param name="port">5901</param>
      <param name="password">pw-1</param><param name="read-only">true</param><param name="disable-copy">true</param>
    </connection>
    <connection name="Term"><protocol>ssh</protocol></connection>
  </authorize>
  <authorize username="eve" password="y">
    <connection name="Lab 1"><protocol>vnc</protocol><param name="hostname">h</param><param name="port">5901</param>
      <param name="password">pw-1</param><param name="read-only">true</param><param name="disable-copy">true</param>
    </connection>
  </authorize>
</user-mapping>"""


def test_a_mapping_of_guacamole():
    rows = list(read_guacamole(MAPPING))
    keys = found(rows)
    assert keys["ann"] == {
        "title": "ann",
        "host": "old.example.org",
        "port": 5900,
        "allow_users": ["ann"],
        "password": "pw-0",
    }
    assert keys["Lab-1"] == {
        "title": "Lab 1",
        "host": "h",
        "port": 5901,
        "allow_users": ["bob", "eve"],
        "password": "pw-1",
        "mode": "view",
        "clipboard": "to-desktop",
    }
    assert [row.name for row in rows if row.error] == ["Term"]
    assert "guac-pw" not in repr(keys)


@pytest.mark.parametrize("text", ["<a", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', ""])
def test_what_is_no_mapping_is_an_error(text):
    (row,) = read_guacamole(text)
    assert row.error


@pytest.mark.parametrize("reader", READERS.values())
def test_nothing_that_is_read_raises(reader):
    for text in ("\0", "\ud800", "{}", "[]", "name\n\0\n", ",,,\n,,", "a" * 200_000, "<a>" * 900, '"', "name: :1"):
        for name in ("", "x.json", "x.toml", "\0"):
            list(reader(text, name))


def test_an_export_can_be_imported_and_has_no_secret():
    targets = {
        "a": {"host": "h", "port": 5901, "password": "c4nary", "tls": {"mode": "off"}, "allow_groups": ["x", "y"]},
        "b": {"pool": {"machines": {"m1": {"host": "::1", "port": 1, "password": True}}, "idle_timeout": 9.0}},
        "c": {"host": "h", "title": "=cmd()"},
    }
    text, config = as_csv(targets), as_config(targets)
    assert "c4nary" not in text + config
    assert "password" not in text + config
    back = found(read_csv(text))
    assert back["a"] == {"host": "h", "port": 5901, "tls": {"mode": "off"}, "allow_groups": ["x", "y"]}
    assert back["b"] == {"pool": {"machines": ["[::1]:1"], "idle_timeout": 9.0}}
    assert back["c"]["title"] == "'=cmd()", "a spreadsheet would run it"
    written = {}
    exec(config, {"c": type("C", (), {"VNCBroker": type("B", (), {"targets": written})})})
    assert written["b"] == {"pool": {"machines": {"m1": {"host": "::1", "port": 1}}, "idle_timeout": 9.0}}
