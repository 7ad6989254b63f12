"""The notebook and the desktop together: windows from cells, and the desktop as Python sees it."""

import contextlib
import json
import re
import secrets
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.belongings import displays
from tests.browser.conftest import JupyterServer, wait_for
from tests.integration import lamp, real

from .kernel import CellFailed, Kernel

pytestmark = pytest.mark.real

#: What is shown without a kernel as well: in ``tests/desktops/test_whole_life.py`` and
#: ``tests/broker/test_managed_desktops.py``.
ENTIRE = pytest.mark.endurance

ROOT = Path(__file__).parents[2]
RED = "#c02040"


@contextlib.contextmanager
def serving(more="", *, display=True):
    """A server with a managed desktop, the size of a screenshot; ``display``: kernels get its display."""
    # A server that was killed may leave the npm that JupyterLab asks at its start; that one still writes to its home.
    place = tempfile.TemporaryDirectory(prefix="jvn-", ignore_cleanup_errors=True)
    with place as name, pytest.MonkeyPatch.context() as patch:
        for variable in ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY"):
            patch.delenv(variable, raising=False)
        token = secrets.token_hex(16)
        desktop = {"command": ["openbox"], "geometry": "640x480"}
        config = f"c.VNCBroker.targets = {{'desktop': {{'title': 'Desktop', 'desktop': {desktop!r}}}}}\n"
        config += f"c.IdentityProvider.token = {token!r}\n{more}"
        server = JupyterServer(Path(name), config, lambda one: one.get(f"api/targets?token={token}"))
        server.start()
        try:
            assert not display or wait_for(lambda: "get the display of the desktop" in server.log.read_text())
            yield SimpleNamespace(
                root=server.root.removesuffix("vnc/"),
                token=token,
                log=server.log,
                kill=server.kill,
                runtime=Path(name) / "jr",
                state=lambda: server.get(f"api/targets?token={token}")[0]["state"],
            )
        finally:
            server.stop()


@contextlib.contextmanager
def kernel_of(server):
    kernel = Kernel(server.root, server.token)
    try:
        yield kernel
    finally:
        kernel.close()


#: What every notebook begins with here; and a busy machine may take longer than a person would wait.
BEGINNING = """
import os, subprocess
from jupyter_vnc import desktop
for call in (desktop.wait_for_colour, desktop.wait_until_still):
    call.__kwdefaults__["timeout"] = 60
"""
#: The pixels that have the colour. A look does not wait: a toolkit's event loop runs between two cells only.
PIXELS = "sum(n for n, colour in desktop.screenshot().getcolors(640 * 480) if colour == (0xC0, 0x20, 0x40))"


@pytest.fixture(scope="module")
def machine():
    """A TigerVNC that the server has not started."""
    with tempfile.TemporaryDirectory(prefix="jvn-") as folder, real.tigervnc(Path(folder) / "machine") as machine:
        yield machine


@pytest.fixture(scope="module")
def server(machine):
    """It has that machine twice; of one the notebook's user is a spectator."""
    machines = {"lab": machine.keys(), "watched": machine.keys() | {"mode": "view"}}
    with serving(f"c.VNCBroker.targets.update({machines!r})\n") as server:
        yield server


@pytest.fixture(scope="module")
def shared(server):
    """One kernel for all tests that leave nothing in it; take ``kernel``."""
    with kernel_of(server) as kernel:
        kernel.run(BEGINNING)
        yield kernel


@pytest.fixture
def kernel(shared):
    """A kernel whose desktop runs, with a window manager that takes windows."""
    started(shared)
    return shared


@pytest.fixture
def own_kernel(server):
    """A kernel of the test's own, for what a notebook cannot take back."""
    with kernel_of(server) as kernel:
        kernel.run(BEGINNING)
        started(kernel)
        yield kernel


def started(kernel):
    """Start the desktop, and wait for its window manager: it would take windows that came before it anew, empty."""
    kernel.run("desktop.start()")
    managed = "subprocess.run(['xprop', '-root', '_NET_SUPPORTING_WM_CHECK'], capture_output=True, text=True).stdout"
    assert wait_for(lambda: "window id" in kernel.value(managed))


def pixels(kernel, meanwhile=""):
    """How many pixels of the desktop have the colour; before that, something is run."""
    if meanwhile:
        kernel.run(meanwhile)
    return kernel.value(PIXELS)


