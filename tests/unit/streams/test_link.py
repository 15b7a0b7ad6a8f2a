"""The link status table, row by row, and the names that a link fills in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.entities import BUDGETS, COST_CODES, JOBS, USERS
from streams.link import FLAT_RATE, BudgetRefs, Parent, ShiftLink, ShiftRefs
from streams.state.company import Company, EntityRef

TITLE = "01.02 General Carpentry"


def parents(
    jobs: tuple[str, ...] = ("1",),
    users: tuple[str, ...] = ("1",),
    codes: tuple[tuple[str, str, bool], ...] = (("11", TITLE, True),),
) -> Company:
    company = Company()
    for id_ in jobs:
        company.put_parent(EntityRef(JOBS.name, id_), Parent(1, f"Job {id_}"))
    for id_ in users:
        company.put_parent(EntityRef(USERS.name, id_), Parent(1, f"User {id_}"))
    for id_, title, active in codes:
        company.put_parent(EntityRef(COST_CODES.name, id_), Parent(1, title, active))
    return company


def refs(job_id: str = "1", user_id: str = "1", titles: tuple[str, ...] = (TITLE,)) -> ShiftRefs:
    return ShiftRefs(job_id, user_id, titles, "Row job", "Row worker")


NONE = parents((), (), ())
TWO_ACTIVE = parents(codes=(("11", TITLE, True), ("12", TITLE, True)))
TWO_INACTIVE = parents(codes=(("11", TITLE, False), ("12", TITLE, False)))
ONE_OF_EACH = parents(codes=(("11", TITLE, True), ("12", TITLE, False)))


@pytest.mark.parametrize(
    ("shift", "known", "status"),
    [
        (refs(), parents(), "linked"),
        (refs("0"), NONE, "general"),
        (refs("0", titles=()), parents(), "general"),
        (refs(titles=()), parents(), "uncoded"),
        (refs(titles=(FLAT_RATE,)), parents(), "uncoded"),
        (refs(titles=()), NONE, "uncoded"),
        (refs(titles=(TITLE, FLAT_RATE)), parents(), "linked"),
        (refs(titles=(TITLE, "02 Paint")), parents(), "several-codes"),
        (refs(titles=(TITLE, "02 Paint")), NONE, "several-codes"),
        (refs(titles=("01.02  General Carpentry",)), parents(), "linked"),
        (refs(), TWO_ACTIVE, "ambiguous-code"),
        (refs("9"), TWO_ACTIVE, "ambiguous-code"),
        (refs(), TWO_INACTIVE, "ambiguous-code"),
        (refs(), ONE_OF_EACH, "linked"),
        (refs(), parents(codes=(("11", TITLE, False),)), "linked"),
        (refs("9"), parents(), "waiting-for-job"),
        (refs("9", "9", ("?",)), parents(), "waiting-for-job"),
        (refs(user_id="9"), parents(), "waiting-for-user"),
        (refs(user_id="9", titles=("?",)), parents(), "waiting-for-user"),
        (refs(titles=("?",)), parents(), "waiting-for-cost-code"),
        (refs(titles=(TITLE.upper(),)), parents(), "waiting-for-cost-code"),
    ],
)
def test_link_status_is_the_first_that_holds(shift: ShiftRefs, known: Company, status: str) -> None:
    assert shift.link(known).link_status == status


def test_link_of_known_parents_takes_their_names() -> None:
    assert refs().link(parents()) == ShiftLink("linked", None, "Job 1", "User 1", "11", TITLE)


def test_link_of_unknown_parents_keeps_the_rows_names() -> None:
    assert refs().link(NONE)[2:] == ("Row job", "Row worker", None, TITLE)


def test_link_that_waits_for_one_parent_has_the_others() -> None:
    found = refs("9").link(parents())
    assert found[2:] == ("Row job", "User 1", "11", TITLE)
    assert found.link_detail == "Job 9 has not been read from Buildertrend."


def test_link_of_general_hours_has_its_cost_code() -> None:
    assert refs("0").link(parents()).cost_code_id == "11"


def test_link_of_an_ambiguous_title_names_the_codes() -> None:
    found = refs().link(TWO_ACTIVE)
    assert (found.cost_code_id, found.link_detail) == (None, "The title names the cost codes 11, 12.")


def test_link_of_several_codes_joins_their_titles() -> None:
    assert refs(titles=("B", "A")).link(parents()).cost_code_title == "B; A"


def test_budget_link_takes_names_from_its_parents() -> None:
    budget = BudgetRefs("1", "11", "Row title")
    assert budget.link(parents()) == ("Job 1", TITLE)
    assert budget.link(NONE) == (None, "Row title")


def test_children_of_a_parent_are_found_by_index() -> None:
    assert parents().children_of(EntityRef(BUDGETS.name, "1:11")) == set()


@given(
    st.sampled_from(["0", "1", "2"]),
    st.lists(st.sampled_from(["A", "B", FLAT_RATE]), max_size=3, unique=True),
    st.sets(st.tuples(st.sampled_from(["1", "2", "3"]), st.sampled_from(["A", "B"]), st.booleans())),
    st.booleans(),
)
def test_cost_code_id_is_set_only_when_one_code_is_meant(
    job_id: str, titles: list[str], codes: set[tuple[str, str, bool]], known: bool
) -> None:
    unique = {code_id: (code_id, title, active) for code_id, title, active in sorted(codes)}
    company = parents(("1",) if known else (), ("1",) if known else (), tuple(unique.values()))
    found = refs(job_id, titles=tuple(titles)).link(company)
    if found.link_status == "linked":
        assert found.cost_code_id is not None
    if found.cost_code_id is not None:
        assert unique[found.cost_code_id][1] in titles
        assert len(set(titles) - {FLAT_RATE}) == 1
    if found.link_status in ("uncoded", "several-codes", "ambiguous-code", "waiting-for-cost-code"):
        assert found.cost_code_id is None
