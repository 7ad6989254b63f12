"""More real VNC servers for tests: QEMU, wayvnc, TightVNC, libvncserver; what :mod:`.real` is for X servers.

None of them has a desktop that the others' lamp could run on, so each has its own way to tell which keys came.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

from demo.processes import free_port, running
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from tests.integration.certificates import known_group
from tests.integration.real import (
    BACKGROUND,
    PATIENCE,
    RealServer,
    require,
    wait_until,
    write_passwords,
)

#: An account that exists everywhere and may do nothing.
NOBODY = 65534
#: The flags of a socket in ``/proc/net/unix`` on which somebody listens (``proc(5)``).
LISTENING = "00010000"
#: Where ``libpam-wrapper`` of Debian has its module; it checks logins against a file, for whoever runs it.
PAM_MATRIX = "pam_wrapper/pam_matrix.so"


class Notes:
    """Events that a server writes into a file, one a line, in words of its own."""

    def __init__(self, log, words):
        self._log = log
        self._words = words

    @property
    def events(self):
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        said = ((re.match(pattern, line), event) for line in lines for pattern, event in self._words.items())
        return [match.expand(event) for match, event in said if match]


def _noting(log, words):
    """What :attr:`RealServer.watch` wants: nothing has to be started, the server notes by itself."""

    @contextmanager
    def watch():
        yield Notes(log, words)

    return watch


#: What QEMU's trace says when a key or a button goes down.
QEMU_WORDS = {
    r"input_event_key_qcode con -?\d+, key qcode (\w+), down 1": r"key \1",
    r"input_event_btn con -?\d+, button \d+, down 1": "click",
}


def pam(folder, **accounts):
    """Return the environment in which PAM knows these accounts and no others; nothing of the system is touched."""
    library = next(Path("/usr/lib").glob("*/libpam_wrapper.so"), None)
    if library is None:
        require("libpam_wrapper.so")
    folder.mkdir(mode=0o700)
    known = folder / "accounts"
    known.write_text("".join(f"{name}:{password}:vnc\n" for name, password in accounts.items()))
    services = folder / "services"
    services.mkdir()
    module = library.parent / PAM_MATRIX
    (services / "vnc").write_text("".join(f"{kind} required {module} passdb={known}\n" for kind in ("auth", "account")))
    return {"LD_PRELOAD": str(library), "PAM_WRAPPER": "1", "PAM_WRAPPER_SERVICE_DIR": str(services)}


def _tell(monitor, line):
    """Give QEMU's monitor a command, and wait until it asks for the next."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(PATIENCE)
        channel.connect(str(monitor))
        for command in (b"", f"{line}\n".encode()):
            channel.sendall(command)
            said = b""
            while not said.endswith(b"(qemu) "):
                more = channel.recv(4096)
                assert more, f"QEMU's monitor has closed the connection behind {said!r}"
                said += more


#: What a machine does instead of starting: at its first address, 16 bytes below the end, it halts for ever. Its picture
#: stays as it is, it takes no processor time, and nothing depends on how fast it starts.
HALT = bytes(0xFFF0) + b"\xfa\xf4\xeb\xfd".ljust(16, b"\0")


@contextmanager
def qemu(folder, *, unix=False, password="", credentials="", certificate=None, verify_peer=False, more="", options=()):
    """Start QEMU with a machine that halts at once.

    Args:
        folder: for its files.
        unix: listen on a Unix socket.
        password: asked for, if there is one; set through the monitor.
        credentials: ``x509`` (with a certificate) or ``anon``, for TLS.
        certificate: of :mod:`.certificates`.
        verify_peer: whether viewers need a certificate, too.
        more: options of ``-vnc``, each behind a comma.
        options: of QEMU itself.
    """
    require("qemu-system-x86_64")
    (folder / "halt.bin").write_bytes(HALT)
    argv = ["qemu-system-x86_64", "-nodefaults", "-vga", "std", "-m", "16", "-display", "none"]
    argv += ["-bios", str(folder / "halt.bin")]
    argv += ["-name", "a real machine", *options]
    port = free_port()
    address = UnixAddress(str(folder / "vnc.sock")) if unix else TCPAddress("127.0.0.1", port)
    listen = f"unix:{address.path}" if unix else f"127.0.0.1:{port - 5900}"
    if credentials:
        how = f",verify-peer={'on' if verify_peer else 'off'}" if credentials == "x509" else ""
        pki = folder / "pki"
        pki.mkdir()
        (pki / "dh-params.pem").write_bytes(known_group())
        how += f",dir={pki}"
        if certificate:
            for name, path in (("server-cert", certificate.certificate), ("server-key", certificate.key)):
                shutil.copy(path, pki / f"{name}.pem")
            shutil.copy(certificate.ca, pki / "ca-cert.pem")
        argv += ["-object", f"tls-creds-{credentials},id=tls,endpoint=server{how}"]
        listen += ",tls-creds=tls"
    ours = write_passwords(folder, password)[1] if password else None
    argv += ["-vnc", listen + (",password=on" if password else "") + more]
    monitor, log = folder / "monitor.sock", folder / "qemu.log"
    argv += ["-monitor", f"unix:{monitor},server=on,wait=off", "-trace", "input_event_key_qcode"]
    argv += ["-trace", "input_event_btn"]
    with running(argv, log, env=os.environ, cwd=folder) as process:
        wait_until(lambda: listens(UnixAddress(str(monitor))) or process.poll() is not None, "QEMU runs")
        assert process.poll() is None, log.read_text()
        _tell(monitor, f"set_password vnc {password}" if password else "info vnc")
        watch = _noting(log, QEMU_WORDS)
        yield RealServer(address, process, dict(os.environ), folder, ours, password, "#000000", "a real machine", watch)


