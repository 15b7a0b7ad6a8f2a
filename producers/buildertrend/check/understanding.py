"""Runs the adapter's own parsers over a recorded answer and counts what they understand and what they refuse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from producers.buildertrend.account import Account
from producers.buildertrend.answers import (
    ModuleMissingError,
    SessionExpiredError,
    grid_page,
    parsed_row,
    quick_grid,
)
from producers.buildertrend.check import exchange as of
from producers.buildertrend.check.exchange import Exchange
from producers.buildertrend.check.findings import Findings, field_of
from producers.buildertrend.check.recorded import SignInWantedError, account_of
from producers.buildertrend.client import Answer
from producers.buildertrend.decoding import NotJsonError
from producers.buildertrend.faults import SourceFaultError
from producers.buildertrend.reads.costing import budget_rows, worksheet_lines
from producers.buildertrend.reads.lists import is_no_job
from producers.buildertrend.reads.rows import (
    BudgetLine,
    CostCodeRow,
    ListedJob,
    ListedUser,
    PickerJob,
    Row,
    Shift,
    WorksheetLine,
    parse_row,
)
from producers.buildertrend.reads.time_entries import shift_head
from producers.source import UnreadableRowError
from schemas.faults import SOURCE_CHANGED

_FIELD = re.compile(r"field (?P<field>.{1,300}?) is missing or ")
_ANY_JOB = 1
SESSION_EXPIRED = "session-expired"
MODULE_MISSING = "module-missing"
# Without one of them in any row, hours, money or links would be missing of all.
PAID_BY = ("userID", "timeIn", "regularTime", "breakTime", "builderCost", "rate", "costCodes", "approvalStatus")


def understand(exchange: Exchange, findings: Findings) -> None:
    """Count what the adapter makes of an answer that is there."""
    kind = findings.endpoint.kind
    try:
        if kind in (of.SHIFTS, of.USERS):
            _grid(exchange, findings, kind)
        elif kind in _LISTS:
            _list(exchange, findings, kind)
    except (SessionExpiredError, SignInWantedError):
        findings.faults[SESSION_EXPIRED] += 1
    except ModuleMissingError:
        findings.faults[MODULE_MISSING] += 1
    except SourceFaultError as exc:
        findings.faults[exc.fault.name] += 1
        if exc.fault is SOURCE_CHANGED:
            named = _FIELD.search(exc.detail)
            findings.changed[field_of(named["field"]) if named else "(the whole answer)"] += 1


def _grid(exchange: Exchange, findings: Findings, kind: str) -> None:
    answer = Answer(exchange.status, exchange.headers, exchange.body)
    page = quick_grid(answer) or grid_page(answer, what=kind)
    findings.nothing += not page.rows
    if kind == of.USERS:
        _rows(ListedUser, page.rows, findings)
        return
    for raw in page.rows:
        _shift(raw, findings)


def _shift(raw: Any, findings: Findings) -> None:
    try:
        parsed = parsed_row(raw)
    except NotJsonError:
        findings.refuse("(row)")
        return
    try:
        shift_head(raw)
    except UnreadableRowError as exc:
        findings.refuse(exc.field)
        return
    _row(Shift, parsed, findings)
    if isinstance(parsed, dict):
        findings.filled.update(name for name in PAID_BY if parsed.get(name) not in (None, [], ""))


def _rows(kind: type[Row], rows: Iterable[Any], findings: Findings) -> None:
    for raw in rows:
        _row(kind, raw, findings)


def _row(kind: type[Row], raw: Any, findings: Findings) -> None:
    try:
        after = parse_row(kind, raw, what=findings.endpoint.kind or "").after(raw)
    except UnreadableRowError as exc:
        findings.refuse(exc.field)
        return
    findings.rows += 1
    findings.leave(after["extras"])


def _list(exchange: Exchange, findings: Findings, kind: str) -> None:
    found = _LISTS[kind](account_of(exchange, kind))
    findings.nothing += not found
    _BY_KIND[kind](found, findings)


def _identity(account: Account) -> Sequence[Any]:
    return [account.identity()]


def _budget(categories: Sequence[Any], findings: Findings) -> None:
    """Raises what the read of budgets raises; lines are counted as they stand."""
    budget_rows(_ANY_JOB, categories, None)
    for category in categories:
        lines = category.get("costCodes") if isinstance(category, dict) else None
        _rows(BudgetLine, lines if isinstance(lines, list) else (), findings)


def _jobs(rows: Sequence[Any], findings: Findings) -> None:
    _rows(PickerJob, (raw for place, raw in enumerate(rows) if not is_no_job(raw, place)), findings)


def _one(_found: Sequence[Any], findings: Findings) -> None:
    findings.rows += 1


_LISTS: dict[str, Callable[[Account], Sequence[Any]]] = {
    of.ACCOUNT: _identity,
    of.JOBS: Account.picker_jobs,
    of.JOB_LIST: Account.listed_jobs,
    of.COST_CODES: lambda account: account.cost_codes(_ANY_JOB),
    of.BUDGET: lambda account: account.budget_categories(_ANY_JOB),
    of.WORKSHEET: lambda account: account.worksheet_groups(_ANY_JOB),
}
_BY_KIND: dict[str, Callable[[Sequence[Any], Findings], None]] = {
    of.ACCOUNT: _one,
    of.JOBS: _jobs,
    of.JOB_LIST: lambda rows, findings: _rows(ListedJob, rows, findings),
    of.COST_CODES: lambda rows, findings: _rows(CostCodeRow, rows, findings),
    of.BUDGET: _budget,
    of.WORKSHEET: lambda groups, findings: _rows(WorksheetLine, worksheet_lines(groups), findings),
}
