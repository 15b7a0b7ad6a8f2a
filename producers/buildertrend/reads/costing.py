"""The reads by job: cost codes and budget lines. Nothing is deleted of a job whose module does not answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from itertools import islice
from typing import Any

from control.source_state import ReadRange
from producers.buildertrend.account import Account
from producers.buildertrend.answers import Json, ModuleMissingError, changed
from producers.buildertrend.reads.rows import (
    READER_VERSION,
    BudgetLine,
    CostCodeRow,
    WorksheetLine,
    parse_row,
    refused_row,
    row_of,
)
from producers.buildertrend.reads.time_entries import TimeEntriesRead
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
from schemas.entities import BUDGETS, COST_CODES

_DEEPEST_GROUP = 20
# Fewer unreadable lines than this may be single odd ones, more are a changed form.
_FEWEST_FOR_CHANGED_FORM = 3
_JOBS_NAMED = 5
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,30})?")
_EXACT = Context(prec=60)

# A line of a budget: its category's title, the row as it was shown, and its known fields.
_Stated = tuple[str | None, Any, BudgetLine]


class _ReadByJob:
    """A read with a page for each of `job_ids`, or of those `chosen` among them; it keeps the jobs that do not answer.

    A read that goes on asks the jobs that it began with: what it published may have changed the choice since.
    """

    reader_version = READER_VERSION
    may_lack_changes = False
    records: int | None = None

    def __init__(self, account: Account, job_ids: Sequence[int], *, chosen: Sequence[int] | None, what: str) -> None:
        self._account = account
        self._every = job_ids
        self._job_ids = job_ids if chosen is None else chosen
        self._keeps_choice = chosen is not None
        self._what = what
        self._silent: list[int] = []
        self._second_look = SecondLook()

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead."""
        self._silent = list(cursor.get("silent", ()))
        self._job_ids = list(cursor.get("jobs", self._job_ids))

    def cursor(self) -> dict[str, Any]:
        """Jobs whose module did not answer, and those that were chosen."""
        return {"silent": self._silent} | ({"jobs": self._job_ids} if self._keeps_choice else {})

    def incomplete_reason(self) -> IncompleteReason | None:
        return self._unanswered(self._silent, of=len(self._job_ids))

    def second_look_result(self) -> SecondLook:
        return self._second_look

    def _jobs_to_read(self, start: ReadStart) -> Iterator[tuple[int, int]]:
        """(page number, job id) of the jobs still to be read: each page is one job, in a fixed order."""
        return islice(enumerate(self._job_ids, start=1), start.pages_done, None)

    def _unanswered(self, silent: Sequence[int], *, of: int) -> IncompleteReason | None:
        """Jobs whose module did not answer; if that is all of them, the account may not use the module."""
        if not silent:
            return None
        jobs = sorted(set(silent))
        named = ", ".join(map(str, jobs[:_JOBS_NAMED]))
        more = f" and {len(jobs) - _JOBS_NAMED:,} more" if len(jobs) > _JOBS_NAMED else ""
        sentence = f"Buildertrend did not answer for the {self._what} of {len(jobs):,} of {of:,} jobs ({named}{more})."
        return IncompleteReason(sentence, if_ever_used=len(jobs) == of)


