"""Every command of the tutorials and the how-tos: run as it stands on a machine of its own, or listed with the reason.

A new command on a page is run by itself. ``PAGES`` has what a page's reader has done before, and what they see.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jupyter_vnc import __version__
from tests.needs import require
from tests.newcomer import TOKEN, Machine

DOCS = Path(__file__).parent.parent / "docs"

NO_INDEX = "installs from Debian's archive or a package index; `make fresh` installs on new machines"
A_RELEASE = "belongs to the release of a version: it pushes, uploads, or runs the checks themselves"
CONTAINERS = "needs containers; its page says so, and tests/stores/test_deployed.py has what they start"

#: Pages all of whose commands another test runs.
RUN_ELSEWHERE = {
    "howto/back-up": "tests/stores/database/test_backup.py, with databases to lose",
    "howto/deploy-with-containers": "tests/test_deploy_containers.py, in a folder of its own",
}

#: Commands that this test does not run, by their whole line.
NOT_RUN = {
    "sudo apt install tigervnc-standalone-server openbox xterm dbus-x11": NO_INDEX,
    "sudo apt install tigervnc-standalone-server xfce4 dbus-x11": NO_INDEX,
    "sudo apt install pulseaudio": NO_INDEX,
    "pip install 'jupyter-vnc[sound]'": NO_INDEX,
    "pip install 'jupyter-vnc[stream]'": NO_INDEX,
    "pip install jupyter-vnc": NO_INDEX,
    "pip install jupyterlab jupyter-vnc": NO_INDEX,
    'pip install "jupyter-vnc[hub-postgresql]"': NO_INDEX,
    "pip install jupyter_vnc-0.1.0-py3-none-any.whl jupyterlab": NO_INDEX,
    "sudo -E /opt/tljh/user/bin/pip install jupyter-vnc": NO_INDEX,
    'sudo /opt/tljh/hub/bin/python3 -m pip install "jupyter-vnc[hub]"': NO_INDEX,
    "sudo tljh-config reload hub": "needs The Littlest JupyterHub, which takes a whole machine; its page says so",
    "ssh -N -L /run/vnc/lab-1.sock:localhost:5901 lab-1.example.org": "needs a second machine, with an SSH server",
    "sudo chown 1000 cookie-secret": CONTAINERS,
    "docker compose up --build": CONTAINERS,
    "docker build -f deploy/Dockerfile --target service -t registry.example.org/vnc-service:latest .": CONTAINERS,
    "docker push registry.example.org/vnc-service:latest": CONTAINERS,
    "helm upgrade hub jupyterhub/jupyterhub --reuse-values --values deploy/kubernetes/values.yaml": CONTAINERS,
    "kubectl apply -f deploy/kubernetes/secret.yaml -f deploy/kubernetes/service.yaml": CONTAINERS,
    "git switch main && git pull": A_RELEASE,
    "CI=true make test": A_RELEASE,
    "make endurance": A_RELEASE,
    "make docs": A_RELEASE,
    "nox": A_RELEASE,
    "make release RELEASE_OPTIONS=--rehearse": f"{A_RELEASE}; tests/test_release.py has its parts",
    "make release": f"{A_RELEASE}; tests/test_release.py has its parts",
    'git tag --sign v0.1.0 --message "jupyter-vnc 0.1.0"': A_RELEASE,
    "git push origin main v0.1.0": A_RELEASE,
    ".venv/bin/twine upload dist/*.tar.gz dist/*.whl": A_RELEASE,
}

#: Commands that go on until they are stopped, with what to wait for.
GO_ON = {
    "DISPLAY=:1 openbox-session": "answers 5901",
    "jupyter lab": "answers 8888",
    'jupyter lab --ServerApp.jpserver_extensions="jupyter_vnc=False"': "answers 8888",
}

#: Wait, not for ever, until a port or a socket is there; print the status of a path of the Jupyter server.
HELPERS = f"""
wait_for() {{ for _ in $(seq 1200); do "$@" 2>&- && return; sleep 0.05; done; echo "not in time: $*"; }}
connect() {{ (>"/dev/tcp/127.0.0.1/$1") 2>&-; }}
answers() {{ wait_for connect "$1"; }}
status() {{
    exec 3<>/dev/tcp/127.0.0.1/8888
    printf 'GET %s HTTP/1.0\\r\\nHost: localhost\\r\\nAuthorization: token {TOKEN}\\r\\n\\r\\n' "$1" >&3
    head -n 1 <&3
}}
"""

#: The VNC server of the pages' machine, with the pages' password.
LAB_1 = """
printf 'the password\nthe password\nn\n' | vncpasswd passwd >/dev/null
Xtigervnc :1 -SecurityTypes VncAuth -PasswordFile passwd 2>/dev/null &
answers 5901
mkdir -p /etc/jupyter/vnc ~/.jupyter
"""


@dataclass(frozen=True)
class Page:
    """What is not on the page: what its reader has done ``before`` and types (``stdin``), and what they ``see``.

    ``files`` are blocks of Python that they have saved, by path: the number of the block. ``order`` is that of the
    blocks of commands, where it is not the page's; ``then`` looks whether it has worked.
    """

    see: tuple[str, ...]
    before: str = ""
    files: dict[str, int] = field(default_factory=dict)
    order: tuple[int, ...] = ()
    stdin: str = ""
    then: str = ""


PAGES = {
    "howto/configure-targets": Page(
        before=LAB_1,
        files={"~/.jupyter/jupyter_server_config.py": 0},
        order=(1, 0, 2),
        see=(r"^lab-1: ok, logged in with VNC \(2\)",),
    ),
    "howto/from-remote-desktop-proxy": Page(
        see=(r"Skipping jupyter-remote-desktop-proxy", r"^ok +X server: TigerVNC", r"^ok +session: "),
    ),
    "howto/register-targets": Page(
        before=f"{LAB_1} touch /etc/jupyter/vnc.py; printf 'name,host\nlab-2,lab-2.example.org\n' > lab.csv",
        stdin="the password\n",
        see=(
            r"^lab-1 is registered\.",
            r"^lab-1\tlab-1\.example\.org:5901\tcourse-a",
            r"^lab-1\tlogin\t\d+ ms\tlogged in with VNC \(2\)",
            r"^1 targets were imported, 0 have mistakes\.",
            r"^lab-1 is removed\.",
            r"^exported: lab-1,lab-1\.example\.org,5901,course-a\nexported: lab-2,",
        ),
        then="sed 1d lab.csv | sed 's/^/exported: /'",
    ),
    "howto/rotate-keys": Page(
        before="touch /etc/jupyter/vnc.py\n"
        "jupyter vnc-hub targets --config=/etc/jupyter/vnc.py add lab-1 host=lab-1.example.org password=-",
        stdin="the password\n",
        see=(
            r"newest key of \S*/jupyter-vnc-keys",
            r"^lab-1\tlab-1\.example\.org:5900\t.*$",
            r"^[\w-]{43}=$",
            r"^keys in the file: 2$",
        ),
        then="echo keys in the file: $(grep -cv '^#' jupyter-vnc-keys)",
    ),
    "howto/start-tigervnc-on-a-socket": Page(
        files={"~/.jupyter/jupyter_server_config.py": 0},
        see=(
            r"\A *srw------- .* /run/user/1000/vnc\.sock\nmine: ok",  # nothing listens
            r"^mine: ok, logged in with None",
        ),
        then="jupyter vnc check",
    ),
    "howto/switch-it-off": Page(
        see=(
            r"jupyter_vnc \S*enabled\S*\n.*\n +jupyter_vnc \S+ \S*OK",
            r"jupyter-vnc \S+ \S*enabled\S* \S*OK",
            rf"^{re.escape(__version__)}$",
            r"^desktop\tcontrol\tmanaged desktop$",
            r"^ok +X server: TigerVNC",
            r"^HTTP/1.1 200 OK\n(?s:.*)^HTTP/1.1 404 (?s:.*)^now the environment:",
            r"now the environment:\n(?s:.*)jupyter_vnc \S*disabled",
            r"now the environment:\n(?s:.*)jupyter-vnc \S+ \S*disabled",
        ),
        then="status /lab; status /vnc/api/targets; echo now the environment:\n"
        "jupyter server extension list; jupyter labextension list",
    ),
    "tutorial/desktops-for-a-course": Page(
        stdin="the password\nthe password\nn\n",
        files={"/etc/jupyter/vnc/config.py": 0},
        see=(r"^lab/m1: ok, logged in with VNC \(2\)", r"^lab/m2: ok, logged in with VNC \(2\)"),
    ),
    "tutorial/first-desktop": Page(see=(r"^HTTP/1.1 200 OK",), then="status /vnc/api/targets"),
}


def blocks(name, *languages):
    """The code of a page in some languages."""
    fences = re.findall(r"^```(\w+)\n(.*?)^```", (DOCS / f"{name}.md").read_text(), re.MULTILINE | re.DOTALL)
    return [code for language, code in fences if language in languages]


def command(line):
    """A line without its comment."""
    return re.sub(r"(^|\s+)# .*", "", line).strip()


def as_run(line):
    """A line as the test runs it."""
    if command(line) in NOT_RUN:
        return f"# {line}"
    return f"{command(line)} & {GO_ON[command(line)]}" if command(line) in GO_ON else line


def script_of(name, page):
    """All commands of a page, after what its reader has done before."""
    commands, python = blocks(name, "bash", "sh"), blocks(name, "python")
    saved = [
        f"mkdir -p $(dirname {path}); cat > {path} <<'END'\n{python[number]}END" for path, number in page.files.items()
    ]
    parts = [HELPERS, page.before, *saved]
    for number in page.order or range(len(commands)):
        block = commands[number]
        if block.startswith("#!"):
            (program,) = re.findall(r"Save this as `([\w-]+)`", (DOCS / f"{name}.md").read_text())
            parts += [f"cat > {program} <<'END'\n{block}END", f"chmod +x {program}", f"./{program} >log 2>&1 &"]
            parts += ['wait_for test -S "$XDG_RUNTIME_DIR/vnc.sock"']
        else:
            parts += [as_run(line) for line in block.splitlines()]
    return "\n".join([*parts, page.then])


ALL = [
    str(path.relative_to(DOCS).with_suffix(""))
    for folder in ("tutorial", "howto")
    for path in sorted((DOCS / folder).glob("*.md"))
]
COMMANDS = {
    name: [command(line) for block in blocks(name, "bash", "sh") for line in block.splitlines() if command(line)]
    for name in ALL
}


def test_every_command_is_run_or_has_a_reason():
    run = {line for name in (*PAGES, *RUN_ELSEWHERE) for line in COMMANDS[name]} - {*NOT_RUN}
    for name, commands in COMMANDS.items():
        left = {*commands} - {*NOT_RUN} - run
        assert not left, f"{name}: say in PAGES what is seen after {left}, or in NOT_RUN why it is not run"
    everything = {line for commands in COMMANDS.values() for line in commands}
    assert {*NOT_RUN, *GO_ON} <= everything, "no page has these any more"


@pytest.fixture(scope="module")
def machine():
    require("Xtigervnc", "xterm", "openbox-session", "dbus-run-session", "xauth", "ss", "unshare", "ip")
    machine = Machine()
    yield machine
    machine.close()


@pytest.mark.real
@pytest.mark.parametrize("name", PAGES)
def test_the_commands_of_a_page_do_what_it_says(machine, name):
    page = PAGES[name]
    _, said = machine.run(script_of(name, page), page.stdin)
    for what in page.see:
        assert re.search(what, said, re.MULTILINE), f"{what}\nis not in:\n{said}"
    assert "Traceback" not in said
    assert "command not found" not in said
