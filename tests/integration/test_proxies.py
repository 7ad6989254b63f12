"""What stands between browser and Jupyter: its own TLS, nginx with TLS, the hub's proxy. The bytes are the same.

Which way they went is in the log: where TLS ends before it gets here, nothing of a picture is copied.
"""

import asyncio
import hashlib
import json
import os
import random
import ssl
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from playwright.async_api import async_playwright
from tornado.httpclient import HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.websocket import websocket_connect

from demo.processes import free_port, running
from tests.chromium import ARGUMENTS, CHROMIUM
from tests.fakes import vnc_server
from tests.integration import real
from tests.integration.certificates import Authority
from tests.rfb import viewer_says as say

pytestmark = pytest.mark.real

SIZE = 24 << 20
#: Installed by the Makefile.
PROXY = Path(__file__).parents[2] / ".make/npm/node_modules/.bin/configurable-http-proxy"
NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    location / {{
      proxy_pass http://127.0.0.1:{behind};
      proxy_http_version 1.1;
      proxy_set_header Host {host};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      {more}
    }}
  }}
}}
"""


@pytest.fixture
def certificate(tmp_path):
    return Authority(tmp_path / "authority").sign("127.0.0.1")


@asynccontextmanager
async def jupyters_own_tls(app, port, certificate, folder):
    """The same application on a port with TLS, as ``ServerApp.certfile`` makes it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.certificate, certificate.key)
    server = HTTPServer(app.web_app, ssl_options=context)
    server.listen(free := free_port(), "127.0.0.1")
    try:
        yield f"https://127.0.0.1:{free}"
    finally:
        server.stop()
        await server.close_all_connections()


@asynccontextmanager
async def nginx(app, port, certificate, folder):
    """nginx, as its documentation says that websockets are proxied, with TLS towards the browser."""
    with _nginx(port, certificate, folder) as free:
        await _answers(free)
        yield f"https://127.0.0.1:{free}"


@asynccontextmanager
async def hubs_proxy(app, port, certificate, folder):
    """configurable-http-proxy, which JupyterHub puts in front of its users' servers; TLS would be another's."""
    if not PROXY.exists():
        real.require("configurable-http-proxy")
    program = str(PROXY) if PROXY.exists() else "configurable-http-proxy"
    argv = [program, "--ip", "127.0.0.1", "--port", str(free := free_port()), "--api-ip", "127.0.0.1"]
    argv += ["--api-port", str(free_port()), "--default-target", f"http://127.0.0.1:{port}"]
    with running(argv, folder / "proxy.log", env=os.environ | {"CONFIGPROXY_AUTH_TOKEN": "x"}, cwd=folder):
        await _answers(free)
        yield f"http://127.0.0.1:{free}"


async def _answers(port):
    """Wait until somebody listens."""
    async with asyncio.timeout(real.PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.05)
            else:
                writer.transport.abort()
                return


