"""What `deploy/` has for containers, run without them: its hub, nginx, and processes, with its commands and probes.

One process is that of Compose, the other one that of Kubernetes: they have the same secrets, and act as one.
"""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
import requests

from demo.processes import free_port, stop
from tests.hub import hub as hubs
from tests.stores.course import nginx
from tests.stores.services import ACCESS, PREFIX, SERVICE, hub, person
from tests.test_deploy_containers import COMPOSE, CONTAINER, DEPLOY, HEALTH, MANIFESTS, POD, PORT, SECRET

pytestmark = pytest.mark.timeout(400)

PASSWORD = "t0ld-to-all"
#: In the places of the containers' own: everything listens on loopback, and the proxy is ours.
PLACES = """
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_ip = c.JupyterHub.hub_connect_ip = "127.0.0.1"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
"""


class Deployed(hubs.Hub):
    """The hub of Compose; its service is started by the tests."""

    service_token = SERVICE

    def __init__(self, folder, front):
        super().__init__(folder, "", external=True)
        ports = dict(zip(("hub_port", "api_port"), (free_port(), free_port()), strict=True))
        self.port = free_port()
        self.api = f"http://127.0.0.1:{ports['hub_port']}/hub/api"
        text = (DEPLOY / "compose/jupyterhub_config.py").read_text()
        assert "http://proxy" in text
        text += PLACES.format(port=self.port, proxy=str(hubs.PROXY), **ports)
        (folder / "jupyterhub_config.py").write_text(text.replace("http://proxy", front))


@pytest.fixture
def secrets(postgres):
    """What both processes have the same of, as the keys of the Secret."""
    values = {
        "db-url": postgres.new_database("deployed"),
        "cookie-secret": os.urandom(32).hex(),
        "metrics-token": os.urandom(32).hex(),
        "keys": "a" * 43 + "=",
    }
    assert values.keys() == SECRET["stringData"].keys()
    return values


def of_compose(folder, secrets):
    """The configuration and environment of one process of Compose."""
    text = (DEPLOY / "compose/config.py").read_text()
    url = "postgresql+psycopg://vnc:{os.environ['POSTGRES_PASSWORD']}@db/vnc"
    assert f'f"{url}"' in text
    (folder / "cookie-secret").write_text(secrets["cookie-secret"])
    (folder / "cookie-secret").chmod(0o600)
    text = text.replace(f'f"{url}"', repr(secrets["db-url"])).replace("/etc/jupyter/vnc", str(folder))
    service = COMPOSE["vnc-1"]
    return service["command"], text, service["environment"] | {"JUPYTER_VNC_KEYS": secrets["keys"]}


def of_kubernetes(folder, secrets):
    """The configuration and environment of a pod; here the files belong to the account that runs the tests."""
    (folder / "secrets").mkdir()
    for name, value in secrets.items():
        (folder / "secrets" / name).write_text(value)
        (folder / "secrets" / name).chmod(0o400)
    text = MANIFESTS["ConfigMap"]["data"]["config.py"].replace("/etc/jupyter/vnc", str(folder))
    assert POD["spec"]["volumes"]
    return CONTAINER["command"], text, {one["name"]: one["value"] for one in CONTAINER["env"] if "value" in one}


@contextmanager
def process(folder, made, api, port):
    """One process, in a folder of its own to work in."""
    command, text, environment = made
    (folder / "config.py").write_text(text)
    (work := folder / "work").mkdir()
    variables = {
        "JUPYTERHUB_API_TOKEN": SERVICE,
        "JUPYTERHUB_API_URL": api,
        "JUPYTERHUB_SERVICE_URL": environment["JUPYTERHUB_SERVICE_URL"]
        .replace("0.0.0.0", "127.0.0.1")
        .replace(str(PORT), str(port)),
    }
    argv = [sys.executable, *command[1:-1], f"--config={folder / 'config.py'}"]
    with (folder / "log").open("wb") as log:
        started = subprocess.Popen(
            argv, cwd=work, env=hubs.environment() | environment | variables, stdout=log, stderr=log
        )
    try:
        yield work
    finally:
        stop(started, 60)
    assert "Traceback" not in (folder / "log").read_text()


