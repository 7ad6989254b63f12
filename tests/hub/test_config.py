"""What goes into ``jupyterhub_config.py``."""

import pytest

from jupyter_vnc.hub import config as vnc
from jupyter_vnc.hub.scopes import ADMIN, VIEW


def who(roles, name):
    """Who has a role of course A, and its scope."""
    (role,) = [role for role in roles if role["name"] == f"vnc-course-a-{name}"]
    scope = next(scope for scope in role["scopes"] if scope.startswith("custom:"))
    return role.get("users"), role.get("groups"), scope


@pytest.mark.parametrize(
    ("people", "users", "groups"),
    [
        (["ada"], ["ada"], None),
        (("ada", "bea"), ["ada", "bea"], None),
        ({"groups": ["staff"]}, None, ["staff"]),
        ({"users": ["ada"], "groups": ["staff", "tutors"]}, ["ada"], ["staff", "tutors"]),
    ],
)
def test_instructors_and_watchers_are_users_or_groups(people, users, groups):
    roles = vnc.course("course-a", instructors=people, watchers=people)
    assert who(roles, "instructors") == (users, groups, f"{ADMIN}!group=course-a")
    assert who(roles, "watchers") == (users, groups, f"{VIEW}!group=course-a")


@pytest.mark.parametrize("nobody", [(), [], {}, {"users": [], "groups": []}])
def test_a_role_that_nobody_has_is_left_out(nobody):
    assert [role["name"] for role in vnc.course("course-a", instructors=nobody)] == ["vnc-course-a-students"]


@pytest.mark.parametrize("people", ["ada", {"groups": "staff"}, {"group": ["staff"]}, [7], None])
def test_what_is_no_list_of_people_is_refused_by_name(people):
    with pytest.raises(TypeError, match=r"^watchers: a list of users"):
        vnc.course("course-a", watchers=people)