SWAY = """
xwayland disable
output HEADLESS-1 resolution 640x480 position 0 0
output HEADLESS-1 background {background} solid_color
{bindings}
"""


@contextmanager
def _sway(folder, keys):
    """Start a compositor that notes keys; it refuses to run as root, so root runs it as nobody."""
    require("sway", "swaybg", "setpriv")
    runtime = Path(tempfile.mkdtemp(prefix="sway-"))
    try:
        # Without the flag, it would be a second key where the machine is too busy to let the first one up in time.
        binding = "bindsym --no-repeat {key} exec echo key {key} >> {file}"
        bindings = "\n".join(binding.format(key=key, file=runtime / "keys") for key in keys)
        (runtime / "config").write_text(SWAY.format(background=BACKGROUND, bindings=bindings))
        drop = []
        if os.geteuid() == 0:
            os.chown(runtime, NOBODY, NOBODY)
            drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        env = os.environ | {"XDG_RUNTIME_DIR": str(runtime), "HOME": str(runtime), "WLR_BACKENDS": "headless"}
        env |= {"WLR_RENDERER": "pixman", "WLR_LIBINPUT_NO_DEVICES": "1"}
        argv = [*drop, "sway", "-c", str(runtime / "config")]
        with running(argv, folder / "sway.log", env=env, cwd=runtime):
            wait_until(lambda: any(runtime.glob("wayland-?")), "sway runs")
            yield env | {"WAYLAND_DISPLAY": next(runtime.glob("wayland-?")).name}, runtime / "keys"
    finally:
        shutil.rmtree(runtime)


@contextmanager
def wayvnc(folder, *, unix=False, account=(), certificate=None):
    """Start wayvnc on a compositor of its own; with an account (name, password) it wants TLS and a login."""
    require("wayvnc")
    with ExitStack() as stack:
        env, keys = stack.enter_context(_sway(folder, "gx"))
        address = UnixAddress(str(folder / "vnc.sock")) if unix else TCPAddress("127.0.0.1", free_port())
        argv, ours = ["wayvnc", "-C", str(folder / "config")], None
        settings = ""
        if account:
            ours = write_passwords(folder, account[1])[1]
            settings = f"enable_auth=true\nusername={account[0]}\npassword={account[1]}\n"
            settings += f"private_key_file={certificate.key}\ncertificate_file={certificate.certificate}\n"
        (folder / "config").write_text(settings)
        argv += ["-u", address.path] if unix else [address.host, str(address.port)]
        log = folder / "wayvnc.log"
        process = stack.enter_context(running(argv, log, env=env, cwd=folder))
        wait_until(lambda: listens(address), "wayvnc listens")
        watch = _noting(keys, {r"key \w": r"\g<0>"})
        password = account[1] if account else ""
        yield RealServer(address, process, env, folder, ours, password, title="WayVNC", watch=watch)


def listens(address):
    """Whether somebody listens there, told by the kernel: a server would count a connection that says nothing."""
    if isinstance(address, UnixAddress):
        # Its file is there a moment before anybody may connect.
        # On the whole machine, there may be a name with a line's end in it, whose second line is none of the table's.
        row = rf"^\w+: \w+ \w+ {LISTENING} .* {re.escape(address.path)}$"
        return re.search(row, Path("/proc/net/unix").read_text(errors="replace"), re.MULTILINE) is not None
    wanted = f":{address.port:04X} "
    return any(wanted in line and " 0A " in line for line in Path("/proc/net/tcp").read_text().splitlines())


#: Debian has libvncserver's example as source. What it does with a key is to draw it, so drawing says which it was.
EXAMPLE = Path("/usr/share/doc/libvncserver-dev/examples/example.c")
EXAMPLE_NOTES = """
#include <rfb/rfb.h>
#define rfbDrawCharWithClip(screen, font, x, y, c, ...) \\
    (fprintf(stderr, "key %c\\n", c), (rfbDrawCharWithClip)(screen, font, x, y, c, __VA_ARGS__))
"""


