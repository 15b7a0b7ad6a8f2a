"""Headers of entity records: `version`, `run_id` and `company_id` as UTF-8, the same on a record and its tombstone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from core.errors import InvalidRecordError

# One more than a version can have, so that a longer one is too large.
_MOST_DIGITS = 20

HeaderList = list[tuple[str, bytes]]


class RecordHeaders(msgspec.Struct, frozen=True):
    """Who wrote a record and how new it is."""

    version: int
    run_id: str
    company_id: str

    def encode(self) -> HeaderList:
        return [
            ("version", str(self.version).encode()),
            ("run_id", self.run_id.encode()),
            ("company_id", self.company_id.encode()),
        ]

    @classmethod
    def decode(cls, headers: Sequence[tuple[str, bytes | str | None]] | None) -> RecordHeaders:
        """Raises InvalidRecordError when one of the three is missing or the version is no number."""
        found = {name: _text(value) for name, value in headers or ()}
        try:
            return cls(_version(found["version"]), found["run_id"], found["company_id"])
        except KeyError as exc:
            raise InvalidRecordError(f"The record has no header {exc.args[0]}.", error_class="bad-headers") from exc
        except ValueError as exc:
            raise InvalidRecordError("The record's header version is not a number.", error_class="bad-headers") from exc


def _version(stated: str) -> int:
    version = int(stated[:_MOST_DIGITS])
    if not 0 <= version < 2**63:
        raise ValueError
    return version


def _text(value: bytes | str | None) -> str:
    if value is None:
        return ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
