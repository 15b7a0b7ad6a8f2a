"""Which cost codes a shift is worked under, among those that are known, and how its minutes are shared between several.

By id first: a shift's own id counts also before a record of its cost code was read. By title only where it states no
id. Minutes that cannot be told apart are credited to nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol

from streams.normalise.named_codes import NamedCode, StatedMinutes, title_key
from streams.normalise.shares import share_minutes
from streams.normalise.values import exact_sum

FLAT_RATE = "Buildertrend Flat Rate"
# The most characters of many titles or ids joined.
_LONGEST = 1_000
# Stated minutes are hours rounded to four decimals; what differs by more than this was not rounded away.
_TOLERANCE_MINUTES = 1


class KnownCode(Protocol):
    """What is held of a cost code; `active` is false only where Buildertrend says so."""

    @property
    def label(self) -> str | None: ...

    @property
    def active(self) -> bool: ...


class KnownCodes(Protocol):
    """The cost codes of one company that are known now, by id."""

    @property
    def cost_codes(self) -> Mapping[str, KnownCode]: ...

    def cost_codes_titled(self, key: str) -> Collection[str]:
        """Ids of the cost codes whose title has this `title_key`."""


class Coding(NamedTuple):
    """The cost code of a shift, or its split; else `status` says why there is none.

    `status` is None where there is one code. `detail` explains the status, `note` holds whatever the status is.
    """

    status: str | None
    detail: str | None
    cost_code_id: str | None
    title: str | None
    split_cost_code_ids: tuple[str, ...] = ()
    split_minutes: tuple[int, ...] = ()
    note: str | None = None


def find_coding(codes: Sequence[NamedCode], stated: StatedMinutes | None, known: KnownCodes) -> Coding:
    """`stated` is there where several codes are named. See the table of `streams.link` for the statuses."""
    if all(_is_no_work(code, known) for code in codes):
        return Coding("uncoded", None, None, _title(codes[0], known) if codes else None)
    found = [_find(code, known) for code in codes]
    first = found[0]
    if len(found) == 1 or stated is None:
        return first
    if first.cost_code_id is not None and all(each.cost_code_id == first.cost_code_id for each in found):
        return first
    return _several(codes, found, stated)


def _find(code: NamedCode, known: KnownCodes) -> Coding:
    if code.code_id is not None:
        return Coding(None, None, code.code_id, _title(code, known))
    return Coding("uncoded", None, None, None) if code.title is None else _find_by_title(code.title, known)


def _find_by_title(title: str, known: KnownCodes) -> Coding:
    ids = known.cost_codes_titled(title_key(title))
    named = ids if len(ids) == 1 else [id_ for id_ in ids if known.cost_codes[id_].active] or list(ids)
    if not named:
        return Coding("waiting-for-cost-code", "No cost code with this title has been read.", None, title)
    if len(named) > 1:
        joined = ", ".join(sorted(named))[:_LONGEST]
        return Coding("ambiguous-code", f"The title names the cost codes {joined}.", None, title)
    (only,) = named
    return Coding(None, None, only, known.cost_codes[only].label or title)


def _several(codes: Sequence[NamedCode], found: Sequence[Coding], stated: StatedMinutes) -> Coding:
    titles = _joined(each.title for each in found)
    reason = _why_not_shared(codes, stated)
    if reason is not None:
        return Coding("several-codes", reason, None, titles)
    for status in ("ambiguous-code", "waiting-for-cost-code"):
        for each in found:
            if each.status == status:
                return Coding(status, each.detail, None, titles)
    return _split(found, stated)


def _why_not_shared(codes: Sequence[NamedCode], stated: StatedMinutes) -> str | None:
    count = len(codes)
    if any(code == (None, None) for code in codes):
        return "The shift states minutes for a cost code that it does not name."
    if any(minutes is None for minutes in stated.of_codes) or not any(stated.of_codes):
        return f"The shift names {count} cost codes and does not state the minutes of each."
    if stated.total is None:
        return f"The shift names {count} cost codes; it is split once its hours are stated."
    return None


def _split(found: Sequence[Coding], stated: StatedMinutes) -> Coding:
    minutes: dict[str, Decimal] = {}
    titles: dict[str, str | None] = {}
    for each, of_code in zip(found, stated.of_codes, strict=True):
        # Every code was found, and states its minutes.
        assert each.cost_code_id is not None
        assert of_code is not None
        before = minutes.get(each.cost_code_id)
        minutes[each.cost_code_id] = of_code if before is None else exact_sum((before, of_code))
        titles.setdefault(each.cost_code_id, each.title)
    assert stated.total is not None
    shares = share_minutes(stated.total, minutes)
    note = _difference(exact_sum(minutes.values()), stated.total)
    title = _joined(titles[code_id] for code_id in shares)
    return Coding("split", None, None, title, tuple(shares), tuple(shares.values()), note)


def _difference(stated: Decimal, total: int) -> str | None:
    if abs(stated - total) <= _TOLERANCE_MINUTES:
        return None
    return (
        f"The minutes of its cost codes add up to {stated:.2f} and the shift has {total}: "
        "these are shared in the same proportion."
    )


def _is_no_work(code: NamedCode, known: KnownCodes) -> bool:
    """Whether it names nothing, or the catch-all of workers without a default cost code."""
    title = code.title or _title(code, known)
    return code.code_id is None if title is None else title_key(title) == FLAT_RATE


def _title(code: NamedCode, known: KnownCodes) -> str | None:
    """The cost code's own title, else what the shift's row says."""
    held = None if code.code_id is None else known.cost_codes.get(code.code_id)
    return (held and held.label) or code.title


def _joined(titles: Iterable[str | None]) -> str | None:
    return "; ".join(title for title in titles if title)[:_LONGEST] or None
