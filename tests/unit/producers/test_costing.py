"""Cost codes and budgets by job: hours go to the only line with their title, and a missing answer deletes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from control.checkpoints import INCOMPLETE_REASON
from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.costing import BudgetsRead, CostCodesRead, budget_rows, worksheet_lines
from producers.buildertrend.reads.time_entries import Days, TimeEntriesRead
from producers.source import EntityRead, IncompleteReason, SecondLook, SourceRecord, UnreadableRowError
from schemas.faults import SOURCE_CHANGED
from tests.factories import records_of, shift_row
from tests.unit.producers.fix_account import MemoryAccount, missing_module


def category(title: str, *lines: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "costCodes": list(lines)}


def budget_line(code_id: int, title: str, amount: Any = 100) -> dict[str, Any]:
    return {"id": code_id, "title": title, "originalBudgetCosts": amount, "revisedBudgetCosts": amount}


def worksheet_line(line_id: int, title: str | None, **fields: Any) -> dict[str, Any]:
    return {"id": line_id, "lineItemType": 10, "costCodeTitle": title, "unit": "HR", "quantity": 8, **fields}


def group(*lines: dict[str, Any], groups: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"title": "g", "lineItems": list(lines), "subGroups": list(groups)}


def read(reader: EntityRead) -> dict[str, SourceRecord]:
    return {record.entity_id: record for record in records_of(reader.pages())}


def second(reader: EntityRead, *missing: str) -> list[str]:
    return [record.entity_id for record in records_of(reader.second_look(missing))]


def worksheet_ids(records: list[SourceRecord]) -> dict[str, list[int]]:
    return {record.entity_id: [line["id"] for line in record.after["worksheetLines"]] for record in records}


def failing_for(*job_ids: int) -> Any:
    def fail(job_id: int) -> None:
        if job_id in job_ids:
            missing_module()

    return fail


def codes_read(account: Account, job_ids: list[int], *named: tuple[int, str]) -> CostCodesRead:
    """Of a run that has read all shifts, which name these codes."""
    codes = [{"id": code_id, "costCodeTitle": title, "totalMinutes": 1} for code_id, title in named]
    shifts = TimeEntriesRead(MemoryAccount(shift_rows=[shift_row(costCodes=codes)]).as_account(), Days())
    list(shifts.pages())
    return CostCodesRead(account, job_ids, whole=True, shifts=shifts)


def budget_records(job_id: int, categories: Any, groups: Any) -> list[SourceRecord]:
    return [row.read() for row in budget_rows(job_id, categories, groups)]


def test_budget_records_take_worksheet_lines_of_their_title_from_nested_groups() -> None:
    groups = [
        group(
            worksheet_line(1, "01 Site"),
            groups=(group(worksheet_line(2, "02 Frame"), groups=(group(worksheet_line(3, "01 Site")),)),),
        )
    ]
    records = budget_records(
        5, [category("A", budget_line(10, "01 Site")), category("B", budget_line(11, "02 Frame"))], groups
    )
    assert worksheet_ids(records) == {"5:10": [1, 3], "5:11": [2]}
    assert [record.after["category"] for record in records] == ["A", "B"]
    assert {record.parent_id for record in records} == {"5"}


def test_budget_records_title_of_two_lines_gets_no_hours_at_all() -> None:
    lines = category("A", budget_line(10, "01 Site"), budget_line(11, "01 Site"), budget_line(12, "02 Frame"))
    records = budget_records(5, [lines], [group(worksheet_line(1, "01 Site"), worksheet_line(2, "02 Frame"))])
    assert worksheet_ids(records) == {"5:10": [], "5:11": [], "5:12": [2]}


@pytest.mark.parametrize(
    ("first", "second", "original", "revised"),
    [
        ((100, 100), ("50.25", 60), "150.25", "160"),
        ((100, 120), (50, None), "150", "170"),
        ((100, None), (50, None), "150", None),
        ((None, None), (50, None), "50", None),
        ((None, None), (None, None), None, None),
        (("$1,000", None), (500, None), "$1,000 + 500", None),
    ],
)
def test_budget_records_code_in_two_categories_is_one_budget_summed(
    first: tuple[Any, Any], second: tuple[Any, Any], original: str | None, revised: str | None
) -> None:
    lines = [
        {"id": 10, "title": "01 Site", "originalBudgetCosts": each[0], "revisedBudgetCosts": each[1]}
        for each in (first, second)
    ]
    groups = [group(worksheet_line(1, "01 Site"), worksheet_line(2, "01 Site"))]
    records = budget_records(5, [category("A", lines[0]), category("B", lines[1])], groups)
    assert worksheet_ids(records) == {"5:10": [1, 2]}
    (after,) = [record.after for record in records]
    assert (after["originalBudgetCosts"], after["revisedBudgetCosts"], after["category"]) == (original, revised, None)


def test_budget_records_worksheet_lines_without_or_with_an_unknown_title_go_nowhere() -> None:
    groups = [group(worksheet_line(1, None), worksheet_line(2, "99 Other"))]
    assert worksheet_ids(budget_records(5, [category("A", budget_line(10, "01 Site"))], groups)) == {"5:10": []}


def test_budget_record_keeps_money_as_stated_and_unknown_fields() -> None:
    (record,) = budget_records(
        5, [category("A", budget_line(10, "01 Site", {"value": 12}) | {"committedCosts": 3})], []
    )
    assert record.after["originalBudgetCosts"] == "12"
    assert record.after["jobId"] == 5
    assert record.after["extras"] == {"committedCosts": "3"}


@pytest.mark.parametrize(
    ("categories", "groups", "place"),
    [
        (["x"], [], "costCategories"),
        ([{"title": "A", "costCodes": {}}], [], "costCodes"),
        ([{"title": "A", "costCodes": ""}], [], "costCodes"),
        ([category("A", {"id": 1, "title": "x"})], [], "originalBudgetCosts"),
        ([category("A", budget_line(1, "x"))], ["x"], "formatData"),
        ([category("A", budget_line(1, "x"))], [{"lineItems": 5}], "lineItems"),
        ([category("A", budget_line(1, "x"))], [{"lineItems": False}], "lineItems"),
        ([category("A", budget_line(1, "x"))], [{"lineItems": {"a": 1}}], "lineItems"),
        ([category("A", budget_line(1, "x"))], [{"subGroups": 5}], "subGroups"),
        (
            [category("A", budget_line(1, "x"))],
            [group(*[{"id": 1, "lineItemType": 10, "costCodeTitle": "x", "unit": "HR"}] * 3)],
            "quantity",
        ),
    ],
)
def test_budget_of_another_form_is_source_changed_with_its_place(categories: Any, groups: Any, place: str) -> None:
    with pytest.raises(SourceFaultError) as caught:
        budget_records(5, categories, groups)
    assert caught.value.fault is SOURCE_CHANGED
    assert place in caught.value.detail


@pytest.mark.parametrize("group", [{}, {"lineItems": None, "subGroups": None}])
def test_group_and_category_without_lines_have_none(group: dict[str, Any]) -> None:
    """Lists are null or missing where there is nothing (B4)."""
    categories = [{"title": "A"}, {"title": "B", "costCodes": None}, category("C", budget_line(1, "x"))]
    assert worksheet_ids(budget_records(5, categories, [group])) == {"5:1": []}


def test_worksheet_line_that_is_not_understood_leaves_the_budget_as_it_is_known() -> None:
    """Nobody knows which line's hours it states: none of them may change for it."""
    groups = [group(worksheet_line(1, "x"), worksheet_line(2, "x") | {"quantity": {"hours": 8}})]
    (record,) = budget_records(5, [category("A", budget_line(1, "x"))], groups)
    assert record.incomplete