def left_of(display):
    """The files that the X server of a display has, or one that only holds it."""
    places = [Path(f"/tmp/.X{display}-lock"), Path(f"/tmp/.X11-unix/X{display}")]
    return [place for place in places if place.exists()]


def test_the_first_window_starts_the_desktop_and_appears_on_it():
    with serving() as server, kernel_of(server) as kernel:
        display, cookie = kernel.value("[__import__('os').environ[name] for name in ('DISPLAY', 'XAUTHORITY')]")
        assert re.fullmatch(r":\d+", display)
        assert Path(cookie).stat().st_mode & 0o777 == 0o600
        assert server.state() == "stopped"
        kernel.run(f"import subprocess; clock = subprocess.Popen(['xclock', '-bg', '{RED}'])")
        kernel.run(f"{BEGINNING}\ndesktop.wait_for_colour('{RED}')")
        assert server.state() == "up"
        assert kernel.value("clock.poll()") is None

        # Stopped, and asked for again by a program that knows the display: the same display, a new X server.
        kernel.run("desktop.stop()")
        assert wait_for(lambda: kernel.value("clock.poll()") is not None)
        kernel.run(f"again = subprocess.Popen(['xclock', '-bg', '{RED}'])")
        assert wait_for(lambda: server.state() == "up")
        kernel.run(f"desktop.wait_for_colour('{RED}')")
        assert kernel.value("__import__('os').environ['DISPLAY']") == display
        assert len(left_of(display[1:])) == 2
    assert wait_for(lambda: left_of(display[1:]) == [])
    assert wait_for(lambda: not Path(cookie).exists())


def test_a_matplotlib_window_from_a_cell(own_kernel):
    pause = "plt.pause(0.1)"
    own_kernel.run("%gui qt\nimport matplotlib\nmatplotlib.use('QtAgg')\nimport matplotlib.pyplot as plt")
    own_kernel.run(f"plt.figure(facecolor='{RED}').add_subplot().plot([1, 4, 9]); plt.show(block=False)")
    assert wait_for(lambda: pixels(own_kernel, pause))
    own_kernel.run("plt.close()")
    assert wait_for(lambda: pixels(own_kernel, pause) == 0)


QT = f"""
from PyQt5.QtWidgets import QWidget
window = QWidget()
window.setStyleSheet("background: {RED}")
window.resize(300, 200)
window.show()
"""
#: Nobody asks pygame for its events: the next cell comes when it comes.
PYGAME = f"""
import pygame
pygame.display.init()
surface = pygame.display.set_mode((300, 200))
surface.fill("{RED}")
pygame.display.flip()
"""
XEYES = f"eyes = subprocess.Popen(['xeyes', '-center', '{RED}', '-geometry', '300x200'])"


@pytest.mark.parametrize(
    ("cells", "end", "covered"),
    [
        (["%gui qt", QT], "window.close()", range(59000, 60001)),  # the pointer may be before it
        ([PYGAME], "pygame.display.quit()", range(59000, 60001)),
        ([XEYES], "eyes.terminate(); eyes.wait()", range(10000, 50000)),
    ],
    ids=["gui qt", "pygame", "xeyes"],
)
def test_a_window_of_a_toolkit_from_a_cell(own_kernel, cells, end, covered):
    """It is on the desktop while the kernel waits for the next cell, filled with its colour, and gone when it ends."""
    for cell in cells:
        own_kernel.run(cell)
    assert wait_for(lambda: pixels(own_kernel) in covered), pixels(own_kernel)
    own_kernel.run(end)
    assert wait_for(lambda: pixels(own_kernel) == 0)


def test_a_program_with_a_wrong_cookie_gets_no_window(kernel):
    program = "subprocess.run(['xdpyinfo'], env={**__import__('os').environ, 'XAUTHORITY': '/dev/null'}).returncode"
    assert kernel.value(program) != 0
    assert kernel.value("subprocess.run(['xdpyinfo'], stdout=subprocess.DEVNULL).returncode") == 0


@pytest.mark.parametrize("running", [False, pytest.param(True, marks=ENTIRE)])
def test_a_server_that_is_killed_leaves_nothing(running):
    with serving() as server:
        if running:
            with kernel_of(server) as kernel:
                kernel.run("from jupyter_vnc import desktop; desktop.start()")
        (display,) = displays(server.runtime).values()
        assert len(left_of(display)) == 2
        server.kill()
        assert wait_for(lambda: not left_of(display)), left_of(display)
        assert wait_for(lambda: not list(server.runtime.glob("jupyter-vnc*"))), [*server.runtime.rglob("*")]


