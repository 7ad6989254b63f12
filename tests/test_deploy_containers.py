"""`deploy/` for Compose and Kubernetes: what can be read without a container engine agrees with itself and with us."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet
from traitlets.config import Config

from jupyter_vnc.hub import config as vnc
from jupyter_vnc.hub.files import MIN_SECRET
from jupyter_vnc.stores.database import urls
from tests.test_deploy import ENVIRONMENT, PYTHON, setting

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs/howto/deploy-with-containers.md").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"]
MANIFESTS = {one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes/service.yaml").read_text())}
SECRET = yaml.safe_load((DEPLOY / "kubernetes/secret.yaml").read_text())
POD = MANIFESTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
#: The environment of the unit for systemd, which a test starts.
UNIT = dict(line.split("=", 1) for line in ENVIRONMENT.splitlines() if line and not line.startswith("#"))
COMMAND = ["python", *shlex.split(setting("ExecStart"))[1:]]
#: Every process is reached from outside of its container, and reaches the hub there.
ELSEWHERE = {"JUPYTERHUB_API_URL": "http://hub:8081/hub/api", "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:10205"}
HEALTH = f"{UNIT['JUPYTERHUB_SERVICE_PREFIX']}health"
PORT = 10205


def mounted(kind):
    """Where the pod has a volume, and the volume."""
    (volume,) = (one for one in POD["spec"]["volumes"] if kind in one)
    (mount,) = (one for one in CONTAINER["volumeMounts"] if one["name"] == volume["name"])
    return mount, volume[kind]


def test_each_way_to_start_the_service_has_one_command():
    assert setting("ExecStart").startswith(PYTHON)
    for name in ("vnc-1", "vnc-2"):
        assert COMPOSE[name]["command"] == COMMAND
    assert CONTAINER["command"] == COMMAND
    (in_image,) = re.findall(r"^CMD (.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert yaml.safe_load(in_image) == COMMAND


def test_and_one_environment():
    wanted = {**UNIT, **ELSEWHERE}
    del wanted["JUPYTERHUB_API_TOKEN"]
    assert COMPOSE["vnc-1"] == COMPOSE["vnc-2"]
    composed = COMPOSE["vnc-1"]["environment"]
    assert composed.items() >= wanted.items()
    assert {name: composed[name] for name in composed.keys() - wanted.keys()} == {
        "JUPYTERHUB_API_TOKEN": "${VNC_SERVICE_TOKEN:?}",
        "JUPYTER_VNC_KEYS": "${JUPYTER_VNC_KEYS:?}",
        "POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:?}",
    }
    of_pod = {one["name"]: one.get("value") for one in CONTAINER["env"]}
    assert of_pod == {**wanted, "JUPYTERHUB_API_TOKEN": None}
    (token,) = (one["valueFrom"] for one in CONTAINER["env"] if "valueFrom" in one)
    assert token == {"secretKeyRef": {"name": "hub", "key": "hub.services.vnc.apiToken"}}


def test_compose_has_the_names_that_nginx_and_the_processes_look_up():
    front = (DEPLOY / "compose/nginx.conf").read_text()
    assert set(re.findall(r"server (vnc-\d):10205 ", front)) == {"vnc-1", "vnc-2"} <= COMPOSE.keys()
    assert re.findall(r"proxy_pass http://([\w:-]+);", front) == ["vnc", "hub:8000"]
    limits = re.findall(r"location (\S+) \{\n +client_max_body_size (\w+);", front)
    assert dict(limits) == {UNIT["JUPYTERHUB_SERVICE_PREFIX"]: "8m", "/": "0"}, "people upload notebooks"
    assert front.count("client_max_body_size") == 2
    assert COMPOSE["proxy"]["ports"] == ["127.0.0.1:8000:80"]
    assert "@db/vnc" in (DEPLOY / "compose/config.py").read_text()
    assert {"proxy", "hub", "db"} <= COMPOSE.keys()
    hub = (DEPLOY / "compose/jupyterhub_config.py").read_text()
    assert 'bind_url = "http://:8000"' in hub
    assert f'default_url = "{UNIT["JUPYTERHUB_SERVICE_PREFIX"]}"' in hub, "it starts no servers"
    for name in set(re.findall(r'environ\["(\w+)"\]', hub)):
        assert COMPOSE["hub"]["environment"][name] == f"${{{name}:?}}"
    for service in COMPOSE.values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert not source.startswith("./") or source == "./cookie-secret" or (DEPLOY / "compose" / source).is_file()


def test_compose_asks_for_the_health_that_there_is():
    check = COMPOSE["vnc-1"]["healthcheck"]["test"]
    assert check[:3] == ["CMD", "python", "-c"]
    assert f"http://127.0.0.1:{PORT}{HEALTH}" in check[3]


def test_the_pods_are_those_of_the_service_and_the_budget():
    labels = POD["metadata"]["labels"]
    selectors = [MANIFESTS[kind]["spec"]["selector"] for kind in ("Deployment", "PodDisruptionBudget")]
    for selector in [*(one["matchLabels"] for one in selectors), MANIFESTS["Service"]["spec"]["selector"]]:
        assert selector
        assert selector.items() <= labels.items()
    assert MANIFESTS["Deployment"]["spec"]["replicas"] == 3
    assert MANIFESTS["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    (named,) = CONTAINER["ports"]
    (port,) = MANIFESTS["Service"]["spec"]["ports"]
    assert (named["containerPort"], port["port"], port["targetPort"]) == (PORT, PORT, named["name"])
    assert labels["hub.jupyter.org/network-access-hub"] == "true"


@pytest.mark.parametrize("probe", ["readinessProbe", "livenessProbe", "startupProbe"])
def test_each_probe_asks_for_the_health(probe):
    assert CONTAINER[probe]["httpGet"] == {"path": HEALTH, "port": CONTAINER["ports"][0]["name"]}


def test_a_pod_has_time_to_tell_its_viewers():
    pause = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["spec"]["terminationGracePeriodSeconds"] >= pause + 20


def test_the_secret_has_the_files_of_the_configuration_which_the_group_may_read():
    config = Config()
    exec(MANIFESTS["ConfigMap"]["data"]["config.py"], {"c": config})
    mount, volume = mounted("secret")
    files = {str(value) for name, value in config.VNCHub.items() if name.endswith("_file")}
    assert files == {f"{mount['mountPath']}/{key}" for key in SECRET["stringData"]}
    assert volume == {"secretName": SECRET["metadata"]["name"], "defaultMode": 0o440}
    security = POD["spec"]["securityContext"]
    assert (security["runAsNonRoot"], security["runAsUser"], security["fsGroup"]) == (True, 1000, 1000)
    assert urls.parse(SECRET["stringData"]["db-url"]).get_backend_name() == "postgresql"
    mount, volume = mounted("configMap")
    assert mount["mountPath"] == COMMAND[-1].removeprefix("--config=")
    assert volume["name"] == MANIFESTS["ConfigMap"]["metadata"]["name"]


def test_the_values_of_the_chart_have_our_scopes_and_are_on_the_page():
    text = (DEPLOY / "kubernetes/values.yaml").read_text()
    assert f"```yaml\n{text}```" in (ROOT / "docs/howto/zero-to-jupyterhub.md").read_text()
    hub = yaml.safe_load(text)["hub"]
    assert hub["services"]["vnc"]["url"] == f"http://{MANIFESTS['Service']['metadata']['name']}:{PORT}"
    assert hub["services"]["vnc"]["oauth_client_allowed_scopes"] == list(vnc.scopes())
    scopes = hub["config"]["JupyterHub"]["custom_scopes"]
    ours = vnc.scopes()
    assert {name: one.get("subscopes") for name, one in scopes.items()} == {
        name: one.get("subscopes") for name, one in ours.items()
    }
    (role,) = vnc.roles()
    assert hub["loadRoles"]["vnc-service"] == {"services": role["services"], "scopes": role["scopes"]}


def test_the_command_of_the_page_makes_the_secrets(tmp_path):
    block = re.search(r"```bash\n(cd deploy/compose\n.*?)```", PAGE, re.DOTALL)[1]
    (tmp_path / "deploy/compose").mkdir(parents=True)
    subprocess.run(["bash", "-eu", "-c", block], cwd=tmp_path, check=True, timeout=60)
    made = {one.name: one for one in (tmp_path / "deploy/compose").iterdir()}
    assert made.keys() == {".env", "cookie-secret"}
    for ignored in (".gitignore", ".dockerignore"):  # neither into a commit, nor into an image that is built from here
        lines = (ROOT / ignored).read_text().splitlines()
        assert {f"deploy/compose/{name}" for name in made} <= {*lines}, ignored
    assert {one.stat().st_mode & 0o777 for one in made.values()} == {0o600}
    assert len(made["cookie-secret"].read_bytes()) >= MIN_SECRET
    values = dict(line.split("=", 1) for line in made[".env"].read_text().splitlines())
    wanted = set(re.findall(r"\$\{(\w+):\?\}", (DEPLOY / "compose/compose.yaml").read_text()))
    assert values.keys() == wanted
    assert all(len(value) >= 16 for value in values.values())
    assert Fernet(values["JUPYTER_VNC_KEYS"])
