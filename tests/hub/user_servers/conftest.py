"""One hub whose users have servers of their own, with desktops in them, and one browser for all who are there."""

import asyncio
import sys
import tempfile
from contextlib import asynccontextmanager, contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from re import DOTALL, findall
from threading import Thread

import pytest
from jupyter_core.utils import ensure_event_loop
from playwright.async_api import Error, async_playwright, expect

from tests.chromium import ARGUMENTS, CHROMIUM
from tests.hub import hub as hubs
from tests.integration import lamp
from tests.lab import CALM, over, told
from tests.needs import require

#: Seconds that a page may take for what a test waits for; an uplink that has broken often rests for 120.
PATIENCE = 150
expect.set_options(timeout=PATIENCE * 1000)

#: What is on everybody's desktop: red, and a lamp, whose events are in a file of the user's home.
LAMP = (
    f'xsetroot -solid "#c02040"; exec xterm -geometry 60x20+100+100 -e {sys.executable} {lamp.__file__} "$HOME/events"'
)
#: What every user's server has. Bob and Lea also serve a page of Bob's, and a learning platform may frame Lea's server.
SERVER = f"""{CALM}
import os

user = os.environ["JUPYTERHUB_USER"]
if user in {{"bob", "lea"}}:
    c.ServerApp.jpserver_extensions = {{"evil": True}}
if user == "lea":
    c.ServerApp.tornado_settings["headers"] = {{"Content-Security-Policy": "frame-ancestors " + os.environ["LMS"]}}
c.VNCBroker.targets = {{"desk": {{"desktop": {{"command": ["sh", "-c", {LAMP!r}], "geometry": "800x600"}}}}}}
c.VNCBroker.recheck_interval = 1
c.HubOAuth.cache_max_age = 1
"""
#: A page that Bob's server serves with headers of Bob's choice.
EVIL_EXTENSION = """
from pathlib import Path

from tornado import web


class Page(web.RequestHandler):
    def get(self):
        self.finish((Path(__file__).parent / "evil.html").read_text())


def _jupyter_server_extension_points():
    return [{"module": "evil"}]


def _load_jupyter_server_extension(app):
    app.web_app.add_handlers(".*", [(app.base_url + "evil", Page)])
"""
#: It frames what it is told and says what it could read of it: the document, and the cookie that proves that a
#: request is a page's own.
EVIL_PAGE = """<!DOCTYPE html><title>Bob</title><body><script>
  const read = frame => {
    try {
      const { document } = frame.contentWindow;
      if (!document.location.href.startsWith('http')) return 'nothing';
      return JSON.stringify([document.location.pathname, document.cookie, document.body.innerText]);
    } catch (error) {
      return 'refused';
    }
  };
  window.steal = (path, { pretend, more = {} } = {}) => new Promise(resolve => {
    if (pretend) history.pushState(null, '', pretend);
    const frame = document.createElement('iframe');
    Object.assign(frame, more);
    frame.onload = () => resolve(read(frame));
    frame.src = path;
    document.body.append(frame);
  });
</script>"""
HUB = """
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {{
    "PYTHONPATH": {root!r} + ":" + {folder!r} + "/lib",
    "JUPYTER_CONFIG_PATH": {folder!r} + "/server",
    "JUPYTERHUB_ALLOW_WEBSOCKET_COOKIE_AUTH": lambda spawner: "1" if spawner.user.name == "kim" else "0",
    "LMS": {lms!r},
}}
c.JupyterHub.load_roles += vnc.course("course-s", instructors=["sue"], watchers=["wes"], servers=True)
c.JupyterHub.load_roles.append(
    {{"name": "visits", "users": ["kim"], "scopes": ["self", "access:servers!user=bob"]}}
)
c.JupyterHub.load_roles += vnc.course("course-k")
"""
GROUPS = {
    "course-s": {"users": ["ann", "amy"]},
    "course-k": {"users": ["kim"]},
    "others": {"users": ["flo", "bob", "lea"]},
}


def blocks():
    """What the documentation tells a hub's admin, and an admin of users' servers, to write."""
    page = (hubs.ROOT / "docs" / "howto" / "jupyterhub.md").read_text()
    section = page.partition("## Guests in a user's server")[2].partition("\n## ")[0]
    config, authorizer = findall(r"```python\n(.*?)```", section, DOTALL)
    return config, authorizer


class Platform(BaseHTTPRequestHandler):
    """A learning platform: each of its pages has a frame with what stands behind the question mark."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        source = escape(self.path.partition("?")[2])
        self.wfile.write(f'<iframe src="{source}" width="1000" height="700"></iframe>'.encode())

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def platform():
    """A learning platform that is somewhere; its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Platform) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="package")
def lms():
    """The platform that the administrator permits to frame Lea's server."""
    with platform() as origin:
        yield origin


@pytest.fixture(scope="package")
def hub(lms):
    """A hub whose users' servers have managed desktops; the folder's name is short, for their sockets' sake."""
    require("Xtigervnc", "xsetroot", "xterm", "dbus-daemon")
    with tempfile.TemporaryDirectory(prefix="jvh-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for place in ("server", "lib"):
            (folder / place).mkdir()
        config, authorizer = blocks()
        (folder / "server" / "jupyter_server_config.py").write_text(SERVER + authorizer)
        (folder / "lib" / "evil.py").write_text(EVIL_EXTENSION)
        (folder / "lib" / "evil.html").write_text(EVIL_PAGE)
        more = config + HUB.format(root=str(hubs.ROOT), folder=name, lms=lms)
        with hubs.running(folder, "c.VNCBroker.targets = {}\n", groups=GROUPS, more=more) as running:
            yield running


@pytest.fixture(scope="package", autouse=True)
def jp_asyncio_loop():
    """One loop for all tests here: a browser belongs to the loop in which it was started."""
    loop = ensure_event_loop(prefer_selector_loop=True)
    yield loop
    loop.close()


@pytest.fixture(scope="package")
def chromium(jp_asyncio_loop):
    """One browser; whoever is there has a context of their own in it, see :func:`window`."""
    require(CHROMIUM)
    run = jp_asyncio_loop.run_until_complete
    playwright = run(async_playwright().start())
    browser = run(playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS))
    yield browser
    run(browser.close())
    run(playwright.stop())


@asynccontextmanager
async def window(chromium, **options):
    """Somebody's browser, which is patient."""
    context = await chromium.new_context(**options)
    context.set_default_timeout(PATIENCE * 1000)
    try:
        yield context
    except Exception as error:
        for page in context.pages:
            error.add_note(await look(page))
        raise
    finally:
        # Without a limit, one that does not close would hide what has failed.
        async with asyncio.timeout(60):
            await context.close()


async def look(page):
    """A line that says what lies over a page."""
    try:
        return told(page, (await (await over(page)).json_value())["texts"])
    except Error as error:
        return f"{page.url}: {error}"


async def log_in(page, hub, name, path):
    """Log in at the hub's own page, on the way to another."""
    await page.goto(f"{hub.url}/hub/login?next={path}")
    await page.fill("input[name=username]", name)
    await page.fill("input[name=password]", "x")
    await page.press("input[name=password]", "Enter")
