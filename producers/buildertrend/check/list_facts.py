"""What the other lists say about the wire facts: jobs, budgets, worksheets, cost codes, users, reports, the account."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from producers.buildertrend.answers import Json, object_of, rows_of_report
from producers.buildertrend.check import exchange as of
from producers.buildertrend.check.facts import Facts
from producers.buildertrend.check.shift_facts import CodeIds
from producers.buildertrend.nested import fields_of_all
from producers.buildertrend.reads.lists import is_no_job

_STATUSES = frozenset({0, 1, 3, 4})
_LINE_TYPES = frozenset({10, 7, 5})
_CODED_TITLE = re.compile(r"[A-Z]{0,4}[-. ]?[0-9]")
_MOST_DEPTH = 20


def see_list(kind: str, answer: Any, facts: Facts, codes: CodeIds) -> None:
    """Count what an answer of this kind says."""
    see = _SEEN_BY.get(kind)
    if see is not None:
        see(answer, facts, codes)


def _see_account(answer: Any, facts: Facts, _codes: CodeIds) -> None:
    info = object_of(object_of(_data(answer)).get("appDefaultInfo"))
    facts.see("S9", type(info.get("sessionTimeoutMinutes")) is int)


def _see_jobs(answer: Any, facts: Facts, _codes: CodeIds) -> None:
    jobs = _objects(object_of(_data(answer)).get("jobs"))
    for place, job in enumerate(jobs):
        if is_no_job(job, place):
            facts.see("J2", place == 0)
            continue
        facts.see("J1", job.get("status") in _STATUSES if type(job.get("status")) is int else False)
        if job.get("jobName") == "General":
            facts.see("J3", job.get("jobId") == 0)


def _see_job_list(answer: Any, facts: Facts, _codes: CodeIds) -> None:
    data = _data(answer)
    for job in _objects(data if isinstance(data, list) else object_of(data).get("jobs")):
        facts.see("J4", "jobID" in job)


def _see_budget(answer: Any, facts: Facts, codes: CodeIds) -> None:
    found = _bare(answer)
    for category in _objects(found.get("costCategories")):
        for line in _objects(category.get("costCodes")):
            codes.of_budget(line.get("title"), line.get("id"))
            facts.see("B1", type(line.get("id")) is int and "title" in line and "originalBudgetCosts" in line)
            facts.see("B2", "revisedBudgetCosts" in line and "costType" in line)


def _see_cost_codes(answer: Any, facts: Facts, codes: CodeIds) -> None:
    for code in _objects(_bare(answer).get("costCodesWithBudget")):
        code_id, title = code.get("id", code.get("costCodeId")), code.get("title", code.get("name"))
        codes.of_list(title, code_id)
        facts.see("C1", type(code_id) is int and isinstance(title, str))
        if isinstance(title, str):
            facts.see("C3", _CODED_TITLE.match(title) is not None)


def _see_worksheet(answer: Any, facts: Facts, _codes: CodeIds) -> None:
    for line in _lines(object_of(_data(answer)).get("formatData"), 0):
        facts.see("B3", line.get("lineItemType") in _LINE_TYPES if type(line.get("lineItemType")) is int else False)


def _lines(groups: Any, depth: int) -> Iterator[Json]:
    for group in _objects(groups) if depth < _MOST_DEPTH else ():
        yield from _objects(group.get("lineItems"))
        yield from _lines(group.get("subGroups"), depth + 1)


def _see_report(answer: Any, facts: Facts, _codes: CodeIds) -> None:
    for row in _objects(rows_of_report(answer)):
        facts.see("B5", type(row.get("jobID", row.get("jobId"))) is int)


def _see_filters(answer: Any, facts: Facts, _codes: CodeIds) -> None:
    """Somewhere in the tree stands a list of users [B]."""
    for name, users in fields_of_all(answer):
        if name == "users" and isinstance(users, list) and users:
            facts.see("U3", all(type(one.get("id")) is int and "name" in one for one in map(object_of, users)))


def _data(answer: Any) -> Any:
    return object_of(answer).get("data")


def _bare(answer: Any) -> Json:
    inner = _data(answer)
    return inner if isinstance(inner, dict) else object_of(answer)


def _objects(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


_SEEN_BY: dict[str, Callable[[Any, Facts, CodeIds], None]] = {
    of.ACCOUNT: _see_account,
    of.JOBS: _see_jobs,
    of.JOB_LIST: _see_job_list,
    of.BUDGET: _see_budget,
    of.COST_CODES: _see_cost_codes,
    of.WORKSHEET: _see_worksheet,
    of.REPORT: _see_report,
    of.FILTERS: _see_filters,
}
