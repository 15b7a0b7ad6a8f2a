"""How a grid is asked and how it pages: page sizes, totals, which jobs; the form of the request. See docs/shape.md."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from producers.buildertrend.answers import Json, object_of, stated_count
from producers.buildertrend.bodies import ALL_TIME
from producers.buildertrend.check.facts import Facts
from producers.buildertrend.check.names import HIDDEN
from producers.buildertrend.check.places import Place, place_json, share, step
from producers.buildertrend.decoding import NotJsonError, decoded
from producers.buildertrend.reads.extras import json_text

_MOST_GROUPS = 200
_MOST_SHOWN = 60
_SHORT_ID = re.compile(r"-?[0-9]{1,3}", re.ASCII)
_FEWEST_TO_COMPARE = 5


@dataclass(slots=True)
class _Recording:
    """The pages of one question: the same jobs, filters and order."""

    pages: set[int] = field(default_factory=set)
    ids: set[Any] = field(default_factory=set)
    records: int | None = None
    ends: bool = False

    @property
    def is_whole(self) -> bool:
        """All pages up to the last one are in the capture."""
        return self.ends and self.pages == set(range(1, len(self.pages) + 1))


@dataclass(slots=True)
class Grid:
    """What all recorded pages of a grid say together."""

    asks: int = 0
    numbered: Counter[str] = field(default_factory=Counter)
    asked_sizes: set[int] = field(default_factory=set)
    answered_sizes: set[int] = field(default_factory=set)
    smaller: int = 0
    early_short: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    most_jobs: int = 0
    no_jobs: int = 0
    with_general: int = 0
    newest: Json = field(default_factory=dict)
    request: Place = field(default_factory=Place)
    _recordings: dict[bytes, _Recording] = field(default_factory=dict)

    def take(self, asked: bytes, answer: Any, facts: Facts) -> None:
        """Count a page: the request's body, and the parsed answer."""
        page = _page(answer)
        rows = page.get("data")
        if not isinstance(rows, list):
            return
        body = _decoded(asked)
        if not isinstance(body, dict):
            return
        self.asks += 1
        self.newest = body
        self._take_request(body, facts)
        paging = object_of(body.get("pagingData"))
        asked_size, size = stated_count(paging.get("pageSize")), stated_count(page.get("pageSize"))
        self._take_sizes(asked_size, size, facts)
        effective = size or asked_size
        self._take_totals(page, stated_count(paging.get("totalRowsAllPages")), effective, facts)
        self._take_rows(body, page, rows, effective)
        _see_jobs(body, rows, facts)
        _see_order(object_of(body.get("gridRequest")), rows, facts)

    def see(self, facts: Facts) -> None:
        """What only all pages together say."""
        for one in self._recordings.values():
            if one.is_whole and one.records is not None:
                facts.see("G7", len(one.ids) == one.records)

    def as_json(self) -> Json:
        """`paging` and `request` as docs/shape.md has them."""
        if not self.asks:
            return {}
        paging = {
            "page_number": _only(self.numbered),
            "asked": sorted({step(size) for size in self.asked_sizes}),
            "answered": sorted({step(size) for size in self.answered_sizes}),
            "smaller_than_asked": share(self.smaller, self.asks),
            "short_before_end": share(self.early_short, self.asks),
            "records": self._records(),
            "total_pages": _only(self.totals),
            "most_job_ids": step(self.most_jobs),
            "no_job_ids": share(self.no_jobs, self.asks),
            "with_general": share(self.with_general, self.asks),
        }
        return {"paging": paging, "request": _form(self.newest, self.request)}

    def _take_request(self, body: Json, facts: Facts) -> None:
        self.request.take(body)
        number = object_of(body.get("pagingData")).get("pageNumber")
        self.numbered["text" if isinstance(number, str) else "number"] += 1
        facts.see("G8", isinstance(number, str))
        facts.see("G10", isinstance(body.get("filters"), str))
        jobs = body.get("jobIds")
        if isinstance(jobs, list):
            self.most_jobs = max(self.most_jobs, len(jobs))
            self.no_jobs += not jobs
        self.with_general += body.get("includeGeneralJobItems") is True

    def _take_sizes(self, asked: int | None, answered: int | None, facts: Facts) -> None:
        if asked is not None:
            self.asked_sizes.add(asked)
        if answered is not None:
            self.answered_sizes.add(answered)
        if asked is not None and answered is not None:
            self.smaller += answered < asked
            facts.see("G9", answered == asked)

    def _take_totals(self, page: Json, sent: int | None, size: int | None, facts: Facts) -> None:
        total, records = stated_count(page.get("totalPages")), stated_count(page.get("records"))
        if total is None:
            self.totals["missing"] += 1
            return
        by_records = records is not None and size and total == -(-records // size)
        by_asked = sent is not None and size and total == sent // size + 1
        if by_records and by_asked:
            self.totals["either"] += 1
            return
        self.totals["records" if by_records else "asked" if by_asked else "other"] += 1
        facts.see("G6", by_asked)

    def _take_rows(self, body: Json, page: Json, rows: list[Any], size: int | None) -> None:
        question = json_text([body.get(name) for name in ("jobIds", "filters", "includeGeneralJobItems")])
        key = blake2b(question.encode("utf-8", "replace"), digest_size=16).digest()
        if key not in self._recordings and len(self._recordings) >= _MOST_GROUPS:
            return
        one = self._recordings.setdefault(key, _Recording())
        number = stated_count(object_of(body.get("pagingData")).get("pageNumber")) or 1
        one.pages.add(number)
        one.ids.update(row["id"] for row in rows if isinstance(row, dict) and type(row.get("id")) in (int, str))
        one.records = stated_count(page.get("records"))
        is_short = size is not None and len(rows) < size
        one.ends = one.ends or is_short
        shown_all = one.records is None or len(one.ids) >= one.records
        self.early_short += is_short and not shown_all

    def _records(self) -> str:
        if all(one.records is None for one in self._recordings.values()):
            return "missing"
        found = {_compared(one) for one in self._recordings.values() if one.is_whole and one.records is not None}
        if not found:
            return "not-known"
        return found.pop() if len(found) == 1 else "mixed"


def _compared(one: _Recording) -> str:
    assert one.records is not None
    if len(one.ids) == one.records:
        return "as-shown"
    return "more-than-shown" if one.records > len(one.ids) else "fewer-than-shown"


def _see_jobs(body: Json, rows: list[Any], facts: Facts) -> None:
    """Whether rows are of the jobs that were asked for."""
    jobs = body.get("jobIds")
    if not isinstance(jobs, list):
        return
    wanted = {job for job in jobs if type(job) is int}
    shown = [row.get("jobId") for row in rows if isinstance(row, dict)]
    general = [job for job in shown if job in (None, 0)]
    others = [job for job in shown if type(job) is int and job != 0]
    if wanted:
        for job in others:
            facts.see("G2", job in wanted)
    else:
        facts.see("G3", not others)
    if general:
        facts.see("G4", body.get("includeGeneralJobItems") is True)


def _see_order(grid: Json, rows: list[Any], facts: Facts) -> None:
    days = _days_of(rows)
    if grid.get("sortColumn") == "1" and len(days) >= _FEWEST_TO_COMPARE and len(set(days)) > 1:
        facts.see("G15", days == sorted(days, reverse=grid.get("sortDirection") == "desc"))


def _days_of(rows: list[Any]) -> list[str]:
    """The days on which shifts began, in their order."""
    starts = [object_of(object_of(row).get("timeIn")).get("timeStamp") for row in rows]
    return [start[:10] for start in starts if isinstance(start, str)]


def newest_first(answer: Any) -> bool:
    """Whether a page's rows stand newest start first, and say so: enough of them, of different days."""
    days = _days_of(rows_of(answer))
    return len(set(days)) > 1 and days == sorted(days, reverse=True)


def _form(body: Json, place: Place) -> Json:
    """The form of a request; a text of it is kept only where Buildertrend's own pages put it there."""
    grid = object_of(body.get("gridRequest"))
    columns, state = grid.get("selectedColumns"), grid.get("emptyStateEntity")
    filters = body.get("filters")
    parsed = _decoded(filters.encode("utf-8", "replace")) if isinstance(filters, str) else filters
    direction = grid.get("sortDirection")
    return {
        "columns": [_short_id(one) for one in columns][:_MOST_SHOWN] if isinstance(columns, list) else [],
        "sort_column": _short_id(grid.get("sortColumn")),
        "sort_direction": direction if direction in ("asc", "desc") else HIDDEN,
        "empty_state_entity": state if type(state) is int and 0 <= state <= 999 else None,
        "saved_view": grid.get("savedViewId") not in (-1, None),
        "fields": [place_json(*one) for one in place.below()],
        "filters": {
            _short_id(name): _filter_form(value) for name, value in list(object_of(parsed).items())[:_MOST_SHOWN]
        },
    }


def _short_id(value: Any) -> str:
    text = str(value) if type(value) in (int, str) else ""
    return text if _SHORT_ID.fullmatch(text) else HIDDEN


def _filter_form(value: Any) -> Json:
    inner = _decoded(value.encode("utf-8", "replace")) if isinstance(value, str) else value
    found = inner if isinstance(inner, dict) else {}
    if value is None:
        form = "null"
    elif isinstance(value, str):
        form = "json-text" if isinstance(inner, (dict, list)) else "text"
    else:
        form = "number" if type(value) is int else "other"
    return {"form": form, "all_time": found.get("SelectedValue") == ALL_TIME}


def rows_of(answer: Any) -> list[Any]:
    """The rows of a page; none where it has another form."""
    rows = _page(answer).get("data")
    return rows if isinstance(rows, list) else []


def _page(answer: Any) -> Json:
    """The grid's own object: in the envelope's `data`, or at the top."""
    top = object_of(answer)
    inner = top.get("data")
    return inner if isinstance(inner, dict) else top


def _decoded(text: bytes) -> Any:
    try:
        return decoded(text) if text else None
    except (NotJsonError, RecursionError):
        return None


def _only(counter: Counter[str]) -> str:
    return next(iter(counter)) if len(counter) == 1 else "mixed" if counter else "missing"
