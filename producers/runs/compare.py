"""Finds what changed: pure functions from what was read and what was published to the changes to publish."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from control.refused_rows import RefusedRow
from control.source_state import Known
from producers.source import SourceRecord, SourceRow, UnreadableRowError

Op = Literal["CREATE", "UPDATE", "DELETE", "SNAPSHOT"]

BRAKE_SHARE = 0.10
BRAKE_RANGE_SHARE = 0.50
BRAKE_RECORDS = 20
_INCOMPLETE = b"i"
_NOTHING: Mapping[str, bytes] = MappingProxyType({})
# Of one or two rows it cannot be told whether they are odd or all are.
_FEWEST_FOR_ALL = 3
_INDEX = re.compile(r"\.[0-9]+")
# In place of a fingerprint, which no hash equals: published, but perhaps otherwise; perhaps not published at all.
UNCONFIRMED = bytes(16)
_UNCONFIRMED_NEW = b"\xff" * 16
_SORTED = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """How a page is compared. `new_op`: the op of records that are new, SNAPSHOT in an initial read, else CREATE.

    `reader_version` changes whenever the same bytes of a row would be read as another record (see EntityRead).
    """

    time_zone: str
    new_op: Op
    reader_version: bytes = b""


class Change(msgspec.Struct, frozen=True):
    """A difference from what was last published; `record` and `fingerprint` are None for DELETE."""

    op: Op
    entity_id: str
    record: SourceRecord | None
    fingerprint: bytes | None
    digest: bytes | None = None


class Refused(msgspec.Struct, frozen=True):
    """A row that is refused: `reason` for people, without its values; `value` as its letter holds it."""

    entity_id: str
    reason: str
    value: bytes
    digest: bytes

    def kept(self, letter_offset: int | None = None) -> RefusedRow:
        return RefusedRow(self.entity_id, self.digest, self.reason, letter_offset)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a page comes to. Every id stands at most once in `changes`.

    `digests`: records that say the same as before in other bytes, with the hash of these. `kept`: ids of records of
    which a part could not be read, and which therefore stay as they are known whole. `odd`: how many rows are not
    understood; those of them in `refused` are so for the first time, and `understood` are ids that were refused before.
    """

    changes: list[Change]
    created: int
    updated: int
    unchanged: int
    digests: dict[str, bytes] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    odd: int = 0
    refused: list[Refused] = field(default_factory=list)
    understood: list[str] = field(default_factory=list)


def fingerprint(after: Mapping[str, Any], time_zone: str) -> bytes:
    """16 bytes that differ when a known field or the time zone differs; `extras` do not count."""
    known = dict(after)
    known.pop("extras", None)
    return blake2b(_SORTED.encode([time_zone, known]), digest_size=16).digest()


def compare(
    rows: Iterable[SourceRow],
    published: Mapping[str, Known],
    options: CompareOptions,
    refused: Mapping[str, bytes] = _NOTHING,
) -> Comparison:
    """Changes against what was published; of an id that a page shows twice the last row counts.

    A row whose bytes are those that were read last is not read again. `refused`: digests of rows that were refused
    before. Raises what reading a row raises; UnreadableRowError where all rows are refused for the same field.
    """
    last = {row.entity_id: row for row in rows}
    digest = _digester(options)
    odd: dict[str, UnreadableRowError] = {}
    not_taken: set[str] = set()
    changes: list[Change] = []
    digests: dict[str, bytes] = {}
    kept: list[str] = []
    for entity_id, row in last.items():
        before = published.get(entity_id)
        bytes_now = None if row.raw is None else digest(row.raw)
        if before is not None and bytes_now is not None and bytes_now == before.digest:
            continue
        try:
            record = row.read()
        except UnreadableRowError as error:
            odd[entity_id] = error
            continue
        now = _state(record, options.time_zone)
        if refused and refused.get(entity_id) == now:
            # Kafka did not take this very record.
            not_taken.add(entity_id)
        elif _is_news(now, before):
            op: Op = options.new_op if _is_new(before) else "UPDATE"
            changes.append(Change(op, entity_id, record, now, bytes_now))
        elif bytes_now is not None and not record.incomplete:
            digests[entity_id] = bytes_now
        elif before is not None and now[:16] != before.fingerprint[:16]:
            kept.append(entity_id)
    _check_not_all(odd, of=len(last))
    created = sum(change.op != "UPDATE" for change in changes)
    unchanged = len(last) - len(changes) - len(odd) - len(not_taken)
    now_refused = [Refused(one, error.detail, error.value, digest(error.value)) for one, error in odd.items()]
    return Comparison(
        changes,
        created,
        len(changes) - created,
        unchanged,
        digests,
        kept,
        odd=len(odd) + len(not_taken),
        refused=[one for one in now_refused if refused.get(one.entity_id) != one.digest],
        understood=[one for one in refused if one in last and one not in odd and one not in not_taken],
    )


