"""Dead letters: the original key, value and headers byte for byte, plus headers that say what was wrong and where.

Beside them the topic holds receipts: a null value under the letter's key, with the header `dead-letter-replayed`: the
offset, in the same partition, of a letter that is done with. Whoever lists open dead letters leaves out both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from core.errors import InvalidRecordError

PREFIX = "dead-letter-"
FIRST_SEEN = PREFIX + "first-seen"
REPLAYED = PREFIX + "replayed"
Headers = list[tuple[str, str | bytes | None]]


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """A record as it was read, with where it came from."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def header_list(headers: dict[str, str | bytes | None] | Headers | None) -> Headers:
    """A client's headers, in whichever of its forms, as the list that a dead letter keeps."""
    return list(headers.items()) if isinstance(headers, dict) else list(headers or ())


def dead_letter_headers(record: RejectedRecord, *, stage: str, error: InvalidRecordError, seen_at: datetime) -> Headers:
    """The headers of the dead letter: the original ones, then ours.

    Ours are `dead-letter-topic`, `-partition`, `-offset`, `-stage`, `-reason`, `-error-class` and `-first-seen`.
    Those of an earlier dead letter are replaced, save the first-seen time.
    """
    kept = [(name, value) for name, value in record.headers if not name.startswith(PREFIX)]
    first_seen = dict(record.headers).get(FIRST_SEEN) or seen_at.isoformat().encode()
    return [
        *kept,
        (PREFIX + "topic", record.topic.encode()),
        (PREFIX + "partition", str(record.partition).encode()),
        (PREFIX + "offset", str(record.offset).encode()),
        (PREFIX + "stage", stage.encode()),
        (PREFIX + "reason", error.reason.encode()),
        (PREFIX + "error-class", error.error_class.encode()),
        (FIRST_SEEN, first_seen),
    ]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter opened: its own offset and time, the stage that refused the record, and the record as it was."""

    offset: int
    written_ms: int
    stage: str
    first_seen: bytes
    record: RejectedRecord


class Kept(Protocol):
    """A record of `integration.dead-letters` as a client hands it over."""

    def offset(self) -> int | None: ...
    def key(self) -> bytes | str | None: ...
    def value(self) -> bytes | str | None: ...
    def headers(self) -> Headers | dict[str, str | bytes | None] | None: ...
    def timestamp(self) -> tuple[int, int]: ...


def open_letter(kept: Kept) -> DeadLetter:
    """The opposite of `dead_letter_headers`; InvalidRecordError for a receipt and for what is no dead letter."""
    headers = header_list(kept.headers())
    ours = {name.removeprefix(PREFIX): _bytes(value) for name, value in headers if name.startswith(PREFIX)}
    try:
        place = ours["topic"].decode(), int(ours["partition"]), int(ours["offset"])
        stage, first_seen = ours["stage"].decode(), ours["first-seen"]
    except (KeyError, ValueError) as exc:
        raise InvalidRecordError("The record is no dead letter of this service.", error_class="bad-headers") from exc
    original = [(name, value) for name, value in headers if not name.startswith(PREFIX)]
    record = RejectedRecord(*place, _bytes_or_none(kept.key()), _bytes_or_none(kept.value()), original)
    return DeadLetter(kept.offset() or 0, kept.timestamp()[1], stage, first_seen, record)


def receipt_headers(offset: int, *, outcome: str, at: datetime) -> Headers:
    """The headers of the receipt of the letter at `offset`; `outcome` says what became of it."""
    return [
        (REPLAYED, str(offset).encode()),
        (PREFIX + "outcome", outcome.encode()),
        (PREFIX + "replayed-at", at.isoformat().encode()),
    ]


def receipted_offset(headers: Headers) -> int | None:
    """The offset of the letter that a receipt is of; None for any other record."""
    stated = dict(headers).get(REPLAYED)
    return None if stated is None else int(_bytes(stated))


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _bytes_or_none(value: bytes | str | None) -> bytes | None:
    return None if value is None else _bytes(value)
