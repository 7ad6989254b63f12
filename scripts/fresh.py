"""Try the first five minutes on machines that have nothing: ``make fresh``.

    python -m scripts.fresh [SUITE ...]      # default: bookworm trixie

For each suite: a root file system made by ``debootstrap``, a user without rights but sudo's, a clone of this commit,
``make demo`` twice, and a click on the tile in a real browser. Prints the seconds of each step. Needs root,
debootstrap, Chromium and the environment of the tests. Everything is in one folder (``FRESH_FOLDER``, by default
``.fresh``), and is removed at the end unless ``FRESH_KEEP`` is set. The archive is the one that this machine itself is
configured to use.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts.pages import FreshError, colours, opened, settle

ROOT: Final = Path(__file__).resolve().parent.parent
USER: Final = "newcomer"

#: Seconds that a step may take, on a machine that does other things as well.
PATIENCE: Final = 1800.0
#: Colours that a picture of a desktop has at least; an empty screen has a handful.
COLOURS: Final = 100

#: What a person has before they clone anything.
PREREQUISITES: Final = ("git", "make", "python3", "sudo", "ca-certificates")

#: Suites of Ubuntu that have a Python that is new enough. Their VNC servers are in ``universe``.
UBUNTU: Final = frozenset({"noble"})
#: All of them are made in the same way; the debootstrap of Debian 12 has this name for it.
UBUNTU_OPTIONS: Final = ("--components=main,universe", "/usr/share/debootstrap/scripts/gutsy")

#: What of this machine's environment says how to reach package indexes through it.
KEPT: Final = re.compile(
    r"(?i)^(https?_proxy|no_proxy|PIP_.*|npm_config_.*|.*CA_CERTS|.*CA_BUNDLE|SSL_CERT_FILE|PIP_CERT)$"
)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Print how many seconds a step takes."""
    began = time.monotonic()
    yield
    print(f"  {time.monotonic() - began:6.1f} s  {name}", flush=True)


def run(argv: Sequence[str | Path]) -> None:
    """Run a command quietly.

    Raises:
        FreshError: it failed.
    """
    words = [str(word) for word in argv]
    ended = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
    if ended.returncode:
        raise FreshError(f"{' '.join(map(str, argv))}\n{ended.stdout.decode(errors='replace')[-3000:]}")


def archive(suite: str) -> str:
    """Return the archive of a suite's distribution that this machine's apt is configured to use.

    Raises:
        FreshError: apt has none.
    """
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE) $(REPO_URI)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    wanted = "Ubuntu" if suite in UBUNTU else "Debian"
    for line in listed.splitlines():
        origin, _, uri = line.split(" ", 2)
        if origin == wanted and "security" not in uri:
            return uri.rstrip("/")
    raise FreshError(f"apt of this machine has no archive of {wanted}, so {suite} cannot be tried here.")


