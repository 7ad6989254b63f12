"""What the owner of a server asks of the hub: who has it, new links, taking them back; and a hub that refuses."""

import asyncio
import logging

import pytest
from jupyterhub.services.auth import check_scopes

from jupyter_vnc.exceptions import NotPermitted, StoreUnavailable, TargetNotFound
from jupyter_vnc.hub.client import NoAnswer
from jupyter_vnc.hub.models import next_page, share_codes
from jupyter_vnc.hub.shares import MOST_PAGES, Shares, every
from jupyter_vnc.hub.sharing import NO_AUTHORIZER, NO_PERMISSION, Sharing
from jupyter_vnc.model.targets import Mode

ALL = ["shares!server=ann/", "access:servers!server=ann/", "custom:jupyter-vnc:control!server=ann/"]
LOG = logging.getLogger("tests")
NOBODY = {"problem": None, "people": [], "links": []}


def guest(name, *scopes, kind="user"):
    return {"kind": kind, kind: {"name": name}, "scopes": [f"{scope}!server=ann/" for scope in scopes]}


def code(number, *scopes, expires="2026-12-01T00:00:00Z"):
    return {"id": f"sc_{number}", "scopes": [f"{scope}!server=ann/" for scope in scopes], "expires_at": expires}


class Hub:
    """Stands for the hub: answers with what it is given, or fails as it is told."""

    def __init__(self):
        self.said = {
            "user": {"name": "ann", "scopes": ALL},
            "shares/ann/": {"items": []},
            "share-codes/ann/": {"items": []},
        }
        self.answer = {}
        self.asked = []
        self.forgets = 0

    async def get(self, path):
        if isinstance(found := self.said[path], Exception):
            raise found
        return found

    def forget(self):
        self.forgets += 1

    async def send(self, method, path, body=None):
        self.asked.append((method, path, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def sharing(self, *, guarded=True):
        known = Shares(self, "ann", "", LOG) if guarded else None
        includes = lambda scope, held: bool(check_scopes({scope}, set(held)))  # noqa: E731 - as the handler's
        return Sharing(self, "ann", "", includes=includes, known=known, log=LOG)


@pytest.fixture
def hub():
    return Hub()


async def test_guests_and_links_to_the_desktops_are_listed(hub):
    view, control, enter = "custom:jupyter-vnc:view", "custom:jupyter-vnc:control", "access:servers"
    rows = [
        guest("gus", enter, view),
        guest("gil", view, control),
        guest("gip", enter),
        guest("all", view, kind="group"),
    ]
    hub.said["shares/ann/"] = {"items": rows}
    hub.said["share-codes/ann/"] = {"items": [code(7, enter, control), code(8, enter)]}
    assert await hub.sharing().state() == {
        "problem": None,
        "people": [{"user": "gus", "mode": "view"}, {"user": "gil", "mode": "control"}],
        "links": [{"id": "sc_7", "mode": "control", "expires": "2026-12-01T00:00:00Z"}],
    }


@pytest.mark.parametrize("missing", ALL)
async def test_without_a_scope_the_hub_does_not_permit_it(hub, missing):
    hub.said["user"]["scopes"] = [scope for scope in ALL if scope != missing]
    assert await hub.sharing().state() == {**NOBODY, "problem": NO_PERMISSION}
    with pytest.raises(NotPermitted, match="The hub does not permit"):
        await hub.sharing().invite(Mode.VIEW, 1, "/page")
    assert hub.asked == []


async def test_without_an_authorizer_for_guests_nothing_is_shared(hub):
    assert await hub.sharing(guarded=False).state() == {**NOBODY, "problem": NO_AUTHORIZER}
    with pytest.raises(NotPermitted, match="GuestAuthorizer"):
        await hub.sharing(guarded=False).invite(Mode.VIEW, 1, "/page")
    assert hub.asked == []


@pytest.mark.parametrize("whole", [None, "https://hub.example.org/hub/accept-share?code=x"])
async def test_a_link_leads_to_the_page_and_says_what_it_permits(hub, whole):
    hub.answer = {"accept_url": "/hub/accept-share?code=x", "full_accept_url": whole}
    link = await hub.sharing().invite(Mode.CONTROL, 8, "/user/ann/vnc/view/desk")
    path = "/hub/accept-share?code=x"
    assert link == {
        "url": f"{whole or path}&next=%2Fuser%2Fann%2Fvnc%2Fview%2Fdesk",
        "mode": "control",
        "hours": 8,
    }
    body = {"scopes": ["access:servers", "custom:jupyter-vnc:control"], "expires_in": 28800}
    assert hub.asked == [("POST", "share-codes/ann/", body)]


async def test_a_link_is_closed_and_a_guest_removed(hub):
    sharing = hub.sharing()
    await sharing.withdraw("sc_7")
    assert hub.forgets == 0
    await sharing.remove("gus")
    assert hub.forgets == 1
    assert hub.asked == [("DELETE", "share-codes/ann/?id=sc_7", None), ("PATCH", "shares/ann/", {"user": "gus"})]


async def test_the_authorizer_asks_anew_once_a_guest_is_removed(hub):
    hub.said["shares/ann/"] = {"items": [guest("gus", "custom:jupyter-vnc:view")]}
    shares = Shares(hub, "ann", "", LOG)
    assert await shares.scopes_of("gus", [])
    hub.said["shares/ann/"] = {"items": []}
    assert await shares.scopes_of("gus", [])
    await Sharing(hub, "ann", "", includes=lambda *_: True, known=shares, log=LOG).remove("gus")
    assert not await shares.scopes_of("gus", [])


GUS, GIL = (guest(name, "custom:jupyter-vnc:view") for name in ("gus", "gil"))


async def test_an_answer_of_the_hub_counts_for_a_while(hub):
    now = [100.0]
    shares = Shares(hub, "ann", "", LOG, memory=30, clock=lambda: now[0])
    hub.said["shares/ann/"] = {"items": [GUS]}
    assert await shares.scopes_of("gus", [])
    hub.said["shares/ann/"] = {"items": []}
    now[0] += 29.9
    assert await shares.scopes_of("gus", [])
    now[0] += 0.1
    assert not await shares.scopes_of("gus", [])


async def test_a_removed_guest_stays_out_while_the_hub_is_away(hub):
    hub.said["shares/ann/"] = {"items": [GUS, GIL]}
    shares = Shares(hub, "ann", "", LOG)
    assert await shares.scopes_of("gus", [])
    shares.forget("gus")
    hub.said["shares/ann/"] = NoAnswer("HTTP 500", status=500)
    assert not await shares.scopes_of("gus", [])
    assert await shares.scopes_of("gil", []), "nobody else loses anything"


async def test_an_answer_that_was_under_way_lets_no_removed_guest_in(hub):
    answers = []

    class Slow:
        """Stands for a hub whose answers the test gives."""

        async def get(self, path):
            answers.append(asyncio.get_running_loop().create_future())
            return await answers[-1]

    shares = Shares(Slow(), "ann", "", LOG)
    asked = asyncio.create_task(shares.scopes_of("gus", []))
    await asyncio.sleep(0)
    shares.forget("gus")
    answers[0].set_result({"items": [GUS, GIL]})
    await asyncio.sleep(0)
    assert len(answers) == 2, "the hub is asked again"
    answers[1].set_result({"items": [GIL]})
    assert not await asked
    assert await shares.scopes_of("gil", [])
    assert len(answers) == 2


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (NoAnswer("HTTP 404", status=404), TargetNotFound),
        (NoAnswer("HTTP 403", status=403), NotPermitted),
        (NoAnswer("HTTP 500", status=500), StoreUnavailable),
        (NoAnswer("refused"), StoreUnavailable),
    ],
)
async def test_a_hub_that_does_not_do_it_is_an_error_with_a_sentence(hub, failure, error):
    hub.answer = failure
    with pytest.raises(error) as caught:
        await hub.sharing().withdraw("sc_7")
    assert "HTTP" not in str(caught.value)


