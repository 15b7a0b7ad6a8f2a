"""Recipes: how Buildertrend's own page asks for a grid, so that we ask the same way with our page and job ids.

A recipe keeps form only: address, columns, sort, filter ids, how pages are numbered. It never keeps job ids, texts that
somebody searched for, or a filter that leaves rows out: a page that showed one worker must not make us read only him.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from producers.buildertrend.answers import Json
from producers.buildertrend.bodies import ALL_TIME
from producers.buildertrend.decoding import NotJsonError, decoded

TextOrNumber = Literal["text", "number"]
TIME_CLOCK = "shifts"

_LONGEST_BODY = 262_144
_MOST_COLUMNS = 200
_MOST_FILTERS = 60
_MOST_OPTIONS = 40
_MOST_SMALL = 999
# Only ever the grid itself: whatever a recording says, nothing else is sent to.
_ADDRESS = re.compile(
    r"/api(?:x(?:/v[0-9]{1,2})?)?/TimeClock/Grid(?:\?[A-Za-z]{1,30}=[0-9]{1,4}(?:&[A-Za-z]{1,30}=[0-9]{1,4}){0,4})?",
    re.ASCII | re.IGNORECASE,
)
_COLUMN = re.compile(r"[A-Za-z0-9_]{1,40}", re.ASCII)
_FILTER_ID = re.compile(r"[0-9]{1,4}", re.ASCII)
_OPTION = re.compile(r"[A-Za-z]{1,40}", re.ASCII)
_NUMBERED = re.compile(r"[0-9]{1,7}", re.ASCII)
_DATE_KEYS = frozenset({"SelectedValue", "StartDate", "EndDate"})
# Set by us in every request, or not to be kept: a saved view may have filters of its own.
_OWN_OPTIONS = frozenset({"selectedColumns", "sortColumn", "sortDirection", "savedViewId"})
_OWN_PAGING = frozenset({"pageNumber", "pageSize", "firstRow", "lastRow", "totalRowsAllPages", "currentPage"})
_OWN_KEYS = frozenset({"gridRequest", "pagingData", "filters", "jobIds", "includeGeneralJobItems"})


class NoRecipeError(ValueError):
    """The recorded request cannot be asked again; the text says why, without a value of it."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A grid's request without page and jobs. `filters`: by id, null or "" as recorded; "all-time" for one of dates.

    `left_out`: ids of filters that left rows out in the recording, which we do not send. `sort` is None where the
    recording was not sorted newest first.
    """

    address: str
    columns: tuple[str, ...]
    sort: tuple[str, str] | None = None
    columns_as: TextOrNumber = "text"
    page_number_as: TextOrNumber = "text"
    filters_as_text: bool = True
    options: Mapping[str, bool | int | None] = field(default_factory=dict)
    paging_options: Mapping[str, bool | int | None] = field(default_factory=dict)
    further: Mapping[str, bool | int | None] = field(default_factory=dict)
    filters: Mapping[str, str | None] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    def over(self, body: Json) -> Json:
        """The captured default's `body`, which has our page and job ids, asked as the page asks."""
        return {
            **body,
            **self.further,
            "gridRequest": self._grid_request(body["gridRequest"]),
            "pagingData": self._paging(body["pagingData"]),
            "filters": self._filters(),
        }

    def as_json(self) -> Json:
        """As JSON; equal for equal recipes."""
        plain: Json = json.loads(json.dumps(asdict(self), sort_keys=True))
        return plain

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Recipe:
        """The recipe that `as_json` was called on. NoRecipeError for what no version of this code has kept."""
        try:
            values = dict(kept)
            columns, left_out, sort = values.pop("columns"), values.pop("left_out"), values.pop("sort")
            found = cls(columns=tuple(columns), left_out=tuple(left_out), sort=tuple(sort) if sort else None, **values)
        except (TypeError, ValueError, KeyError, AttributeError):
            raise NoRecipeError("the stored recipe has another form") from None
        if not isinstance(found.address, str) or not _ADDRESS.fullmatch(found.address):
            raise NoRecipeError("the stored recipe asks another address than the grid's")
        return found

    def _grid_request(self, ours: Json) -> Json:
        column, direction = self.sort or (ours["sortColumn"], ours["sortDirection"])
        columns: list[Any] = list(self._columns(ours["selectedColumns"]))
        if self.columns_as == "number":
            columns = [int(one) if one.isdecimal() else one for one in columns]
        return {**ours, **self.options, "selectedColumns": columns, "sortColumn": column, "sortDirection": direction}

    def _columns(self, ours: Sequence[str]) -> list[str]:
        """The page's, and those of ours that somebody hid: they would be null in every row [B].

        If the page shows none of ours, columns are numbered in another way and ours mean nothing.
        """
        if not set(ours) & set(self.columns):
            return list(self.columns)
        return list(dict.fromkeys((*self.columns, *ours)))

    def _paging(self, ours: Json) -> Json:
        number = int(ours["pageNumber"])
        return {**ours, **self.paging_options, "pageNumber": str(number) if self.page_number_as == "text" else number}

    def _filters(self) -> Any:
        stated = {name: _ALL_TIME_TEXT if value == _ALL_TIME_WORD else value for name, value in self.filters.items()}
        return json.dumps(stated) if self.filters_as_text else stated


