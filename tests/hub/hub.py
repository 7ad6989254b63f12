"""A real JupyterHub with its proxy and the service, and people who log in to it as browsers do."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path

import psutil
import requests
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from demo.processes import free_port

ROOT = Path(__file__).parents[2]
PROXY = ROOT / ".make/npm/node_modules/.bin/configurable-http-proxy"

CONFIG = """
import os
from jupyter_vnc.hub import config as vnc

c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.Spawner.start_timeout = c.Spawner.http_timeout = {start}
c.SimpleLocalProcessSpawner.home_dir_template = {folder!r} + "/home-{{username}}"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {{"root"}}
c.JupyterHub.load_groups = {groups!r}
c.JupyterHub.custom_scopes = vnc.scopes()
c.JupyterHub.services = [
    vnc.service(config_file={folder!r} + "/vnc.py", port={service_port}, **{how!r}),
    {{"name": "tests", "api_token": {token!r}}},
]
c.JupyterHub.load_roles = [
    *vnc.roles(),
    *vnc.course("course-a", instructors=["ada"], watchers=["wim"], managers=["max"]),
    *vnc.course("course-b", instructors={{"users": ["bea"], "groups": ["staff"]}}),
    {{"name": "tests", "services": ["tests"], "scopes": ["admin:groups", "admin:users", "tokens", "admin:servers"]}},
]
"""

#: Seconds that a hub, a service or a server may take for what it is asked, on a machine that has other things to do.
PATIENCE = 60
#: Seconds in which a process that is started has to answer: JupyterHub's own limits are shorter.
START = 120

GROUPS = {"course-a": {"users": ["ann", "amy"]}, "course-b": {"users": ["bob"]}, "staff": {"users": ["sid"]}}


def works_in(process, folder):
    """Whether a process has its working directory in a folder."""
    try:
        return Path(process.cwd()).is_relative_to(folder)
    except psutil.Error:
        return False


def environment():
    """What a process needs to import this project, also where its folder is not the installed one."""
    wanted = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **wanted, "JUPYTERHUB_API_TOKEN": "", "CONFIGPROXY_AUTH_TOKEN": "tests-proxy"}


class Hub:
    """A running hub. ``service`` is the external service's process, where the hub does not start it itself."""

    token = "tests-token"
    service_token = "vnc-token"

    def __init__(self, folder, config, *, more="", groups=None, external=False, own_proxy=False, files=None):
        self.folder = folder
        #: Where the external service runs that is there now.
        self.place = folder
        #: How much the hub had said before that.
        self._said = 0
        self.port, hub_port, api_port, self.service_port = (free_port() for _ in range(4))
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = f"http://127.0.0.1:{hub_port}/hub/api"
        self.service = self._process = None
        how = (
            {"api_token": self.service_token}
            if external
            else {"environment": {"PYTHONPATH": str(ROOT)}, "cwd": str(folder)}
        )
        values = {"port": self.port, "hub_port": hub_port, "api_port": api_port, "service_port": self.service_port}
        values |= {
            "proxy": str(PROXY),
            "folder": str(folder),
            "groups": groups or GROUPS,
            "token": self.token,
            "how": how,
            "start": START,
        }
        (folder / "jupyterhub_config.py").write_text(CONFIG.format(**values) + more)
        (folder / "vnc.py").write_text(config)
        self.external = external
        #: How many files an external service may open: soft and hard limit.
        self.files = files
        self._proxy = None
        if own_proxy:
            self._start_proxy(api_port)

    def start(self):
        """Start the hub, and the service if it is external; wait until both answer."""
        self.start_hub()
        if self.external:
            self.start_service()
        self.wait_for(f"{self.url}/services/vnc/health", 200)
        return self

    def _start_proxy(self, api_port):
        """Start the proxy separately, so that the hub can restart without dropping connections."""
        argv = [str(PROXY), "--ip=127.0.0.1", f"--port={self.port}", f"--api-port={api_port}", "--api-ip=127.0.0.1"]
        self._proxy = self._run("proxy", *argv)

    def start_hub(self):
        """Start the hub; it answers when this returns."""
        self._process = self._run("hub", sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py")
        self.wait_for(f"{self.api}/", 200)

    @contextmanager
    def serving(self, folder, config, *, files=None):
        """Run the external service in a folder of its own, once the hub is there; afterwards another one may run."""
        (folder / "vnc.py").write_text(config)
        self.place, self.files, self._said = folder, files, len(self._read("hub"))
        self.start_service()
        try:
            self.wait_for(f"{self.url}/services/vnc/health", 200)
            yield self
        finally:
            self.stop(self.service)

    def stop_hub(self):
        """Stop the hub alone: its external service and proxy go on."""
        self.stop(self._process)

    def start_service(self):
        """Start an external service."""
        self.service = self._serve("service", self.service_port)

    @contextmanager
    def another_process(self):
        """Another process of an external service, with a folder and a database of its own; yields its URL."""
        folder, port = self.place / "another", free_port()
        folder.mkdir()
        shutil.copy2(self.place / "jupyter-vnc-cookie-secret", folder)
        config = (self.place / "vnc.py").read_text()
        (self.place / "another.py").write_text(f"{config}\nimport os; os.chdir({str(folder)!r})\n")
        process = self._serve("another", port, config="another.py")
        try:
            self.wait_for(f"http://127.0.0.1:{port}/services/vnc/health", 200)
            yield f"http://127.0.0.1:{port}"
        finally:
            self.stop(process)

    def _serve(self, name, port, config="vnc.py"):
        scopes = [f"custom:jupyter-vnc:{name}" for name in ("view", "control", "admin")]
        return self._run(
            name,
            *(["prlimit", "--nofile={}:{}".format(*self.files)] if self.files else []),
            *(sys.executable, "-m", "jupyter_vnc.hub", f"--config={config}"),
            JUPYTERHUB_API_TOKEN=self.service_token,
            JUPYTERHUB_API_URL=self.api,
            JUPYTERHUB_CLIENT_ID="service-vnc",
            JUPYTERHUB_BASE_URL="/",
            JUPYTERHUB_SERVICE_NAME="vnc",
            JUPYTERHUB_SERVICE_PREFIX="/services/vnc/",
            JUPYTERHUB_SERVICE_URL=f"http://127.0.0.1:{port}",
            JUPYTERHUB_OAUTH_CALLBACK_URL="/services/vnc/oauth_callback",
            JUPYTERHUB_OAUTH_ACCESS_SCOPES='["access:services!service=vnc", "access:services"]',
            JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES=json.dumps(scopes),
        )

    def _run(self, name, *argv, **variables):
        folder = self._folder_of(name)
        with (folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                argv,
                cwd=folder,
                env={**environment(), **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, process=None):
        """Stop a process as a service manager does."""
        process = process or self._process
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise

    def close(self):
        """Stop all processes, including the proxy that a failing hub may leave."""
        running = [
            process for process in (self.service, self._process, self._proxy) if process and process.poll() is None
        ]
        below = {child for process in running for child in psutil.Process(process.pid).children(recursive=True)}
        for process in running:
            self.stop(process)
        # A hub that has once started its proxy anew does so again while it stops.
        below |= {process for process in psutil.process_iter() if works_in(process, self.folder)}
        below = psutil.wait_procs(below, 5)[1]
        for left in below:
            with suppress(psutil.NoSuchProcess):
                left.kill()
        psutil.wait_procs(below, PATIENCE)

    def _folder_of(self, name):
        return self.folder if name in {"hub", "proxy"} else self.place

    def _read(self, name):
        return (self._folder_of(name) / f"{name}.log").read_text(errors="replace")

    def log(self, name="hub"):
        """The output of a process so far; of the hub, since the service is there."""
        return self._read(name)[self._said if name == "hub" else 0 :]

    def wait_for(self, url, status, limit=START):
        """Wait until a URL answers with a status."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            try:
                if requests.get(url, timeout=20, allow_redirects=False).status_code == status:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        logs = {*self.folder.glob("*.log"), *self.place.glob("*.log")}
        said = "\n".join(path.read_text(errors="replace")[-4000:] for path in logs)
        raise AssertionError(f"{url} does not answer with {status}:\n{said}")

    def wait_for_log(self, name, words, limit=PATIENCE):
        """Wait until a process has logged something."""
        end = time.monotonic() + limit
        while words not in self.log(name):
            assert time.monotonic() < end, f"{words!r} is not in:\n{self.log(name)[-4000:]}"
            time.sleep(0.05)

    def ask(self, method, path, **more):
        """Ask the hub's API, as an administrator's script does."""
        headers = {"Authorization": f"token {self.token}"}
        answer = requests.request(method, f"{self.api}{path}", headers=headers, timeout=PATIENCE, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer

    def start_servers(self, *names):
        """Start those users' servers that do not run, all at once, and wait until they are there."""
        missing = [name for name in names if not self.server(name).get("ready")]
        with ThreadPoolExecutor(len(names)) as pool:  # the hub answers when a server is there
            list(pool.map(lambda name: self.ask("POST", f"/users/{name}/server"), missing))
        for name in missing:
            self._wait_for_server(name, lambda server: server.get("ready"))

    def stop_server(self, name):
        """Stop a user's server, and wait until the hub knows that it is gone."""
        self.ask("DELETE", f"/users/{name}/server")
        self._wait_for_server(name, lambda server: not server)

    def _wait_for_server(self, name, wanted, limit=2 * START):
        end = time.monotonic() + limit
        while not wanted(self.server(name)):
            assert time.monotonic() < end, self.log()[-4000:]
            time.sleep(0.5)  # asking takes the hub time that it needs for the server

    def server(self, name):
        """What the hub knows of a user's server; empty if there is none."""
        return self.ask("GET", f"/users/{name}").json()["servers"].get("", {})

    def person(self, name):
        """Somebody who is logged in."""
        return Person(self, name)


class Person:
    """A user's browser, with their login and the data of a page of the service."""

    def __init__(self, hub, name, password="x"):
        self.hub = hub
        self.name = name
        self.http = requests.Session()
        page = self.http.get(f"{hub.url}/hub/login", timeout=PATIENCE)
        form = {
            "username": name,
            "password": password,
            "_xsrf": re.search(r'name="_xsrf" value="([^"]+)"', page.text)[1],
        }
        answer = self.http.post(f"{hub.url}/hub/login?next=/hub/home", form, timeout=PATIENCE)
        assert answer.ok, answer.text[:500]
        self.base = "/services/vnc/"

    @property
    def root(self):
        """Where the routes are."""
        return f"{self.hub.url}{self.base}{'' if self.base.startswith('/services/') else 'vnc/'}"

    def at(self, owner):
        """The same browser at somebody's server."""
        other = copy(self)
        other.base = f"/user/{owner}/"
        return other

    def enter(self):
        """Open the page with the desktops, through the hub's login, and its question if there is one; return it."""
        answer = self.http.get(self.root, timeout=PATIENCE, headers={"Sec-Fetch-Mode": "navigate"})
        if "/hub/api/oauth2/authorize" not in answer.url or not answer.ok:
            return answer
        return self.agree(answer)

    def agree(self, answer, **more):
        """Say yes to the hub's question whether the service may know who they are."""
        form = re.findall(r'name="(_xsrf|scopes)"[^>]*?value="([^"]+)"', re.sub(r"\s+", " ", answer.text))
        headers = {"Origin": self.hub.url, "Referer": answer.url, "Sec-Fetch-Mode": "navigate"}
        return self.http.post(answer.url, form, headers=headers, timeout=PATIENCE, **more)

    def ask(self, path, method="GET", *, also=None, **more):
        """Make a request as a page of the service does, with some headers more."""
        cookies = [one.value for one in self.http.cookies if one.name == "_xsrf" and one.path == self.base]
        headers = {"X-XSRFToken": cookies[0] if cookies else "", "Sec-Fetch-Mode": "cors", "Origin": self.hub.url}
        headers |= also or {}
        return self.http.request(
            method, self.root + path, headers=headers, timeout=PATIENCE, allow_redirects=False, **more
        )

    def names(self):
        """The names of the targets that they see."""
        return [row["name"] for row in self.ask("api/targets").json()]

    def issue(self, target, **more):
        """Ask for a token; return status and JSON."""
        answer = self.ask("api/tokens", "POST", json={"target": target, **more})
        return answer.status_code, answer.json()

    def cookies(self):
        """The header with their cookies for the service."""
        return "; ".join(f"{one.name}={one.value}" for one in self.http.cookies if self._sent(one.path))

    def _sent(self, path):
        return path == "/" or self.base.startswith(path)

    async def connect(self, token, *offered):
        """Open the websocket as a browser does."""
        headers = {"Cookie": self.cookies(), "Origin": self.hub.url, "Sec-Fetch-Mode": "websocket"}
        request = HTTPRequest(f"{self.root}ws".replace("http", "ws", 1), headers=headers)
        return await websocket_connect(request, subprotocols=["binary", f"vnc.token.{token}", *offered])

    async def open(self, target, *offered, **more):
        """Ask for a token and connect."""
        status, grant = self.issue(target, **more)
        assert status == 201, grant
        return await self.connect(grant["token"], *offered)


@contextmanager
def running(folder, config, **more):
    """A hub that runs."""
    hub = Hub(folder, config, **more)
    try:
        yield hub.start()
    finally:
        hub.close()