class CostCodesRead(_ReadByJob):
    """Cost codes of the budgets of `job_ids`, and those that `shifts` name and no budget states (C2).

    Complete only if `job_ids` are all jobs (`whole`), all answered, and all shifts were read before. Jobs that are not
    among the `chosen` ones are presumed to list what others do (C1): only a second look asks them.
    """

    entity = COST_CODES

    def __init__(
        self,
        account: Account,
        job_ids: Sequence[int],
        *,
        whole: bool,
        chosen: Sequence[int] | None = None,
        shifts: TimeEntriesRead | None = None,
        may_lack_changes: bool = False,
    ) -> None:
        super().__init__(account, job_ids, chosen=chosen, what="cost codes")
        self._whole = whole
        self.may_lack_changes = may_lack_changes
        self._shifts = shifts

    def pages(self, start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        shown: set[str] = set()
        total = len(self._job_ids) + 1
        for number, job_id in self._jobs_to_read(start):
            try:
                rows = self._account.cost_codes(job_id)
            except ModuleMissingError:
                self._silent.append(job_id)
                rows = []
            records = {row.entity_id: row for row in map(_cost_code_row, rows)}
            # Codes are company-wide: where jobs differ, that with the lowest id counts, so that a code stays the same.
            new = records.keys() - shown
            new -= set(start.seen(new)) if new else set()
            shown.update(records)
            yield Page(number, [records[code_id] for code_id in records if code_id in new], total)
        named = {} if self._shifts is None else self._shifts.named.codes
        others = {str(code_id): title for code_id, title in named.items()}.items()
        seen = shown | set(start.seen([code_id for code_id, _ in others]))
        yield Page(total, [_code_of_shifts(code_id, title) for code_id, title in others if code_id not in seen], total)

    def complete_range(self) -> ReadRange | None:
        all_shifts = self._shifts is not None and self._shifts.showed_all
        return ReadRange() if self._whole and all_shifts and not self._silent else None

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """All jobs again; if one does not answer now, no deletion is proven."""
        silent: list[int] = []
        for number, job_id in enumerate(self._every, start=1):
            try:
                rows = [_cost_code_row(raw) for raw in self._account.cost_codes(job_id)]
            except ModuleMissingError:
                silent.append(job_id)
                continue
            found = [row for row in rows if row.entity_id in missing]
            yield Page(number, found, len(self._every))
        self._second_look = SecondLook(self._unanswered(silent, of=len(self._every)))


class BudgetsRead(_ReadByJob):
    """Budget lines of `job_ids`, or of those `chosen` among them, each with the worksheet lines of its cost code title.

    `note` is told of each job's lines, None where it does not answer.
    """

    entity = BUDGETS

    def __init__(
        self,
        account: Account,
        job_ids: Sequence[int],
        *,
        chosen: Sequence[int] | None = None,
        note: Callable[[int, Sequence[SourceRow] | None], None] = lambda _job_id, _lines: None,
        may_lack_changes: bool = False,
    ) -> None:
        super().__init__(account, job_ids, chosen=chosen, what="budgets")
        self._note = note
        self.may_lack_changes = may_lack_changes
        self._job_of_code: dict[str, int] = {}
        self._without_lines: list[int] = []

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """See producers.source.EntityRead."""
        super().restore(cursor)
        self._job_of_code = dict(cursor.get("codes", {}))
        self._without_lines = list(cursor.get("without_lines", ()))

    def cursor(self) -> dict[str, Any]:
        return super().cursor() | {"codes": self._job_of_code, "without_lines": self._without_lines}

    def jobs_to_list(self, known: Collection[str], *, with_empty: bool) -> list[int]:
        """The jobs whose lists state all codes of the lines that were read, but `known` ones: of each the first job.

        `with_empty`: also the jobs without a line, whose list may still state a code.
        """
        named = {job_id for code, job_id in self._job_of_code.items() if code not in known}
        return sorted(named.union(self._without_lines if with_empty else ()))

    def pages(self, start: ReadStart = FROM_THE_START) -> Iterator[Page]:
        for number, job_id in self._jobs_to_read(start):
            records = self._job_rows(job_id)
            if records is None:
                self._silent.append(job_id)
            self._keep(job_id, records)
            yield Page(number, records or (), len(self._job_ids))

    def complete_range(self) -> ReadRange:
        answered = sorted(set(self._job_ids) - set(self._silent))
        unmoved = sorted(set(self._every) - set(self._job_ids))
        return ReadRange(parents=[str(one) for one in answered], unmoved=tuple(map(str, unmoved)))

    def second_look(self, missing: Collection[str]) -> Iterator[Page]:
        """The jobs of the missing lines again, except deleted ones; if one does not answer, no deletion is proven."""
        jobs = sorted({int(entity_id.partition(":")[0]) for entity_id in missing} & set(self._job_ids))
        silent: list[int] = []
        for number, job_id in enumerate(jobs, start=1):
            records = self._job_rows(job_id)
            if records is None:
                silent.append(job_id)
                continue
            found = [row for row in records if row.entity_id in missing]
            yield Page(number, found, len(jobs))
        self._second_look = SecondLook(self._unanswered(silent, of=len(jobs)))

    def _keep(self, job_id: int, lines: Sequence[SourceRow] | None) -> None:
        self._note(job_id, lines)
        if not lines:
            self._without_lines.append(job_id)
        for line in lines or ():
            self._job_of_code.setdefault(line.entity_id.rpartition(":")[2], job_id)

    def _job_rows(self, job_id: int) -> list[SourceRow] | None:
        """None where the job's budget does not answer."""
        try:
            categories = self._account.budget_categories(job_id)
        except ModuleMissingError:
            return None
        # Without a budget line there is none that worksheet hours could belong to.
        if not categories:
            return []
        try:
            return budget_rows(job_id, categories, self._account.worksheet_groups(job_id))
        except ModuleMissingError:
            # An empty worksheet would remove hours that were published.
            return budget_rows(job_id, categories, None)


def budget_rows(job_id: int, categories: Sequence[Any], groups: Sequence[Any] | None) -> list[SourceRow]:
    """Budget lines of a job; worksheet lines go to the code of their title, where one code alone has it.

    A code that stands in several categories is one line without a category, its amounts summed; if one of them is
    unreadable, all lines of the code are refused. Without the worksheet (`groups` is None), or with an unreadable line
    in it, all lines are incomplete.
    """
    stated: list[_Stated] = []
    odd: list[SourceRow] = []
    for category_title, raw in ((title, raw) for title, rows in map(_category, categories) for raw in rows):
        try:
            stated.append((category_title, raw, parse_row(BudgetLine, raw, what="budget")))
        except UnreadableRowError as error:
            odd.append(refused_row(BudgetLine, raw, error, prefix=f"{job_id}:"))
    titles = Counter(title for _, title in {(line.id, line.title) for _, _, line in stated})
    by_title = _worksheet(groups, {title for title, count in titles.items() if count == 1})
    by_code: dict[int, list[_Stated]] = {}
    for each in stated:
        by_code.setdefault(each[2].id, []).append(each)
    records = [_budget_record(job_id, same, by_title) for same in by_code.values()]
    refused = {row.entity_id for row in odd}
    return [*(SourceRow.of(record) for record in records if record.entity_id not in refused), *odd]


def _worksheet(groups: Sequence[Any] | None, titles: Collection[str]) -> dict[str, list[Json]] | None:
    """Worksheet lines by cost code title, of these titles; None if not all lines can be read."""
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
    if len(odd) == len(lines) >= _FEWEST_FOR_CHANGED_FORM:
        raise odd[0]
    # Nobody knows to which title an unreadable line's hours belong.
    return None if odd else by_title


def _budget_record(job_id: int, same: Sequence[_Stated], by_title: Mapping[str, list[Json]] | None) -> SourceRecord:
    """The lines of one cost code as one; what cannot be summed is taken from the first."""
    category_title, raw, line = same[0]
    after = line.after(raw) | {"jobId": job_id, "category": category_title}
    titles = dict.fromkeys(each.title for _, _, each in same)
    after["worksheetLines"] = [row for title in titles for row in (by_title or {}).get(title, [])]
    if len(same) > 1:
        lines = [each for _, _, each in same]
        after["originalBudgetCosts"] = amounts_summed([each.originalBudgetCosts for each in lines])
        if any(each.revisedBudgetCosts is not None for each in lines):
            # A line that was not revised counts with its original amount.
            after["revisedBudgetCosts"] = amounts_summed([_newest_amount(each) for each in lines])
        if len({title for title, _, _ in same}) > 1:
            after["category"] = None
    return SourceRecord(f"{job_id}:{line.id}", after, parent_id=str(job_id), incomplete=by_title is None)


def _newest_amount(line: BudgetLine) -> str | None:
    return line.originalBudgetCosts if line.revisedBudgetCosts is None else line.revisedBudgetCosts


def amounts_summed(amounts: Sequence[str | None]) -> str | None:
    """The exact sum of the stated amounts; None if none is stated.

    If one is not a plain number, all are joined by a plus, which nobody takes for a number: part of a sum is no sum.
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


def _list_of(group: Json, field: str, *, what: str = "worksheet") -> list[Any]:
    """A list that is null or missing where there is nothing (B4)."""
    found = group.get(field)
    if found is None:
        return []
    if not isinstance(found, list):
        raise changed(what, field)
    return found


def _cost_code_row(raw: Any) -> SourceRow:
    def read(raw: Any) -> SourceRecord:
        row = parse_row(CostCodeRow, raw, what="cost codes")
        return SourceRecord(str(row.id), row.after(raw))

    return row_of(CostCodeRow, raw, read)


def _code_of_shifts(code_id: str, title: str) -> SourceRow:
    """A code as shifts know it: it replaces none that a budget states, and its budget replaces it."""
    row = CostCodeRow.model_construct(id=int(code_id), title=title)
    return SourceRow.of(SourceRecord(code_id, row.after({}) | {"statedBy": "shift"}, incomplete=True, stands_in=True))


def _category(raw: Any) -> tuple[str | None, list[Any]]:
    if not isinstance(raw, dict):
        raise changed("budget", "costCategories")
    title = raw.get("title")
    return (title if isinstance(title, str) else None), _list_of(raw, "costCodes", what="budget")
