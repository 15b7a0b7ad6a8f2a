"""A recording is understood, or the report says what of it is not, and whether the wire facts hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.buildertrend.check.checker import Checked
from producers.buildertrend.check.facts import BROKEN, FACTS, HOLDS, MIXED
from producers.buildertrend.check.report import Report, lines_of, report_of
from tests.unit.producers.check.fix_recordings import (
    asked,
    checked,
    entry,
    enveloped,
    everything,
    page_of,
    shift,
    shifts_entry,
)

Folder = pytest.TempPathFactory


def report(folder: Path, *entries: Any) -> Report:
    return report_of(checked(folder, *entries))


def text_of(found: Report) -> str:
    return "\n".join(lines_of(found))


def fact(folder: Path, number: str, *entries: Any) -> str | None:
    found = report(folder, *entries).facts.get(number)
    return None if found is None else str(found["state"])


def test_check_of_all_that_is_known_finds_nothing_lost(tmp_path: Path) -> None:
    found = report(tmp_path, *everything())
    assert (found.lost, found.exit_code) == ([], 0)
    assert [one["rows"] for one in found.endpoints] == [1, 1, 1, 1, 1, 1, 1]
    assert not any("none is in it" in sentence for sentence in found.look_at)
    assert "All of it is understood." in text_of(found)


def test_check_names_what_is_not_in_the_recording_and_where_it_is(tmp_path: Path) -> None:
    found = report(tmp_path, shifts_entry([shift()]))
    assert any(sentence.startswith("Budgets: none is in it. Open") for sentence in found.look_at)


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (shift(regularTime="8:00"), "regularTime"),
        (shift(costCodes=[{"id": 1, "title": "04 Concrete"}]), "costCodes[].costCodeTitle"),
        ({name: value for name, value in shift().items() if name != "builderCost"}, "builderCost"),
        (shift(jobId=5, timeIn=None), "timeIn"),
        ("no row", "(row)"),
    ],
)
def test_check_names_the_field_of_a_refused_row_and_counts_it(row: Any, field: str, tmp_path: Path) -> None:
    found = report(tmp_path, shifts_entry([row, row, shift()]))
    assert f"Shifts: 2 rows would be refused, as {field} is missing or has another form." in found.lost
    assert found.exit_code == 1


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (enveloped({"rows": []}), "data"),
        (enveloped({"data": {"1": {}}}), "data"),
        (enveloped("text"), "data"),
    ],
)
def test_check_names_the_field_of_a_page_that_cannot_be_read(answer: Any, field: str, tmp_path: Path) -> None:
    found = report(tmp_path, entry("POST", "/api/TimeClock/Grid?gridType=29", answer, asked()))
    assert f"Shifts: 1 answer cannot be read, as {field} is missing or has another form." in found.lost


def test_check_names_fields_that_are_kept_and_hides_those_that_may_be_values(tmp_path: Path) -> None:
    found = report(tmp_path, shifts_entry([shift(isDraft=True, hoursByWorker={"Ana Diaz": 8}, Maria=3, b7700001=1)]))
    (kept,) = [sentence for sentence in found.kept if sentence.startswith("Shifts")]
    assert "hoursByWorker" in kept
    assert "*" in kept
    for value in ("Maria", "7700001", "Ana"):
        assert value not in text_of(found) + json.dumps(found.as_json())


@pytest.mark.parametrize(
    ("path", "answer", "response", "says"),
    [
        ("/api/AccountInfo/GlobalInfo", enveloped(None, needsToRelogin=True), {}, "session-expired"),
        ("/api/AccountInfo/GlobalInfo", "<html>Sign in</html>", {}, "session-expired"),
        ("/api/AccountInfo/GlobalInfo", "", {"status": 401, "content": {"text": "{}"}}, "session-expired"),
        ("/api/AccountInfo/GlobalInfo", "", {"status": 302, "redirectURL": "/app/error"}, "session-expired"),
        ("/api/Proposals/9001234/Worksheet", "{}", {"status": 500}, "module-missing"),
        ("/api/AccountInfo/GlobalInfo", '{"success": true, "dat', {}, "source-unavailable"),
        ("/api/AccountInfo/GlobalInfo", "", {}, "does not have the answer's text"),
    ],
)
def test_check_says_what_an_answer_without_data_is(
    path: str, answer: Any, response: dict[str, Any], says: str, tmp_path: Path
) -> None:
    found = report(tmp_path, entry("GET", path, answer, **response))
    assert any(says in sentence for sentence in found.look_at)
    assert found.lost == []


def test_check_of_rows_in_another_language_understands_them(tmp_path: Path) -> None:
    codes = [{"id": 1, "costCodeTitle": "04 Hormigón", "totalMinutes": 87}]
    found = report(tmp_path, shifts_entry([shift(name="José Núñez", notes="施工 🏗", costCodes=codes)]))
    assert found.lost == []


def test_check_says_that_a_column_is_empty_in_every_row(tmp_path: Path) -> None:
    rows = [shift(id=number, builderCost=None) for number in range(30)]
    assert any("builderCost is empty in every row" in one for one in report(tmp_path, shifts_entry(rows)).look_at)
    rows = [shift(id=number, regularTime=None) for number in range(30)]
    assert any("regularTime is empty in every row" in one for one in report(tmp_path, shifts_entry(rows)).lost)


CODES = [{"id": 5500001, "costCodeTitle": "04 Concrete", "totalMinutes": 40}]
ZONED = {"jobId": 0, "timeStamp": "2026-04-18T08:02:00Z"}


@pytest.mark.parametrize(
    ("number", "row"),
    [
        ("T2", shift(jobId=0)),
        ("T3", shift(costCodes=[{"costCodeTitle": "04 Concrete"}])),
        ("T4", shift(costCodes=[{"id": 1, "costCodeTitle": "a", "totalMinutes": 87.5}])),
        ("T5", shift(costCodes=CODES)),
        ("T8", shift(regularTime=60)),
        ("T9", shift(doubleOverTime=0.75)),
        ("T10", shift(totalWorkTime=87)),
        ("T12", shift(tags=[{"id": 5}])),
        ("T15", shift(approvalStatus="yes")),
        ("U1", shift(name=None)),
        ("S10", shift(builderId=None)),
        ("M1", shift(timeIn=ZONED)),
        ("M3", shift(regularTime=87.5)),
    ],
)
def test_fact_of_a_shift_is_held_broken_or_mixed(number: str, row: dict[str, Any], tmp_path: Path) -> None:
    good = shift(tags=["a", {"name": "b"}])
    assert fact(tmp_path, number, shifts_entry([good])) == HOLDS
    assert fact(tmp_path, number, shifts_entry([row])) == BROKEN
    assert fact(tmp_path, number, shifts_entry([good, row])) == MIXED


@pytest.mark.parametrize(("number", "row"), [("T2", shift(jobId=0)), ("M3", shift(regularTime="87"))])
def test_fact_that_is_broken_by_a_row_which_the_adapter_understands_loses_nothing(
    number: str, row: dict[str, Any], tmp_path: Path
) -> None:
    found = report(tmp_path, shifts_entry([row]))
    assert found.facts[number]["state"] == BROKEN
    assert (found.lost, found.exit_code) == ([], 0)


def test_fact_t5_and_t8_hold_with_rounded_minutes_overtime_and_break(tmp_path: Path) -> None:
    row = shift(
        timeOut={"timeStamp": "2026-04-18T18:32:00"},
        regularTime=480,
        overTime=60,
        doubleOverTime=30,
        breakTime={"breakTime": 60},
        costCodes=[
            {"id": 1, "costCodeTitle": "a", "totalMinutes": 487.998},
            {"id": 2, "costCodeTitle": "b", "totalMinutes": 82.002},
        ],
    )
    assert fact(tmp_path, "T5", shifts_entry([row])) == HOLDS
    assert fact(tmp_path, "T8", shifts_entry([row])) == HOLDS


def test_fact_t8_says_nothing_of_a_shift_that_runs(tmp_path: Path) -> None:
    assert fact(tmp_path, "T8", shifts_entry([shift(timeOut=None, regularTime=0)])) is None


@pytest.mark.parametrize(("budget_id", "state"), [(5500001, HOLDS), (5500009, BROKEN)])
def test_fact_t6_compares_ids_of_shifts_and_budgets_by_title(budget_id: int, state: str, tmp_path: Path) -> None:
    line = {"id": budget_id, "title": "04 Concrete", "originalBudgetCosts": 5}
    budget = entry("POST", "/apix/v2/JobCostingBudget", {"costCategories": [{"title": "a", "costCodes": [line]}]}, {})
    found = report(tmp_path, budget, shifts_entry([shift()]))
    assert found.facts["T6"]["state"] == state
    assert any(sentence.startswith("T6 does not hold (1 of 1)") for sentence in found.lost) == (state == BROKEN)


@pytest.mark.parametrize(
    ("pages", "state"),
    [
        ([("1", 2, 3), ("2", 1, 3)], HOLDS),
        ([("1", 2, 5), ("2", 1, 5)], BROKEN),
        ([("1", 2, 2), ("2", 1, 2)], BROKEN),
        ([("1", 2, 3)], None),
        ([("2", 1, 3)], None),
    ],
)
def test_fact_g7_is_judged_by_recordings_of_all_pages_alone(
    pages: list[tuple[str, int, int]], state: str | None, tmp_path: Path
) -> None:
    entries = []
    shown = 0
    for number, count, records in pages:
        rows = [shift(id=shown + one) for one in range(count)]
        shown += count
        body = asked(pagingData={"pageNumber": number, "pageSize": 2, "totalRowsAllPages": 2})
        entries.append(shifts_entry(rows, body, records=records, pageSize=2))
    assert fact(tmp_path, "G7", *entries) == state


@pytest.mark.parametrize(
    ("sent", "records", "total", "state", "shown"),
    [
        (200, 5861, 2, HOLDS, "asked"),
        (200, 5861, 30, BROKEN, "records"),
        (5861, 5861, 30, None, "either"),
        (200, 5861, 7, BROKEN, "other"),
    ],
)
def test_fact_g6_tells_what_total_pages_is_computed_from(
    sent: int, records: int, total: int, state: str | None, shown: str, tmp_path: Path
) -> None:
    body = asked(pagingData={"pageNumber": "1", "pageSize": 200, "totalRowsAllPages": sent})
    found = checked(tmp_path, shifts_entry([shift()], body, records=records, totalPages=total))
    assert report_of(found).facts.get("G6", {}).get("state") == state
    (endpoint,) = found.shape()["endpoints"]
    assert endpoint["paging"]["total_pages"] == shown


@pytest.mark.parametrize(
    ("number", "good", "bad"),
    [
        ("G2", ([shift(jobId=7)], asked(jobIds=[7])), ([shift(jobId=8)], asked(jobIds=[7]))),
        ("G3", ([shift()], asked(jobIds=[])), ([shift(jobId=8)], asked(jobIds=[]))),
        ("G4", ([shift()], asked()), ([shift()], asked(includeGeneralJobItems=False))),
        ("G8", ([shift()], asked()), ([shift()], asked(pagingData={"pageNumber": 1}))),
        ("G10", ([shift()], asked()), ([shift()], asked(filters={}))),
        ("G12", ([shift()], asked()), ([shift()], asked(gridRequest={"selectedColumns": ["1"]}))),
    ],
)
def test_fact_of_a_grid_is_held_or_broken(number: str, good: Any, bad: Any, tmp_path: Path) -> None:
    assert fact(tmp_path, number, shifts_entry(*good)) == HOLDS
    assert fact(tmp_path, number, shifts_entry(*bad)) == BROKEN


def test_fact_g9_notices_a_page_that_is_smaller_than_asked_for(tmp_path: Path) -> None:
    assert fact(tmp_path, "G9", shifts_entry([shift()], pageSize=200)) == HOLDS
    assert fact(tmp_path, "G9", shifts_entry([shift()], pageSize=100)) == BROKEN


def test_fact_g15_compares_the_order_with_the_one_that_was_asked_for(tmp_path: Path) -> None:
    rows = [shift(id=day, timeIn={"timeStamp": f"2026-04-{day}T08:00:00"}) for day in range(20, 10, -1)]
    assert fact(tmp_path, "G15", shifts_entry(rows)) == HOLDS
    assert fact(tmp_path, "G15", shifts_entry(rows[5:] + rows[:5])) == BROKEN
    assert checked(tmp_path, shifts_entry(rows)).recipe is not None
    newest_first, not_so = checked(tmp_path, shifts_entry(rows)).recipe, checked(tmp_path, shifts_entry(rows[::-1]))
    assert newest_first is not None
    assert newest_first.sort == ("1", "desc")
    assert not_so.recipe is not None
    assert not_so.recipe.sort is None


def _jobs(*jobs: dict[str, Any]) -> dict[str, Any]:
    return entry("POST", "/api/jobpicker/GetJobPickerData", enveloped({"jobs": list(jobs)}), {})


@pytest.mark.parametrize(
    ("number", "good", "bad"),
    [
        ("J1", _jobs({"jobId": 1, "jobName": "a", "status": 3}), _jobs({"jobId": 1, "jobName": "a", "status": 9})),
        (
            "J2",
            _jobs({"jobId": 0, "jobName": "View 214 Jobsites"}),
            _jobs({"jobId": 1, "jobName": "a", "status": 1}, {"jobId": 0, "jobName": "View 2 Jobsites"}),
        ),
        ("J3", _jobs({"jobId": 0, "jobName": "General"}), _jobs({"jobId": 5, "jobName": "General"})),
        (
            "J4",
            entry("GET", "/api/jobpicker/GetExistingJobList", enveloped([{"jobID": 1}])),
            entry("GET", "/api/jobpicker/GetExistingJobList", enveloped([{"jobId": 1}])),
        ),
        (
            "B3",
            entry(
                "GET", "/api/Proposals/5/Worksheet", enveloped({"formatData": [{"lineItems": [{"lineItemType": 7}]}]})
            ),
            entry(
                "GET", "/api/Proposals/5/Worksheet", enveloped({"formatData": [{"lineItems": [{"lineItemType": 8}]}]})
            ),
        ),
        (
            "B5",
            entry("GET", "/apix/v3/Reporting/profitability?openJobLimit=200", {"rowData": [{"jobID": 5}]}),
            entry("GET", "/apix/v3/Reporting/profitability?openJobLimit=200", {"rowData": [{"job": "Maple"}]}),
        ),
        (
            "U3",
            entry("GET", "/api/Filters/33", enveloped({"a": [{"users": [{"id": 1, "name": "x"}]}]})),
            entry("GET", "/api/Filters/33", enveloped({"a": [{"users": [{"value": 1}]}]})),
        ),
        (
            "R2",
            entry("GET", "/api/AccountInfo/GlobalInfo", enveloped({"builderId": 1})),
            entry("GET", "/api/AccountInfo/GlobalInfo", {"builderId": 1}),
        ),
        (
            "C3",
            entry(
                "GET", "/apix/v2/JobCostingBudget/budget-cost-codes", {"costCodesWithBudget": [{"title": "02.3070."}]}
            ),
            entry(
                "GET", "/apix/v2/JobCostingBudget/budget-cost-codes", {"costCodesWithBudget": [{"title": "Concrete"}]}
            ),
        ),
    ],
)
def test_fact_of_a_list_is_held_or_broken(number: str, good: Any, bad: Any, tmp_path: Path) -> None:
    assert fact(tmp_path, number, good) == HOLDS
    assert fact(tmp_path, number, bad) == BROKEN


@pytest.mark.parametrize("name", ["View all 214 Jobs", "view 3 job sites"])
def test_row_of_all_jobs_is_no_job_however_it_is_named(name: str, tmp_path: Path) -> None:
    """The adapter passes it over, so that nothing is lost by its having no status."""
    found = report(tmp_path, _jobs({"jobId": -1, "jobName": name}, {"jobId": 1, "jobName": "a", "status": 1}))
    assert {number: found.facts[number]["state"] for number in ("J1", "J2")} == {"J1": HOLDS, "J2": HOLDS}
    assert found.lost == []


@pytest.mark.parametrize("answer", [{"rowData": None, "data": [{"jobId": 5}]}, {"data": {"data": [{"jobID": 5}]}}])
def test_report_is_looked_at_in_every_form_that_the_adapter_reads(answer: Any, tmp_path: Path) -> None:
    assert fact(tmp_path, "B5", entry("GET", "/apix/v3/Reporting/profitability", answer)) == HOLDS


def test_fact_that_few_rows_contradict_is_shown_but_nothing_is_lost(tmp_path: Path) -> None:
    rows = [shift(id=number) for number in range(200)]
    rows[7]["regularTime"] = 80
    found = report(tmp_path, shifts_entry(rows))
    assert found.facts["T8"]["state"] == MIXED
    assert not any(sentence.startswith("T8") for sentence in found.lost)
    assert "T8: 1 of 200 say otherwise." in text_of(found)


def test_every_fact_that_is_checked_is_one_of_the_wire_facts() -> None:
    table = (Path(__file__).parents[4] / "docs" / "wire.md").read_text()
    assert [number for number in FACTS if f"| {number} |" not in table] == []


def test_check_of_a_bug_of_ours_says_its_kind_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("Ana Diaz")

    monkeypatch.setattr("producers.buildertrend.check.checker.see_shift", broken)
    found = report(tmp_path, shifts_entry([shift()]), *everything()[:1])
    assert any("(KeyError): a bug of ours" in sentence for sentence in found.lost)
    assert "Ana" not in text_of(found)
    assert len(found.endpoints) == 2


_ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def _replaced(node: Any, pick: Callable[[], int], odd: Any) -> Any:
    """The same with some of its parts replaced."""
    if pick() == 0:
        return odd
    if isinstance(node, dict):
        return {key: _replaced(value, pick, odd) for key, value in node.items() if pick() != 1}
    return [_replaced(one, pick, odd) for one in node] if isinstance(node, list) else node


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_check_of_anything_ends_with_a_report(data: st.DataObject, tmp_path_factory: Folder) -> None:
    odd = data.draw(_ODD)
    pick = data.draw(st.randoms(use_true_random=False))
    bodies = [page_of([shift(), shift(jobId=5)]), *(json.loads(_text(one)) for one in everything())]
    entries = everything()
    for one, body in zip([shifts_entry([shift()]), *entries], bodies, strict=True):
        mangled = _replaced(body, lambda: pick.randrange(12), odd)
        one["response"]["content"]["text"] = json.dumps(mangled)
        if "postData" in one["request"]:
            changed = _replaced(json.loads(one["request"]["postData"]["text"]), lambda: pick.randrange(12), odd)
            one["request"]["postData"]["text"] = json.dumps(changed)
    found = checked(tmp_path_factory.mktemp("any"), *entries)
    assert not [name for one in found.findings.values() for name in one.unforeseen]
    assert text_of(report_of(found))
    json.dumps(found.shape(), allow_nan=False)


def _text(one: dict[str, Any]) -> str:
    return str(one["response"]["content"]["text"])


def test_nothing_looked_at_is_a_report_too() -> None:
    assert text_of(report_of(Checked("har")))
