"""The reads by job: cost codes and budget lines. Of a job whose module does not answer nothing is ever deleted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from itertools import islice
from typing import Any

from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.answers import Json, ModuleMissingError, changed
from producers.buildertrend.reads.rows import BudgetLine, CostCodeRow, WorksheetLine, parse_row, refused_row, row_of
from producers.buildertrend.reads.version import READER_VERSION
from producers.source import (
    FROM_THE_START,
    IncompleteReason,
    Page,
    ReadStart,
    SecondLook,
    SourceRecord,
    SourceRow,
    UnreadableRowError,
)
from schemas.catalogue import BUDGETS, COST_CODES

_DEEPEST_GROUP = 20
# Of fewer it cannot be told whether a line is odd or all are.
_FEWEST_FOR_ALL = 3
_NAMED = 5
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,30})?")
_EXACT = Context(prec=60)

# A line of a budget: its category's title, the row as it was shown, and its known fields.
_Stated = tuple[str | None, Any, BudgetLine]


class CostCodesRead:
    """Cost codes of the budgets of `job_ids`; complete only where those are all jobs (`whole`) and all answered."""

    entity = COST_CODES
    name = COST_CODES.name
    reader_version = READER_VERSION
    endpoint_missing = False

    def __init__(self, account: Account, job_ids: Sequence[int], *, whole: bool) -> None:
        self._account = account
        self._job_ids = job_ids
        self._whole = whole
        self._silent: list[int] = []
        self._look = SecondLook()

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead."""
        self._silent = list(cursor.get("silent", ()))

    def cursor(self) -> dict[str, Any]:
        """Jobs whose cost codes did not answer."""
        return {"silent": self._silent}

    def pages(self, start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        shown: set[str] = set()
        for number, job_id in _left(self._job_ids, start):
            try:
                rows = self._account.cost_codes(job_id)
            except ModuleMissingError:
                self._silent.append(job_id)
                rows = []
            records = {row.entity_id: row for row in map(_cost_code_row, rows)}
            # Codes are company-wide: the job with the lowest id speaks, so that jobs that differ cause no flapping.
            new = records.keys() - shown
            new -= set(start.seen(new)) if new else set()
            shown.update(records)
            yield Page(number, [records[code_id] for code_id in records if code_id in new], len(self._job_ids))

    def complete_range(self) -> ReadRange | None:
        return ReadRange() if self._whole and not self._silent else None

    def incomplete_reason(self) -> IncompleteReason | None:
        return _silence("cost codes", self._silent, of=len(self._job_ids))

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """All jobs again; where one does not answer now, nothing is confirmed."""
        silent: list[int] = []
        for number, job_id in enumerate(self._job_ids, start=1):
            try:
                rows = [_cost_code_row(raw) for raw in self._account.cost_codes(job_id)]
            except ModuleMissingError:
                silent.append(job_id)
                continue
            found = [row for row in rows if row.entity_id in missing]
            yield Page(number, found, len(self._job_ids))
        self._look = SecondLook(_silence("cost codes", silent, of=len(self._job_ids)))

    def second_look_result(self) -> SecondLook:
        return self._look


class BudgetsRead:
    """Budget lines of `job_ids`, each with the worksheet lines of its cost code title."""

    entity = BUDGETS
    name = BUDGETS.name
    reader_version = READER_VERSION
    endpoint_missing = False

    def __init__(self, account: Account, job_ids: Sequence[int]) -> None:
        self._account = account
        self._job_ids = job_ids
        self._silent: list[int] = []
        self._look = SecondLook()

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead."""
        self._silent = list(cursor.get("silent", ()))

    def cursor(self) -> dict[str, Any]:
        """Jobs whose budget did not answer."""
        return {"silent": self._silent}

    def pages(self, start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        for number, job_id in _left(self._job_ids, start):
            records = self._job_rows(job_id)
            if records is None:
                self._silent.append(job_id)
            yield Page(number, records or (), len(self._job_ids))

    def complete_range(self) -> ReadRange:
        answered = sorted(set(self._job_ids) - set(self._silent))
        return ReadRange(parents=[str(job_id) for job_id in answered])

    def incomplete_reason(self) -> IncompleteReason | None:
        return _silence("budgets", self._silent, of=len(self._job_ids))

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """The jobs of the missing lines again, save those that are deleted; a silent one confirms nothing."""
        jobs = sorted({int(entity_id.partition(":")[0]) for entity_id in missing} & set(self._job_ids))
        silent: list[int] = []
        for number, job_id in enumerate(jobs, start=1):
            records = self._job_rows(job_id)
            if records is None:
                silent.append(job_id)
                continue
            found = [row for row in records if row.entity_id in missing]
            yield Page(number, found, len(jobs))
        self._look = SecondLook(_silence("budgets", silent, of=len(jobs)))

    def second_look_result(self) -> SecondLook:
        return self._look

    def _job_rows(self, job_id: int) -> list[SourceRow] | None:
        """None where the job's budget does not answer."""
        try:
            categories = self._account.budget_categories(job_id)
        except ModuleMissingError:
            return None
        # Without a budget line there is nothing that worksheet hours could belong to.
        if not categories:
            return []
        try:
            return budget_rows(job_id, categories, self._account.worksheet_groups(job_id))
        except ModuleMissingError:
            # Without the worksheet, hours that were published would seem to be gone.
            return budget_rows(job_id, categories, None)


def _silence(what: str, silent: Sequence[int], *, of: int) -> IncompleteReason | None:
    """Jobs whose module did not answer; where that is all of them, the account may not use the module."""
    if not silent:
        return None
    jobs = sorted(set(silent))
    named = ", ".join(map(str, jobs[:_NAMED]))
    more = f" and {len(jobs) - _NAMED:,} more" if len(jobs) > _NAMED else ""
    sentence = f"Buildertrend did not answer for the {what} of {len(jobs):,} of {of:,} jobs ({named}{more})."
    return IncompleteReason(sentence, if_ever_used=len(jobs) == of)


def _left(job_ids: Sequence[int], start: ReadStart) -> Iterator[tuple[int, int]]:
    """(page number, job id) of the jobs that are still to be read: a page is a job, in an order that does not move."""
    return islice(enumerate(job_ids, start=1), start.pages_done, None)


def budget_rows(job_id: int, categories: Sequence[Any], groups: Sequence[Any] | None) -> list[SourceRow]:
    """Budget lines of a job; worksheet lines go to the code of their title, where one code alone has it.

    A code that stands in several categories is one line, its amounts summed, of no category; where one of them is not
    understood, none of the code is. Without the worksheet (`groups` is None), and where a line of it is not understood,
    all are incomplete.
    """
    stated: list[_Stated] = []
    odd: list[SourceRow] = []
    for category_title, raw in ((title, raw) for title, rows in map(_category, categories) for raw in rows):
        try:
            stated.append((category_title, raw, parse_row(BudgetLine, raw, what="budget")))
        except UnreadableRowError as error:
            odd.append(refused_row(raw, error, name="id", prefix=f"{job_id}:"))
    titles = Counter(title for _, title in {(line.id, line.title) for _, _, line in stated})
    by_title = _worksheet(groups, {title for title, count in titles.items() if count == 1})
    by_code: dict[int, list[_Stated]] = {}
    for each in stated:
        by_code.setdefault(each[2].id, []).append(each)
    records = [_budget_record(job_id, same, by_title) for same in by_code.values()]
    refused = {row.entity_id for row in odd}
    return [*(SourceRow.of(record) for record in records if record.entity_id not in refused), *odd]


def _worksheet(groups: Sequence[Any] | None, titles: Collection[str]) -> dict[str, list[Json]] | None:
    """Lines by title, of these titles; None where not all of them are known."""
    if groups is None:
        return None
    by_title: dict[str, list[Json]] = {}
    odd: list[UnreadableRowError] = []
    lines = list(worksheet_lines(groups))
    for raw in lines:
        try:
            line = parse_row(WorksheetLine, raw, what="worksheet")
        except UnreadableRowError as error:
            odd.append(error)
            continue
        if line.costCodeTitle is not None and line.costCodeTitle in titles:
            by_title.setdefault(line.costCodeTitle, []).append(dict(line))
    if len(odd) == len(lines) >= _FEWEST_FOR_ALL:
        raise odd[0]
    # Which line's hours an odd one states, nobody knows.
    return None if odd else by_title


def _budget_record(job_id: int, same: Sequence[_Stated], by_title: Mapping[str, list[Json]] | None) -> SourceRecord:
    """The lines of one cost code as one; the first of them says what cannot be summed."""
    category_title, raw, line = same[0]
    after = line.after(raw) | {"jobId": job_id, "category": category_title}
    titles = dict.fromkeys(each.title for _, _, each in same)
    after["worksheetLines"] = [row for title in titles for row in (by_title or {}).get(title, [])]
    if len(same) > 1:
        lines = [each for _, _, each in same]
        after["originalBudgetCosts"] = amounts_summed([each.originalBudgetCosts for each in lines])
        if any(each.revisedBudgetCosts is not None for each in lines):
            # What was not revised stands as it was.
            after["revisedBudgetCosts"] = amounts_summed([_newest_amount(each) for each in lines])
        if len({title for title, _, _ in same}) > 1:
            after["category"] = None
    return SourceRecord(f"{job_id}:{line.id}", after, parent_id=str(job_id), incomplete=by_title is None)


def _newest_amount(line: BudgetLine) -> str | None:
    return line.originalBudgetCosts if line.revisedBudgetCosts is None else line.revisedBudgetCosts


def amounts_summed(amounts: Sequence[str | None]) -> str | None:
    """The exact sum of those that are stated; None where none is.

    Amounts that are no plain numbers are joined by a plus, which nobody reads as a number: part of a sum is none.
    """
    stated = [amount for amount in amounts if amount is not None]
    if len(stated) < 2:
        return stated[0] if stated else None
    if not all(map(_PLAIN_NUMBER.fullmatch, stated)):
        return " + ".join(stated)
    total = Decimal(0)
    for amount in stated:
        total = _EXACT.add(total, Decimal(amount))
    return f"{total:f}"


def worksheet_lines(groups: Sequence[Any], depth: int = 0) -> Iterator[Any]:
    """All lines of nested groups, in order."""
    if depth > _DEEPEST_GROUP:
        raise changed("worksheet", "subGroups (nested too deep)")
    for group in groups:
        if not isinstance(group, dict):
            raise changed("worksheet", "formatData")
        yield from _list_of(group, "lineItems")
        yield from worksheet_lines(_list_of(group, "subGroups"), depth + 1)


def _list_of(group: Json, field: str) -> list[Any]:
    found = group.get(field) or []
    if not isinstance(found, list):
        raise changed("worksheet", field)
    return found


def _cost_code_row(raw: Any) -> SourceRow:
    def read(raw: Any) -> SourceRecord:
        row = parse_row(CostCodeRow, raw, what="cost codes")
        return SourceRecord(str(row.id), row.after(raw))

    stated = raw if isinstance(raw, dict) else {}
    return row_of(raw, read, name="id" if "id" in stated else "costCodeId")


def _category(raw: Any) -> tuple[str | None, list[Any]]:
    if not isinstance(raw, dict) or not isinstance(raw.get("costCodes"), list):
        raise changed("budget", "costCategories.costCodes")
    title = raw.get("title")
    return (title if isinstance(title, str) else None), raw["costCodes"]
