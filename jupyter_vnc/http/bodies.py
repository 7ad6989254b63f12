"""The bodies of requests: strict JSON of the shape that ``rest-api.yml`` has for the route.

The published contract is the one that is checked: handlers have no rules of their own for bodies. A handler gets the
keys and types of the schema, and strings that are safe everywhere: without lone surrogates (RFC 8259 section 8.2) and
without NUL, which neither file names nor terminals permit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from math import isinf
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from jupyter_vnc.escaping import quote_remote
from jupyter_vnc.exceptions import MalformedRequest

_CONTRACT: Final = Path(__file__).parents[1] / "rest-api.yml"
_KIND: Final = "application/json"
#: An unknown key is quoted up to here (characters).
_LONGEST_KEY: Final = 40

#: Names of JSON's types in a sentence.
_TYPES: Final = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a JSON object",
    "null": "null",
}

#: What is wrong with a value, by the keyword of the schema. ``{}`` is the keyword's own value.
_SENTENCES: Final[dict[str, Callable[[Any], str]]] = {
    "type": lambda wanted: f"must be {_TYPES[wanted]}.",
    "enum": lambda words: f"must be one of {', '.join(map(str, words))}.",
    "minLength": lambda least: "must not be empty." if least == 1 else f"must have at least {least} characters.",
    "maxLength": lambda most: f"must have at most {most} characters.",
    "minimum": lambda least: f"must be at least {least}.",
    "maximum": lambda most: f"must be at most {most}.",
    "minItems": lambda least: f"must have at least {least} entries.",
    "maxItems": lambda most: f"must have at most {most} entries.",
    "maxProperties": lambda most: f"must have at most {most} keys.",
}


@cache
def contract() -> Mapping[str, Any]:
    """Return the REST contract in ``rest-api.yml``."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: Mapping[str, Any] = yaml.load(_CONTRACT.read_text("utf-8"), loader)  # noqa: S506 - both are safe loaders
    return loaded


@cache
def schema(route: str, method: str) -> Draft202012Validator:
    """Return the validator for the bodies of a route.

    Args:
        route: as the contract writes it, such as ``/api/desktops/{target}``.
        method: the HTTP method.

    Raises:
        KeyError: the contract has no body for it.
    """
    body = contract()["paths"][route][method.lower()]["requestBody"]["content"][_KIND]["schema"]
    known = Registry().with_resource("", DRAFT202012.create_resource(contract()))
    return Draft202012Validator(body, registry=known)


def read(raw: bytes, route: str, method: str) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Args:
        raw: the body, bounded by whoever has read it; an empty one is an object without keys.
        route: as the contract writes it.
        method: the HTTP method.

    Raises:
        MalformedRequest: it is not one, or violates the contract; the message names the key.
    """
    body = _parsed(raw)
    if not isinstance(body, dict):
        raise MalformedRequest("The request's body must be a JSON object.")
    error = next(schema(route, method).iter_errors(body), None)
    if error is not None:
        raise MalformedRequest(_sentence(error))
    for key, value in body.items():
        if not _writable(value):
            raise MalformedRequest(f"`{_quoted(key)}` contains a forbidden character.")
    return body


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(
            raw.decode() or "{}", object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite
        )
    except (ValueError, RecursionError):
        # Not UTF-8, not JSON, thousands of digits, or nested too deeply.
        raise MalformedRequest("The request's body must be a JSON object.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # A proxy in front of us may have used the other one of the two values (RFC 8259 section 4).
        raise MalformedRequest("A key occurs twice in the request's body.")
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


def _finite(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise ValueError(digits)
    return number


def _writable(value: Any) -> bool:
    try:
        return b"\0" not in json.dumps(value, ensure_ascii=False).encode().replace(rb"\u0000", b"\0")
    except UnicodeEncodeError:
        return False


def _quoted(text: object) -> str:
    clean = quote_remote(str(text).encode("utf-8", "replace"))
    return clean if len(clean) <= _LONGEST_KEY else clean[: _LONGEST_KEY - 1] + "…"


def _sentence(error: ValidationError) -> str:
    """Return what is wrong; quotes no more than a key of the request."""
    keyword, where = str(error.validator), ".".join(map(str, error.absolute_path))
    wanted: Any = error.validator_value
    part: Any = error.schema
    given: Any = error.instance
    if keyword == "additionalProperties":
        unknown = next(key for key in given if key not in part["properties"])
        return f"`{_quoted(unknown)}` is not a key of this request."
    if keyword == "required":
        missing = next(key for key in wanted if key not in given)
        return f"`{missing}` is missing."
    if keyword == "type" and "enum" in part:
        keyword, wanted = "enum", part["enum"]
    say = _SENTENCES.get(keyword)
    if say is None or (keyword == "type" and wanted not in _TYPES):
        return f"`{_quoted(where)}` does not match the API's description."
    return f"`{_quoted(where)}` {say(wanted)}" if where else f"The request's body {say(wanted)}"
