"""Who may use what: from role and company alone."""

from __future__ import annotations

import pytest

from console.access import Access, Verdict, changes, judge, sees, sees_all
from console.app import SCREENS
from tests.unit.console.factories import user

ADMIN, OPERATOR = user(), user("operator", None)
VIEWER, ALL_VIEWER = user("viewer"), user("viewer", None)


@pytest.mark.parametrize("access", [one for one in Access if one is not Access.ANYBODY])
def test_nobody_is_asked_to_sign_in(access: Access) -> None:
    assert judge(access, None, "acme") is Verdict.SIGN_IN
    assert judge(Access.ANYBODY, None, None) is Verdict.MAY


@pytest.mark.parametrize("access", [Access.SEES_COMPANY, Access.CHANGES_COMPANY])
def test_another_company_is_hidden_from_those_of_one(access: Access) -> None:
    assert judge(access, ADMIN, "other") is Verdict.HIDDEN
    assert judge(access, VIEWER, "other") is Verdict.HIDDEN
    assert judge(access, OPERATOR, "other") is Verdict.MAY


def test_viewers_change_nothing() -> None:
    assert judge(Access.CHANGES_COMPANY, VIEWER, "acme") is Verdict.FORBIDDEN
    assert judge(Access.CHANGES_COMPANY, ALL_VIEWER, "acme") is Verdict.FORBIDDEN
    assert not changes(VIEWER, "acme")
    assert changes(ADMIN, "acme")
    assert not changes(ADMIN, "other")


def test_lists_of_all_companies_are_for_those_who_see_all() -> None:
    assert judge(Access.SEES_ALL, ADMIN, None) is Verdict.FORBIDDEN
    assert judge(Access.SEES_ALL, ALL_VIEWER, None) is Verdict.MAY
    assert (sees_all(ADMIN), sees_all(OPERATOR)) == (False, True)
    assert sees(OPERATOR, "any")


def test_operating_is_for_operators_alone() -> None:
    assert [judge(Access.OPERATES, one, None) for one in (ADMIN, VIEWER, ALL_VIEWER, OPERATOR)] == [
        Verdict.FORBIDDEN,
        Verdict.FORBIDDEN,
        Verdict.FORBIDDEN,
        Verdict.MAY,
    ]


def test_screens_that_change_a_company_say_so() -> None:
    for screen in SCREENS:
        if screen.is_unsafe and "{company_id}" in screen.path:
            assert screen.access is Access.CHANGES_COMPANY, screen.path
        if "{company_id}" in screen.path:
            assert screen.access in (Access.SEES_COMPANY, Access.CHANGES_COMPANY), screen.path
        if screen.access is Access.ANYBODY:
            assert screen.path in ("/sign-in", "/oidc/start", "/oidc/callback", "/api/openapi.json")