def _check_not_all(odd: Mapping[str, UnreadableRowError], *, of: int) -> None:
    """A field that no row of a page has as known is a change of the source, not of a row."""
    fields = {_INDEX.sub("", error.field) for error in odd.values()}
    if len(odd) == of >= _FEWEST_FOR_ALL and len(fields) == 1:
        raise next(iter(odd.values()))


def combined(
    page: Comparison,
    more: Iterable[SourceRow],
    published: Mapping[str, Known],
    options: CompareOptions,
    refused: Mapping[str, bytes] = _NOTHING,
) -> Comparison:
    """A page's comparison with known rows outside the range asked for; of those only what changed counts."""
    there = {change.entity_id for change in page.changes}
    other = compare([row for row in more if row.entity_id not in there], published, options, refused)
    return Comparison(
        [*page.changes, *other.changes],
        page.created + other.created,
        page.updated + other.updated,
        page.unchanged,
        page.digests | other.digests,
        page.kept + other.kept,
        page.odd + other.odd,
        page.refused + other.refused,
        page.understood + other.understood,
    )


def deletions(entity_ids: Iterable[str]) -> list[Change]:
    """DELETE changes of ids that a complete read and a second look both did not show."""
    return [Change("DELETE", entity_id, None, None) for entity_id in entity_ids]


def unconfirmed(change: Change) -> bytes:
    """What state holds in place of a fingerprint while nobody knows whether a change was published.

    Whatever is read differs from it. Only a whole record is news where one may have been published, and anything is
    behind a deletion.
    """
    marker = _UNCONFIRMED_NEW if change.op in ("CREATE", "SNAPSHOT") else UNCONFIRMED
    anything = change.fingerprint is None or change.fingerprint.endswith(_INCOMPLETE, 16)
    return marker + (_INCOMPLETE if anything else b"")


@dataclass(frozen=True, slots=True)
class DeletionCount:
    """How many records a read would delete: `unasked` of them without an operator's release, `all` with those."""

    all: int
    unasked: int


def brake_is_pulled(deletion: DeletionCount, *, published: int, in_range: int) -> bool:
    """True when so much would go at once that a person has to look first.

    That is over 20 records and over 10 % of all, or most of those in the range of the read: an answer that wrongly
    shows nothing of the last weeks is a small part of an old account, and the whole of the current pay period. And it
    is all of the range, however few they are: an empty answer looks just like it.
    """
    unasked = deletion.unasked
    too_many = unasked > published * BRAKE_SHARE or unasked > in_range * BRAKE_RANGE_SHARE
    return (unasked > BRAKE_RECORDS and too_many) or (unasked > 0 and deletion.all >= in_range)


def _digester(options: CompareOptions) -> Callable[[bytes], bytes]:
    """A function from a row's bytes to 16 bytes; other options give others for the same row."""
    start = blake2b(digest_size=16)
    start.update(options.reader_version + b"\x00" + options.time_zone.encode() + b"\x00")

    def digest(raw: bytes) -> bytes:
        hashed = start.copy()
        hashed.update(raw)
        return hashed.digest()

    return digest


def _state(record: SourceRecord, time_zone: str) -> bytes:
    """What the state keeps: the fingerprint, with a mark behind it for a record that a part was missing of."""
    return fingerprint(record.after, time_zone) + (_INCOMPLETE if record.incomplete else b"")


def _is_new(before: Known | None) -> bool:
    return before is None or before.fingerprint[:16] == _UNCONFIRMED_NEW


def _is_news(now: bytes, before: Known | None) -> bool:
    """An incomplete record changes an incomplete one, never a whole one: its missing part would seem to be gone."""
    if before is None:
        return True
    if now.endswith(_INCOMPLETE, 16) and not before.fingerprint.endswith(_INCOMPLETE, 16):
        return False
    return now[:16] != before.fingerprint[:16]
