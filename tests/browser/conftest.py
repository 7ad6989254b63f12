"""One real JupyterLab with real VNC servers behind it, and one real Chromium in front of it."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Error, expect, sync_playwright

from demo.processes import free_port
from tests.chromium import ARGUMENTS, CHROMIUM, PLAIN
from tests.lab import CALM, SPLASH, over, told

VIEWPORT = {"width": 1280, "height": 800}

# A space is given to Jupyter as JupyterHub gives it: quoted.
PREFIX = "/user/a@b%20c/"

# An xterm that is red as soon as it hears clicks, green after "g", and blue after a click.
SCRIPT = r"""#!/bin/bash
printf '\e[?1000h\e[?25l\e]11;#d02040\a'
while IFS= read -rsn1 key; do
  case "$key" in
    r) printf '\e]11;#d02040\a' ;;
    g) printf '\e]11;#20a040\a' ;;
    $'\e') printf '\e]11;#2040d0\a' ;;
  esac
done
"""

#: Notes in ``window.told`` what stands in an element of a viewer, for however short a time; see :func:`was_told`.
NOTE_WORDS = """window.told = new Set();
    new MutationObserver(() => {
        document.querySelectorAll('.jp-VNC-hint:not([hidden]), .jp-VNC-overlay').forEach(node => {
            window.told.add(node.textContent);
        });
    }).observe(document, { childList: true, subtree: true, characterData: true, attributeFilter: ['hidden'] });"""

#: Leaves JupyterLab as it was when it was loaded: one launcher, the file browser, and nothing that a reader chose.
TIDY = """async () => {
    const { commands } = window.jupyterapp;
    localStorage.clear();
    sessionStorage.clear();
    if (document.body.dataset.jpThemeName !== 'JupyterLab Light') {
        await commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
    }
    await commands.execute('application:close-all');
    await commands.execute('filebrowser:activate');
}"""

#: So long a test may wait for something where the machine is busy (milliseconds).
PATIENCE = 30_000

FAILED = pytest.StashKey[bool]()

expect.set_options(timeout=PATIENCE)

#: For a page whose viewer tries nothing again by itself: what happens is done by whoever presses a button. Whatever the
#: page would do later than soon is not due within the hour; the shortest delay of a retry is half a second.
NO_RETRIES = """const real = setTimeout;
    window.setTimeout = (run, delay, ...rest) => real(run, delay >= 400 ? 3.6e6 : delay, ...rest);"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    if report.failed and (browser := item.funcargs.get("chromium")) is not None:
        report.sections.append(("open pages", "\n".join(map(look, open_pages(browser)))))
    return report


def open_pages(browser):
    """The pages of a browser; none, if it has crashed."""
    return [page for context in browser.contexts for page in context.pages] if browser.is_connected() else []


def look(page):
    """A line that says what lies over a page."""
    try:
        return told(page, over(page).json_value()["texts"])
    except Error as error:
        return f"{page.url}: {error}"


def wait_for(true, seconds=30):
    """Poll until something is true, for a limited time; returns what it was."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def still(page, things):
    """Wait until nothing has been added to a list for a while; returns how long it is."""

    def rests():
        before = len(things)
        page.wait_for_timeout(500)
        return len(things) == before

    assert wait_for(rests)
    return len(things)


def was_told(page, words):
    """Wait until these words have been in a viewer of a page that keeps them (``NOTE_WORDS``)."""
    page.wait_for_function("words => [...window.told].some(text => text.includes(words))", arg=words)


def put(file, text):
    """Write a file that somebody else may read at any time: they see all of it, or none."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def stop(process):
    process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(15)


class VNCServer:
    """A real Xtigervnc that asks for a password, with one coloured xterm."""

    def __init__(self, listen, folder, terminal):
        self.listen, self.folder, self.terminal = listen, folder, terminal
        self.processes = []

    def start(self):
        reading, writing = os.pipe()
        command = ["Xtigervnc", "-displayfd", str(writing), "-nolisten", "tcp", "-geometry", "1024x768", "-localhost"]
        command += [*self.listen, "-SecurityTypes", "VncAuth", "-PasswordFile", str(self.folder / "password")]
        with (self.folder / "xvnc.log").open("ab") as log:
            self._start([*command, "-AlwaysShared"], pass_fds=[writing], stderr=log)
            os.close(writing)
            with os.fdopen(reading) as number:
                self.display = f":{int(number.readline())}"
            self._start([*self.terminal], env=os.environ | {"DISPLAY": self.display}, stderr=log)

    def stop(self):
        while self.processes:
            stop(self.processes.pop())

    def _start(self, command, **options):
        self.processes.append(subprocess.Popen(command, **options))


