"""The link status table, row by row, and the names that a link fills in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.entities import BUDGETS, COST_CODES, JOBS, USERS
from streams.coding import FLAT_RATE
from streams.link import BudgetRefs, Parent, ShiftLink, ShiftRefs
from streams.normalise.named_codes import NamedCode, StatedMinutes, named_codes
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
    return of_codes(*((None, title, None) for title in titles), job_id=job_id, user_id=user_id)


def of_codes(
    *stated: tuple[int | None, str, str | None], total: int | None = 480, job_id: str = "1", user_id: str = "1"
) -> ShiftRefs:
    """Each code by id, title and minutes."""
    named = named_codes(stated)
    minutes = None if named.minutes is None else StatedMinutes(total, named.minutes)
    return ShiftRefs(job_id, user_id, named.codes, "Row job", "Row worker", minutes)


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
        (refs(titles=(TITLE, FLAT_RATE)), parents(), "several-codes"),
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
        (of_codes((11, TITLE, "480")), NONE, "waiting-for-job"),
        (of_codes((99, "?", "480")), parents(), "linked"),
        (of_codes((99, "?", None)), TWO_ACTIVE, "linked"),
        (of_codes((11, TITLE, None)), TWO_ACTIVE, "linked"),
        (of_codes((99, "", None)), parents(), "linked"),
        (of_codes((0, TITLE, None)), parents(), "linked"),
        (of_codes((0, "", None)), parents(), "uncoded"),
        (of_codes((7, FLAT_RATE, "480")), parents(), "uncoded"),
        (of_codes((11, "", "480")), parents(codes=(("11", FLAT_RATE, True),)), "uncoded"),
        (of_codes((11, TITLE, "240"), (12, "02 Paint", "240")), parents(), "split"),
        (of_codes((98, "?", "240"), (99, "?", "240")), parents(), "split"),
        (of_codes((11, TITLE, "240"), (7, FLAT_RATE, "240")), parents(), "split"),
        (of_codes((11, TITLE, "240"), (12, "02 Paint", "240")), parents(jobs=()), "waiting-for-job"),
        (of_codes((11, TITLE, "240"), (12, "02 Paint", "240")), parents(users=()), "waiting-for-user"),
        (of_codes((11, TITLE, "240"), (12, "02 Paint", "240"), job_id="0"), parents(), "general"),
        (of_codes((11, TITLE, None), (12, "02 Paint", "240")), parents(), "several-codes"),
        (of_codes((11, TITLE, "-1"), (12, "02 Paint", "240")), parents(), "several-codes"),
        (of_codes((11, TITLE, "0"), (12, "02 Paint", "0.0")), parents(), "several-codes"),
        (of_codes((11, TITLE, "0"), (12, "02 Paint", "240")), parents(), "split"),
        (of_codes((11, TITLE, "240"), (12, "02 Paint", "240"), total=None), parents(), "several-codes"),
        (of_codes((11, TITLE, "240"), (12, "02 Paint", "240"), total=0), parents(), "split"),
        (of_codes((11, TITLE, "240"), (None, "", "240")), parents(), "several-codes"),
        (of_codes((11, TITLE, "240"), (None, "", "0")), parents(), "linked"),
        (of_codes((11, TITLE, "240"), (None, TITLE, "240")), parents(), "linked"),
        (of_codes((11, TITLE, None), (None, TITLE, None)), parents(), "linked"),
        (of_codes((12, "02 Paint", "240"), (None, TITLE, "240")), parents(), "split"),
        (of_codes((12, "02 Paint", "240"), (None, TITLE, "240")), TWO_ACTIVE, "ambiguous-code"),
        (of_codes((12, "02 Paint", "240"), (None, "?", "240")), parents(), "waiting-for-cost-code"),
        (of_codes(*((11, TITLE, "1") for _ in range(201))), parents(), "several-codes"),
    ],
)
def test_link_status_is_the_first_that_holds(shift: ShiftRefs, known: Company, status: str) -> None:
    assert shift.link(known).link_status == status


def test_link_of_known_parents_takes_their_names() -> None:
    assert refs().link(parents()) == ShiftLink("linked", None, "Job 1", "User 1", "11", TITLE)


def test_link_of_unknown_parents_keeps_the_rows_names() -> None:
    assert refs().link(NONE)[2:6] == ("Row job", "Row worker", None, TITLE)


def test_link_that_waits_for_one_parent_has_the_others() -> None:
    found = refs("9").link(parents())
    assert found[2:6] == ("Row job", "User 1", "11", TITLE)
    assert found.link_detail == "Job 9 has not been read from Buildertrend."


def test_link_of_general_hours_has_its_cost_code() -> None:
    assert refs("0").link(parents()).cost_code_id == "11"


def test_link_of_an_ambiguous_title_names_the_codes() -> None:
    found = refs().link(TWO_ACTIVE)
    assert (found.cost_code_id, found.link_detail) == (None, "The title names the cost codes 11, 12.")


def test_link_of_several_codes_joins_their_titles() -> None:
    assert refs(titles=("B", "A")).link(parents()).cost_code_title == "B; A"


def test_link_by_id_takes_the_codes_title_and_else_the_rows() -> None:
    known = parents(codes=(("11", "Renamed", True),))
    assert of_codes((11, TITLE, None)).link(known)[4:] == ("11", "Renamed", (), ())
    assert of_codes((99, TITLE, None)).link(known)[4:] == ("99", TITLE, (), ())


def test_link_of_a_split_has_ids_minutes_and_titles_by_ascending_id() -> None:
    found = of_codes((110, "02 Paint", "300"), (11, "Old", "100"), (9, FLAT_RATE, "80")).link(parents())
    assert found == ShiftLink(
        "split", None, "Job 1", "User 1", None, f"{FLAT_RATE}; {TITLE}; 02 Paint", ("9", "11", "110"), (80, 100, 300)
    )


def test_link_of_a_split_adds_up_a_code_that_is_named_twice_before_it_shares() -> None:
    twice = of_codes((11, "A", "0.4"), (12, "B", "0.7"), (11, "A", "0.4"), total=2)
    assert twice.link(NONE).split_minutes == (1, 1)
    by_title_too = of_codes((11, TITLE, "0.4"), (12, "B", "0.7"), (None, TITLE, "0.4"), total=2)
    assert by_title_too.link(parents())[6:] == (("11", "12"), (1, 1))


def test_link_of_general_hours_is_split_too() -> None:
    found = of_codes((11, TITLE, "240"), (12, "B", "240"), job_id="0").link(parents())
    assert (found.link_status, found.split_cost_code_ids) == ("general", ("11", "12"))


@pytest.mark.parametrize(("other", "detail"), [("241", None), ("239.0", None), ("241.5", "481.50")])
def test_link_of_a_split_whose_minutes_do_not_fit_says_so_and_shares_them(other: str, detail: str | None) -> None:
    found = of_codes((11, TITLE, "240"), (12, "B", other)).link(parents())
    assert sum(found.split_minutes) == 480
    assert (found.link_detail is None) == (detail is None)
    if detail is not None:
        assert f"add up to {detail} and the shift has 480" in (found.link_detail or "")


def test_link_that_waits_keeps_the_note_of_its_split() -> None:
    found = of_codes((11, TITLE, "1"), (12, "B", "1"), job_id="9").link(parents())
    assert (found.link_detail or "").startswith("Job 9 has not been read from Buildertrend. The minutes of its")


@pytest.mark.parametrize(
    ("shift", "detail"),
    [
        (of_codes((11, "A", None), (12, "B", "1")), "does not state the minutes of each"),
        (of_codes((11, "A", "1"), (12, "B", "1"), total=None), "is split once its hours are stated"),
        (of_codes((11, "A", "1"), (None, "", "1")), "a cost code that it does not name"),
    ],
)
def test_link_of_several_codes_says_why_it_is_not_split(shift: ShiftRefs, detail: str) -> None:
    found = shift.link(parents())
    assert detail in (found.link_detail or "")
    assert (found.cost_code_id, found.split_cost_code_ids, found.split_minutes) == (None, (), ())


def test_codes_are_parents_by_id_or_by_title_alone() -> None:
    shift = of_codes((11, TITLE, "1"), (None, "A  B", "1"))
    assert shift.codes == (NamedCode("11", TITLE), NamedCode(None, "A  B"))
    assert set(shift.parent_keys()) == {("jobs", "1"), ("users", "1"), ("cost-codes", "11"), ("title", "A B")}


def test_budget_link_takes_names_from_its_parents() -> None:
    budget = BudgetRefs("1", "11", "Row title")
    assert budget.link(parents()) == ("Job 1", TITLE)
    assert budget.link(NONE) == (None, "Row title")


def test_children_of_a_parent_are_found_by_index() -> None:
    assert parents().children_of(EntityRef(BUDGETS.name, "1:11")) == set()


@given(
    st.sampled_from(["0", "1", "2"]),
    st.lists(
        st.tuples(
            st.sampled_from([None, 1, 2]),
            st.sampled_from(["A", "B", FLAT_RATE]),
            st.sampled_from([None, "0", "1", "7.5"]),
        ),
        max_size=4,
    ),
    st.sets(st.tuples(st.sampled_from(["1", "2", "3"]), st.sampled_from(["A", "B"]), st.booleans())),
    st.one_of(st.none(), st.integers(0, 600)),
    st.booleans(),
)
def test_cost_code_or_split_is_set_only_when_it_is_meant(
    job_id: str,
    stated: list[tuple[int | None, str, str | None]],
    codes: set[tuple[str, str, bool]],
    total: int | None,
    known: bool,
) -> None:
    unique = {code_id: (code_id, title, active) for code_id, title, active in sorted(codes)}
    company = parents(("1",) if known else (), ("1",) if known else (), tuple(unique.values()))
    found = of_codes(*stated, total=total, job_id=job_id).link(company)
    ids = {str(code_id) for code_id, _, _ in stated if code_id is not None}
    by_title = {id_ for id_, title, _ in unique.values() if title in {title for id_, title, _ in stated if id_ is None}}
    assert set(found.split_cost_code_ids) | ({found.cost_code_id} - {None}) <= ids | by_title
    if found.link_status == "linked":
        assert found.cost_code_id is not None
    if found.link_status == "split":
        assert len(found.split_cost_code_ids) > 1
    if found.split_cost_code_ids:
        assert found.cost_code_id is None
        assert sum(found.split_minutes) == total
    if found.link_status in ("uncoded", "several-codes", "ambiguous-code", "waiting-for-cost-code"):
        assert (found.cost_code_id, found.split_cost_code_ids) == (None, ())


@given(
    st.permutations([(11, TITLE, "1.5"), (12, "B", "7"), (None, "C", "2.25"), (11, TITLE, "3"), (7, FLAT_RATE, "0")])
)
def test_order_of_codes_does_not_matter(stated: list[tuple[int | None, str, str | None]]) -> None:
    known = parents(codes=(("11", TITLE, True), ("13", "C", True)))
    found = of_codes(*stated).link(known)
    assert found[6:] == (("7", "11", "12", "13"), (0, 157, 244, 79))
