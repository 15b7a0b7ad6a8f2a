"""Dead letters: the original key, value and headers byte for byte, plus headers that say what was wrong and where.

What would not fit the topic is cut, with its size and a hash of the whole in headers; such a letter is for people to
look at and is not put through again. Anybody who may write to the topic can put anything there: what is neither a
letter nor a receipt is left out and counted, and a receipt counts only for an earlier letter of its own key.

Beside them the topic holds receipts: a null value under the letter's key, with the header `dead-letter-replayed`: the
offset, in the same partition, of a letter that is done with. Whoever lists open dead letters leaves out both.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from prometheus_client import Counter

from core.errors import InvalidRecordError

PREFIX = "dead-letter-"
FIRST_SEEN = PREFIX + "first-seen"
REPLAYED = PREFIX + "replayed"
CUT = PREFIX + "cut"
Headers = list[tuple[str, str | bytes | None]]

MALFORMED = Counter(
    "protiv_dead_letter_records_malformed",
    "Records of integration.dead-letters that are neither a letter nor a receipt of this service; they are left out.",
)

# Below the 2 MiB that the topic takes, also where nothing of it can be compressed.
LARGEST_BYTES = 1_900_000
# What is left of a part that is cut.
_KEPT_BYTES = 65_536
_KEY_KEPT_BYTES = 1_000
_LONGEST_REASON = 1_000
_LONGEST_CLASS = 100
_LONGEST_TIME = 40
# An offset has at most 19 digits.
_MOST_DIGITS = 19


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


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it is sent."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def dead_letter(record: RejectedRecord, *, stage: str, error: InvalidRecordError, seen_at: datetime) -> Letter:
    """The letter of a record, whatever its size: what does not fit is cut (see `cut_to_fit`)."""
    kept, of_the_whole = cut_to_fit(record)
    headers = dead_letter_headers(kept, stage=stage, error=error, seen_at=seen_at)
    return Letter(kept.key, kept.value, [*headers, *of_the_whole])


def cut_to_fit(record: RejectedRecord) -> tuple[RejectedRecord, Headers]:
    """The record as it fits into a letter, and headers about what was cut: none where it fits as it is.

    `dead-letter-cut` names the parts; `dead-letter-<part>-bytes` and `-sha256` are of each part as it was.
    """
    if _size(record) <= LARGEST_BYTES:
        return record, []
    value, key = _shorter(record.value, _KEPT_BYTES), _shorter(record.key, _KEY_KEPT_BYTES)
    cut = replace(record, value=value, key=key)
    about = [*_about("value", record.value, value), *_about("key", record.key, key)]
    named = [name for name, whole, left in (("value", record.value, value), ("key", record.key, key)) if whole != left]
    if _size(cut) > LARGEST_BYTES:
        cut = replace(cut, headers=[])
        named.append("headers")
    return cut, [(CUT, ",".join(named).encode()), *about]


def _shorter(part: bytes | None, longest: int) -> bytes | None:
    return None if part is None else part[:longest]


def _about(name: str, whole: bytes | None, left: bytes | None) -> Headers:
    """Size and hash of a part as it was, if it was cut."""
    if whole is None or whole == left:
        return []
    digest = hashlib.sha256(whole).hexdigest().encode()
    return [(f"{PREFIX}{name}-bytes", str(len(whole)).encode()), (f"{PREFIX}{name}-sha256", digest)]


def dead_letter_headers(record: RejectedRecord, *, stage: str, error: InvalidRecordError, seen_at: datetime) -> Headers:
    """The headers of the dead letter: the original ones, then ours.

    Ours are `dead-letter-topic`, `-partition`, `-offset`, `-stage`, `-reason`, `-error-class` and `-first-seen`.
    Those of an earlier dead letter are replaced, save the first-seen time.
    """
    kept = [(name, value) for name, value in record.headers if not name.startswith(PREFIX)]
    return [
        *kept,
        (PREFIX + "topic", record.topic.encode()),
        (PREFIX + "partition", str(record.partition).encode()),
        (PREFIX + "offset", str(record.offset).encode()),
        (PREFIX + "stage", stage.encode()),
        (PREFIX + "reason", error.reason[:_LONGEST_REASON].encode(errors="replace")),
        (PREFIX + "error-class", error.error_class[:_LONGEST_CLASS].encode(errors="replace")),
        (FIRST_SEEN, _first_seen(record) or seen_at.isoformat().encode()),
    ]


def _first_seen(record: RejectedRecord) -> bytes | None:
    """As an earlier letter of the record says, if that is a time."""
    stated = _bytes(dict(record.headers).get(FIRST_SEEN))
    try:
        return stated if stated and datetime.fromisoformat(stated[: _LONGEST_TIME + 1].decode("ascii")) else None
    except ValueError:
        return None


def _size(record: RejectedRecord) -> int:
    headers = sum(len(name.encode()) + len(_bytes(value)) for name, value in record.headers)
    return len(record.key or b"") + len(record.value or b"") + headers


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter opened: its own offset and time, the stage that refused the record, and the record as it was.

    `is_whole`: nothing of the record is cut.
    """

    offset: int
    written_ms: int
    stage: str
    first_seen: bytes
    record: RejectedRecord
    is_whole: bool = True
    reason: str = ""


