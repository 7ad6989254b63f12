"""The Jupyter server that a notebook belongs to, and its REST interface as a program sees it.

Each Jupyter server describes itself in a file of its runtime folder, readable by its user only: address and token. A
kernel or a terminal knows its parent process. So a notebook needs no address, no password and no configuration.
"""

from __future__ import annotations

import json
import os
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from jupyter_core.paths import jupyter_runtime_dir

from jupyter_vnc.escaping import printable
from jupyter_vnc.system import files

from .connection import CERTIFICATE, opener

#: Longest wait for an answer (seconds): a desktop may have to be started first.
TIMEOUT: Final = 60.0
#: How a server describes itself takes half a kilobyte; a list of desktops, some for each of them (bytes).
MAX_DESCRIPTION: Final = 65536
MAX_SENTENCE: Final = 1000
MAX_ANSWER: Final = 16 * 1024 * 1024


_NO_LOGIN: Final = (
    "The Jupyter server asks for a password. Give it a token too, so that notebooks can use its desktops: "
    'c.IdentityProvider.token = "…"'
)
#: What a cookie and a header have to agree on; no page can set either for another origin.
_XSRF: Final = secrets.token_hex(16)


class NotebookError(RuntimeError):
    """Something is not possible from here; the message explains what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a Jupyter server is, and how to log in.

    Attributes:
        url: its base URL, with a slash at the end.
        token: its token; what is in it may do all that its user may. Empty where it asks for none.
        certificate: the SHA-256 of its certificate, where it serves TLS itself and has said so.
        root: the folder whose files it shows; empty where it does not say.
    """

    url: str
    token: str = field(repr=False)
    certificate: str = ""
    root: str = ""

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call a route below ``vnc/`` and return its JSON, None if there is none.

        Raises:
            NotebookError: with the server's own sentence.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {**self.login, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}vnc/{path}", data, headers, method=method)  # noqa: S310 - http(s)
        try:
            with opener(self.certificate).open(request, timeout=TIMEOUT) as answer:
                return json.loads(_all(answer) or b"null")
        except urllib.error.HTTPError as error:
            raise NotebookError(_NO_LOGIN if error.code == 403 and not self.token else _sentence(error)) from None
        except OSError as error:
            raise NotebookError(f"The Jupyter server at {self.url} does not answer: {error}") from None
        except (ValueError, RecursionError):
            raise NotebookError(f"{self.url} is not a Jupyter server with remote desktops.") from None

    @property
    def login(self) -> dict[str, str]:
        """The headers that log in; a server without login wants proof that no other page made a request."""
        if self.token:
            return {"Authorization": f"token {self.token}"}
        return {"Cookie": f"_xsrf={_XSRF}", "X-XSRFToken": _XSRF}

    @property
    def websocket(self) -> str:
        """URL of the websocket."""
        return f"{self.url}vnc/ws".replace("http", "ws", 1)

    def path_of(self, file: Path | str) -> str:
        """Return the path of a file as the server's file browser has it.

        Raises:
            NotebookError: it shows no such file.
        """
        if not self.root:
            raise NotebookError("The Jupyter server does not say which folder its files are in.")
        root, path = Path(self.root).resolve(), Path(file).resolve()
        if not path.is_relative_to(root):
            raise NotebookError(f"{path} is not below {root}, where the files of the Jupyter server are.")
        return path.relative_to(root).as_posix()

    def frame(self, target: str) -> str:
        """Path of a target's page that may be in a frame, within half a minute and once.

        A notebook keeps the path in its output, where it is useless afterwards.

        Raises:
            NotebookError: with the server's own sentence.
        """
        return str(self.call("POST", "api/frames", {"target": target})["page"])


def find(environ: Mapping[str, str] = os.environ) -> Server:
    """Find the server that started this kernel or terminal.

    Raises:
        NotebookError: there is none, or it cannot be reached from here.
    """
    folder = Path(jupyter_runtime_dir())
    for pid in _ancestors(environ):
        with suppress(OSError, ValueError):
            return of_process(pid, folder, environ)
    raise NotebookError(
        "This program was not started by a Jupyter server of yours, and desktops belong to a Jupyter server."
    )


def of_process(pid: int, folder: Path, environ: Mapping[str, str] = os.environ) -> Server:
    """Return the server that is a process.

    Args:
        pid: its number.
        folder: its runtime folder.
        environ: the environment that it gives to its programs.

    Raises:
        OSError: it is gone, or has not described itself.
        ValueError: its description is none.
        NotebookError: it cannot be reached from here.
    """
    return _read(_load(folder / f"jpserver-{pid}.json", pid), environ)


def _load(file: Path, pid: int) -> Mapping[str, Any]:
    """Read how a server describes itself.

    One that was killed leaves its description, and its port to any account of the machine that wants our token.

    Raises:
        OSError: there is no such file, or its server ``pid`` is gone.
        ValueError: it is no description, or its server has just ended.
    """
    if _stat(pid)[0] in "ZX":
        raise ValueError(f"the server of {file} is gone")
    try:
        info = json.loads(files.read_regular_file(file, MAX_DESCRIPTION))
    except RecursionError:
        info = None
    if not isinstance(info, dict) or not isinstance(info.get("url"), str):
        raise ValueError(f"{file} describes no server")
    return info


def _read(info: Mapping[str, Any], environ: Mapping[str, str]) -> Server:
    if info.get("sock"):
        raise NotebookError("The Jupyter server listens on a Unix socket only; desktops cannot be reached from here.")
    token = info.get("token") or environ.get("JUPYTERHUB_API_TOKEN", "")
    if not token and info.get("password"):
        raise NotebookError(_NO_LOGIN)
    root = str(info.get("root_dir") or "")
    return Server(str(info["url"]).rstrip("/") + "/", str(token or ""), environ.get(CERTIFICATE, ""), root)


def _ancestors(environ: Mapping[str, str]) -> Iterator[int]:
    """Yield process ids, the likeliest first: kernels have it in a variable, terminals have to search."""
    with suppress(KeyError, ValueError):
        yield int(environ["JPY_PARENT_PID"])
    pid = os.getppid()
    while pid > 1:
        yield pid
        try:
            pid = int(_stat(pid)[1])
        except (OSError, ValueError, IndexError):
            return


def _stat(pid: int) -> list[str]:
    """Return what the kernel says of a process, from its state on (``proc(5)``).

    Raises:
        OSError: it is gone.
    """
    return files.read_text(f"/proc/{pid}/stat", 4096, errors="replace").rpartition(")")[2].split()


def _all(answer: IO[bytes]) -> bytes:
    """Read an answer.

    Raises:
        ValueError: it is longer than any of ours.
    """
    body = answer.read(MAX_ANSWER + 1)
    if len(body) > MAX_ANSWER:
        raise ValueError(f"the answer has more than {MAX_ANSWER} bytes")
    return body


def _sentence(error: urllib.error.HTTPError) -> str:
    with suppress(ValueError):
        said = json.loads(_all(error))
        if isinstance(said, dict) and said.get("message"):
            return printable(str(said["message"]), MAX_SENTENCE)
    return f"The Jupyter server answered: {error.code} {error.reason}"
