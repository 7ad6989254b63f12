"""Who may show our pages in a frame, in a real hub on one host: a page of another user's server may not.

Bob's server serves a page of Bob's. All of the hub shares its origin, so that its script may read what it frames, if it
may frame it: then it has Kim's XSRF token, and acts as Kim.
"""

import json
import re
from contextlib import asynccontextmanager, suppress

import pytest
import requests
from playwright.async_api import TimeoutError as PlaywrightTimeout

from jupyter_vnc.http import headers
from jupyter_vnc.hub.web_settings import host_settings
from tests.hub.conftest import until
from tests.hub.user_servers.conftest import log_in, platform, window

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

TARGET = {"name": "a1", "keys": {"host": "127.0.0.1", "port": 1, "allow_groups": ["course-k"]}}


@pytest.fixture(scope="module")
def hub(hub):
    """The hub, with the servers of Kim, Bob and Lea, and a target of the service, which other modules have none of."""
    hub.start_servers("kim", "bob", "lea")
    root = hub.person("root")
    assert root.enter().ok
    assert root.ask("api/registry", "POST", json=TARGET).status_code == 201
    yield hub
    assert root.ask("api/registry/a1", "DELETE", also={"If-Match": "*"}).ok


@pytest.fixture(scope="module")
def browsing(hub, chromium):
    """The browser of somebody of the course, which has been in their server and in the service."""
    been = {}

    @asynccontextmanager
    async def browsing(name="kim"):
        viewport = {"width": 1200, "height": 900}
        async with window(chromium, viewport=viewport, storage_state=been.get(name)) as context:
            page = await context.new_page()
            if name not in been:
                await log_in(page, hub, name, f"/user/{name}/vnc/")
                await page.wait_for_selector("text=desk")
                if name == "kim":
                    await page.goto(f"{hub.url}/services/vnc/")
                    await page.wait_for_selector("text=a1")
                been[name] = await context.storage_state()
            yield page

    return browsing


#: Pages, files, data and errors of ours, and Jupyter's and the hub's own.
OURS = [
    *(f"/user/kim/vnc/{path}" for path in ("", "view/desk", "view/none", "view/desk/of/kim", "nothing")),
    *(f"/user/kim/vnc/{path}" for path in ("static/viewer/desktop.svg", "static/viewer/page.js", "static/none")),
    *(
        f"/user/kim/vnc/{path}"
        for path in ("api/targets", "api/tokens", "api/none", "ws", "view/desk/frame/" + "x" * 43)
    ),
    *(f"/services/vnc/{path}" for path in ("", "view/a1", "view/none", "nothing", "static/viewer/page.js", "room")),
    *(f"/services/vnc/{path}" for path in ("api/targets", "api/room", "health", "metrics", "ws", "oauth_callback")),
]
THEIRS = ["/user/kim/lab", "/user/kim/tree", "/hub/home"]
#: One of each kind. That each path forbids to be framed is shown without a browser, too: below, and in
#: ``tests/test_answers.py``.
SOME = [
    *(f"/user/kim/vnc/{path}" for path in ("", "view/desk", "nothing", "static/viewer/page.js", "api/targets")),
    *("/user/kim/vnc/view/desk/frame/" + "x" * 43, "/user/kim/lab", "/hub/home"),
    *(f"/services/vnc/{path}" for path in ("", "view/a1", "nothing", "api/targets", "ws")),
]
PATHS = [pytest.param(SOME, id="some"), pytest.param([*OURS, *THEIRS], id="all", marks=pytest.mark.endurance)]
#: What Bob's page can make Kim's browser say of it: that it is a page of her server, and that it is none.
TRICKS = {
    "as it is": {},
    "pushState": {"pretend": "/user/kim/lab"},
    "no Referer": {"more": {"referrerPolicy": "no-referrer"}},
}


@pytest.mark.parametrize("paths", PATHS)
@pytest.mark.parametrize("trick", TRICKS)
async def test_a_page_of_anothers_server_reads_nothing_of_ours(hub, browsing, trick, paths):
    async with browsing() as kim:
        await kim.goto(f"{hub.url}/user/bob/evil")
        await kim.wait_for_function("window.steal")
        for path in paths:
            got = await kim.evaluate("([path, how]) => steal(path, how)", [path, TRICKS[trick]])
            assert got in {"refused", "nothing"}, f"{path}: {got[:300]}"
        # The page can read, where it may.
        await kim.goto(f"{hub.url}/user/bob/evil")
        path, _, text = json.loads(await kim.evaluate("steal('/user/bob/evil')"))
        assert (path, text.strip()) == ("/user/bob/evil", "")


RUN = ".jp-NotebookPanel-toolbar .jp-Toolbar-item[data-jp-item-name='run']"


