"""Counts what a walk through a grid has shown against what the grid states: complete is what showed as many ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from producers.source import IncompleteReason


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """How the walk through one batch ended: after so many pages, when the grid stated so many rows (None: nothing).

    `up_to_edge`: as many rows stand on the pages up to the edge of the window, None if the walk went to the end.
    `surplus`: far more rows were shown than the grid ever stated.
    """

    pages: int
    records: int | None
    up_to_edge: int | None = None
    surplus: bool = False

    @property
    def expected(self) -> int | None:
        """How many ids must have been shown. Pages before an edge are expected to be full."""
        if self.records is None or self.up_to_edge is None:
            return self.records
        return min(self.records, self.up_to_edge)


@dataclass(slots=True)
class Tally:
    """How many different ids a read has shown, over all batches, and how many the batches state together.

    `batch` and `page`: where the walk is, to resume there.
    """

    shown: set[str] = field(default_factory=set)
    ends: dict[int, BatchEnd] = field(default_factory=dict)
    batch: int = 0
    page: int = 1

    @property
    def missing(self) -> int:
        """How many rows must exist that no page showed; only meaningful once every batch has ended."""
        return max(sum(end.expected or 0 for end in self.ends.values()) - len(self.shown), 0)

    @property
    def stated(self) -> int | None:
        """How many rows the batches that ended state together; None if one of them never said so."""
        return None if self.is_unstated or not self.ends else sum(end.records or 0 for end in self.ends.values())

    @property
    def is_unstated(self) -> bool:
        """Whether a batch never stated how many rows it has."""
        return any(end.records is None for end in self.ends.values())

    @property
    def has_surplus(self) -> bool:
        return any(end.surplus for end in self.ends.values())

    def pages_before(self, batch: int) -> int:
        return sum(end.pages for number, end in self.ends.items() if number < batch)

    def forget_from(self, batch: int) -> None:
        """This batch and those after it are other ones now."""
        self.ends = {number: end for number, end in self.ends.items() if number < batch}

    def void_edges(self) -> None:
        """The grid is not sorted as asked: where a batch ended at the edge of the window, rows may stand behind it."""
        self.ends = {n: BatchEnd(end.pages, end.records, None, end.surplus) for n, end in self.ends.items()}

    def cursor(self) -> dict[str, Any]:
        """What `restore` takes, as JSON can hold it; the ids that were shown are kept elsewhere."""
        ends = [[n, end.pages, end.records, end.up_to_edge, end.surplus] for n, end in sorted(self.ends.items())]
        return {"batch": self.batch, "page": self.page, "ends": ends}

    def restore(self, cursor: Mapping[str, Any]) -> None:
        """Take over what `cursor` was called on."""
        self.batch, self.page = cursor["batch"], cursor["page"]
        self.ends = {number: BatchEnd(*end) for number, *end in cursor["ends"]}


def incomplete_reason(tally: Tally, what: str) -> IncompleteReason | None:
    """Why a walk that has ended is not complete; None if it is. `what` names the rows for people."""
    shown, stated = len(tally.shown), sum(end.records or 0 for end in tally.ends.values())
    if tally.is_unstated:
        return IncompleteReason(f"Buildertrend did not state how many {what} there are; it showed {shown:,}.")
    if tally.has_surplus:
        return IncompleteReason(f"Buildertrend stated only {stated:,} {what} and showed {shown:,}.")
    if tally.missing:
        return IncompleteReason(f"Buildertrend stated {shown + tally.missing:,} {what} and showed {shown:,}.")
    return None
