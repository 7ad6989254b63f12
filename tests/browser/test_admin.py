"""The admin page in a real browser: an admin registers a real machine, and a student gets it without a restart."""

import json
import re
import socket
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.browser.test_room import LOOKS, enter  # noqa: F401 - a fixture
from tests.browser.test_viewer import AT_REST, AXE, ONLY_VIOLATIONS
from tests.hub import hub as hubs
from tests.integration import real
from tests.needs import require

from .conftest import PATIENCE

PASSWORD = "c4nary-7"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """A real TigerVNC with a password, on TCP."""
    require("Xtigervnc")
    with real.tigervnc(tmp_path_factory.mktemp("machine"), password=PASSWORD) as server:
        server.run("xsetroot", "-solid", "#208040")
        yield server


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub whose service has no target in its configuration, and logs everything."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("hub")
        config = "c.VNCHub.log_level = 'DEBUG'\nc.VNCBroker.recheck_interval = 1\n"
        yield stack.enter_context(hubs.running(folder, config))


def admin(hub, page):
    """Open the admin page."""
    page.goto(f"{hub.url}/services/vnc/admin")
    expect(page.locator("#list")).to_be_visible()
    return page


def fill(page, **values):
    for key, value in values.items():
        control = page.locator(f'[id="key-{key.replace("__", ".")}"]')
        if not control.evaluate("node => node.closest('details').open"):
            page.locator("details", has=control).locator("summary").click()
        if control.evaluate("node => node.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)


def axe(page, picture):
    """Check that axe finds nothing, and that nothing is wider than the window; take a picture."""
    page.wait_for_function(AT_REST)
    page.screenshot(path=picture, full_page=True)
    page.evaluate(AXE.read_text())
    found = page.evaluate(f"axe.run({ONLY_VIOLATIONS})")["violations"]
    assert not found, f"{picture}: {json.dumps(found)[:2000]}"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), picture


def read(path):
    """What is in a file, which may be gone by now: a database has some for a moment only."""
    try:
        return path.read_bytes().decode("latin1")
    except FileNotFoundError:
        return ""


def try_it(page):
    """Press Test; return each step with what it says."""
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator(".jp-VNC-trial h3")).to_be_visible(timeout=2 * PATIENCE)
    rows = page.locator(".jp-VNC-trial li").all()
    return {row.get_attribute("data-step"): (row.get_attribute("data-ok") == "true", row.inner_text()) for row in rows}


# First, while the history is short: axe takes minutes for hundreds of rows where a machine is busy.
@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_nothing_on_the_admin_page(hub, enter, scheme, width, tmp_path):  # noqa: F811
    page = admin(hub, enter("root", color_scheme=scheme, viewport={"width": width, "height": 800}))

    def check(what):
        axe(page, f"{tmp_path}/{what}-{scheme}-{width}.png")

    check("list")
    # By keyboard alone.
    page.locator("#add").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#target-name")).to_be_focused()
    page.keyboard.type("keys")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("127.0.0.1")
    page.keyboard.press("Tab")
    page.keyboard.type("1")
    for group in page.locator("summary").all():
        if not group.evaluate("node => node.parentElement.open"):
            group.press("Enter")
    page.get_by_role("button", name="Test", exact=True).press("Enter")
    expect(page.locator(".jp-VNC-trial h3")).to_be_focused(timeout=2 * PATIENCE)
    check("form")
    page.get_by_role("button", name="Back to the list").press("Enter")
    page.locator("#open-import").press("Enter")
    check("import")
    page.get_by_role("button", name="Back to the list").press("Enter")
    page.locator("#open-history").press("Enter")
    expect(page.locator("#history h2")).to_be_focused()
    check("history")


GUACAMOLE = """<user-mapping><authorize username="ann" password="g"><connection name="Guac 1"><protocol>vnc</protocol>
<param name="hostname">g.example.org</param><param name="port">5901</param><param name="password">c4nary-8</param>
</connection></authorize></user-mapping>"""