async def run_cell(page, hub):
    """Open a notebook in JupyterLab and run what is in its first cell.

    JupyterLab's indicator says that the kernel is idle before there is any, and a click on Run does nothing then or, if
    the list of kernels is late, asks for one. If JupyterLab itself is late, it asks whether to go on. As a reader does,
    this answers what is asked and clicks again if nothing changes.
    """
    asked = []

    async def answer(dialog):
        asked.append(await dialog.inner_text())
        await dialog.get_by_role("button", name=re.compile("^(Keep Waiting|Select|OK)$")).click()

    await page.goto(f"{hub.url}/user/kim/lab/tree/show.ipynb?reset")
    await page.wait_for_selector(".jp-Notebook .cm-content >> text=desktop.show")
    await page.add_locator_handler(page.locator(".jp-Dialog").first, answer)
    prompt = page.locator(".jp-InputPrompt").first
    for _ in range(20):
        with suppress(PlaywrightTimeout):
            await page.click(".jp-Notebook .cm-content >> nth=0", timeout=8000)
            await page.click(RUN, timeout=8000)
            await prompt.filter(has_text=re.compile(r"[*\d]")).wait_for(timeout=8000)
            break
    else:
        raise AssertionError(f"The cell did not run. JupyterLab asked: {asked}")
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


async def test_a_desktop_in_a_notebook_and_what_the_notebook_keeps_of_it(hub, browsing):
    async with browsing() as kim:
        file = hub.folder / "home-kim" / "show.ipynb"
        file.write_text(json.dumps(NOTEBOOK))
        await run_cell(kim, hub)
        await kim.wait_for_selector(".jp-OutputArea-output iframe")
        content = await (await kim.query_selector(".jp-OutputArea-output iframe")).content_frame()
        await content.wait_for_selector(".jp-VNC[data-state='connected']")
        await content.wait_for_function(IS_RED)
        # Other pages of ours are for a tab, not for this frame.
        assert await content.evaluate(
            "[...document.querySelectorAll('a[data-lead]')].every(a => a.target === '_blank')"
        )

        await kim.click(".jp-Toolbar-item[data-jp-item-name='save']")
        await until(lambda: "iframe" in file.read_text())
        (kept,) = re.findall(r"/user/kim/vnc/view/desk/frame/[\w-]{43}", file.read_text())

        # Opened again, there is a sentence with a link that opens the desktop.
        await kim.goto(f"{hub.url}/user/kim/lab/tree/show.ipynb?reset")
        old = kim.frame_locator(".jp-OutputArea-output iframe")
        await old.get_by_text("Run the cell again").wait_for()
        async with kim.context.expect_page() as opened:
            await old.get_by_text("open the desktop in a tab").click()
        tab = await opened.value
        await tab.wait_for_selector(".jp-VNC[data-state='connected']")
        await tab.close()

        # Bob, who has the notebook, frames what it keeps: it is of nobody's origin.
        await kim.goto(f"{hub.url}/user/bob/evil")
        assert await kim.evaluate("path => steal(path)", kept) in {"refused", "nothing"}


async def test_nobody_elses_ticket_frames_my_desktop(hub, browsing):
    """Bob gives Kim's browser tickets that belong to Bob: for Bob's server, and for Bob in Kim's server."""
    async with browsing() as kim:
        bob = hub.person("bob").at("bob")
        assert bob.enter().ok
        page = bob.ask("api/frames", "POST", json={"target": "desk"}).json()["page"]
        await kim.goto(f"{hub.url}/user/bob/evil")
        for path in (page.replace("/bob/", "/kim/"), page):
            got = await kim.evaluate("path => steal(path, { pretend: '/user/kim/lab' })", path)
            assert "/kim/" not in got, got


async def framed(page, platform, url):
    """What a platform's frame shows of a page."""
    await page.goto(f"{platform}/?{url}", wait_until="load")
    return await (await page.wait_for_selector("iframe")).content_frame()


async def test_a_learning_platform_that_the_administrator_permits_frames_lab_and_desktops(hub, browsing, lms):
    async with browsing("lea") as lea:
        lab = await framed(lea, lms, f"{hub.url}/user/lea/lab")
        await lab.wait_for_selector("#jp-main-dock-panel")
        desktop = await framed(lea, lms, f"{hub.url}/user/lea/vnc/view/desk")
        await desktop.wait_for_selector(".jp-VNC[data-state='connected']")
        # Nobody else: another platform, and the pages of the hub.
        with platform() as other:
            for path in ("lab", "vnc/", "vnc/view/desk", "vnc/api/targets"):
                refused = await framed(lea, other, f"{hub.url}/user/lea/{path}")
                await until(lambda frame=refused: frame.url == "chrome-error://chromewebdata/")
        await lea.goto(f"{hub.url}/user/lea/evil")
        for path in ("lab", "vnc/", "vnc/view/desk", "vnc/static/viewer/page.js"):
            assert await lea.evaluate("path => steal(path)", f"/user/lea/{path}") in {"refused", "nothing"}, path


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
    kim = hub.person("kim")
    assert kim.enter().ok
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
                kim.ask(path, verb),
                requests.request(verb, kim.root + path, allow_redirects=False, timeout=60),
            ):
                where = f"{verb} {path}: {answer.status_code} {answer.headers}"
                seen.add(answer.status_code)
                policies = headers.parse(answer.headers["Content-Security-Policy"])
                assert any(policy.get("frame-ancestors") == ("'none'",) for policy in policies), where
                for name, value in headers.ALWAYS.items():
                    kept = name == "Cache-Control" and path.startswith("static/") and answer.status_code == 200
                    assert kept or answer.headers[name] == value, where
    assert seen >= {200, 302, 400, 403, 404, 405}