def probe(port):
    """Ask as Compose does; return how that ended."""
    _, _, option, code = COMPOSE["vnc-1"]["healthcheck"]["test"]
    code = code.replace(f":{PORT}/", f":{port}/")
    return subprocess.run([sys.executable, option, code], check=False, capture_output=True, timeout=60).returncode


@contextmanager
def deployed(folder, secrets, api, hub="http://127.0.0.1:1", port=None):
    """Run both processes behind nginx, in front of a hub; yields nginx's URL once they answer."""
    one, two = free_port(), free_port()
    folders = [folder / name for name in ("front", "compose", "kubernetes")]
    for made in folders:
        made.mkdir()
    compose = process(folders[1], of_compose(folders[1], secrets), api, one)
    kubernetes = process(folders[2], of_kubernetes(folders[2], secrets), api, two)
    with compose, kubernetes as work, nginx(folders[0], [one, two], hub, port) as url:
        for place in (f"http://127.0.0.1:{one}", f"http://127.0.0.1:{two}", url):
            answers(f"{place}{HEALTH}")
        yield url, one, two
        assert [*work.iterdir()] == [], "a pod keeps nothing"


def answers(url):
    """Wait until it does."""
    end = time.monotonic() + hubs.START
    while True:
        try:
            if requests.get(url, timeout=20).ok:
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < end, url
        time.sleep(0.1)


def test_processes_of_compose_and_kubernetes_act_as_one_behind_nginx(tmp_path, secrets):
    may = {"scopes": [ACCESS, "custom:jupyter-vnc:control"]}
    people = {name: person(name, admin=name == "ada") | may for name in ("ada", "ann")}
    with hub(people) as api, deployed(tmp_path, secrets, api) as (url, one, two):
        until_healthy(one)
        as_ada, as_ann = ({"Authorization": f"token {name}"} for name in ("ada", "ann"))
        for port in (one, two):
            until_the_database_is_up(port, as_ada)
        target = {"name": "lab", "keys": {"host": "127.0.0.1", "port": 1, "password": "s3cret"}}
        added = requests.post(f"{url}{PREFIX}/api/registry", json=target, headers=as_ada, timeout=60)
        assert added.status_code == 201, added.text
        for port in (one, two):
            until_listed(f"http://127.0.0.1:{port}{PREFIX}/api/targets", as_ann)
        until_the_database_is_up(two, {"Authorization": f"Bearer {secrets['metrics-token']}"})
    assert probe(one) != 0, "nobody is there any more"


def until_the_database_is_up(port, headers):
    """Wait until a process says so: it answers before it has made its tables."""
    end = time.monotonic() + hubs.PATIENCE
    url = f"http://127.0.0.1:{port}{PREFIX}/metrics"
    while "jupyter_vnc_database_up 1.0" not in (said := requests.get(url, headers=headers, timeout=60).text):
        assert time.monotonic() < end, said
        time.sleep(0.1)


def until_healthy(port):
    """Wait until the probe says so; its five seconds are few on a busy machine."""
    end = time.monotonic() + hubs.PATIENCE
    while (code := probe(port)) != 0:
        assert time.monotonic() < end, code
        time.sleep(0.1)


def until_listed(url, headers):
    """Wait until a process lists the target that another one has registered."""
    end = time.monotonic() + hubs.PATIENCE
    while [row["name"] for row in requests.get(url, headers=headers, timeout=60).json()] != ["lab"]:
        assert time.monotonic() < end, url
        time.sleep(0.1)


@pytest.mark.endurance
def test_a_login_at_the_hub_of_compose(tmp_path, secrets, monkeypatch):
    monkeypatch.setenv("VNC_SERVICE_TOKEN", SERVICE)
    monkeypatch.setenv("HUB_PASSWORD", PASSWORD)
    (tmp_path / "hub").mkdir()
    front = free_port()
    real = Deployed(tmp_path / "hub", f"http://127.0.0.1:{front}")
    try:
        real.start_hub()
        with deployed(tmp_path, secrets, real.api, f"http://127.0.0.1:{real.port}", front) as (url, *_):
            real.url = url
            real.wait_for(f"{url}/hub/login", 200)
            ann = hubs.Person(real, "ann", PASSWORD)
            assert ann.enter().ok
            for _ in range(4):  # in turn
                assert isinstance(ann.names(), list)
    finally:
        real.close()
