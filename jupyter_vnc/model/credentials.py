"""Secrets that no log, error or answer shows."""

from __future__ import annotations

from dataclasses import dataclass, field


class Secret:
    """A text that no repr, log line or traceback shows; :meth:`reveal` is the only way to read it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Credentials:
    """How we log in to a target.

    ``form`` is the config key that says where the password is (``password``, ``password_file``, ``password_env``,
    ``password_command``, or empty for none) and ``value`` is its value. It is read anew for each login, so a
    rotated password needs no restart.
    """

    username: str = ""
    form: str = ""
    value: Secret | str | tuple[str, ...] = field(default="", repr=False)