def test_budget_line_that_is_not_understood_is_refused_alone_under_its_id() -> None:
    odd = budget_line(2**70, "y")
    good, refused = budget_rows(5, [category("A", budget_line(1, "x"), odd)], [])
    assert good.read().entity_id == "5:1"
    assert refused.entity_id == f"5:{2**70}"
    with pytest.raises(UnreadableRowError):
        refused.read()


@pytest.mark.parametrize("empty", [{}, {"lineItems": None, "subGroups": None}, {"lineItems": [], "subGroups": []}])
def test_worksheet_group_without_lines_is_empty(empty: dict[str, Any]) -> None:
    assert list(worksheet_lines([empty])) == []


def test_worksheet_nested_without_end_is_source_changed() -> None:
    deep = group()
    for _ in range(50):
        deep = group(groups=(deep,))
    with pytest.raises(SourceFaultError, match="nested too deep"):
        list(worksheet_lines([deep]))


def account() -> MemoryAccount:
    return MemoryAccount(
        budgets={1: [category("A", budget_line(10, "01 Site"))], 2: [category("A", budget_line(10, "01 Site"))]},
        worksheets={1: [group(worksheet_line(1, "01 Site"))], 2: [group(worksheet_line(2, "01 Site"))]},
        codes={1: [{"id": 10, "title": "01 Site"}], 2: [{"id": 10, "title": "01 site"}, {"id": 11, "title": "02"}]},
    )


def test_budgets_cover_the_jobs_that_answered() -> None:
    source = account()
    source.fail["budget_categories"] = failing_for(1)
    reader = BudgetsRead(source.as_account(), [1, 2, 3])
    assert list(read(reader)) == ["2:10"]
    assert reader.complete_range() == ReadRange(parents=["2", "3"])


def test_budgets_without_the_worksheet_are_incomplete() -> None:
    source = account()
    source.fail["worksheet_groups"] = failing_for(1)
    reader = BudgetsRead(source.as_account(), [1, 2])
    found = read(reader)
    assert (found["1:10"].incomplete, found["2:10"].incomplete) == (True, False)
    assert reader.complete_range() == ReadRange(parents=["1", "2"])


