"""Errors as data: what a person reads, and what the log gets."""

import pytest

from jupyter_vnc import exceptions
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import (
    ConfigError,
    InvalidTarget,
    LimitExceeded,
    LoginExpired,
    OriginRefused,
    TargetNotFound,
    TargetUnreachable,
    VNCError,
)

ERRORS = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, VNCError)]


@pytest.mark.parametrize("kind", ERRORS)
def test_each_error_knows_its_status_code_and_word(kind):
    assert 400 <= kind.http_status < 600
    assert kind.close_code in CloseCode
    assert kind.reason.replace("_", "").isalpha()


def test_reasons_tell_errors_apart():
    reasons = [kind.reason for kind in ERRORS]
    assert sorted(set(reasons)) == sorted(reasons)


def test_an_error_without_words_speaks_for_its_kind():
    assert str(TargetNotFound()) == "There is no such desktop, or you may not use it."
    assert str(LoginExpired()) == "Your login has expired. Log in again."


def test_a_kind_without_a_sentence_is_silent_rather_than_broken():
    class Nameless(VNCError):
        __doc__ = "one line\nand more"

    assert str(Nameless()) == "one line"


def test_the_detail_is_for_the_log_only():
    error = TargetUnreachable("It does not answer.", detail="10.0.0.7:5901 refused")
    assert str(error) == "It does not answer."
    assert error.log_line == "It does not answer. (10.0.0.7:5901 refused)"
    assert TargetUnreachable("It does not answer.").log_line == "It does not answer."


@pytest.mark.parametrize(
    ("target", "key", "sentence"),
    [
        ("lab", "port", "target 'lab', key 'port': is wrong"),
        ("lab", "", "target 'lab': is wrong"),
        ("", "token_store", "key 'token_store': is wrong"),
        ("", "", "is wrong"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(target, key, sentence):
    assert str(ConfigError("is wrong", target=target, key=key)) == sentence


def test_a_limit_says_when_to_try_again():
    assert LimitExceeded("Too many.", retry_after=2.5).retry_after == 2.5
    assert LimitExceeded("Too many.", detail="ann").log_line == "Too many. (ann)"


def test_an_origin_that_is_refused_is_named_with_what_to_set():
    said = str(OriginRefused("hub.example", "https://desk.example\n"))
    assert "The page is at https://desk.example\\n, and the server was asked as hub.example." in said
    assert 'set allow_origin to "https://desk.example\\n"' in said


def test_keys_that_are_wrong_are_named_and_forge_no_line():
    error = InvalidTarget({"port": "is wrong", "": "no server", "a\nb": "is\x1b unknown"})
    assert error.errors == {"port": "is wrong", "": "no server", "a\\nb": "is\\x1b unknown"}
    assert str(error) == "port is wrong; no server; a\\nb is\\x1b unknown."


def test_maintenance_is_a_conflict_that_ends_later():
    error = exceptions.InMaintenance()
    assert (error.http_status, error.reason) == (409, "maintenance")
    assert str(error) == "This desktop is in maintenance. Try again later."