class JupyterServer:
    """Jupyter's server with a configuration; it can be stopped and started again on its port.

    ``before`` begins its command line: a program that runs the rest. ``program`` is the module of Jupyter's that is
    run; if nothing else is said, that is without Lab.
    """

    def __init__(self, folder, config, ready, before=(), program="jupyter_server"):
        self.folder, self.log, self._ready, self._before = folder, folder / "server.log", ready, before
        self._program = program
        self.port = free_port()
        self.root = f"http://127.0.0.1:{self.port}/vnc/"
        (folder / "config.py").write_text(CALM + config)
        for name in ("root", "home"):
            (folder / name).mkdir()

    def start(self):
        places = {"HOME": "home", "JUPYTER_CONFIG_DIR": "jc", "JUPYTER_DATA_DIR": "jd", "JUPYTER_RUNTIME_DIR": "jr"}
        environment = os.environ | {key: str(self.folder / value) for key, value in places.items()}
        command = [*self._before, sys.executable, "-m", self._program, "--allow-root", "--ip=127.0.0.1"]
        command += [f"--port={self.port}", "--ServerApp.port_retries=0", f"--config={self.folder / 'config.py'}"]
        command += ["--no-browser", f"--ServerApp.root_dir={self.folder / 'root'}"]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        if not wait_for(self._answers, 4 * PATIENCE / 1000):
            pytest.fail(self.log.read_text()[-4000:])

    @property
    def pid(self):
        return self._process.pid

    def stop(self):
        stop(self._process)

    def kill(self):
        """End it at once: it has no time to put anything away."""
        self._process.kill()
        self._process.wait(15)

    def get(self, path, **headers):
        """What a route answers, as JSON."""
        with urllib.request.urlopen(urllib.request.Request(self.root + path, headers=headers), timeout=30) as answer:
            return json.load(answer)

    def _answers(self):
        try:
            return self._ready(self)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture
def jp_asyncio_loop():
    """Nothing: playwright runs the event loop of these tests."""


@pytest.fixture
def jp_server_cleanup():
    """Nothing: the server of these tests is a process of its own."""


@pytest.fixture(scope="package")
def lab():
    for program in ("chromium", "Xtigervnc", "xterm", "xclip", "xdotool", "tigervncpasswd"):
        if shutil.which(program) is None:
            pytest.fail(f"not installed: {program}")
    # A short path: a Unix socket's has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="jvb-") as name, contextlib.ExitStack() as stack:
        yield started_lab(Path(name), stack)


