"""The cost codes that a shift's own row names, and the minutes that it states for each; no parent is looked up here."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from schemas.codec import Record
from streams.normalise.values import LIST_LIMIT, TEXT_LIMIT, exact_sum, readable_minutes, text

StatedCode = tuple[int | None, str, str | None]
"""A cost code as the row states it: its id, its title and the text of its minutes."""


class NamedCode(NamedTuple):
    """A cost code by its id, or by its title alone where no id is stated; neither is there if the row names nothing."""

    code_id: str | None
    title: str | None


class StatedMinutes(NamedTuple):
    """The shift's own total, and the minutes of each code in the codes' order; None where nothing usable is stated."""

    total: int | None
    of_codes: tuple[Decimal | None, ...]


class NamedCodes(NamedTuple):
    """The distinct cost codes of a shift; the minutes matter, and are there, only where it names several."""

    codes: tuple[NamedCode, ...]
    minutes: tuple[Decimal | None, ...] | None = None


_NONE = NamedCodes(())
_UNNAMED = NamedCode(None, None)


@lru_cache(maxsize=65_536)
def title_key(title: str) -> str:
    """The same for titles that name the same code: any white space counts as one blank."""
    return " ".join(title.split())


def stated_codes(shift: Record) -> list[StatedCode]:
    """What a raw shift states of its cost codes, in its order."""
    return [(each["id"], each["costCodeTitle"], each["totalMinutes"]) for each in shift["costCodes"]]


def named_codes(stated: Sequence[StatedCode]) -> NamedCodes:
    """The codes by id, else by title, each once and its minutes added up; blank ones without minutes are left out.

    Of more codes than `LIST_LIMIT` the rest counts as one that is not named: it must not be credited to the others.
    """
    if not stated:
        return _NONE
    if len(stated) == 1:
        return _named_alone(stated[0][0], stated[0][1]) if len(stated[0][1]) <= TEXT_LIMIT else _one(*stated[0][:2])
    codes: dict[tuple[str, str], NamedCode] = {}
    minutes: dict[tuple[str, str], Decimal | None] = {}
    for code_id, title, of_code in stated[:LIST_LIMIT]:
        code, own = _named(code_id, title), readable_minutes(of_code)
        if code == _UNNAMED and (of_code is None or own == 0):
            continue
        key = _key(code)
        known = codes.get(key)
        if known is None:
            codes[key], minutes[key] = code, own
        else:
            codes[key] = NamedCode(code.code_id, known.title or code.title)
            minutes[key] = _added(minutes[key], own)
    if len(stated) > LIST_LIMIT:
        codes["", ""], minutes["", ""] = _UNNAMED, None
    return NamedCodes(tuple(codes.values()), tuple(minutes.values()) if len(codes) > 1 else None)


def _one(code_id: int | None, title: str) -> NamedCodes:
    code = _named(code_id, title)
    return _NONE if code == _UNNAMED else NamedCodes((code,))


_named_alone = lru_cache(maxsize=65_536)(_one)


def _named(code_id: int | None, title: str) -> NamedCode:
    cleaned = text(title, "cost code title")
    # An id that cannot be one says nothing: the title decides.
    known_id = intern(str(code_id)) if code_id is not None and code_id > 0 else None
    return NamedCode(known_id, None if cleaned is None else intern(cleaned.strip()))


def _key(code: NamedCode) -> tuple[str, str]:
    return (code.code_id, "") if code.code_id is not None else ("", title_key(code.title or ""))


def _added(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else exact_sum((one, other))
