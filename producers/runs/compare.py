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
from producers.buildertrend.filled import Filled
from producers.source import SourceRecord, SourceRow, UnreadableRowError

Op = Literal["CREATE", "UPDATE", "DELETE", "SNAPSHOT"]

_INCOMPLETE = b"i"
_NOTHING: Mapping[str, bytes] = MappingProxyType({})
# With one or two rows nobody can tell whether it is these rows or the source that changed.
_FEWEST_FOR_ALL = 3
_INDEX = re.compile(r"\.[0-9]+")
# In place of a fingerprint, equal to no hash: the record was published, perhaps in another version.
UNCONFIRMED = bytes(16)
# The same for a record that perhaps was never published at all.
_UNCONFIRMED_NEW = b"\xff" * 16
IN_DOUBT = (UNCONFIRMED, _UNCONFIRMED_NEW)
_SORTED = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """How a page is compared. `new_op`: the op of new records, SNAPSHOT in an initial read, else CREATE.

    `reader_version` changes whenever the same bytes of a row would be read as another record (see EntityRead). `filled`
    tells which fields of a record have a value (see producers.buildertrend.filled).
    """

    time_zone: str
    new_op: Op
    reader_version: bytes = b""
    filled: Filled = lambda _after: 0


class Change(msgspec.Struct, frozen=True):
    """A difference from what was last published; `record` and `fingerprint` are None for DELETE."""

    op: Op
    entity_id: str
    record: SourceRecord | None
    fingerprint: bytes | None
    digest: bytes | None = None
    filled: int = 0


class Refused(msgspec.Struct, frozen=True):
    """A row that becomes a dead letter: `reason` for people, without its values; `value` as the letter holds it."""

    entity_id: str
    reason: str
    value: bytes
    digest: bytes

    def kept(self) -> RefusedRow:
        return RefusedRow(self.entity_id, self.digest, self.reason)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a page comes to. Every id stands at most once in `changes`.

    `digests`: records that say the same as before in other bytes, with the hash of these bytes. `kept`: ids of records
    of which a part could not be read, so that the whole record published before stays. `dead_lettered`: how many rows
    cannot be read or are not taken by Kafka; of them `refused` holds those that are so for the first time.
    `understood`: ids that were refused before and are not any more.
    """

    changes: list[Change]
    unchanged: int
    digests: dict[str, bytes] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    dead_lettered: int = 0
    refused: list[Refused] = field(default_factory=list)
    understood: list[str] = field(default_factory=list)

    @property
    def created(self) -> int:
        return sum(change.op != "UPDATE" for change in self.changes)

    @property
    def updated(self) -> int:
        return len(self.changes) - self.created


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
    changed, unreadable = _read_changed(last, published, digest)
    not_taken: set[str] = set()
    changes: list[Change] = []
    digests: dict[str, bytes] = {}
    kept: list[str] = []
    for entity_id, record, bytes_now in changed:
        before = published.get(entity_id)
        now = _state(record, options.time_zone)
        if refused and refused.get(entity_id) == now:
            # Kafka did not take this very record.
            not_taken.add(entity_id)
        elif _is_change(now, before):
            op: Op = options.new_op if _is_new(before) else "UPDATE"
            changes.append(Change(op, entity_id, record, now, bytes_now, options.filled(record.after)))
        elif bytes_now is not None and not record.incomplete:
            digests[entity_id] = bytes_now
        elif before is not None and now[:16] != before.fingerprint[:16] and not record.stands_in:
            kept.append(entity_id)
    _check_not_all(unreadable, of=len(last))
    refused_now = [Refused(one, error.detail, error.value, digest(error.value)) for one, error in unreadable.items()]
    dead_lettered = len(unreadable) + len(not_taken)
    return Comparison(
        changes,
        len(last) - len(changes) - dead_lettered,
        digests,
        kept,
        dead_lettered,
        [one for one in refused_now if refused.get(one.entity_id) != one.digest],
        [one for one in refused if one in last and one not in unreadable and one not in not_taken],
    )


def _read_changed(
    rows: Mapping[str, SourceRow], published: Mapping[str, Known], digest: Callable[[bytes], bytes]
) -> tuple[list[tuple[str, SourceRecord, bytes | None]], dict[str, UnreadableRowError]]:
    """Rows whose bytes are not those that were read last: id, record and hash of the bytes; and those not readable."""
    changed: list[tuple[str, SourceRecord, bytes | None]] = []
    unreadable: dict[str, UnreadableRowError] = {}
    for entity_id, row in rows.items():
        before = published.get(entity_id)
        bytes_now = None if row.raw is None else digest(row.raw)
        if before is not None and bytes_now is not None and bytes_now == before.digest:
            continue
        try:
            changed.append((entity_id, row.read(), bytes_now))
        except UnreadableRowError as error:
            unreadable[entity_id] = error
    return changed, unreadable


def _check_not_all(unreadable: Mapping[str, UnreadableRowError], *, of: int) -> None:
    """A field that no row of a page has in its known form is a change of the source, not of a row."""
    fields = {_INDEX.sub("", error.field) for error in unreadable.values()}
    if len(unreadable) == of >= _FEWEST_FOR_ALL and len(fields) == 1:
        raise next(iter(unreadable.values()))


def combined(
    page: Comparison,
    more: Iterable[SourceRow],
    published: Mapping[str, Known],
    options: CompareOptions,
    refused: Mapping[str, bytes] = _NOTHING,
) -> Comparison:
    """A page's comparison together with known rows beyond the read's range; of those only changes count."""
    there = {change.entity_id for change in page.changes}
    other = compare([row for row in more if row.entity_id not in there], published, options, refused)
    return Comparison(
        [*page.changes, *other.changes],
        page.unchanged,
        page.digests | other.digests,
        page.kept + other.kept,
        page.dead_lettered + other.dead_lettered,
        page.refused + other.refused,
        page.understood + other.understood,
    )


def unconfirmed(change: Change) -> bytes:
    """What the state holds in place of a fingerprint while nobody knows whether a change was published.

    It differs from every fingerprint. If the change may have been published, only a complete record is published again;
    after an unconfirmed deletion, any record is.
    """
    marker = _UNCONFIRMED_NEW if change.op in ("CREATE", "SNAPSHOT") else UNCONFIRMED
    anything = change.fingerprint is None or change.fingerprint.endswith(_INCOMPLETE, 16)
    return marker + (_INCOMPLETE if anything else b"")


def _digester(options: CompareOptions) -> Callable[[bytes], bytes]:
    """A function that hashes a row's bytes to 16 bytes; with other options the hash of the same row differs."""
    start = blake2b(digest_size=16)
    start.update(options.reader_version + b"\x00" + options.time_zone.encode() + b"\x00")

    def digest(raw: bytes) -> bytes:
        hashed = start.copy()
        hashed.update(raw)
        return hashed.digest()

    return digest


def _state(record: SourceRecord, time_zone: str) -> bytes:
    """What the state keeps: the fingerprint, with a suffix if a part of the record could not be read."""
    return fingerprint(record.after, time_zone) + (_INCOMPLETE if record.incomplete else b"")


def _is_new(before: Known | None) -> bool:
    return before is None or before.fingerprint[:16] == _UNCONFIRMED_NEW


def _is_change(now: bytes, before: Known | None) -> bool:
    """An incomplete record may change an incomplete one, never a whole one: its missing part would seem to be gone."""
    if before is None:
        return True
    if now.endswith(_INCOMPLETE, 16) and not before.fingerprint.endswith(_INCOMPLETE, 16):
        return False
    return now[:16] != before.fingerprint[:16]