def started_lab(folder, stack):
    password, token, port, vnc_port = secrets.token_hex(4), secrets.token_hex(16), free_port(), free_port()
    obfuscated = subprocess.run(["tigervncpasswd", "-f"], input=password.encode(), stdout=subprocess.PIPE, check=True)
    (folder / "password").write_bytes(obfuscated.stdout)
    (folder / "password").chmod(0o600)
    script = folder / "colours"
    script.write_text(SCRIPT)
    script.chmod(0o700)
    terminal = ["xterm", "-geometry", "300x120+0+0", "-b", "0", "+sb", "-e", str(script)]
    path = folder / "vnc.sock"
    servers = {
        "lab-1": VNCServer(["-rfbport", str(vnc_port)], folder, terminal),
        "socket-1": VNCServer(["-rfbport", "-1", "-rfbunixpath", str(path), "-rfbunixmode", "0600"], folder, terminal),
    }
    for server in servers.values():
        stack.callback(server.stop)
        server.start()
    secret = {"password_file": str(folder / "password")}
    remote = {"host": "127.0.0.1", "port": vnc_port, **secret}
    targets = {
        "desktop": {"title": "My desktop", "desktop": {"command": terminal}},
        "lab-1": {"title": "Lab machine 1", **remote},
        "socket-1": {"title": "Socket machine", "socket": str(path), **secret},
        "watch": {"title": "Only watch", "mode": "view", **remote},
        "pool": {"title": "One of many", "pool": {"machines": {"m1": remote}}},
    }
    (folder / "targets").mkdir()  # for a test that adds one
    (folder / "config.py").write_text(
        f"{CALM}c.VNCBroker.targets = {targets!r}\n"
        f"c.ServerApp.base_url = {PREFIX!r}\n"
        f"c.ServerApp.local_hostnames = ['localhost', {PLAIN!r}]\n"
        "c.LabApp.expose_app_in_browser = True\n"
        f"c.VNCBroker.target_sources = ['config', 'directory']\nc.DirectoryTargets.path = {str(folder / 'targets')!r}\n"
        f"c.IdentityProvider.token = {token!r}\n"
    )
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    root = folder / "root"
    root.mkdir()
    places = {"HOME": "home", "JUPYTER_CONFIG_DIR": "jc", "JUPYTER_DATA_DIR": "jd", "JUPYTER_RUNTIME_DIR": "jr"}
    environment = os.environ | {key: str(folder / value) for key, value in places.items()}
    environment |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(folder / "w")}
    (folder / "home").mkdir()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--debug", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--config={folder / 'config.py'}"]
    log = folder / "lab.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={root}"], env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    stack.callback(stop, process)
    base = f"http://127.0.0.1:{port}{PREFIX}"

    def answers():
        try:
            with urllib.request.urlopen(f"{base}vnc/api/targets?token={token}", timeout=5) as answer:
                return len(json.load(answer)) == len(targets)
        except (urllib.error.URLError, OSError):
            return False

    if not wait_for(answers, 4 * PATIENCE / 1000):
        pytest.fail(log.read_text()[-4000:])
    response = [password, f"127.0.0.1:{vnc_port}", str(path), obfuscated.stdout.hex()]
    return SimpleNamespace(
        base=base, token=token, servers=servers, log=log, secrets=response, port=vnc_port, folder=folder
    )


class Browser:
    """One Chromium for all tests: each has a context of its own in it."""

    def __init__(self, playwright):
        self._playwright, self._running = playwright, None

    def running(self):
        """The browser; a new one, if the last has crashed."""
        if self._running is None or not self._running.is_connected():
            self._running = self._playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        return self._running

    def close(self):
        if self._running is not None:
            self._running.close()


@pytest.fixture(scope="package")  # the loop of playwright must be gone before other tests
def shared_browser():
    with sync_playwright() as playwright, contextlib.closing(Browser(playwright)) as browser:
        yield browser


@pytest.fixture(scope="module")  # so that a crash fails one module
def chromium(shared_browser):
    return shared_browser.running()


def log_in(context, lab):
    """Let a browser's context have the cookies of a login, another one each time."""
    assert context.request.get(f"{lab.base}vnc/?token={lab.token}").ok


def new_page(context):
    """A page that keeps all that it receives in ``recorded`` and ``sockets``."""
    page = context.new_page()
    page.recorded, page.sockets = [], []
    page.on("response", lambda response: page.recorded.append(response))  # noqa: PLW0108 - playwright wants a function
    page.on("websocket", lambda one: listen(page, one))
    return page


@pytest.fixture
def page(chromium, lab):
    """A page that is logged in, and shows nothing yet; see :func:`new_page`."""
    with chromium.new_context(viewport=VIEWPORT) as context:
        log_in(context, lab)
        page = new_page(context)
        yield page
        # What answers for the server may be asked at this moment, and would fail in the next test.
        if not page.is_closed():
            page.unroute_all(behavior="ignoreErrors")


