"""Faults of a grid's pages: another order than asked for, other pages than asked for, totals that lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from sandbox.company import Company
from sandbox.faults.rows import without_missing
from sandbox.model import Shift, User
from sandbox.rules import GridEntity, PagingRule
from sandbox.wire.grid import GridQuery, page_of

R = TypeVar("R", Shift, User)

_SCRAMBLE = 2_246_822_519


def page_through_faults(
    company: Company, entity: GridEntity, rows: Sequence[R], query: GridQuery
) -> tuple[Sequence[R], dict[str, int]]:
    """The page of the query and its paging facts; `rows` are all rows of the query, in its order."""
    rows = without_missing(company, entity, rows, id_of=lambda row: row.id) if company.switches.missing_rows else rows
    rows = _in_faulty_order(company, rows, query)
    if any(rule.entity == entity and rule.which == "last-page" for rule in company.switches.missing_rows):
        rows = rows[: (len(rows) - 1) // query.page_size * query.page_size] if rows else rows
    page, facts = page_of(rows, query, total_pages=company.switches.total_pages)
    for rule in company.switches.paging:
        if rule.entity == entity:
            page, facts = _faulty(rule, rows, query, page=page, facts=facts)
    return page, facts


def _in_faulty_order(company: Company, rows: Sequence[R], query: GridQuery) -> Sequence[R]:
    match company.switches.grid_sort:
        case "ascending" if query.descending:
            return rows[::-1]
        case "random":
            return sorted(rows, key=lambda row: (row.id * _SCRAMBLE % 2**32, row.id))
        case _:
            return rows


def _without_some(rule: PagingRule, rows: Sequence[R], query: GridQuery, page: Sequence[R]) -> Sequence[R]:
    """The page without some of its rows."""
    if rule.fault == "short":
        return page[: max(0, len(page) - rule.by)]
    start = (query.page - 1) * query.page_size
    before: list[R] = list(rows[max(0, start - rule.by) : start])
    return before + list(page[len(before) :])


def _faulty(
    rule: PagingRule, rows: Sequence[R], query: GridQuery, *, page: Sequence[R], facts: dict[str, int]
) -> tuple[Sequence[R], dict[str, int]]:
    match rule.fault:
        case "page-ignored":
            first, _ = page_of(rows, replace(query, page=1))
            return first, {**facts, "page": 1}
        case "shifted":
            start = (query.page - 1) * query.page_size
            moved = max(0, start - rule.by) if query.page > 1 else start
            return rows[moved : moved + query.page_size], facts
        case "stated-pages":
            return page, {**facts, "totalPages": max(0, facts["totalPages"] + rule.by)}
        case "growing-pages":
            return page, {**facts, "totalPages": max(facts["totalPages"], query.page + 1)}
        case "repeated" | "short":
            return _without_some(rule, rows, query, page), facts
        case "one-empty-page":
            return page, {**facts, "totalPages": max(1, facts["totalPages"])}
