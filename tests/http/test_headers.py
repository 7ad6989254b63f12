"""Two policies become one that permits what both permit: never more, and not less without need."""

import pytest

from jupyter_vnc.http import headers

SCRIPTS = "script-src 'self'"


@pytest.mark.parametrize(
    ("given", "merged"),
    [
        ((), ""),
        (("", " ; ,, ;"), ""),
        ((SCRIPTS,), SCRIPTS),
        ((SCRIPTS, SCRIPTS), SCRIPTS),
        (("frame-ancestors 'none'", SCRIPTS), "frame-ancestors 'none'; script-src 'self'"),
        (("report-uri /a; frame-ancestors 'self'", ""), "report-uri /a; frame-ancestors 'self'"),
        # Names and keywords in any case; a source's path and a nonce have one.
        (("Frame-Ancestors 'NONE'", "FRAME-ANCESTORS 'None'"), "frame-ancestors 'none'"),
        (("script-src 'nonce-Ab'", "script-src 'nonce-aB'"), "script-src 'nonce-Ab', script-src 'nonce-aB'"),
        # Of a directive that is there twice the first counts; white space of all kinds.
        (("frame-ancestors 'none'; frame-ancestors *",), "frame-ancestors 'none'"),
        (("frame-ancestors\t'none' ;\n script-src   'self'",), "frame-ancestors 'none'; script-src 'self'"),
        # The narrower of two, whichever comes first.
        (("frame-ancestors 'none'", "frame-ancestors *"), "frame-ancestors 'none'"),
        (("frame-ancestors *", "frame-ancestors 'none'"), "frame-ancestors 'none'"),
        (("frame-ancestors", "frame-ancestors 'self'"), "frame-ancestors 'none'"),
        (("frame-ancestors 'none' https://a.example",), "frame-ancestors https://a.example"),
        (("frame-ancestors 'self' https://a.example", "frame-ancestors 'self'"), "frame-ancestors 'self'"),
        (
            ("frame-ancestors https://a.example", "frame-ancestors https://a.example"),
            "frame-ancestors https://a.example",
        ),
        # What only a browser can say: whether 'self' is this host. Both are in the header, and both hold.
        (
            ("frame-ancestors https://a.example", "frame-ancestors 'self'"),
            "frame-ancestors https://a.example, frame-ancestors 'self'",
        ),
        (("script-src 'unsafe-inline'", "script-src 'unsafe-inline' 'nonce-1'"), None),
        (("script-src 'self'", "script-src-elem *"), None),
        (("sandbox allow-scripts", "sandbox"), None),
        # default-src stands in for what is absent.
        (("default-src 'none'", "img-src *"), "default-src 'none'; img-src 'none'"),
        (("img-src *", "default-src 'none'"), "img-src 'none'; default-src 'none'"),
        (("default-src 'self'", SCRIPTS), "default-src 'self'; script-src 'self'"),
        (("default-src https:", SCRIPTS), None),
        (("default-src 'none'", "frame-ancestors 'self'"), "default-src 'none'; frame-ancestors 'self'"),
        # Several policies in one header, and several headers.
        (("frame-ancestors 'self', frame-ancestors 'none'",), "frame-ancestors 'none'"),
        (("frame-ancestors *, img-src x", "frame-ancestors 'none'"), "frame-ancestors 'none'; img-src x"),
        (
            ("frame-ancestors https://a.example, frame-ancestors https://b.example", "img-src 'none'"),
            "frame-ancestors https://a.example; img-src 'none', frame-ancestors https://b.example",
        ),
    ],
)
def test_two_policies_together(given, merged):
    assert headers.merge(*given) == (", ".join(given) if merged is None else merged)


HOSTS = [
    "",
    "frame-ancestors 'none'",
    "frame-ancestors 'self'; report-uri /api/security/csp-report",
    "frame-ancestors https://lms.example",
    "Frame-Ancestors 'SELF' https://lms.example; SCRIPT-SRC 'self' 'unsafe-eval'",
    "frame-ancestors 'self', frame-ancestors https://lms.example",
    "default-src 'none'; sandbox allow-scripts",
    "script-src 'nonce-x'; worker-src blob:",
]


