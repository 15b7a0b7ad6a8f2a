"""Whom and what shifts name: workers (U1) and cost codes (C2), by id with the name that a shift states first.

Most shifts come newest first, and a newer one knows a name best.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from producers.buildertrend.reads.shift_head import Code, ShiftHead

_LONGEST_NAME = 1_000
# More than any company has. What is over is not noted.
_MOST = 20_000
_MOST_ID = 2**63 - 1


class NamedByShifts:
    """Workers and cost codes of the shifts that a read has shown so far."""

    def __init__(self) -> None:
        self.workers: dict[int, str | None] = {}
        self.codes: dict[int, str] = {}

    def note_all(self, heads: Iterable[ShiftHead]) -> None:
        """Note whom and what these shifts name."""
        workers, codes = self.workers, self.codes
        for head in heads:
            if head.userID not in workers and len(workers) < _MOST:
                workers[head.userID] = _name(head.name)
            for code in head.costCodes or ():
                if type(code.id) is not int or code.id not in codes:
                    self._note_code(code)

    def _note_code(self, code: Code) -> None:
        """One whose id or title nobody can read is known by its shifts alone."""
        title = _name(code.costCodeTitle)
        if type(code.id) is int and 0 < code.id <= _MOST_ID and title and len(self.codes) < _MOST:
            self.codes[code.id] = title

    def cursor(self) -> dict[str, Any]:
        """What `restore` takes, as JSON can hold it."""
        workers = {str(user_id): name for user_id, name in self.workers.items()}
        return {"workers": workers, "codes": {str(code_id): title for code_id, title in self.codes.items()}}

    def restore(self, cursor: Mapping[str, Any]) -> None:
        self.workers = {int(user_id): name for user_id, name in cursor.get("workers", {}).items()}
        self.codes = {int(code_id): title for code_id, title in cursor.get("codes", {}).items()}


def _name(value: Any) -> str | None:
    """A name as a checkpoint can keep it."""
    return value.replace("\x00", "")[:_LONGEST_NAME] if isinstance(value, str) else None
