"""For ``jupyterhub_config.py``: the service, its scopes, and the roles of a course, one line each.

.. code-block:: python

    from jupyter_vnc.hub import config as vnc

    c.JupyterHub.custom_scopes = vnc.scopes()
    c.JupyterHub.services = [vnc.service(config_file="/etc/jupyter/vnc.py")]
    c.JupyterHub.load_roles = vnc.roles() + vnc.course("course-a", instructors=["ada"])

What they return are plain dictionaries and lists: add to them, or write your own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from .scopes import ADMIN, CONTROL, MANAGE, VIEW

#: The service's name: it is at ``/services/vnc/``.
NAME: Final = "vnc"
#: The variable in which the service is told which scopes the hub passes on: a JSON list.
ALLOWED_SCOPES: Final = "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES"
_ACCESS: Final = f"access:services!service={NAME}"


def scopes() -> dict[str, dict[str, Any]]:
    """Return the scopes of the service, for ``c.JupyterHub.custom_scopes``."""
    return {
        VIEW: {"description": "View remote desktops"},
        CONTROL: {"description": "Use remote desktops", "subscopes": [VIEW]},
        ADMIN: {"description": "Supervise people at remote desktops", "subscopes": [CONTROL]},
        MANAGE: {"description": "Register remote desktops"},
    }


def service(
    *, config_file: str = "", port: int = 10205, api_token: str = "", url: str = "", **more: Any
) -> dict[str, Any]:
    """Return the service, for ``c.JupyterHub.services``.

    Args:
        config_file: the service's configuration; by default Jupyter's own ``jupyter_server_config.py``.
        port: where a managed service listens, on the loopback interface.
        api_token: for a service that the hub does not start itself: its secret, which it has in
            ``JUPYTERHUB_API_TOKEN``.
        url: where such a service listens.
        more: further keys of a service, such as ``cwd``, ``user`` and ``environment``.
    """
    passed = [VIEW, CONTROL, ADMIN, MANAGE]
    command = [sys.executable, "-m", "jupyter_vnc.hub", *([f"--config={config_file}"] if config_file else [])]
    how = {"api_token": api_token} if api_token else {"command": command}
    return {
        "name": NAME,
        "url": url or f"http://127.0.0.1:{port}",
        **how,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": passed,
        **more,
        # The hub tells its users' servers, and not its services.
        "environment": {ALLOWED_SCOPES: json.dumps(passed), **more.get("environment", {})},
    }


def roles() -> list[dict[str, Any]]:
    """Return the service's own role, for ``c.JupyterHub.load_roles``: it may read who is in which group.

    Of one user by ``read:users:groups``; by the other two of all at once, for the course room.
    """
    may = ["read:users:name", "read:users:groups", "list:groups", "read:groups"]
    return [{"name": "vnc-service", "services": [NAME], "scopes": may}]


def managers(users: Sequence[str] = (), *, groups: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the role of those who register targets for everybody, for ``c.JupyterHub.load_roles``.

    Admins of the hub need none. Only they may register targets that name files, commands or sockets of the service's
    machine.

    Args:
        users: who may.
        groups: the hub's groups whose members may.
    """
    scopes = [_ACCESS, MANAGE]
    return [{"name": "vnc-managers", "users": list(users), "groups": list(groups), "scopes": scopes}]


#: Which of a guest's scopes a user's server may see, for ``c.Spawner.oauth_client_allowed_scopes``.
GUEST_SCOPES: Final = [f"{VIEW}!server", f"{CONTROL}!server"]

#: What :func:`sharing` permits a user, and their server on their behalf.
_SHARING: Final = ["read:users:name", "read:groups:name"]

#: How a user's server finds the service, to which it reports which desktops run in it; see the course room.
_UPLINK: Final = f"read:services!service={NAME}"

#: What a user's server may do, for ``c.Spawner.server_token_scopes``: the hub's default, reading and changing with whom
#: the server is shared, and finding the service. What its owner lacks, the hub leaves out.
SERVER_SCOPES: Final = [
    *("users:activity!user", "access:servers!server"),
    *("shares!server", f"{CONTROL}!server", *_SHARING),
    _UPLINK,
]


def sharing(group: str = "") -> list[dict[str, Any]]:
    """Return what users need to share their own server, for ``c.JupyterHub.load_roles``.

    Args:
        group: whose members may; by default all of the hub's users may (it is then the hub's role ``user``).
    """
    own = ["shares!user", f"{CONTROL}!user", *_SHARING]
    if group:
        return [{"name": f"vnc-{group}-sharing", "groups": [group], "scopes": own}]
    return [{"name": "user", "scopes": ["self", *own]}]


#: Users by name, or ``{"users": […], "groups": […]}`` as in a role of the hub.
People: TypeAlias = Sequence[str] | Mapping[str, Sequence[str]]


def course(
    group: str,
    *,
    instructors: People = (),
    watchers: People = (),
    managers: People = (),
    servers: bool = False,
) -> list[dict[str, Any]]:
    """Return the roles of one course, for ``c.JupyterHub.load_roles``.

    Args:
        group: the hub's group of its students, who may use the targets that have it in ``allow_groups``.
        instructors: see the course's sessions and machines, look in, help, end and release. Users, or users and
            groups: ``{"groups": ["staff"]}``.
        watchers: may only view the course's targets; users, or users and groups.
        managers: may register targets on the admin page, for this course only; users, or users and groups.
        servers: whether instructors and watchers also come to the desktops in the students' own servers. And to the
            rest of those servers, unless they have :class:`~jupyter_vnc.hub.authorizer.GuestAuthorizer`.

    Raises:
        TypeError: ``instructors``, ``watchers`` or ``managers`` are not such people.
    """
    enter = [f"access:servers!group={group}"] if servers else []
    rows: tuple[tuple[str, dict[str, list[str]], str, list[str]], ...] = (
        ("students", {"groups": [group]}, CONTROL, [_UPLINK]),
        ("instructors", _people("instructors", instructors), ADMIN, enter),
        ("watchers", _people("watchers", watchers), VIEW, enter),
        ("managers", _people("managers", managers), MANAGE, []),
    )
    return [
        {"name": f"vnc-{group}-{name}", **who, "scopes": [_ACCESS, f"{scope}!group={group}", *more]}
        for name, who, scope, more in rows
        if any(who.values())
    ]


def _people(role: str, people: People) -> dict[str, list[str]]:
    """Return people as a role of the hub has them."""
    given = people if isinstance(people, Mapping) else {"users": people}
    if given.keys() - {"users", "groups"} or not all(map(_are_names, given.values())):
        raise TypeError(f'{role}: a list of users, or {{"users": [...], "groups": [...]}}, not {people!r}')
    return {kind: list(names) for kind, names in given.items()}


def _are_names(names: object) -> bool:
    """Whether these are names; a string is a collection of its letters, and never meant as such."""
    return isinstance(names, Collection) and not isinstance(names, str) and all(isinstance(one, str) for one in names)
