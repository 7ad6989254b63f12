"""What somebody sees who has configured nothing, and somebody who brings a website's list of targets along."""

import html
import json
import re

import pytest

from jupyter_vnc.config.targets import parse_targets
from jupyter_vnc.desktops.x11 import xvnc

THREE = "lab-1: lab-1.example.org:5901\nlab-2: [::1]:5902\nlab-3: unix_socket:/run/vnc/lab-3.sock\n"


@pytest.fixture(params=["nothing at all", "token.conf"])
def site(request, tmp_path, monkeypatch):
    """A server without an X server: with no target, or with those of a file for websockify."""
    monkeypatch.setattr(xvnc, "CANDIDATES", ("/missing/Xvnc",))
    if request.param == "nothing at all":
        return None
    file = tmp_path / "token.conf"
    file.write_text(THREE)
    return file


@pytest.fixture
def jp_server_config(site):
    config = {"ServerApp": {"jpserver_extensions": {"jupyter_vnc": True}}}
    if site is not None:
        config["VNCBroker"] = {"target_sources": ["config", "websockify"]}
        config["WebsockifyTargets"] = {"source": str(site), "defaults": {"category": "Microscopes"}}
    return config


async def test_mistakes_are_shown_to_who_looks_after_the_server(client, site):
    """What is left out, or is an older version than its file, is said on the page of the server's owner."""
    text, _ = await look(client)
    assert "Mistakes in the configuration" not in text
    if site is not None:
        site.write_text(THREE.replace("lab-2: ", "lab-2:<b>"))
        text, names = await look(client)
        assert "Mistakes in the configuration" in text
        assert f"{site}, line 2: must be &#39;name: host:port&#39;" in text
        assert "&lt;b&gt;" not in text
        assert names == ["lab-1", "lab-2", "lab-3"]


async def look(client):
    """The page and the names that its cards and ``GET api/targets`` have."""
    page = await client.fetch("/", headers=client.token)
    rows = json.loads((await client.fetch("/api/targets", headers=client.token)).body)
    assert page.code == 200
    text = page.body.decode()
    assert re.findall(r'data-target="([^"]*)"', text) == [row["name"] for row in rows]
    return text, [row["name"] for row in rows]


@pytest.mark.parametrize("site", ["nothing at all"], indirect=True)
async def test_a_server_without_a_desktop_says_what_to_do(client, broker, tmp_path):
    page, names = await look(client)
    assert names == []
    assert "No X server with VNC is installed: run `apt-get install" in page
    # What `jupyter vnc doctor` finds, with its command.
    report = broker.examine()
    assert report.wrong[0].name == "X server"
    assert all(finding.said in html.unescape(page) for finding in report.wrong)
    if report.command:
        assert f"<code>{report.command}</code>" in page
    assert (await client.fetch("/api/tokens", "POST", client.token, {"target": "desktop"})).code == 404
    # What the page tells people to write is good.
    (example,) = re.findall(r"<code># jupyter_server_config\.py\nc\.VNCBroker\.targets = (.*?)</code>", page, re.DOTALL)
    password = tmp_path / "passwd"
    password.touch(0o600)
    targets, errors = parse_targets(eval(example.replace("/etc/jupyter/vnc/lab-1.passwd", str(password))))
    assert (list(targets), errors) == (["lab-1"], [])


@pytest.mark.parametrize("site", ["token.conf"], indirect=True)
async def test_a_websites_three_lines_are_three_desktops_and_a_fourth_needs_no_restart(client, site):
    page, names = await look(client)
    assert names == ["lab-1", "lab-2", "lab-3"]
    assert "lab-1.example.org" not in page
    assert page.count("<span>Microscopes</span>") == 3
    with site.open("a") as file:
        file.write("lab-4: 10.1.2.3:5904\n")
    page, names = await look(client)
    assert names == ["lab-1", "lab-2", "lab-3", "lab-4"]
    assert "10.1.2.3" not in page
    issued = await client.issue("lab-4")
    assert (issued["target"], len(issued["token"])) == ("lab-4", 43)
    site.write_text(THREE)
    assert (await client.fetch("/api/tokens", "POST", client.token, {"target": "lab-4"})).code == 404


@pytest.mark.parametrize("site", ["nothing at all"], indirect=True)
async def test_after_the_command_there_is_a_desktop_without_a_restart(client, tmp_path, monkeypatch):
    page, names = await look(client)
    assert names == []
    assert "There is no desktop for you yet" in page
    program = tmp_path / "Xtigervnc"
    program.write_text("#!/bin/sh\necho 'Xvnc TigerVNC 1.15.0 - built 2026-07-03'\n")
    program.chmod(0o755)
    monkeypatch.setattr(xvnc, "CANDIDATES", (str(program),))
    page, names = await look(client)
    assert names == ["desktop"]
    assert "There is no desktop for you yet" not in page