@contextmanager
def _nginx(behind, certificate, folder, host="$http_host", more=""):
    real.require("nginx")
    places = {
        "host": host,
        "more": more,
        "folder": folder,
        "certificate": certificate.certificate,
        "key": certificate.key,
    }
    config, port = folder / "nginx.conf", free_port()
    config.write_text(NGINX.format(port=port, behind=behind, **places))
    argv = ["nginx", "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    with running(argv, folder / "nginx.log", env=os.environ, cwd=folder):
        yield port


@pytest.mark.parametrize(
    ("front", "way"),
    [
        pytest.param(jupyters_own_tls, "bytes are copied: the browser's connection is encrypted", id="TLS"),
        pytest.param(nginx, "zero copy", id="nginx"),
        pytest.param(hubs_proxy, "zero copy", id="JupyterHub's proxy"),
    ],
)
async def test_the_bytes_are_the_same(
    front, way, client, jp_serverapp, jp_http_port, certificate, tmp_path, add_target, logged
):
    picture = random.randbytes(SIZE)

    async def script(peer):
        await vnc_server._log_in(peer)
        await asyncio.gather(peer.send(picture), peer.listen())

    async with vnc_server.serving(script) as target, front(jp_serverapp, jp_http_port, certificate, tmp_path) as origin:
        add_target("lab", {"host": target.address.host, "port": target.address.port})
        token = (await client.issue("lab"))["token"]
        request = HTTPRequest(
            origin.replace("http", "ws") + client.url("/ws"),
            headers=client.token | {"Origin": origin},
            ca_certs=str(certificate.ca),
        )
        browser = await websocket_connect(request, subprotocols=["binary", f"vnc.token.{token}"])
        for words in (b"RFB 003.008\n", b"\x01", b"\x01"):
            await browser.write_message(words, binary=True)
        greeting = len(b"RFB 003.008\n\x01\x01") + 4 + len(vnc_server.SERVER_INIT)
        came, typed = bytearray(), b""
        async with asyncio.timeout(real.PATIENCE):
            while len(came) < greeting + SIZE:
                came += await browser.read_message()
                if len(typed) < 8 * 20:
                    await browser.write_message(say.key(), binary=True)
                    typed += say.key()
            assert await target.got(len(typed)) == typed
        assert hashlib.sha256(came[greeting:]).digest() == hashlib.sha256(picture).digest()
        assert way in logged()
        browser.close()
        assert await browser.read_message() is None


#: Whether the browser says of each request whose page it is; without TLS, and away from loopback, it does not.
NO_METADATA = "proxy_set_header Sec-Fetch-Site ''; proxy_set_header Sec-Fetch-Dest '';"


@asynccontextmanager
async def browsing():
    """A browser, to which the certificates of these tests are good enough."""
    real.require(CHROMIUM)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page(ignore_https_errors=True)
        yield page
        await browser.close()


@pytest.mark.browser
@pytest.mark.parametrize(("more", "says"), [("", ".jp-VNC-card"), (NO_METADATA, ".jp-VNC-late")])
async def test_a_proxy_that_changes_the_host_is_told_of(
    more, says, client, jp_http_port, certificate, tmp_path, add_target
):
    """With nginx's own default for ``Host`` the page says what was asked for, and what to configure."""
    add_target("lab", {"host": "127.0.0.1", "port": 1})
    behind = f"127.0.0.1:{jp_http_port}"
    with _nginx(jp_http_port, certificate, tmp_path, host="$proxy_host", more=more) as port:
        await _answers(port)
        async with browsing() as page:
            await page.goto(
                f"https://127.0.0.1:{port}{client.base}vnc/view/lab?token={client.app.identity_provider.token}"
            )
            await page.wait_for_selector(f"{says} >> text={behind}")
            said = await page.inner_text(says)
            assert "proxy_set_header Host $http_host;" in said
            assert "allow_origin" in said
            if not more:
                assert f"https://127.0.0.1:{port}" in said


@pytest.mark.browser
async def test_with_the_origin_that_the_page_names_it_works(
    client, jp_serverapp, jp_http_port, certificate, tmp_path, add_target
):
    add_target("lab", {"host": "127.0.0.1", "port": 1})
    with _nginx(jp_http_port, certificate, tmp_path, host="$proxy_host") as port:
        await _answers(port)
        jp_serverapp.web_app.settings["allow_origin"] = f"https://127.0.0.1:{port}"
        async with browsing() as page:
            await page.goto(
                f"https://127.0.0.1:{port}{client.base}vnc/view/lab?token={client.app.identity_provider.token}"
            )
            # The target does not exist: only a viewer with a token and an open websocket can know that.
            await page.wait_for_selector(".jp-VNC-card >> text=cannot be reached")


async def test_a_request_of_another_origin_is_told_what_to_configure(client):
    host = client.origin.removeprefix("http://")
    for origin, shown in (("https://lab.example", "https://lab.example"), ("<b>&'x'", "&lt;b&gt;&amp;&#39;x&#39;")):
        headers = {"Cookie": (await client.log_in())["Cookie"], "Origin": origin}
        page = await client.fetch("/view/lab", headers=headers)
        assert page.code == 403
        text = page.body.decode()
        assert f"<code>{host}</code>" in text
        assert f"<code>{shown}</code>" in text
        assert "<script" not in text
        assert "allow_origin" in text
        data = await client.fetch("/api/targets", headers=headers)
        assert (data.code, json.loads(data.body)["reason"]) == (403, "origin")
        for value in (host, origin, "allow_origin", "proxy_set_header Host $http_host;"):
            assert value in json.loads(data.body)["message"]