class Machine:
    """A root file system with its own processes and mounts, on this machine's network."""

    def __init__(self, suite: str, folder: Path) -> None:
        self.suite = suite
        self.root = folder / suite

    def make(self) -> None:
        """Unpack the base system, or take the one that was kept."""
        if (self.root / "etc" / "debian_version").exists():
            return
        self.root.mkdir(parents=True)
        components, script = UBUNTU_OPTIONS if self.suite in UBUNTU else ("--components=main", "")
        options = ["--variant=minbase", "--include=ca-certificates", components]
        run(["debootstrap", *options, self.suite, self.root, archive(self.suite), *filter(None, [script])])

    def prepare(self) -> None:
        """Add what a person has: a network, git, make, Python, and a name that may become root."""
        shutil.copy("/etc/resolv.conf", self.root / "etc" / "resolv.conf")
        self.root_runs(f"apt-get update -q && apt-get install -q -y --no-install-recommends {' '.join(PREREQUISITES)}")
        certificates = Path("/etc/ssl/certs/ca-certificates.crt")
        if certificates.exists():
            shutil.copy(certificates, self.root / "etc" / "ssl" / "certs" / certificates.name)
        self.root_runs(f"id {USER} || useradd --create-home --shell /bin/bash {USER}")
        (self.root / "etc" / "sudoers.d" / USER).write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")

    def take_clone(self) -> None:
        """Put this commit where the machine's users can clone it from."""
        run(["git", "-C", ROOT, "bundle", "create", self.root / "tmp" / "jupyter-vnc.bundle", "HEAD"])

    def argv(self, script: str, user: str) -> list[str]:
        """Return the command line that runs a script in this machine."""
        mounts = "mount -t proc proc proc; mount -t tmpfs tmpfs dev/shm 2>/dev/null || true"
        devices = "mount --rbind /dev dev && mount --make-rslave dev"
        login = ("su", *(("-",) if user == "root" else ("-l",)), user, "-s", "/bin/bash", "-c", '"$0"')
        inner = f"cd {self.root} && {devices} && {mounts}; exec chroot . {' '.join(login)}"
        kept = " ".join(f"export {name}='{value}';" for name, value in os.environ.items() if self.is_kept(name))
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", inner, f"{kept} {script}"]

    @staticmethod
    def is_kept(name: str) -> bool:
        """Tell whether a variable of this machine holds in the new one too; its own folders do not."""
        return bool(KEPT.match(name)) and not os.environ[name].startswith(("/opt", "file:"))

    def runs(self, script: str, user: str) -> None:
        """Run a script as a user."""
        run(self.argv(script, user))

    def root_runs(self, script: str) -> None:
        """Run a script as root."""
        self.runs(f"export DEBIAN_FRONTEND=noninteractive; {script}", "root")

    def user_runs(self, script: str) -> None:
        """Run a script as the user without rights."""
        self.runs(script, USER)

    @contextmanager
    def demo(self) -> Iterator[str]:
        """Run ``make demo`` as the user; yields the URL that it prints.

        Raises:
            FreshError: it prints none.
        """
        argv = self.argv("cd jupyter-vnc && exec make demo", USER)
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            yield self.url(process)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)

    @staticmethod
    def url(process: subprocess.Popen[bytes]) -> str:
        """Return the URL that the demo prints, and show what it prints before."""
        assert process.stdout is not None
        said = b""
        output = process.stdout.fileno()
        while select.select([output], [], [], PATIENCE)[0] and (piece := os.read(output, 4096)):
            said += piece
            if found := re.search(rb"(http://127\.0\.0\.1:\d+/lab\S*)\n", said):
                return found[1].decode()
            for line in piece.decode(errors="replace").splitlines():
                print(f"        | {line}", flush=True)
        raise FreshError(f"make demo printed no URL:\n{said.decode(errors='replace')[-3000:]}")


def click(url: str, picture: Path) -> int:
    """Open JupyterLab, click on the desktop's tile, and return how many colours its picture gets.

    Raises:
        FreshError: there is no desktop, or it stays an empty screen.
    """
    with opened(url) as page:
        tile = page.locator(".jp-LauncherCard", has_text="My desktop")
        tile.wait_for()
        try:
            with timed(f"click, to a desktop of more than {COLOURS} colours"):
                tile.click()
                found = colours(page, COLOURS + 1)
            settle(page)
        finally:
            page.screenshot(path=picture)
    return found


def try_out(suite: str, folder: Path) -> None:
    """Go through everything on one new machine.

    Raises:
        FreshError: a step failed.
    """
    print(f"\n{suite}", flush=True)
    machine = Machine(suite, folder)
    with timed("base system (debootstrap)"):
        machine.make()
    with timed(f"before the clone: {' '.join(PREREQUISITES)}"):
        machine.prepare()
    with timed("clone"):
        machine.take_clone()
        machine.user_runs("rm -rf jupyter-vnc && git clone -q /tmp/jupyter-vnc.bundle jupyter-vnc")
    for name in ("make demo, to its URL", "make demo again, to its URL"):
        began = time.monotonic()
        with machine.demo() as url:
            print(f"  {time.monotonic() - began:6.1f} s  {name}", flush=True)
            found = click(url, folder / f"{suite}.png")
            print(f"            {found} colours, {folder / f'{suite}.png'}", flush=True)


def workplace() -> Path:
    """Return the folder for machines, and make it.

    Raises:
        SystemExit: no machine can be made here; what was printed says why.
    """
    if os.geteuid() or shutil.which("debootstrap") is None:
        print("This needs root, and debootstrap: apt-get install debootstrap", file=sys.stderr)
        raise SystemExit(1)
    folder = Path(os.environ.get("FRESH_FOLDER", ROOT / ".fresh")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def leave(machine: Machine) -> None:
    """Remove a machine, if it is not wanted any more."""
    if not os.environ.get("FRESH_KEEP"):
        shutil.rmtree(machine.root, ignore_errors=True)


def main(suites: Sequence[str]) -> int:
    """Try all suites; return the exit status."""
    folder = workplace()
    failed = 0
    for suite in suites or ("bookworm", "trixie"):
        try:
            try_out(suite, folder)
        except (FreshError, subprocess.TimeoutExpired) as error:
            print(f"  FAILED: {error}", file=sys.stderr)
            failed += 1
        finally:
            leave(Machine(suite, folder))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
