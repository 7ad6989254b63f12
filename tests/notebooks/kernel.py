"""A real kernel of a real Jupyter server: cells are run as a notebook runs them, over the server's own routes."""

import json
import secrets
import urllib.request

import websocket

#: Seconds without a message from a kernel, until it is asked for one; and how often it is.
SILENCE, NUDGES = 5, 11
#: Seconds that a busy machine may take to start a kernel and to connect to it.
PATIENCE = 60
#: What a value is shown as: no program that the kernel has started says anything of this type.
VALUE = "application/json"


class CellFailed(Exception):
    """A cell raised something: its name and its sentence; ``shown`` is what the cell has shown before."""

    def __init__(self, sentence, shown):
        super().__init__(sentence)
        self.shown = shown


class Kernel:
    """Starts a kernel; :meth:`close` shuts it down."""

    def __init__(self, root, token):
        self._root, self._token = root, token
        self._id = self._call("POST", "api/kernels", {"name": "python3"})["id"]
        url = f"{root.replace('http', 'ws', 1)}api/kernels/{self._id}/channels"
        self._socket = websocket.create_connection(url, header={"Authorization": f"token {token}"}, timeout=PATIENCE)
        self._socket.settimeout(SILENCE)

    def close(self):
        self._socket.close()
        self._call("DELETE", f"api/kernels/{self._id}")

    def run(self, code):
        """Run a cell; return what it shows: a list of MIME bundles.

        What is printed is not among it: the output of programs that the kernel has started belongs to whichever cell
        runs at that moment, in pieces of any size.
        """
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        ours = self._send("execute_request", content)
        shown = []
        for said in self._hear():
            if said["parent_header"].get("msg_id") != ours:
                continue
            kind, content = said["msg_type"], said["content"]
            if kind in {"execute_result", "display_data"}:
                shown.append(content["data"])
            elif kind == "error":
                raise CellFailed(f"{content['ename']}: {content['evalue']}", shown)
            elif kind == "status" and content["execution_state"] == "idle":
                return shown
        raise TimeoutError(code)

    def value(self, expression):
        """Return what an expression is, as far as JSON has it."""
        shown = self.run(f"from IPython import display as _ipy; _ipy.display(_ipy.JSON([{expression}]))")
        (values,) = [bundle[VALUE] for bundle in shown if VALUE in bundle]
        return values[0]

    def _send(self, kind, content):
        header = {"msg_id": secrets.token_hex(8), "msg_type": kind, "username": "", "session": "s"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self._socket.send(json.dumps(message))
        return header["msg_id"]

    def _hear(self):
        """Yield what the kernel says, for a limited time.

        ipykernel may sleep over a cell that comes while it enters an event loop (``%gui``): it wakes when a message
        comes, and that one had come before. So one that is silent gets another.
        """
        nudges = 0
        while nudges <= NUDGES:
            try:
                yield json.loads(self._socket.recv())
            except websocket.WebSocketTimeoutException:
                self._send("kernel_info_request", {})
                nudges += 1

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self._token}"}
        request = urllib.request.Request(self._root + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")