def test_an_admin_registers_a_machine_and_a_student_gets_it_without_a_restart(hub, enter, machine):  # noqa: F811
    student, page = enter("ann"), admin(hub, enter("root"))
    assert student.locator(".jp-VNC-cards").count() == 0
    port = str(machine.keys()["port"])
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#target-name")).to_be_focused()
    page.fill("#target-name", "lab 1")
    fill(page, host="127.0.0.1", port="99999", allow_groups="course-a", title="Lab machine")
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[id="key-port-error"]')).to_contain_text("whole number from 1 to 65535")
    expect(page.locator('[id="key-port"]')).to_be_focused()
    fill(page, port=port)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#form [role=alert]")).to_contain_text("a name is 1 to 64 letters")
    page.fill("#target-name", "lab-1")

    # Each mistake is told at its step.
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = str(closed.getsockname()[1])
    fill(page, port=free)
    assert not try_it(page)["connection"][0]
    fill(page, host="no-such-host.invalid", port=port)
    name = try_it(page)
    assert list(name) == ["name"]
    assert "host name is not known" in name["name"][1]
    fill(page, host="127.0.0.1", port=str(hub.service_port))
    not_rfb = try_it(page)
    assert list(not_rfb)[-1] == "version"
    assert not not_rfb["version"][0]
    fill(page, port=port, password="wrong")
    wrong = try_it(page)
    assert [ok for ok, _ in wrong.values()] == [True, True, True, True, False]
    assert list(wrong)[-1] == "login"
    assert "refused the login" in wrong["login"][1]
    fill(page, password=PASSWORD)
    good = try_it(page)
    assert list(good) == ["name", "connection", "version", "security", "login", "picture"]
    assert all(ok and re.search(r"\d+ ms", said) for ok, said in good.values())
    picture = page.get_by_alt_text("What the desktop shows")
    colour = picture.evaluate(
        """async image => { await image.decode(); const canvas = new OffscreenCanvas(1, 1).getContext('2d');
        canvas.drawImage(image, 0, 0); return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)]; }"""
    )
    assert colour == [0x20, 0x80, 0x40]

    page.get_by_role("button", name="Save").click()
    expect(page.locator("#result")).to_have_text("lab-1 is saved.")
    expect(page.locator("#list tbody tr")).to_contain_text("Lab machine")
    student.reload()
    student.click(".jp-VNC-desktop:has-text('Lab machine')")
    expect(student.locator(".jp-VNC[data-phase=connected]")).to_be_visible(timeout=2 * PATIENCE)

    # A secret is set and never read, and kept when it is not entered again.
    page.get_by_role("button", name="Edit").click()
    expect(page.locator('[id="key-password"]')).to_have_value("")
    assert all(ok for ok, _ in try_it(page).values()), "it still has its password"
    for path in ("admin", "api/registry", "api/registry/lab-1", "api/registry/history", "api/registry/export"):
        answer = page.request.get(f"{hub.url}/services/vnc/{path}", headers={"Sec-Fetch-Mode": "navigate"})
        assert answer.ok, path
        assert ("lab-1" in answer.text()) is (path != "admin")
        assert PASSWORD not in answer.text()
    assert PASSWORD not in page.content()
    everything = hub.log() + "".join(read(path) for path in hub.folder.glob("jupyter-vnc.sqlite*"))
    assert PASSWORD not in everything

    # Taken away, the session ends.
    page.get_by_role("button", name="Remove", exact=True).click()
    page.locator("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("#list [data-empty]")).to_be_visible()
    expect(student.locator(".jp-VNC[data-phase=connected]")).to_have_count(0, timeout=2 * PATIENCE)


def test_of_two_who_edit_the_second_is_told_what_has_changed(hub, enter):  # noqa: F811
    first, second = admin(hub, enter("root")), admin(hub, enter("root"))
    first.get_by_role("button", name="Add", exact=True).click()
    first.fill("#target-name", "two")
    fill(first, host="a.example.org")
    first.get_by_role("button", name="Save").click()
    for page in (first, second):
        page.get_by_role("button", name="Edit: two").click()
    fill(first, host="b.example.org")
    first.get_by_role("button", name="Save").click()
    expect(first.locator("#result")).to_have_text("two is saved.")
    fill(second, port="5909")
    second.get_by_role("button", name="Save").click()
    told = second.locator("#form [role=alert]")
    expect(told).to_contain_text('host: "a.example.org" → "b.example.org"')
    expect(told).to_contain_text("root")
    second.get_by_role("button", name="Show what it is now").click()
    expect(second.locator('[id="key-host"]')).to_have_value("b.example.org")


def hold(page, address, method):
    """Hold back the answers from an address; return what lets them through."""
    held, free = [], []

    def keep(route):
        if free or route.request.method != method:
            route.continue_()
        else:
            held.append(route)

    def release():
        free.append(True)
        assert held
        for route in held:
            route.continue_()

    page.route(re.compile(address), keep)
    return release


def test_an_answer_that_comes_late_moves_nobody(hub, enter):  # noqa: F811
    root = hub.person("root")
    assert root.enter().ok
    for name in ("late", "next"):
        assert root.ask("api/registry", "POST", json={"name": name, "keys": {"host": "127.0.0.1"}}).status_code == 201
    page = admin(hub, enter("root"))
    page.get_by_role("button", name="History").click()
    release = hold(page, r"/api/registry$", "GET")
    with page.expect_request(re.compile(r"/api/registry$")) as asked:
        page.locator("#history [data-back]").click()
    expect(page.locator("#add")).to_be_focused()
    page.locator("#open-import").focus()
    release()
    assert asked.value.response().ok
    page.wait_for_function("() => new Promise(resolve => setTimeout(() => resolve(true)))")
    expect(page.locator("#open-import")).to_be_focused()

    page.get_by_role("button", name="Edit: late").click()
    release = hold(page, r"/api/registry/late$", "PUT")
    with page.expect_request(re.compile(r"/api/registry/late$")):
        page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Back to the list").click()
    page.get_by_role("button", name="Edit: next").click()
    fill(page, title="mine")
    release()
    expect(page.locator("#result")).to_have_text("late is saved.")
    expect(page.locator("#form h2")).to_have_text("Change next")
    expect(page.locator('[id="key-title"]')).to_have_value("mine")


# Before the list has hundreds of rows, of which axe looks at each.
def test_one_machine_of_a_pool_is_taken_out_and_back(hub, enter, tmp_path):  # noqa: F811
    root = hub.person("root")
    assert root.enter().ok
    keys = {"pool": {"machines": {"m1": {"host": "127.0.0.1", "port": 1}, "m2": {"host": "127.0.0.1", "port": 2}}}}
    assert root.ask("api/registry", "POST", json={"name": "pooled", "keys": keys}).status_code == 201
    for scheme, width in (("light", 1280), ("dark", 360)):
        page = admin(hub, enter("root", color_scheme=scheme, viewport={"width": width, "height": 800}))
        page.get_by_role("button", name="Machines: pooled").click()
        expect(page.locator("#machines h2")).to_be_focused()
        page.get_by_role("button", name="Maintenance: m2").click()
        expect(page.locator("#result")).to_have_text("m2 is in maintenance. Nobody new gets it.")
        expect(page.locator("#machines tr[data-key=m2]")).to_contain_text("In maintenance")
        axe(page, f"{tmp_path}/machines-{scheme}-{width}.png")
        page.locator("#machines [data-back]").click()
        expect(page.locator("#list tr[data-key=pooled]")).to_contain_text("In maintenance: m2")
        axe(page, f"{tmp_path}/list-{scheme}-{width}.png")
        page.get_by_role("button", name="Machines: pooled").click()
        page.get_by_role("button", name="Back in service: m2").click()
        expect(page.locator("#result")).to_have_text("m2 is back in service.")
        page.locator("#machines [data-back]").click()
        page.get_by_role("button", name="History").click()
        expect(page.locator("#history tbody tr").first).to_contain_text("pooled / m2")
    assert root.ask("api/registry/pooled", "DELETE", also={"If-Match": "*"}).status_code == 204


def csv_of(count):
    """A table of machines with three rows that are broken."""
    lines = ["name,host,port,title"]
    lines += [f"m{n},m{n}.example.org,5901,Machine {n}" for n in range(count)]
    lines[5], lines[60], lines[150] = "m4,m4.example.org,0,x", "m 59,h,5901,x", "m149,h h,5901,x"
    return "\n".join(lines).encode()


def test_a_table_of_200_machines_is_previewed_and_imported(hub, enter, tmp_path):  # noqa: F811
    page = admin(hub, enter("max"))
    page.get_by_role("button", name="Import").click()
    (tmp_path / "lab.csv").write_bytes(csv_of(200))
    page.set_input_files("#import-files", tmp_path / "lab.csv")
    expect(page.locator("#import-groups")).to_have_value("course-a")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#import h3")).to_have_text("197 targets can be imported, 3 cannot.", timeout=2 * PATIENCE)
    bad = [row.inner_text() for row in page.locator("#import tbody tr").all()[:3]]
    for line, row in zip(("line 6", "line 61", "line 151"), bad, strict=True):
        assert line in row
    page.get_by_role("button", name="Import 197 targets").click()
    expect(page.locator("#result")).to_have_text("197 targets were imported.", timeout=2 * PATIENCE)
    page.fill("#filter", "m19.example")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Address").click()
    expect(page.locator("[data-sort=where]")).to_have_attribute("aria-sort", "ascending")
    page.get_by_role("button", name="History").click()
    expect(page.locator("#history tbody tr:has-text('Imported')")).to_have_count(197)
    # Whoever manages nothing gets no page.
    student = enter("ann")
    assert student.goto(f"{hub.url}/services/vnc/admin").status == 403


def put(person, path, tag, body):
    """Change a target, of which a version is known."""
    return person.ask(path, "PUT", also={"If-Match": tag}, json=body)


def test_the_rest_interface_keeps_versions_and_courses_apart(hub):
    root, manager, instructor = (hub.person(name) for name in ("root", "max", "ada"))
    for person in (root, manager, instructor):
        assert person.enter().ok
    keys = {"host": "b.example.org", "allow_groups": ["course-b"]}
    made = root.ask("api/registry", "POST", json={"name": "other", "keys": keys})
    assert made.status_code == 201
    tag = made.headers["ETag"]
    assert root.ask("api/registry/other").headers["ETag"] == tag

    # A version has to be named, and the second of two is told.
    assert root.ask("api/registry/other", "PUT", json={"keys": keys}).status_code == 428
    changed = put(root, "api/registry/other", tag, {"keys": keys | {"port": 1}})
    assert changed.status_code == 200
    assert put(root, "api/registry/other", tag, {"keys": keys}).json()["reason"] == "changed"
    assert put(root, "api/registry/other", '"x"', {"keys": keys}).status_code == 400
    wrong = put(root, "api/registry/other", "*", {"keys": keys | {"port": 0, "mode": "x"}})
    assert (wrong.status_code, set(wrong.json()["errors"])) == (400, {"port", "mode"})

    # A manager of one course does not see the other one's target, and cannot touch it.
    assert "other" not in manager.ask("api/registry").text
    assert "other" not in manager.ask("api/registry/export").text + manager.ask("api/registry/history").text
    assert manager.ask("api/registry/other").status_code == 404
    assert put(manager, "api/registry/other", "*", {"keys": keys}).status_code == 404
    assert manager.ask("api/registry/other/test", "POST", json={}).status_code == 404
    assert manager.ask("api/registry", "POST", json={"name": "mine", "keys": keys}).json()["reason"] == "invalid"
    for path in ("admin", "api/registry", "api/registry/schema", "api/registry/history", "api/registry/other"):
        assert instructor.ask(path).status_code == 403, path

    # Other programs' files: the token file's names, and Guacamole's connections with their passwords.
    for form, text, name in (("tokens", "ws-1: w.example.org:5901\n", "ws-1"), ("guacamole", GUACAMOLE, "Guac-1")):
        body = {"format": form, "files": [{"name": "f", "text": text}]}
        looked = root.ask("api/registry/import", "POST", json=body | {"dry_run": True}).json()
        assert (looked["imported"], looked["rows"][0]["errors"]) == (0, {})
        assert root.ask("api/registry/import", "POST", json=body).json()["imported"] == 1
        answer = root.ask(f"api/registry/{name}")
        assert answer.ok
        assert "c4nary-8" not in answer.text + str(looked)
    assert root.ask("api/registry/Guac-1").json()["keys"]["password"] is True
    large = {"format": "csv", "files": [{"name": "f", "text": "name,host\n" + "# " * 150_000}]}
    assert root.ask("api/registry/import", "POST", json=large).status_code == 200
    large["files"] *= 8
    # The connection is closed while the client still sends, which the proxy may take for an outage.
    assert root.ask("api/registry/import", "POST", json=large).status_code in {413, 503}
    assert root.ask("api/registry/other", "DELETE", also={"If-Match": "*"}).status_code == 204
    assert root.ask("api/registry/other").status_code == 404
