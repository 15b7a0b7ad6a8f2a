"""The table of evidence is that of docs/wire.md, and its checks notice what contradicts it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from producers.buildertrend.checks import RecordChecks
from producers.buildertrend.evidence import FACTS, FACTS_BY_NUMBER, Evidence
from schemas.claims import CLAIMS, contradiction

ROOT = Path(__file__).parents[3]
ROWS = re.findall(
    r"^\| ([SRGJTBCUM][0-9]+) \| ([^|]+) \| (.*) \|$", (ROOT / "docs" / "wire.md").read_text(), re.MULTILINE
)


def test_table_has_the_numbers_and_marks_of_the_wire_file() -> None:
    assert [(fact.number, fact.mark) for fact in FACTS] == [(number, mark.strip()) for number, mark, _ in ROWS]
    assert len(FACTS_BY_NUMBER) == len(FACTS) == len(ROWS) > 60


def test_every_guess_that_the_adapter_relies_on_has_a_check() -> None:
    guesses = {number for number, mark, text in ROWS if re.search(r"\bC\b", mark) or "(C)" in text}
    assert guesses >= {"G15", "T6", "U2", "S9", "S10", "G5", "T5"}
    assert [one for one in sorted(guesses) if FACTS_BY_NUMBER[one].relied_on and not FACTS_BY_NUMBER[one].check] == []


def test_every_check_counts_somewhere_and_has_words_for_people() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "producers").rglob("*.py"))
    counted = set(re.findall(r'note\(\s*"(\w+)"', sources))
    assert counted == {fact.number for fact in FACTS if fact.check} == set(CLAIMS)


def shift(**changes: Any) -> dict[str, Any]:
    usual = {
        "id": 1,
        "jobId": 9,
        "jobName": "House",
        "timeIn": {"timeStamp": "2026-04-18T08:02:00"},
        "timeOut": {"timeStamp": "2026-04-18T16:40:00"},
        "breakTime": {"breakTime": 30},
        "regularTime": 480,
        "overTime": 8,
        "doubleOverTime": 0,
        "personalTimeOff": 0,
        "costCodes": [
            {"id": 5500001, "costCodeTitle": "04 Concrete", "totalMinutes": "480.0"},
            {"id": 5500002, "costCodeTitle": "05 Steel", "totalMinutes": "7.998"},
        ],
    }
    return usual | changes


def counts(entity: str, *afters: dict[str, Any]) -> dict[str, tuple[int, int]]:
    evidence = Evidence()
    checks = RecordChecks(evidence)
    checks.look_at(entity, afters)
    checks.end()
    return evidence.counts()


def test_shift_as_captured_bears_out_what_is_known() -> None:
    assert counts("time-entries", shift()) == {"T5": (1, 0), "T8": (1, 0)}


@pytest.mark.parametrize(
    ("fact", "changes"),
    [
        ("T2", {"jobId": 0, "jobName": "House"}),
        ("T5", {"overTime": 20, "timeOut": None}),
        ("T8", {"breakTime": {"breakTime": 0}, "costCodes": []}),
        ("T8", {"breakTime": None, "costCodes": None}),
        ("T9", {"personalTimeOff": 60, "regularTime": 540, "costCodes": []}),
    ],
)
def test_shift_that_contradicts_a_fact_is_counted(fact: str, changes: dict[str, Any]) -> None:
    found = counts("time-entries", shift(**changes))
    assert found[fact] == (0, 1)
    assert all(contradicted == 0 for number, (_, contradicted) in found.items() if number != fact)


@pytest.mark.parametrize(
    ("held", "changes"),
    [
        ({"T2": (1, 0)}, {"jobId": 0, "jobName": " general "}),
        ({"T9": (1, 0)}, {"personalTimeOff": 60}),
        ({}, {"timeOut": None, "costCodes": []}),
        ({}, {"timeOut": {"timeStamp": "soon"}, "costCodes": [{"costCodeTitle": "x", "totalMinutes": "NaN"}]}),
        ({}, {"timeOut": {"timeStamp": "2026-04-18T17:40:00"}}),
        ({}, {"regularTime": None, "overTime": None, "doubleOverTime": None, "costCodes": [{"totalMinutes": None}]}),
        ({}, {"costCodes": [{"costCodeTitle": "x", "totalMinutes": "1e999999"}], "timeOut": None}),
    ],
)
def test_shift_that_says_nothing_against_a_fact(held: dict[str, tuple[int, int]], changes: dict[str, Any]) -> None:
    found = counts("time-entries", shift(**changes))
    assert {number: found.get(number) for number in held} == held
    assert all(contradicted == 0 for _, contradicted in found.values())


def code(code_id: int, title: str, **changes: Any) -> dict[str, Any]:
    return {"id": code_id, "title": title, "statedBy": "list"} | changes


def test_ids_of_codes_are_compared_by_title_once_both_sides_were_read() -> None:
    evidence = Evidence()
    checks = RecordChecks(evidence)
    checks.look_at("time-entries", [shift()])
    checks.look_at("cost-codes", [code(5500001, "04 Concrete"), code(7, "99 Other")])
    checks.look_at("cost-codes", [code(8, "05 Steel", statedBy="shift")])
    checks.look_at("budgets", [code(12, "05 Steel")])
    assert "T6" not in evidence.counts()
    checks.end()
    assert evidence.counts()["T6"] == (1, 1)


def test_titles_as_long_as_a_text_are_not_remembered() -> None:
    """20,000 of the longest that a row may have would fill the poller of all companies."""
    evidence = Evidence()
    checks = RecordChecks(evidence)
    for title in ("x" * 200, "y" * 201):
        checks.look_at("time-entries", [shift(costCodes=[{"id": 1, "costCodeTitle": title, "totalMinutes": None}])])
        checks.look_at("cost-codes", [code(1, title)])
    checks.end()
    assert evidence.counts()["T6"] == (1, 0)


@pytest.mark.parametrize(
    ("day", "holds"), [("0001-01-01", True), ("2055-01-01T00:00:00", True), ("2026-01-05", True), ("1900-01-01", False)]
)
def test_odd_dates_of_jobs_are_counted(*, day: str, holds: bool) -> None:
    assert counts("jobs", {"dateOpened": day}) == {"M2": (1, 0) if holds else (0, 1)}


def test_sentence_says_what_was_claimed_and_how_often_it_was_not_so() -> None:
    assert contradiction("T8", contradicted=3, of=1204) == (
        "T8 (out - in is hours and break): not so in 3 of 1,204 cases"
    )
