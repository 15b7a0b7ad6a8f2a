"""Notices a field that many records had and that none has any more: a column that the source no longer fills.

Of a page that looks so nothing may be published: it would wipe out hours, money or links that are known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from control.source_state import Known
from producers.runs.compare import Comparison
from producers.source import Page

# With fewer nobody can tell whether people edited these records or the source changed.
_FEWEST_ROWS = 10
_FEWEST_EMPTIED = 3


@dataclass(slots=True)
class EmptiedFields:
    """Of one read: which fields some row filled, and in how many rows a field lost its value, page by page."""

    rows: int = 0
    filled: int = 0
    _emptied: Counter[int] = field(default_factory=Counter)

    def take(self, page: Page, known: Mapping[str, Known], comparison: Comparison) -> set[str]:
        """Count a page; ids of its changed records if they have to wait: some lost a field that no row filled so far.

        All of them wait: where the source no longer fills a field, a new record lacks it, too.
        """
        changed = {change.entity_id: change.filled for change in comparison.changes}
        for bits in changed.values():
            self.filled |= bits
        for entity_id, before in known.items():
            if entity_id not in changed:
                self.filled |= before.filled
        self.rows += len(page.rows)
        losses = [known[one].filled & ~bits & ~self.filled for one, bits in changed.items() if one in known]
        for lost in filter(None, losses):
            self._emptied.update(_single(lost))
        return set(changed) if any(losses) else set()

    def suspicious(self) -> int:
        """Bits of the fields that look as if the source no longer filled them."""
        if self.rows < _FEWEST_ROWS:
            return 0
        found = (bit for bit, count in self._emptied.items() if count >= _FEWEST_EMPTIED and not bit & self.filled)
        return sum(found)


def _single(bits: int) -> list[int]:
    return [1 << place for place in range(bits.bit_length()) if bits & (1 << place)]
