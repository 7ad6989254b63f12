"""The service's TLS: its URL decides, because that is where the hub and its proxy connect to."""

import ssl

import pytest

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.hub import config, files
from tests.integration.certificates import Authority


@pytest.fixture
def internal_ssl(tmp_path, monkeypatch):
    """What a hub with ``internal_ssl`` passes to each service, whatever the service's URL says."""
    certificate = Authority(tmp_path / "ca").sign()
    monkeypatch.setenv("JUPYTERHUB_SSL_KEYFILE", str(certificate.key))
    monkeypatch.setenv("JUPYTERHUB_SSL_CERTFILE", str(certificate.certificate))
    monkeypatch.setenv("JUPYTERHUB_SSL_CLIENT_CA", str(certificate.ca))


def test_the_documented_service_has_none(internal_ssl):
    assert files.tls_context(config.service()["url"]) is None


def test_a_url_with_tls_has_the_hubs_certificates(internal_ssl):
    context = files.tls_context("https://127.0.0.1:10205")
    assert isinstance(context, ssl.SSLContext)
    assert context.cert_store_stats()["x509_ca"] >= 1


def test_a_url_with_tls_needs_certificates(monkeypatch):
    for name in ("KEYFILE", "CERTFILE", "CLIENT_CA"):
        monkeypatch.delenv(f"JUPYTERHUB_SSL_{name}", raising=False)
    assert files.tls_context("http://127.0.0.1:10205") is None
    with pytest.raises(ConfigError, match="internal_ssl"):
        files.tls_context("https://127.0.0.1:10205")