@pytest.mark.parametrize(("start_on", "state"), [("view", "stopped"), pytest.param("server", "up", marks=ENTIRE)])
def test_the_admin_says_when_it_starts(start_on, state):
    with serving(f"c.DesktopManager.start_on = {start_on!r}\n") as server, kernel_of(server) as kernel:
        assert wait_for(lambda: server.state() == state)
        window = "__import__('subprocess').run(['xdpyinfo'], capture_output=True).returncode"
        assert (kernel.value(window) == 0) is (start_on == "server")
        assert server.state() == state
        kernel.run("from jupyter_vnc import desktop; desktop.start()")
        assert kernel.value(window) == 0


@ENTIRE
@pytest.mark.parametrize(
    ("more", "given", "said"),
    [
        ("c.DesktopManager.kernel_display = ''\n", False, ""),
        ("c.DesktopManager.kernel_display = 'desktop'\n", True, ""),
        ("c.DesktopManager.kernel_display = 'lab'\n", False, "'lab' is not a managed desktop"),
    ],
)
def test_whose_display_kernels_get(more, given, said):
    with serving(more, display=given) as server, kernel_of(server) as kernel:
        assert not said or wait_for(lambda: said in server.log.read_text())
        assert kernel.value("'DISPLAY' in __import__('os').environ") is given
        assert said in server.log.read_text()


def test_a_server_with_a_display_of_its_own_keeps_it(monkeypatch):
    with serving("import os; os.environ['DISPLAY'] = ':77'\n", display=False) as server, kernel_of(server) as kernel:
        assert kernel.value("__import__('os').environ['DISPLAY']") == ":77"


def test_the_tutorial_runs(own_kernel):
    """Every cell of it, in its order; and what it promises to show is there."""
    cells = json.loads((ROOT / "docs/tutorial/desktop.ipynb").read_text())["cells"]
    pictures = 0
    for cell in cells:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            shown = own_kernel.run(source)
            promised = source.rstrip().splitlines()[-1]
            if "screenshot" in promised:
                pictures += "image/png" in shown[-1]
            elif "show(" in promised:
                assert "<iframe" in shown[-1]["text/html"]
    assert pictures >= 2


def test_list_state_and_life(kernel):
    assert kernel.value("[one.name for one in desktop.list()]") == ["desktop", "lab", "watched"]
    assert [one["text/plain"] for one in kernel.run("desktop.restart()")] == ["<Desktop 'desktop', up>"]
    kernel.run("desktop.stop()")
    assert kernel.value("desktop.get().state") == "stopped"


@contextlib.contextmanager
def terminal(kernel, *arguments):
    """A terminal that the kernel knows as ``term``; no other test sees it, also where this one fails."""
    kernel.run(f"term = subprocess.Popen({['xterm', *arguments]!r})")
    try:
        yield
    finally:
        kernel.run("term.kill(); term.wait()")


def test_a_text_with_accents_is_typed_into_a_terminal(kernel):
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        said.touch()
        pad = ["-u8", "-geometry", "60x10+0+0", "-T", "pad", "-e", f"echo -e '\\e]11;{RED}\\a'; cat > {said}"]
        with terminal(kernel, *pad):
            kernel.run(f"x, y = desktop.wait_for_colour('{RED}'); desktop.click(x + 50, y + 50)")
            focused = (
                "subprocess.run(['xdotool', 'getwindowfocus', 'getwindowname'], capture_output=True, text=True).stdout"
            )
            assert wait_for(lambda: kernel.value(focused) == "pad\n")  # a window manager takes its time over that
            kernel.run("desktop.type_text('Grüße, 你好 ~ @ €\\n')")
            assert wait_for(lambda: said.read_text() == "Grüße, 你好 ~ @ €\n"), said.read_text()
            kernel.run("desktop.press('ctrl+d')")
            assert wait_for(lambda: kernel.value("term.poll()") is not None)


def test_a_window_gets_the_keys_by_its_title(kernel):
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        said.touch()
        with terminal(kernel, "-T", "the pad", "-e", f"cat > {said}"):
            kernel.run("desktop.focus('the pad', timeout=60)")
            kernel.run("other = subprocess.Popen(['xterm', '-T', 'in front', '-e', 'sleep', '600'])")
            try:
                kernel.run("desktop.focus('in front', timeout=60)")
                assert {"the pad", "in front"} <= {*kernel.value("[one.title for one in desktop.windows()]")}
                assert kernel.value("desktop.focus('Pad', timeout=60).title") == "the pad"
                kernel.run("desktop.type_text('here\\n')")
                assert wait_for(lambda: said.read_text() == "here\n"), said.read_text()
                with pytest.raises(CellFailed, match=r"No window is called 'nowhere' .*'the pad'"):
                    kernel.run("desktop.focus('nowhere', timeout=0.2)")
            finally:
                kernel.run("other.kill(); other.wait()")


