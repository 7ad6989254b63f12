"""Who may show our pages in a frame, in a real hub on one host: a page of another user's server may not.

Bob's server serves a page of Bob's. All of the hub shares its origin, so that its script may read what it frames, if it
may frame it: then it has Ann's XSRF token, and acts as Ann.
"""

import asyncio
import json
import re
import tempfile
from contextlib import asynccontextmanager, contextmanager, suppress
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests
from playwright.async_api import TimeoutError as PlaywrightTimeout
from playwright.async_api import async_playwright

from jupyter_vnc.http import headers
from jupyter_vnc.hub.web_settings import host_settings
from tests.chromium import ARGUMENTS, CHROMIUM
from tests.hub import hub as hubs
from tests.hub.conftest import until
from tests.needs import require

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

#: What every user's server has: a desktop of one colour, and the pages that Bob puts into the home folder.
SERVER = """
import os

c.VNCBroker.targets = {"desk": {"desktop": {"command": ["xclock", "-bg", "#c02040"], "geometry": "640x480"}}}
c.LabApp.news_url = None
c.ServerApp.jpserver_extensions = {"evil": True}
if os.environ["JUPYTERHUB_USER"] == "amy":
    policy = "frame-ancestors " + os.environ["LMS"]
    c.ServerApp.tornado_settings = {"headers": {"Content-Security-Policy": policy}}
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
    "LMS": {lms!r},
}}
c.JupyterHub.load_roles.append(
    {{"name": "visits", "users": ["ann"], "scopes": ["self", "access:servers!user=bob"]}}
)
"""


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


@pytest.fixture(scope="module")
def lms():
    """The platform that the administrator permits to frame Amy's server."""
    with platform() as origin:
        yield origin


