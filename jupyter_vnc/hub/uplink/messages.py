"""What goes over an uplink: text messages of JSON, each of which is checked by its schema on arrival.

A server sends reports; the service sends notices. Neither believes the other: a student's server runs what the student
likes, and another program may answer at the address of the service.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from jupyter_vnc.broker.report import DESKTOPS, VIEWERS
from jupyter_vnc.escaping import is_web_address
from jupyter_vnc.model.holds import KINDS, LONGEST_TEXT
from jupyter_vnc.model.sessions import LONGEST_SENTENCE
from jupyter_vnc.model.targets import TARGET_NAME
from jupyter_vnc.model.wall_pictures import LONGEST_TEXT as LONGEST_PICTURE

#: The longest message (bytes): a whole report, with the longest names that a hub has.
LONGEST: Final = 128 * 1024

_FORMATS: Final = FormatChecker(formats=())


@_FORMATS.checks("web-address")
def _is_web_address(value: object) -> bool:
    """Whether it is what a viewer may be asked to open."""
    return not isinstance(value, str) or is_web_address(value)


@_FORMATS.checks("time", raises=ValueError)
def _is_time(value: object) -> bool:
    """Whether it is a time as :meth:`datetime.isoformat` writes it; a month 13 fits a pattern, too."""
    return not isinstance(value, str) or datetime.fromisoformat(value).isoformat() == value


def _differ(_: Any, key: str, rows: Any, __: Any) -> Iterator[ValidationError]:
    """The keyword ``differ``: no two rows have the same value of a key. It stands after what checks the rows."""
    values = [row[key] for row in rows]
    if len(set(values)) < len(values):
        yield ValidationError(f"two rows have the same {key}")


_Schema: Final = validators.extend(Draft202012Validator, {"differ": _differ})  # type: ignore[no-untyped-call]

_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 255}
_TARGET: Final = {"type": "string", "maxLength": 255, "pattern": rf"^{TARGET_NAME.pattern}\Z"}
_TEXT: Final = {"type": "string", "maxLength": 500}
_ID: Final = {"type": "string", "pattern": r"^[0-9a-f]{16}\Z"}
_TOKEN: Final = {"type": "string", "pattern": r"^[A-Za-z0-9_-]{43}\Z"}
_TIME: Final = {"type": "string", "maxLength": 40, "pattern": r"\+00:00\Z", "format": "time"}


def _object(optional: Mapping[str, Any] | None = None, /, **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties | dict(optional or {}),
    }


def _rows(most: int, key: str, **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "maxItems": most, "items": _object(**properties), "differ": key}


#: Of a server: what runs there, who has it on the screen, and whether it lets anybody look and take control. The login
#: says whose server it is, never a message.
REPORT: Final = _Schema(
    _object(
        {"control": {"type": "boolean"}},
        looks={"type": "boolean"},
        desktops=_rows(DESKTOPS, "name", name=_TARGET, state={"enum": ["up", "starting"]}, since=_TIME),
        viewers=_rows(
            VIEWERS,
            "id",
            id=_ID,
            target=_TARGET,
            user=_NAME,
            mode={"enum": ["view", "control"]},
            since=_TIME,
            last_input={"anyOf": [_TIME, {"type": "null"}]},
            hand={"anyOf": [_TIME, {"type": "null"}]},
            hand_sentence={"type": "string", "maxLength": LONGEST_SENTENCE},
            notes={"type": "boolean"},
        ),
    ),
    format_checker=_FORMATS,
)

#: Of a server, while the service has asked for it: a small picture that a session of its owner's shows.
PICTURE: Final = _Schema(_object(picture=_object(session=_ID, data={"type": "string", "maxLength": LONGEST_PICTURE})))
#: So each of them begins: which it is decides how many may come, before anything is read.
PICTURE_BEGINS: Final = '{"picture"'

#: Of the service: what to show in the viewer of a session, or that it is to end, and by whom; or that somebody wants to
#: look at a desktop, which the server then brings to the service in a websocket of its own; or whether an instructor
#: has a wall open, and pictures are wanted; or that somebody holds the input at a desktop, or does not any more.
NOTICE: Final = _Schema(
    {
        "oneOf": [
            _object(type={"const": "message"}, session=_ID, sender=_NAME, text=_TEXT),
            _object(type={"const": "link"}, session=_ID, sender=_NAME, text=_TEXT | {"format": "web-address"}),
            _object(type={"const": "end"}, session=_ID, sender=_NAME),
            _object(
                {"mode": {"enum": ["view", "control"]}},
                type={"const": "look"},
                target=_TARGET,
                sender=_NAME,
                token=_TOKEN,
            ),
            _object(type={"const": "wall"}, on={"type": "boolean"}),
            _object(
                type={"const": "hold"},
                target=_TARGET,
                sender=_NAME,
                why={"enum": [*KINDS]},
                text={"type": "string", "maxLength": LONGEST_TEXT},
                on={"type": "boolean"},
            ),
        ]
    },
    format_checker=_FORMATS,
)


def read(message: str | bytes, schema: Any) -> dict[str, Any]:
    """Return a message that has come.

    Raises:
        ValueError: it is not text, longer than :data:`LONGEST`, no JSON, or not of this shape.
    """
    if not isinstance(message, str) or len(message) > LONGEST:
        raise ValueError("no text, or too long")
    try:
        content = json.loads(message)
        right = schema.is_valid(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not right:
        raise ValueError("not of the shape that it should have")
    answer: dict[str, Any] = content
    return answer