class Kept(Protocol):
    """A record of `integration.dead-letters` as a client hands it over."""

    def offset(self) -> int | None: ...
    def key(self) -> bytes | str | None: ...
    def value(self) -> bytes | str | None: ...
    def headers(self) -> Headers | dict[str, str | bytes | None] | None: ...
    def timestamp(self) -> tuple[int, int]: ...


def open_letter(kept: Kept) -> DeadLetter:
    """The opposite of `dead_letter`; InvalidRecordError for a receipt and for what is no dead letter."""
    headers = header_list(kept.headers())
    ours = {name.removeprefix(PREFIX): _bytes(value) for name, value in headers if name.startswith(PREFIX)}
    try:
        place = ours["topic"].decode(), _number(ours["partition"]), _number(ours["offset"])
        stage, first_seen = ours["stage"].decode(), ours["first-seen"]
    except (KeyError, ValueError) as exc:
        raise InvalidRecordError("The record is no dead letter of this service.", error_class="bad-headers") from exc
    original = [(name, value) for name, value in headers if not name.startswith(PREFIX)]
    record = RejectedRecord(*place, _bytes_or_none(kept.key()), _bytes_or_none(kept.value()), original)
    is_whole = CUT.removeprefix(PREFIX) not in ours
    reason = (
        ours.get("reason", b"")[:_LONGEST_REASON].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )
    return DeadLetter(kept.offset() or 0, kept.timestamp()[1], stage, first_seen, record, is_whole, reason)


def receipt_headers(offset: int, *, outcome: str, at: datetime) -> Headers:
    """The headers of the receipt of the letter at `offset`; `outcome` says what became of it."""
    return [
        (REPLAYED, str(offset).encode()),
        (PREFIX + "outcome", outcome.encode()),
        (PREFIX + "replayed-at", at.isoformat().encode()),
    ]


@dataclass(frozen=True, slots=True)
class Receipt:
    """That the letter at `offset` of this partition, of this key, is done with."""

    offset: int
    key: bytes | None


def receipt_of(kept: Kept) -> Receipt | None:
    """The receipt; None for any other record. InvalidRecordError for what calls itself one and cannot be one."""
    stated = dict(header_list(kept.headers())).get(REPLAYED)
    if stated is None:
        return None
    try:
        offset = _number(_bytes(stated))
    except ValueError as exc:
        raise InvalidRecordError("The receipt names no offset.", error_class="bad-headers") from exc
    if offset >= (kept.offset() or 0):
        raise InvalidRecordError("The receipt names no letter before it.", error_class="bad-headers")
    return Receipt(offset, _bytes_or_none(kept.key()))


def letter_or_receipt(kept: Kept) -> DeadLetter | Receipt | None:
    """A record of the topic; None for what is neither, which is counted. Raises nothing, whatever the record is."""
    try:
        return receipt_of(kept) or open_letter(kept)
    except InvalidRecordError:
        MALFORMED.inc()
        return None


def _number(text: bytes) -> int:
    """ValueError for what is no offset or partition: Python would also take signs, spaces and any number of digits."""
    if len(text) > _MOST_DIGITS or not text.isdigit():
        raise ValueError("no number of a record")
    return int(text)


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _bytes_or_none(value: bytes | str | None) -> bytes | None:
    return None if value is None else _bytes(value)