@pytest.mark.parametrize("answer", [{}, {"accept_url": 7}, {"accept_url": "/x", "full_accept_url": []}])
async def test_what_is_no_link_is_none(hub, answer):
    hub.answer = answer
    with pytest.raises(StoreUnavailable, match="gave no link"):
        await hub.sharing().invite(Mode.VIEW, 1, "/page")


@pytest.mark.parametrize(
    "said", [{}, {"items": [7]}, {"items": [{"id": "sc_1", "scopes": []}]}, {"items": [code("1", expires=None)]}]
)
async def test_what_is_no_list_of_links_is_none(hub, said):
    with pytest.raises(ValueError, match="no share codes"):
        share_codes(said)
    hub.said["share-codes/ann/"] = said
    with pytest.raises(StoreUnavailable):
        await hub.sharing().state()


class Pages:
    """A list of which each page has one row."""

    def __init__(self, last):
        self.last, self.asked = last, []

    async def get(self, path):
        self.asked.append(path)
        row = len(self.asked)
        return {"items": [row], "_pagination": {"next": {"offset": row} if row < self.last else None}}


async def test_a_list_is_read_to_its_end():
    pages = Pages(3)
    assert await every(pages, "shares/ann/", lambda answer: list(answer["items"])) == [1, 2, 3]
    assert pages.asked == ["shares/ann/", "shares/ann/?offset=1", "shares/ann/?offset=2"]


async def test_a_list_without_an_end_is_read_in_part():
    assert len(await every(Pages(10**9), "shares/ann/", lambda answer: list(answer["items"]))) == MOST_PAGES


@pytest.mark.parametrize("following", [{"offset": "7"}, {"offset": 0}, {"offset": True}, {}])
def test_what_is_no_page_is_none(following):
    with pytest.raises(ValueError, match="no page"):
        next_page({"_pagination": {"next": following}})
