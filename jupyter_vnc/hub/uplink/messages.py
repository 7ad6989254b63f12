"""What goes over an uplink: text messages of JSON, each of which is checked by its schema on arrival.

A server sends reports; the service sends notices. Neither believes the other: a student's server runs what the student
likes, and another program may answer at the address of the service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator

from jupyter_vnc.broker.report import DESKTOPS, VIEWERS

#: The longest message (bytes): a whole report, with the longest names that a hub has.
LONGEST: Final = 128 * 1024

_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 255}
_ID: Final = {"type": "string", "pattern": r"^[0-9a-f]{16}\Z"}
_TIME: Final = {"type": "string", "maxLength": 40, "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00\Z"}


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _rows(most: int, **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "maxItems": most, "items": _object(**properties)}


#: Of a server: what runs there and who has it on the screen. The login says whose server it is, never a message.
REPORT: Final = Draft202012Validator(
    _object(
        desktops=_rows(DESKTOPS, name=_NAME, state={"enum": ["up", "starting"]}, since=_TIME),
        viewers=_rows(
            VIEWERS,
            id=_ID,
            target=_NAME,
            user=_NAME,
            mode={"enum": ["view", "control"]},
            since=_TIME,
            last_input={"anyOf": [_TIME, {"type": "null"}]},
        ),
    )
)

#: Of the service: what to show in the viewer of a session, or that it is to end, and by whom.
NOTICE: Final = Draft202012Validator(
    {
        "oneOf": [
            _object(type={"const": "message"}, session=_ID, sender=_NAME, text={"type": "string", "maxLength": 500}),
            _object(type={"const": "end"}, session=_ID, sender=_NAME),
        ]
    }
)


def read(message: str | bytes, schema: Draft202012Validator) -> dict[str, Any]:
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
