"""The instructor's room in a real browser: who is where, looking in, a message, taking a machine back."""

import time
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect

from tests.browser.test_viewer import AT_REST, AXE, ONLY_VIOLATIONS
from tests.hub import hub as hubs
from tests.integration import real
from tests.needs import require

from .conftest import NOTE_WORDS, PATIENCE, was_told

GROUPS = {"course-a": {"users": ["ann", "amy", "al"]}, "course-b": {"users": ["bob"]}}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with a pool of two machines for three students."""
    require("Xtigervnc")
    with ExitStack() as stack:
        machines = {}
        for name in ("m1", "m2"):
            server = stack.enter_context(real.tigervnc(tmp_path_factory.mktemp(name), password="s3cret-55", unix=True))
            machines[name] = server.keys()
        pool = {"title": "Lab machines", "pool": {"machines": machines}, "allow_groups": ["course-a"]}
        folder = tmp_path_factory.mktemp("hub")
        spare = {"title": "Spare machine", "host": "127.0.0.1", "port": 1, "allow_groups": ["course-a"]}
        config = f"c.VNCBroker.targets = {{'lab': {pool!r}, 'spare': {spare!r}}}\n"
        yield stack.enter_context(hubs.running(folder, config, groups=GROUPS))


@pytest.fixture
def enter(hub, chromium):
    """Somebody's browser, logged in to the service; through the hub's own page if that is wanted."""
    contexts = []

    def enter(name, *, by_hand=False, **options):
        contexts.append(context := chromium.new_context(**options))
        context.add_init_script(NOTE_WORDS)
        page = context.new_page()
        if by_hand:
            page.goto(f"{hub.url}/hub/login?next=/services/vnc/")
            page.fill("#username_input", name)
            page.fill("#password_input", "x")
            page.click("#login_submit")
        else:
            person = hub.person(name)
            assert person.enter().ok
            context.add_cookies(
                [
                    {"name": one.name, "value": one.value, "domain": "127.0.0.1", "path": one.path}
                    for one in person.http.cookies
                ]
            )
            page.goto(f"{hub.url}/services/vnc/")
        page.wait_for_url("**/services/vnc/")
        return page

    yield enter
    for context in contexts:
        context.close()


def sit_down(page):
    """Open the desktop from its card."""
    page.click("text=Lab machines")
    expect(page.locator(".jp-VNC[data-phase=connected]")).to_be_visible(timeout=2 * PATIENCE)
    return page


def row_of(page, name):
    return page.locator("#people tbody tr", has=page.locator("td", has_text=name).first)


def ask_now(page):
    """Let the room ask the server before its next round."""
    with page.expect_event("request", lambda one: one.url.endswith("/api/room")):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_an_instructor_looks_in_helps_writes_and_takes_a_machine_back(hub, enter):
    ann, amy = sit_down(enter("ann", by_hand=True)), sit_down(enter("amy"))
    late = enter("al")
    expect(late.locator(".jp-VNC-pool")).to_have_text("No machine of 2 is free")
    late.click("text=Lab machines")
    expect(late.locator(".jp-VNC-detail")).to_contain_text("All 2 machines are taken. You are next")
    was_told(ann, "Your instructors may look")

    ada = enter("ada")
    ada.click("text=Course room")
    expect(ada.locator("#people tbody tr")).to_have_count(3)
    expect(ada.locator("#waiting tbody tr")).to_contain_text("al")
    expect(ada.locator("#machines tbody tr")).to_have_count(2)

    row_of(ada, "ann").get_by_text("Message").click()
    ada.fill("dialog textarea", "<b>Save</b> your work, 請儲存")
    ada.locator("dialog").get_by_text("Send").click()
    expect(ada.locator("#result")).to_have_text("The message was sent to ann.")
    expect(row_of(ada, "ann").get_by_text("Message")).to_be_focused()
    message = ann.locator(".jp-VNC-message")
    expect(message).to_contain_text("ada writes:")
    expect(message.locator(".jp-VNC-text")).to_have_text("<b>Save</b> your work, 請儲存")
    assert ann.evaluate("document.activeElement.closest('.jp-VNC-messages')") is None, "whoever types goes on typing"
    ann.click("[data-action=settings]")
    box, panel = message.bounding_box(), ann.locator(".jp-VNC-panel:visible").bounding_box()
    assert box["x"] + box["width"] <= panel["x"], "a message covers no panel"
    ann.keyboard.press("Escape")
    message.get_by_text("Close").click()
    expect(message).to_have_count(0)

    row_of(ada, "ann").get_by_text("Look in").click()
    expect(ada.locator(".jp-VNC[data-phase=connected]")).to_be_visible(timeout=2 * PATIENCE)
    expect(ada.locator(".jp-VNC-toolbar")).to_contain_text("Connected, view only")
    ada.set_viewport_size({"width": 360, "height": 640})
    expect(ada.locator("[aria-label=More]")).to_be_in_viewport(ratio=1)
    ada.set_viewport_size({"width": 1280, "height": 720})
    expect(ada.locator(".jp-VNC-title")).to_have_text("ann · Lab machines")
    was_told(ann, "ada is watching.")
    ada.click("text=Take control")
    expect(ada.locator(".jp-VNC-role")).to_have_text("Give up control")
    expect(ada.locator(".jp-VNC-toolbar .jp-VNC-state")).to_have_text("Connected")
    expect(ada.locator("[data-action=keys]")).to_be_visible()
    expect(ada.locator("[data-action=view-only]")).to_be_hidden()
    ada.set_viewport_size({"width": 360, "height": 640})
    expect(ada.locator("[aria-label=More]")).to_be_in_viewport(ratio=1)
    ada.set_viewport_size({"width": 1280, "height": 720})
    was_told(ann, "ada is in control.")
    ada.get_by_role("button", name="Only I type").click()
    expect(ann.locator(".jp-VNC-held")).to_contain_text("ada is working at this desktop.")

    ada.click("a[title='Course room']")
    expect(ann.locator(".jp-VNC-held")).to_be_hidden()
    row_of(ada, "amy").get_by_text("Release").click()
    ada.locator("dialog").get_by_text("Release").click()
    expect(ada.locator("#result")).to_have_text("The machine of amy was taken back. Whoever is next gets it.")
    expect(amy.locator(".jp-VNC-overlay")).to_contain_text("ada took the machine back.")
    expect(late.locator(".jp-VNC[data-phase=connected]")).to_be_visible(timeout=2 * PATIENCE)
    row_of(ada, "ann").get_by_text("End").click()
    ada.locator("dialog").get_by_text("End", exact=True).click()
    expect(ada.locator("#result")).to_have_text("The session of ann was ended.")
    expect(ann.locator(".jp-VNC-overlay")).to_contain_text("ada ended this session.")


def test_a_deed_is_about_the_session_that_there_is_now(enter):
    student = sit_down(enter("ann"))
    page = enter("ada")
    page.click("text=Course room")
    expect(row_of(page, "ann")).to_have_count(1)
    # Whoever writes takes their time, and the row may go and come meanwhile.
    row_of(page, "ann").get_by_text("Message").click()
    page.fill("dialog textarea", "again")
    student.reload()
    expect(student.locator(".jp-VNC[data-phase=connected]")).to_be_visible(timeout=2 * PATIENCE)
    page.locator("dialog").get_by_text("Send").click()
    expect(student.locator(".jp-VNC-text")).to_have_text("again")
    student.close()


def test_input_is_held_until_the_room_is_left(enter):
    student = sit_down(enter("ann"))
    page = enter("ada")
    page.click("text=Course room")
    expect(row_of(page, "ann")).to_have_count(1)

    def hold(sentence=""):
        page.click("#crowd")
        page.get_by_role("menuitem", name="Hold input").click()
        page.fill("dialog textarea", sentence)
        page.locator("dialog").get_by_text("Hold input", exact=True).click()

    sign = student.locator(".jp-VNC-held")
    hold("Look at the board.")
    expect(sign).to_have_text("ada asks for your attention.Look at the board.Keyboard and mouse are paused.")
    expect(page.locator("#attention")).to_contain_text("The input of 1 person is held.")
    student.reload()
    expect(sign).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(sign).to_be_hidden()
    hold()
    expect(sign).to_be_visible()
    page.goto("about:blank")
    expect(sign).to_be_hidden()
    student.close()


def test_the_room_says_what_is_wrong_and_recovers(enter):
    page = enter("ada")
    page.click("text=Course room")
    expect(page.locator("#machines tbody tr")).to_have_count(2)
    page.context.set_offline(True)
    ask_now(page)
    expect(page.locator("#trouble")).to_have_text("The server does not answer.")
    expect(page.locator("#machines tbody tr")).to_have_count(2)
    page.context.set_offline(False)
    ask_now(page)
    expect(page.locator("#trouble")).to_have_text("")
    page.context.clear_cookies()
    ask_now(page)
    expect(page.locator("#trouble")).to_have_text("Your login has expired. Log in")
    page.locator("#trouble").get_by_text("Log in").click()
    page.wait_for_url("**/hub/login**")


def test_a_student_gives_his_machine_back_on_the_list(enter):
    page = enter("al", viewport={"width": 360, "height": 640})
    expect(page.locator(".jp-VNC-pool")).to_contain_text("Your machine: m")
    page.click("text=Give the machine back")
    page.locator("dialog").get_by_text("Give the machine back").last.click()
    expect(page.locator(".jp-VNC-pool")).to_contain_text("1 of 2 machines is free")
    assert page.locator("text=Course room").count() == 0
    assert page.goto(f"{page.url}room").status == 403


def test_a_student_gives_his_machine_back_at_the_desktop(enter):
    page = sit_down(enter("ann"))
    page.click("[data-action=give-back]")
    expect(page.locator("dialog").get_by_text("Cancel")).to_be_focused()
    page.locator("dialog").get_by_text("Give the machine back").last.click()
    expect(page.locator(".jp-VNC-overlay")).to_contain_text("You gave the machine back.")
    page.goto(f"{page.url}/../..")
    expect(page.locator(".jp-VNC-pool")).to_contain_text("machines are free")


def attended(person, name):
    """Wait until the service has written that somebody is there: no session waits for that."""
    assert person.enter().ok
    asked = f"api/attendance?since=2026-01-01T00:00:00Z&until=2199-01-01T00:00:00Z&person={name}"
    until = time.monotonic() + 60
    while not [row for row in person.ask(asked).json()["rows"] if row["ended"] is None]:
        assert time.monotonic() < until
        time.sleep(0.1)


#: Each colour and each width: both of all four are in `make endurance`.
LOOKS = [("light", 1280), ("dark", 360)]
LOOKS += [pytest.param(*look, marks=pytest.mark.endurance) for look in (("dark", 1280), ("light", 360))]


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_nothing_in_the_room_and_where_it_leads(hub, enter, scheme, width):
    student = sit_down(enter("ann"))
    page = enter("ada", color_scheme=scheme, viewport={"width": width, "height": 800})
    attended(hub.person("ada"), "ann")
    for path, there in (
        ("", ".jp-VNC-pool:text('free')"),
        ("attendance", "#visits table:visible"),
        ("room", "#people tbody tr"),
        ("view/lab/of/ann", ".jp-VNC-state[data-phase=connected]"),
    ):
        page.goto(f"{hub.url}/services/vnc/{path}")
        expect(page.locator(there)).to_have_count(1)
        page.wait_for_function(AT_REST)
        page.evaluate(AXE.read_text())
        assert page.evaluate(f"axe.run({ONLY_VIOLATIONS})")["violations"] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    student.close()