_ALL_TIME_WORD = "all-time"
_ALL_TIME_TEXT = json.dumps({"SelectedValue": ALL_TIME, "StartDate": None, "EndDate": None})
_PARTS = (
    ("address", "its address"),
    ("columns", "its columns"),
    ("columns_as", "how columns are written"),
    ("sort", "its order"),
    ("page_number_as", "how pages are numbered"),
    ("paging_options", "its paging"),
    ("filters_as_text", "how filters are written"),
    ("filters", "its filters"),
    ("left_out", "the filters that leave rows out"),
    ("options", "its options"),
    ("further", "its further fields"),
)


def differences(before: Recipe, after: Recipe) -> list[str]:
    """What differs between two recipes, in words for people, without a value of either."""
    return [words for name, words in _PARTS if getattr(before, name) != getattr(after, name)]


def stated_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """`differences` of stored recipes; one that cannot be read differs in its form."""
    try:
        return differences(Recipe.from_json(before), Recipe.from_json(after))
    except NoRecipeError:
        return ["its form"]


def recipe_of(url: str, body: bytes, *, newest_first: bool) -> Recipe:
    """The recipe of a recorded request of the time clock's grid, which may be anything. NoRecipeError says why not.

    `newest_first`: the recorded answer was sorted so, which our reads need. Without that the default's order is asked.
    """
    address = _address(url)
    if not _ADDRESS.fullmatch(address):
        raise NoRecipeError("it asks another address than the time clock's grid")
    stated = _object(_decoded(body), "the body")
    grid, paging = _object(stated.get("gridRequest"), "gridRequest"), _object(stated.get("pagingData"), "pagingData")
    columns, columns_as = _columns(grid.get("selectedColumns"))
    filters, filters_as_text, left_out = _filters(stated.get("filters"))
    return Recipe(
        address=address,
        columns=columns,
        columns_as=columns_as,
        sort=_sort(grid) if newest_first else None,
        page_number_as=_page_number_as(paging.get("pageNumber")),
        filters_as_text=filters_as_text,
        options=_small(grid, _OWN_OPTIONS),
        paging_options=_small(paging, _OWN_PAGING),
        further=_small(stated, _OWN_KEYS),
        filters=filters,
        left_out=left_out,
    )


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _decoded(text: bytes) -> Any:
    if len(text) > _LONGEST_BODY:
        raise NoRecipeError("its body is too long")
    try:
        return decoded(text)
    except NotJsonError:
        raise NoRecipeError("its body is no JSON") from None


def _object(value: Any, what: str) -> Json:
    if not isinstance(value, dict):
        raise NoRecipeError(f"{what} is missing or has another form")
    return value


def _columns(stated: Any) -> tuple[tuple[str, ...], TextOrNumber]:
    if not isinstance(stated, list) or not 0 < len(stated) <= _MOST_COLUMNS:
        raise NoRecipeError("selectedColumns is missing or has another form")
    as_number = all(type(one) is int for one in stated)
    names = [str(one) for one in stated if type(one) in (int, str)]
    if len(names) < len(stated) or not all(map(_COLUMN.fullmatch, names)):
        raise NoRecipeError("selectedColumns has another form")
    return tuple(dict.fromkeys(names)), "number" if as_number else "text"


def _sort(grid: Json) -> tuple[str, str] | None:
    column, direction = grid.get("sortColumn"), grid.get("sortDirection")
    if not isinstance(column, str) or not isinstance(direction, str) or direction not in ("asc", "desc"):
        return None
    return (column, direction) if _COLUMN.fullmatch(column) else None


def _page_number_as(stated: Any) -> TextOrNumber:
    if type(stated) is int:
        return "number"
    if isinstance(stated, str) and _NUMBERED.fullmatch(stated):
        return "text"
    raise NoRecipeError("pagingData.pageNumber is missing or has another form")


def _small(stated: Json, but: frozenset[str]) -> dict[str, bool | int | None]:
    """Switches and small numbers; any other value may be somebody's."""
    found: dict[str, bool | int | None] = {}
    for name, value in stated.items():
        is_small = value is None or isinstance(value, bool) or (type(value) is int and -1 <= value <= _MOST_SMALL)
        if name not in but and is_small and _OPTION.fullmatch(name) and len(found) < _MOST_OPTIONS:
            found[name] = value
    return found


def _filters(stated: Any) -> tuple[dict[str, str | None], bool, tuple[str, ...]]:
    """(filters that leave nothing out, whether they came as text, ids of those that leave rows out)."""
    as_text = isinstance(stated, str)
    found = _object(_decoded(stated.encode("utf-8", "replace")) if stated else {}, "filters") if as_text else stated
    found = _object({} if found is None else found, "filters")
    if len(found) > _MOST_FILTERS or not all(map(_FILTER_ID.fullmatch, found)):
        raise NoRecipeError("filters has another form")
    kept: dict[str, str | None] = {}
    left_out = []
    for name, value in found.items():
        if value is None or value == "":
            kept[name] = value
        elif _is_of_dates(value):
            kept[name] = _ALL_TIME_WORD
        else:
            left_out.append(name)
    return kept, as_text or stated is None, tuple(sorted(left_out, key=int))


def _is_of_dates(value: Any) -> bool:
    """A date filter is JSON inside the string; whatever range it says, we ask for all time."""
    if not isinstance(value, str) or "SelectedValue" not in value:
        return False
    try:
        inner = decoded(value.encode("utf-8", "replace"))
    except NotJsonError:
        return False
    return isinstance(inner, dict) and inner.keys() >= _DATE_KEYS