@pytest.mark.parametrize("own", [headers.DATA_POLICY, headers.PAGE_POLICY])
@pytest.mark.parametrize("host", HOSTS)
def test_nothing_of_either_is_lost(host, own):
    """Each directive of each is there as it was or as 'none', or else the whole policy is."""
    policies = headers.parse(headers.restrict(host, own))
    for wanted in headers.parse(f"{host}, {own}"):
        assert any(
            all(policy.get(name) in (values, ("'none'",), ("'self'",)) for name, values in wanted.items())
            for policy in policies
        ), wanted


@pytest.mark.parametrize("own", [headers.DATA_POLICY, headers.PAGE_POLICY])
@pytest.mark.parametrize(
    ("host", "frame_options", "otherwise", "ancestors"),
    [
        ("frame-ancestors 'none'", "", "'self'", ["'none'"]),
        ("frame-ancestors 'self'", "", "'none'", ["'self'"]),
        ("frame-ancestors 'self'", "DENY", "'self'", ["'self'"]),
        ("FRAME-ANCESTORS https://lms.example", "", "'none'", ["https://lms.example"]),
        ("frame-ancestors *", "SAMEORIGIN", "'none'", ["*"]),
        (
            "frame-ancestors 'self', frame-ancestors https://lms.example",
            "",
            "'none'",
            ["'self'", "https://lms.example"],
        ),
        # Who does not say by the policy may say it by the older header, which the policy would override.
        ("", "DENY", "'self'", ["'none'"]),
        ("upgrade-insecure-requests", " deny ", "'self'", ["'none'"]),
        ("report-uri /x", "SameOrigin", "'none'", ["'self'"]),
        ("", "ALLOW-FROM https://lms.example", "'none'", ["'none'"]),
        ("", "", "'none'", ["'none'"]),
        ("script-src *", "", "'self'", ["'self'"]),
    ],
)
def test_who_may_frame_is_the_hosts_word(host, own, frame_options, otherwise, ancestors):
    policy = headers.restrict(host, own, frame_options=frame_options, otherwise=otherwise)
    assert [" ".join(one["frame-ancestors"]) for one in headers.parse(policy) if "frame-ancestors" in one] == ancestors
    assert headers.permits_own_frames(policy) is all(one in ("'self'", "*") for one in ancestors)


@pytest.mark.parametrize("host", HOSTS)
def test_a_frame_of_our_own_changes_nothing_else(host):
    before = headers.restrict(host, headers.PAGE_POLICY)
    after = headers.permit_own_frames(before)
    assert headers.permits_own_frames(after)
    assert [one["frame-ancestors"] for one in headers.parse(after) if "frame-ancestors" in one] == [("'self'",)]
    everything = [{k: v for k, v in one.items() if k != "frame-ancestors"} for one in headers.parse(before)]
    assert headers.merge(*(headers._text(one) for one in everything)) == headers.merge(
        *(headers._text({k: v for k, v in one.items() if k != "frame-ancestors"}) for one in headers.parse(after))
    )


def test_the_values_that_always_hold_are_the_strictest():
    assert headers.ALWAYS == {
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def test_our_own_policies_open_nothing():
    """Written out, so that nobody opens one without seeing it here."""
    nothing = ("'none'",)
    (data,), (page,) = headers.parse(headers.DATA_POLICY), headers.parse(headers.PAGE_POLICY)
    assert data == {"default-src": nothing, "base-uri": nothing, "form-action": nothing}
    assert page == {
        "default-src": nothing,
        "base-uri": nothing,
        **dict.fromkeys(("script-src", "style-src", "font-src", "connect-src", "form-action"), ("'self'",)),
        "img-src": ("'self'", "data:", "blob:"),
    }
