"""Dead letters: the original key, value and headers byte for byte, plus headers that say what was wrong and where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.errors import InvalidRecordError

PREFIX = "dead-letter-"
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
    first_seen = dict(record.headers).get(PREFIX + "first-seen") or seen_at.isoformat().encode()
    return [
        *kept,
        (PREFIX + "topic", record.topic.encode()),
        (PREFIX + "partition", str(record.partition).encode()),
        (PREFIX + "offset", str(record.offset).encode()),
        (PREFIX + "stage", stage.encode()),
        (PREFIX + "reason", error.reason.encode()),
        (PREFIX + "error-class", error.error_class.encode()),
        (PREFIX + "first-seen", first_seen),
    ]
