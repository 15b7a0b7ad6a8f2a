"""Rows on their way into a staging table: one contract, with an Arrow form and a row-by-row form behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import psycopg

from core.errors import InvalidRecordError
from sinks.columns import CanonicalTable
from sinks.messages import Message
from sinks.statements import Kind


class StagedRows(Protocol):
    """Rows of one table: at most one a key and kind, sorted by key, so that sinks lock rows in one order."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """The kinds among the rows, in the order in which they must be merged."""

    def __len__(self) -> int: ...

    def copy_into(self, copy: psycopg.Copy) -> None:
        """Write every row in COPY's binary format."""

    def halves(self) -> tuple[Self, Self]:
        """The same rows in two parts, neither empty; for two rows and more."""

    def origin(self) -> Message:
        """The record of the first row."""

    def companies(self) -> Counter[str]:
        """How many rows each company has."""

    def without(self, waits: Callable[[Message], bool]) -> tuple[Self, Sequence[Message]]:
        """The rows whose record does not wait, be it none, and the records that do."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that can never be merged, and why."""

    message: Message
    error: InvalidRecordError


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader made of records: rows to merge, records to dead-letter, null values that say nothing."""

    rows: Sequence[StagedRows] = ()
    rejections: Sequence[Rejection] = ()
    skipped: int = 0

    def __add__(self, other: Read) -> Read:
        return Read((*self.rows, *other.rows), (*self.rejections, *other.rejections), self.skipped + other.skipped)


class RecordReader(Protocol):
    """Turns the records of one topic into rows."""

    def read(self, table: CanonicalTable, messages: Sequence[Message]) -> Read:
        """Raises RetriableError when the registry is away; a bad record is a rejection, not an exception."""