@contextmanager
def libvncserver(folder, *, password=""):
    """Compile and start the example of libvncserver."""
    require("cc")
    if not EXAMPLE.exists():
        require("libvncserver-dev")
    notes, program = folder / "notes.h", folder / "example"
    notes.write_text(EXAMPLE_NOTES)
    compile_it = ["cc", "-w", "-include", str(notes), "-o", str(program), str(EXAMPLE), "-lvncserver"]
    subprocess.run(compile_it, check=True, timeout=PATIENCE)
    address, ours, log = TCPAddress("127.0.0.1", free_port()), None, folder / "example.log"
    argv = [str(program), "-rfbport", str(address.port), "-listen", address.host]
    argv += ["-listenv6", "::1", "-rfbportv6", str(free_port()), "-httpportv6", str(free_port())]
    if password:
        theirs, ours = write_passwords(folder, password)
        argv += ["-rfbauth", str(theirs)]
    with running(argv, log, env=os.environ, cwd=folder) as process:
        wait_until(lambda: listens(address), "libvncserver's example listens")
        # The pointer is at the top left, in the picture; what is seen there is a part of it.
        watch = _noting(log, {r"key \w": r"\g<0>"})
        yield RealServer(
            address, process, dict(os.environ), folder, ours, password, "#a7c7e7", "LibVNCServer Example", watch
        )


#: A machine with a power switch, which does nothing but to note that it was pressed.
POWERED = r"""
#include <rfb/rfb.h>
#include <stdlib.h>
#include <string.h>

static rfbBool press(rfbClientPtr viewer, uint8_t version, uint8_t action) {
  (void)viewer;
  fprintf(stderr, "power %d\n", action);
  return version == 1;
}

int main(int argc, char **argv) {
  rfbScreenInfoPtr screen = rfbGetScreen(&argc, argv, 640, 480, 8, 3, 4);
  if (!screen) return 1;
  screen->frameBuffer = malloc(640 * 480 * 4);
  for (char *pixel = screen->frameBuffer; pixel < screen->frameBuffer + 640 * 480 * 4; pixel += 4)
    memcpy(pixel, "\x20\x40\x60", 4);
  screen->desktopName = "a machine with a switch";
  screen->alwaysShared = TRUE;
  screen->cursor = NULL;
  screen->xvpHook = press;
  rfbInitServer(screen);
  rfbRunEventLoop(screen, 10000, FALSE);
  return 0;
}
"""


@contextmanager
def powered(folder):
    """Compile and start a server of libvncserver's that can be told to shut down, and notes that it was."""
    require("cc")
    source, program = folder / "powered.c", folder / "powered"
    source.write_text(POWERED)
    compile_it = ["cc", "-Wall", "-Werror", "-o", str(program), str(source), "-lvncserver"]
    subprocess.run(compile_it, check=True, timeout=PATIENCE)
    address, log = TCPAddress("127.0.0.1", free_port()), folder / "powered.log"
    argv = [str(program), "-rfbport", str(address.port), "-listen", address.host]
    argv += ["-listenv6", "::1", "-rfbportv6", str(free_port()), "-httpportv6", str(free_port())]
    with running(argv, log, env=os.environ, cwd=folder) as process:
        wait_until(lambda: listens(address), "the machine with a switch listens")
        watch = _noting(log, {r"power \d": r"\g<0>"})
        yield RealServer(
            address, process, dict(os.environ), folder, None, "", "#204060", "a machine with a switch", watch
        )


@contextmanager
def tightvnc(folder, *, password):
    """Start TightVNC's X server; it needs a font, and has no cookie file of ours."""
    require("Xtightvnc", "xsetroot")
    theirs, ours = write_passwords(folder, password)
    # It takes no free display by itself. Nobody else has a display, or a port, of that number.
    address, number = TCPAddress("127.0.0.1", free_port()), free_port()
    argv = ["Xtightvnc", f":{number}", "-rfbport", str(address.port), "-localhost", "-rfbauth", str(theirs)]
    argv += ["-geometry", "640x480", "-depth", "24", "-desktop", "a real desktop", "-fp", "/usr/share/fonts/X11/misc"]
    env = os.environ | {"DISPLAY": f":{number}"}
    with running([*argv, "-nolisten", "tcp"], folder / "Xtightvnc.log", env=env, cwd=folder) as process:
        server = RealServer(address, process, env, folder, ours, password)
        wait_until(lambda: _answers(env) or process.poll() is not None, "TightVNC runs")
        assert process.poll() is None, (folder / "Xtightvnc.log").read_text()
        server.run("xsetroot", "-solid", BACKGROUND)
        yield server


def _answers(env):
    return subprocess.run(["xset", "q"], env=env, check=False, capture_output=True, timeout=PATIENCE).returncode == 0
