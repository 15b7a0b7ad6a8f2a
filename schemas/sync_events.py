"""Reads sync events. Anybody may have written to the topic: each event is checked and cut to its limits first."""

from __future__ import annotations

from datetime import date

from core.errors import InvalidRecordError
from core.topics import SYNC_EVENTS
from schemas.codec import Decoder, Record, SchemaSource, to_days

# Every command gets exactly one event of these types.
TERMINAL_EVENTS = frozenset({"completed", "failed", "rejected", "cancelled"})
EVENT_TYPES = TERMINAL_EVENTS | {"accepted", "started", "progress", "entity-complete", "held"}
LARGEST_EVENT_BYTES = 64 * 1024
LONGEST_ID = 200
LONGEST_MESSAGE = 2_000
_IDS = ("event_id", "command_id", "run_id", "company_id", "entity", "fault")
_TIMES = ("at", "complete_through")
_DAYS = ("from_date", "to_date")
# What Python can express as a date and a time.
_FIRST_DAY, _LAST_DAY = to_days(date.min), to_days(date.max)
_MICROS_A_DAY = 86_400_000_000


class EventReader:
    """Bytes of `integration.sync-events` to events."""

    def __init__(self, source: SchemaSource) -> None:
        self._decode = Decoder(SYNC_EVENTS, source)

    def __call__(self, value: bytes | None) -> Record:
        """InvalidRecordError for what is no event of this service, RetriableError if the registry is away."""
        if len(value or b"") > LARGEST_EVENT_BYTES:
            raise InvalidRecordError("The event is too big.", error_class="too-long")
        return checked_event(self._decode(value or b""))


def checked_event(record: Record) -> Record:
    """The event, its message cut and without NUL characters; InvalidRecordError for one that is not valid."""
    if record["type"] not in EVENT_TYPES:
        raise _odd("type is not known")
    for name in _IDS:
        if len(record[name] or "") > LONGEST_ID or "\0" in (record[name] or ""):
            raise _odd(f"{name} is too long or holds a NUL character")
    _check_range(record, _DAYS, 1)
    _check_range(record, _TIMES, _MICROS_A_DAY)
    message = record["message"]
    if message is None:
        return record
    return record | {"message": message[:LONGEST_MESSAGE].replace("\0", "\N{REPLACEMENT CHARACTER}")}


def _check_range(record: Record, names: tuple[str, ...], units_a_day: int) -> None:
    for name in names:
        if record[name] is not None and not _FIRST_DAY * units_a_day <= record[name] < _LAST_DAY * units_a_day:
            raise _odd(f"{name} is no time of the calendar")


def _odd(problem: str) -> InvalidRecordError:
    return InvalidRecordError(f"An event's {problem}.", error_class="bad-event")