def test_several_steps_on_one_connection(kernel):
    kernel.run("with desktop.get() as one:\n    one.screenshot(); one.press('a'); size = one.screenshot().size")
    assert kernel.value("size") == [640, 480]


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("desktop.get('nowhere')", "There is no desktop 'nowhere'; there are: 'desktop'"),
        ("desktop.press('ctrl+enterr')", "'enterr' is not a key"),
        ("desktop.click(1, 1, 'back')", "'back' is not a button"),
        ("desktop.wait_for_colour('#123456', timeout=0.5)", "did not appear on 'desktop' within 0.5 seconds"),
    ],
)
def test_errors_say_what_is_wrong(kernel, cell, sentence):
    with pytest.raises(CellFailed, match=re.escape(sentence)):
        kernel.run(cell)


def test_a_desktop_that_never_rests(kernel):
    """For so long that a busy machine does not look like rest."""
    flicker = "while :; do printf '\\e]11;red\\a'; sleep 0.05; printf '\\e]11;blue\\a'; sleep 0.05; done"
    kernel.run(f"term = subprocess.Popen(['xterm', '-e', 'bash', '-c', {flicker!r}])")
    kernel.run("desktop.wait_for_colour('blue')")
    with pytest.raises(CellFailed, match=r"was not still for 20 seconds within 1\."):
        kernel.run("desktop.wait_until_still(20, timeout=1)")
    kernel.run("term.terminate(); term.wait(); desktop.wait_until_still()")


def test_an_error_shows_the_screen_on_which_something_was_missed(kernel):
    with pytest.raises(CellFailed, match=r"NotSeen: A picture of 2 x 2 pixels did not appear on 'desktop'") as failed:
        kernel.run("import PIL.Image; desktop.wait_for(PIL.Image.new('RGB', (2, 2), '#123456'), timeout=0.5)")
    assert "image/png" in failed.value.shown[-1]


def test_a_terminal_has_commands_for_it(kernel):
    with tempfile.TemporaryDirectory() as folder:
        words = ["-c", "from jupyter_vnc.cli import main; main()", "screenshot", "desktop", f"{folder}/a.png", "--json"]
        run = f"subprocess.run([__import__('sys').executable, *{words!r}], stdout=subprocess.PIPE, text=True).stdout"
        answer = json.loads(kernel.value(run))
        assert answer == {"target": "desktop", "file": f"{folder}/a.png", "width": 640, "height": 480}
        assert Path(f"{folder}/a.png").read_bytes().startswith(b"\x89PNG")


#: The corner of a window that answers, with the background beside it.
X, Y = real.LAMP_CORNER
ANSWER = f"""
watched = desktop.get("watched")
watched.wait_for_colour({lamp.READY!r}, timeout=60)
watched.wait_until_still(timeout=60)
corner = watched.screenshot().crop(({X} - 10, {Y} - 10, {X} + 40, {Y} + 30))
lab = await desktop.get_async("lab")
async with lab:
    place = await lab.wait_for(corner, timeout=60)
    await lab.click(place.x + 40, place.y + 30)
    await lab.wait_for_colour({lamp.CLICK!r}, timeout=60)
    await lab.type_text("g")
    await lab.wait_for_colour({lamp.KEY!r}, timeout=60)
"""
#: A program that does not ask whether it may.
FORBIDDEN = """
with watched:
    watched._viewer._may_control = True
    watched.type_text("x")
    watched.click(place.x + 40, place.y + 30)
"""


def test_a_machine_of_its_own_is_found_clicked_and_typed_to_unless_one_may_only_watch(shared, machine):
    with machine.watching() as window:
        shared.run(ANSWER)
        assert shared.value("place") == [X - 10, Y - 10, 50, 40]
        assert window.events == ["click", "key g"]
        with pytest.raises(CellFailed, match="You may view 'watched', but not control it"):
            shared.run("watched.press('x')")
        shared.run(FORBIDDEN)
        shared.run("await lab.type_text('h')")
        assert wait_for(lambda: "key h" in window.events)
        assert window.events == ["click", "key g", "key h"]
