"""How a notebook reaches the server that started it: with TLS of the server's own, without a login, past any proxy."""

import json
import os
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from jupyter_vnc.app import VNCExtension
from jupyter_vnc.notebook import connection
from jupyter_vnc.notebook.server import NotebookError, Server, find
from jupyter_vnc.notebook.viewer import Viewer
from tests.integration.certificates import Authority


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Two, for a name that is not in the address, by an authority that nobody knows."""
    authority = Authority(tmp_path_factory.mktemp("tls") / "ca")
    return authority.sign("lab.example.org"), authority.sign("other.example.org", expired=True)


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.server.said.append((self.path, dict(self.headers), self.rfile.read(length)))
        body = json.dumps({"mode": "view", "token": "t"}).encode()
        self.send_response(self.server.code)
        if self.server.elsewhere:
            self.send_header("Location", self.server.elsewhere)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextmanager
def serving(certificate=None, code=200):
    """A server on the loopback interface; ``said`` is what it was asked."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.said, server.code, server.errors, server.elsewhere = [], code, [], ""
        server.handle_error = lambda *_: server.errors.append("a client that left")
        server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.url = f"http{'s' * bool(certificate)}://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("which", [0, 1])
def test_the_servers_own_certificate_is_enough(certificates, which):
    one = certificates[which]
    with serving(one) as server:
        ours = Server(server.url, "secret", connection.fingerprint(one.certificate))
        assert ours.call("POST", "api/tokens", {"target": "desk"})["token"] == "t"
        ((path, headers, body),) = server.said
    assert (path, headers["Authorization"], json.loads(body)) == (
        "/vnc/api/tokens",
        "token secret",
        {"target": "desk"},
    )


def test_another_certificate_gets_no_token(certificates):
    ours, other = certificates
    with serving(other) as server:
        for pin in (connection.fingerprint(ours.certificate), ""):
            with pytest.raises(NotebookError, match="does not answer"):
                Server(server.url, "secret", pin).call("POST", "api/tokens", {})
        assert server.said == []


def test_the_websocket_is_pinned_too(certificates):
    ours, other = certificates
    with serving(ours) as good, serving(other) as bad:
        server = Server(good.url, "secret", connection.fingerprint(ours.certificate))
        with pytest.raises(NotebookError, match="refused the connection"):  # this one answers 200 to everything
            Viewer(server, "desk")
        with pytest.raises(OSError, match="another certificate"):
            connection.open_socket(bad.url, server.certificate, 5)


def test_no_proxy_sees_a_token(monkeypatch):
    with serving() as proxy, serving() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        Server(server.url, "secret").call("POST", "api/tokens", {})
        assert proxy.said == []
        assert [path for path, _, _ in server.said] == ["/vnc/api/tokens"], "a proxy gets the whole URL"


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_other_server_gets_a_token_because_ours_names_it(method, code):
    with serving() as other, serving(code=code) as server:
        server.elsewhere = other.url
        with pytest.raises(NotebookError, match=f"The Jupyter server answered: {code}"):
            Server(server.url, "secret").call(method, "api/targets", None if method == "GET" else {})
        assert (len(server.said), other.said) == (1, [])


def test_a_server_without_login_is_asked_without_one(monkeypatch, tmp_path):
    with serving() as server:
        ours = description(monkeypatch, tmp_path, {"url": server.url, "token": "", "password": False})
        ours.call("POST", "api/tokens", {})
        ((_, headers, _),) = server.said
    assert "Authorization" not in headers
    assert headers["Cookie"] == f"_xsrf={headers['X-Xsrftoken']}"


def test_a_server_with_a_password_only(monkeypatch, tmp_path):
    with pytest.raises(NotebookError, match="asks for a password"):
        description(monkeypatch, tmp_path, {"url": "http://127.0.0.1:1/", "token": "", "password": True})
    with serving(code=403) as server, pytest.raises(NotebookError, match="asks for a password"):
        # Jupyter's description does not know of every way to configure one.
        description(monkeypatch, tmp_path, {"url": server.url, "token": ""}).call("POST", "api/tokens", {})


def description(monkeypatch, folder, info):
    """The server that a notebook finds."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    (folder / f"jpserver-{os.getpid()}.json").write_text(json.dumps(info))
    return find({"JPY_PARENT_PID": str(os.getpid()), connection.CERTIFICATE: "f" * 64})


def test_a_server_tells_which_certificate_it_has(certificates, monkeypatch):
    monkeypatch.setenv(connection.CERTIFICATE, "of the server that started this one")
    for certfile, expected in (
        (str(certificates[0].certificate), certificates[0].fingerprint.replace(":", "")),
        ("", None),
        ("/nowhere", None),
    ):
        extension = VNCExtension()
        monkeypatch.setattr(VNCExtension, "serverapp", type("App", (), {"certfile": certfile})())
        extension._name_certificate()
        assert os.environ.get(connection.CERTIFICATE) == expected


@pytest.fixture
def jp_server_config(certificates):
    mine = {"certfile": str(certificates[0].certificate), "keyfile": str(certificates[0].key)}
    return {"ServerApp": {"jpserver_extensions": {"jupyter_vnc": True}, **mine}}


def test_a_server_with_tls_tells_its_programs_when_it_starts(monkeypatch, request, certificates):
    monkeypatch.setenv(connection.CERTIFICATE, "of the server that started this one")
    request.getfixturevalue("jp_serverapp")
    assert os.environ[connection.CERTIFICATE] == connection.fingerprint(certificates[0].certificate)