def test_budgets_job_without_lines_is_not_asked_for_its_worksheet() -> None:
    source = account()
    read(BudgetsRead(source.as_account(), [3]))
    assert source.calls["worksheet_groups"] == 0


def test_budgets_second_look_asks_the_jobs_of_the_missing_lines_alone() -> None:
    source = account()
    reader = BudgetsRead(source.as_account(), [1, 2])
    assert second(reader, "1:10", "1:99") == ["1:10"]
    assert source.asked == [("budget_categories", 1), ("worksheet_groups", 1)]


def test_budgets_second_look_of_a_job_that_is_gone_asks_nothing_and_finds_nothing() -> None:
    source = account()
    assert second(BudgetsRead(source.as_account(), [1]), "7:10") == []
    assert source.asked == []


def test_budgets_second_look_that_fails_confirms_nothing() -> None:
    source = account()
    source.fail["budget_categories"] = missing_module
    reader = BudgetsRead(source.as_account(), [1])
    assert second(reader, "1:10") == []
    assert reader.second_look_result().incomplete is not None


def test_budgets_second_look_without_the_worksheet_still_shows_the_line() -> None:
    source = account()
    source.fail["worksheet_groups"] = missing_module
    reader = BudgetsRead(source.as_account(), [1])
    assert second(reader, "1:10") == ["1:10"]
    assert reader.second_look_result() == SecondLook()


def test_budgets_of_one_job_that_never_answers_are_not_complete_and_the_others_are_read() -> None:
    source = account()
    source.fail["budget_categories"] = failing_for(1)
    reader = BudgetsRead(source.as_account(), [1, 2, 3])
    assert list(read(reader)) == ["2:10"]
    assert reader.incomplete_reason() == IncompleteReason(
        "Buildertrend did not answer for the budgets of 1 of 3 jobs (1)."
    )


@pytest.mark.parametrize("read_class", [BudgetsRead, codes_read])
def test_module_that_answers_for_no_job_is_missing_only_if_it_was_ever_used(read_class: Any) -> None:
    source = account()
    source.fail |= {"budget_categories": missing_module, "cost_codes": missing_module}
    reader = read_class(source.as_account(), [1, 2])
    read(reader)
    found = reader.incomplete_reason()
    assert found is not None
    assert found.if_ever_used


def test_cost_codes_of_several_jobs_are_stated_once_by_the_lowest_job() -> None:
    reader = codes_read(account().as_account(), [1, 2])
    records = records_of(reader.pages())
    assert [(record.entity_id, record.after["title"]) for record in records] == [("10", "01 Site"), ("11", "02")]
    assert reader.complete_range() == ReadRange()


def test_cost_codes_of_some_jobs_say_nothing_of_absence() -> None:
    reader = CostCodesRead(account().as_account(), [1], whole=False)
    read(reader)
    assert reader.complete_range() is None


def test_cost_codes_of_a_job_that_does_not_answer_make_absence_mean_nothing() -> None:
    source = account()
    source.fail["cost_codes"] = failing_for(1)
    reader = codes_read(source.as_account(), [1, 2])
    assert sorted(read(reader)) == ["10", "11"]
    assert reader.complete_range() is None


def test_cost_codes_second_look_that_fails_confirms_nothing() -> None:
    source = account()
    reader = codes_read(source.as_account(), [1, 2])
    read(reader)
    source.fail["cost_codes"] = failing_for(2)
    assert second(reader, "11") == []
    assert reader.second_look_result().incomplete == IncompleteReason(
        "Buildertrend did not answer for the cost codes of 1 of 2 jobs (2)."
    )


def test_range_of_chosen_jobs_counts_the_others_as_unmoved() -> None:
    reader = BudgetsRead(account().as_account(), [1, 2, 3], chosen=[2])
    read(reader)
    covered = reader.complete_range()
    assert (covered.parents, covered.unmoved) == (["2"], ("1", "3"))


def test_codes_that_only_shifts_name_stand_in_for_themselves() -> None:
    source = account().as_account()
    listed = read(codes_read(source, [1, 2]))
    code_id = int(next(iter(listed)))
    found = read(codes_read(source, [1, 2], (code_id, "as a shift calls it"), (990, "99 Only shifts")))
    assert found.keys() - listed.keys() == {"990"}
    other = found["990"]
    assert (other.after["title"], other.after["statedBy"]) == ("99 Only shifts", "shift")
    assert (other.incomplete, other.stands_in) == (True, True)
    assert found[str(code_id)].after["statedBy"] == "list"


def test_codes_are_gone_only_if_all_shifts_were_read() -> None:
    source = account().as_account()
    shifts = TimeEntriesRead(MemoryAccount().as_account(), Days())
    shifts.restore({INCOMPLETE_REASON: "x"})
    for one in (None, shifts):
        reader = CostCodesRead(source, [1, 2], whole=True, shifts=one)
        list(reader.pages())
        assert reader.complete_range() is None