class Home:
    """JupyterLab in a page that stays open from test to test: to load it costs more than most of what is done there."""

    def __init__(self, lab):
        self._lab, self._page = lab, None

    def opened(self, chromium):
        """The page, with one launcher; a new one, if the last has been closed or its browser has crashed."""
        if self._page is not None and not self._is_there():
            self.close()
        if self._page is None:
            context = chromium.new_context(viewport=VIEWPORT)
            try:
                self._page = self._loaded(context)
            except BaseException:  # a page that is half there is no other test's
                with contextlib.suppress(Error):
                    context.close()
                raise
        return self._page

    def _is_there(self):
        return not self._page.is_closed() and self._page.context.browser.is_connected()

    def _loaded(self, context):
        log_in(context, self._lab)
        page = new_page(context)
        page.goto(f"{self._lab.base}lab?reset")
        page.locator(".jp-LauncherCard", has_text="Lab machine 1").wait_for(timeout=2 * PATIENCE)
        assert not page.evaluate(f"jupyterapp.hasPlugin({SPLASH!r})"), "it would ask in the middle of a test"
        return page

    def tidy(self):
        """Close all that was opened; where that is not possible, the next test gets a new page."""
        page = self._page
        try:
            page.unroute_all(behavior="ignoreErrors")
            page.emulate_media(color_scheme="null", forced_colors="null")
            page.set_viewport_size(VIEWPORT)
            page.mouse.move(0, 0)
            page.evaluate(TIDY)
            page.locator(".jp-LauncherCard:visible", has_text="Lab machine 1").wait_for()
            page.recorded.clear()
            page.sockets.clear()
        except Error:
            self.close()
        # Whoever looks next sees nobody: to the server, all who know its token are one user.
        there = wait_until_nobody_is_there(self._lab)
        if there:
            self.close()
        assert not there, "somebody has a desktop that a test should have closed"

    def close(self):
        """Leave it."""
        if self._page is not None:
            with contextlib.suppress(Error):
                self._page.context.close()
            self._page = None


@pytest.fixture(scope="package")
def one_home(shared_browser, lab):
    with contextlib.closing(Home(lab)) as home:
        yield home


@pytest.fixture
def home(request, chromium, one_home):
    """JupyterLab with one launcher, and all that its page receives; see :class:`Home`. Each test finds it as it was."""
    yield one_home.opened(chromium)
    if request.node.stash.get(FAILED, True):
        one_home.close()
    else:
        one_home.tidy()


def ask_server(lab, method, path):
    """What a route of that server answers to its owner, as JSON; None where there is nothing."""
    headers = {"Authorization": f"token {lab.token}"}
    request = urllib.request.Request(f"{lab.base}vnc/api/{path}", method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=2 * PATIENCE / 1000) as answer:
        return json.loads(answer.read() or "null")


def wait_until_nobody_is_there(lab):
    """Wait until no session is left; returns those that are."""
    left = []

    def is_empty():
        left[:] = ask_server(lab, "GET", "sessions")
        return not left

    wait_for(is_empty)
    return left


def restore(lab):
    """Leave what that server keeps for its user, and its desktops, as they were when it was started."""
    wait_until_nobody_is_there(lab)
    for file in (lab.folder / "settings").rglob("*.jupyterlab-settings"):
        if file.stem != "notification":
            file.unlink()
    shutil.rmtree(lab.folder / "w", ignore_errors=True)
    for path in ("desktops/desktop", "leases/pool"):
        with contextlib.suppress(urllib.error.HTTPError):  # there may be none
            ask_server(lab, "DELETE", path)
    for server in lab.servers.values():
        server.stop()
        server.start()


@pytest.fixture(autouse=True)
def restored(request):
    """After a test that failed in the middle, the next ones find Lab and the desktops as they expect them."""
    lab = request.getfixturevalue("lab") if "lab" in request.fixturenames else None
    yield
    if lab is not None and request.node.stash.get(FAILED, False):
        restore(lab)


@contextlib.contextmanager
def added(lab, **targets):
    """More targets of that server, by their names, until the end of the block."""
    files = {lab.folder / "targets" / f"{name}.json": keys for name, keys in targets.items()}
    for file, keys in files.items():
        put(file, json.dumps(keys))
    try:
        yield
    finally:
        for file in files:
            file.unlink()


def listen(page, one):
    """Keep what a websocket receives: bytes are the desktop's, and texts are notes of the server's."""
    frames = []
    page.sockets.append((one.url, frames))
    one.on("framereceived", lambda frame: frames.append(frame))  # noqa: PLW0108 - playwright wants a function
