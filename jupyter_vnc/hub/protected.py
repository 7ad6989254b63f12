"""What handlers lack that are none of Jupyter's."""

from __future__ import annotations

from tornado.httputil import HTTPHeaders

from jupyter_vnc.http import headers
from jupyter_vnc.http.errors import LoggedErrors


class Protected(LoggedErrors):
    """Headers.

    A browser shows any response in a frame, even an error, and a page around it can read the cookies of its path.
    """

    def set_default_headers(self) -> None:
        """Set the headers of all responses."""
        host = HTTPHeaders(self.settings.get("headers", {}))
        policy = headers.restrict(host.get("Content-Security-Policy", ""), headers.DATA_POLICY, otherwise="'none'")
        for name, value in {**host, **headers.ALWAYS, "Content-Security-Policy": policy}.items():
            self.set_header(name, value)