@pytest.fixture(scope="module")
def hub(lms):
    require("Xtigervnc", "xclock", CHROMIUM)
    with tempfile.TemporaryDirectory(prefix="jvf-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for place in ("server", "lib"):
            (folder / place).mkdir()
        (folder / "server" / "jupyter_server_config.py").write_text(SERVER)
        (folder / "lib" / "evil.py").write_text(EVIL_EXTENSION)
        (folder / "lib" / "evil.html").write_text(EVIL_PAGE)
        target = {"a1": {"host": "127.0.0.1", "port": 1, "allow_groups": ["course-a"]}}
        more = HUB.format(root=str(hubs.ROOT), folder=name, lms=lms)
        with hubs.running(folder, f"c.VNCBroker.targets = {target!r}\n", more=more) as hub:
            for person in ("ann", "amy", "bob"):
                hub.start_server(person)
            yield hub


async def log_in(page, hub, name, path):
    await page.goto(f"{hub.url}/hub/login?next={path}")
    await page.fill("input[name=username]", name)
    await page.fill("input[name=password]", "x")
    await page.press("input[name=password]", "Enter")
    await page.wait_for_url(f"**{path}*")


@asynccontextmanager
async def browsing(hub, name="ann"):
    """The browser of somebody of course A, which has been in their server and in the service."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1200, "height": 900})
        page.set_default_timeout(90_000)
        await log_in(page, hub, name, f"/user/{name}/vnc/")
        await page.wait_for_selector("text=desk")
        await page.goto(f"{hub.url}/services/vnc/")
        await page.wait_for_selector("text=a1")
        yield page
        await browser.close()


#: Pages, files, data and errors of ours, and Jupyter's and the hub's own.
OURS = [
    *(f"/user/ann/vnc/{path}" for path in ("", "view/desk", "view/none", "view/desk/of/ann", "nothing")),
    *(f"/user/ann/vnc/{path}" for path in ("static/viewer/desktop.svg", "static/viewer/page.js", "static/none")),
    *(
        f"/user/ann/vnc/{path}"
        for path in ("api/targets", "api/tokens", "api/none", "ws", "view/desk/frame/" + "x" * 43)
    ),
    *(f"/services/vnc/{path}" for path in ("", "view/a1", "view/none", "nothing", "static/viewer/page.js", "room")),
    *(f"/services/vnc/{path}" for path in ("api/targets", "api/room", "health", "metrics", "ws", "oauth_callback")),
]
THEIRS = ["/user/ann/lab", "/user/ann/tree", "/hub/home"]
#: What Bob's page can make Ann's browser say of it: that it is a page of her server, and that it is none.
TRICKS = {
    "as it is": {},
    "pushState": {"pretend": "/user/ann/lab"},
    "no Referer": {"more": {"referrerPolicy": "no-referrer"}},
}


@pytest.mark.parametrize("trick", TRICKS)
async def test_a_page_of_anothers_server_reads_nothing_of_ours(hub, trick):
    async with browsing(hub) as ann:
        await ann.goto(f"{hub.url}/user/bob/evil")
        await ann.wait_for_function("window.steal")
        for path in [*OURS, *THEIRS]:
            got = await ann.evaluate("([path, how]) => steal(path, how)", [path, TRICKS[trick]])
            assert got in {"refused", "nothing"}, f"{path}: {got[:300]}"
        # The page can read, where it may.
        await ann.goto(f"{hub.url}/user/bob/evil")
        path, _, text = json.loads(await ann.evaluate("steal('/user/bob/evil')"))
        assert (path, text.strip()) == ("/user/bob/evil", "")


RUN = ".jp-NotebookPanel-toolbar .jp-Toolbar-item[data-jp-item-name='run']"


async def run_cell(page, hub):
    """Open a notebook in JupyterLab and run what is in its first cell.

    JupyterLab's indicator says that the kernel is idle before there is any, and a click on Run does nothing then. As a
    reader does who sees no change, this clicks again.
    """
    await page.goto(f"{hub.url}/user/ann/lab/tree/show.ipynb?reset")
    await page.wait_for_selector(".jp-Notebook .cm-content >> text=desktop.show")
    prompt = page.locator(".jp-InputPrompt").first
    async with asyncio.timeout(90):
        while not re.search(r"[*\d]", await prompt.inner_text()):
            await page.click(".jp-Notebook .cm-content >> nth=0")
            await page.click(RUN)
            with suppress(PlaywrightTimeout):
                await prompt.filter(has_text=re.compile(r"[*\d]")).wait_for(timeout=2000)
    await prompt.filter(has_text=re.compile(r"\[\d+\]")).wait_for()


NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "one",
            "metadata": {},
            "outputs": [],
            "source": "from jupyter_vnc import desktop\ndesktop.show(height=300)",
        }
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


IS_RED = """() => {
  const [red, green] = document.querySelector('canvas').getContext('2d').getImageData(3, 3, 1, 1).data;
  return red > 150 && green < 60;
}"""


async def test_a_desktop_in_a_notebook_and_what_the_notebook_keeps_of_it(hub):
    async with browsing(hub) as ann:
        file = hub.folder / "home-ann" / "show.ipynb"
        file.write_text(json.dumps(NOTEBOOK))
        await run_cell(ann, hub)
        await ann.wait_for_selector(".jp-OutputArea-output iframe")
        content = await (await ann.query_selector(".jp-OutputArea-output iframe")).content_frame()
        await content.wait_for_selector(".jp-VNC[data-state='connected']", timeout=60_000)
        await content.wait_for_function(IS_RED, timeout=30_000)
        # Other pages of ours are for a tab, not for this frame.
        assert await content.evaluate(
            "[...document.querySelectorAll('a[data-lead]')].every(a => a.target === '_blank')"
        )

        await ann.click(".jp-Toolbar-item[data-jp-item-name='save']")
        await until(lambda: "iframe" in file.read_text())
        (kept,) = re.findall(r"/user/ann/vnc/view/desk/frame/[\w-]{43}", file.read_text())

        # Opened again, there is a sentence with a link that opens the desktop.
        await ann.goto(f"{hub.url}/user/ann/lab/tree/show.ipynb?reset")
        old = await (await ann.wait_for_selector(".jp-OutputArea-output iframe")).content_frame()
        await old.wait_for_selector("text=Run the cell again")
        async with ann.context.expect_page() as opened:
            await old.click("text=open the desktop in a tab")
        tab = await opened.value
        await tab.wait_for_selector(".jp-VNC[data-state='connected']")
        await tab.close()

        # Bob, who has the notebook, frames what it keeps: it is of nobody's origin.
        await ann.goto(f"{hub.url}/user/bob/evil")
        assert await ann.evaluate("path => steal(path)", kept) in {"refused", "nothing"}


async def test_nobody_elses_ticket_frames_my_desktop(hub):
    """Bob gives Ann's browser tickets that belong to Bob: for Bob's server, and for Bob in Ann's server."""
    async with browsing(hub) as ann:
        bob = hub.person("bob").at("bob")
        assert bob.enter().ok
        page = bob.ask("api/frames", "POST", json={"target": "desk"}).json()["page"]
        await ann.goto(f"{hub.url}/user/bob/evil")
        for path in (page.replace("/bob/", "/ann/"), page):
            got = await ann.evaluate("path => steal(path, { pretend: '/user/ann/lab' })", path)
            assert "/ann/" not in got, got


async def framed(page, platform, url):
    """What a platform's frame shows of a page."""
    await page.goto(f"{platform}/?{url}", wait_until="load")
    return await (await page.wait_for_selector("iframe")).content_frame()


async def test_a_learning_platform_that_the_administrator_permits_frames_lab_and_desktops(hub, lms):
    async with browsing(hub, "amy") as amy:
        lab = await framed(amy, lms, f"{hub.url}/user/amy/lab")
        await lab.wait_for_selector("#jp-main-dock-panel")
        desktop = await framed(amy, lms, f"{hub.url}/user/amy/vnc/view/desk")
        await desktop.wait_for_selector(".jp-VNC[data-state='connected']")
        # Nobody else: another platform, and the pages of the hub.
        with platform() as other:
            for path in ("lab", "vnc/", "vnc/view/desk", "vnc/api/targets"):
                refused = await framed(amy, other, f"{hub.url}/user/amy/{path}")
                assert refused.url == "chrome-error://chromewebdata/", path
        await amy.goto(f"{hub.url}/user/amy/evil")
        for path in ("lab", "vnc/", "vnc/view/desk", "vnc/static/viewer/page.js"):
            assert await amy.evaluate("path => steal(path)", f"/user/amy/{path}") in {"refused", "nothing"}, path


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        ({}, "frame-ancestors 'none'"),
        ({"headers": {"X-Frame-Options": "SAMEORIGIN"}}, "frame-ancestors 'none'"),
        (
            {"headers": {"content-security-policy": "frame-ancestors https://lms.example"}},
            "frame-ancestors https://lms.example",
        ),
    ],
)
def test_what_an_administrator_permits_for_the_service_holds(given, policy):
    settings = host_settings({**given, "allow_origin": "https://a.example"})
    assert settings["allow_origin"] == "https://a.example"
    assert settings["headers"]["Content-Security-Policy"] == policy
    assert settings["headers"].items() >= headers.ALWAYS.items()


def test_no_answer_of_the_service_may_be_framed(hub):
    """Each route of it, each verb, and what is no route."""
    ann = hub.person("ann")
    assert ann.enter().ok
    paths = [path.removeprefix("/services/vnc/") for path in OURS if path.startswith("/services/")]
    seen = set()
    for path in [
        *paths,
        "api/sessions",
        "api/sessions/0123456789abcdef",
        "api/leases/a1",
        "api/desktops",
        "api/frames",
    ]:
        for verb in ("GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS"):
            for answer in (
                ann.ask(path, verb),
                requests.request(verb, ann.root + path, allow_redirects=False, timeout=20),
            ):
                where = f"{verb} {path}: {answer.status_code} {answer.headers}"
                seen.add(answer.status_code)
                policies = headers.parse(answer.headers["Content-Security-Policy"])
                assert any(policy.get("frame-ancestors") == ("'none'",) for policy in policies), where
                for name, value in headers.ALWAYS.items():
                    kept = name == "Cache-Control" and path.startswith("static/") and answer.status_code == 200
                    assert kept or answer.headers[name] == value, where
    assert seen >= {200, 302, 400, 403, 404, 405}
