"""Two Jupyter servers with one configuration and one Redis: what one issues, the other redeems."""

import asyncio
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from demo.processes import free_port
from tests.fakes import vnc_server
from tests.server import Client

TOKEN = "one-login-for-both"


@pytest.fixture
def config(tmp_path, empty_redis):
    """The configuration of both, but for the port. No entry point by name: the metadata may be older."""
    return {
        "IdentityProvider": {"token": TOKEN},
        "VNCBroker": {
            "targets": {"fake": {"socket": str(tmp_path / "vnc.sock")}},
            "token_store": "jupyter_vnc.stores.redis.RedisTokens",
        },
        "RedisTokens": {"url": empty_redis.url},
    }


@pytest.fixture
def jp_server_config(config):
    return config | {"ServerApp": {"jpserver_extensions": {"jupyter_vnc": True, "jupyter_server_terminals": False}}}


class Direct:
    """The HTTP client for a server of another process."""

    def __init__(self, port):
        self._origin = f"http://127.0.0.1:{port}"

    async def fetch(self, url, **options):
        return await AsyncHTTPClient().fetch(self._origin + url, **options)


@pytest.fixture
def start_other(tmp_path, config):
    """Start the second server; the result must be awaited and is a client of it."""
    port, folder = free_port(), tmp_path / "other"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    places = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--config={folder / 'config.json'}"]
    command += ["--ServerApp.jpserver_extensions=jupyter_vnc=True", f"--ServerApp.root_dir={folder}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | places | {"HOME": str(folder)}, stdout=log, stderr=log)

    async def start_other():
        app = SimpleNamespace(base_url="/", identity_provider=SimpleNamespace(token=TOKEN))
        client = Client(app, Direct(port), port)
        async with asyncio.timeout(60):
            while True:
                try:
                    if (await client.fetch("/api/targets", headers=client.token)).code == 200:
                        return client
                except OSError:
                    assert process.poll() is None, (folder / "log").read_text()
                    await asyncio.sleep(0.05)

    yield start_other
    process.terminate()
    process.wait(30)


async def test_what_one_issues_the_other_redeems_once(client, start_other, tmp_path):
    other = await start_other()
    async with vnc_server.recorder(tmp_path / "vnc.sock") as target:
        for issuer, redeemer in ((client, other), (other, client)):
            token = (await issuer.issue("fake"))["token"]
            websocket = await redeemer.connect(token)
            assert await websocket.read_message() == b"RFB 003.008\n\x01\x01"
            await target.until(lambda: target.open == 1)
            (session,) = json.loads((await redeemer.fetch("/api/sessions", headers=redeemer.token)).body)
            assert session["target"] == "fake"
            assert json.loads((await issuer.fetch("/api/sessions", headers=issuer.token)).body) == []
            for server in (issuer, redeemer):
                with pytest.raises(HTTPClientError, match="403"):
                    await server.connect(token)
            websocket.close()
            await target.until(lambda: target.open == 0)
            while json.loads((await redeemer.fetch("/api/sessions", headers=redeemer.token)).body):
                await asyncio.sleep(0.02)
    assert target.connections == 2
