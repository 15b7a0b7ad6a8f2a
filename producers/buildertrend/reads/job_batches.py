"""The jobs of an account in the batches that a grid takes: all at once, smaller ones where that is refused.

`jobIds` decides what a grid shows (G2): every job stands in exactly one batch, and General (G4) goes with the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from producers.buildertrend.bodies import JobBatch

# How a long list is refused is not known (G5), and a query over many jobs may time out in SQL (R6).
_SMALLER = (25, 5, 1)


class JobBatches:
    """Batches in a fixed order. One that was refused is split, with those after it, and stays so for the whole run."""

    def __init__(self, job_ids: Iterable[int] = ()) -> None:
        """`job_ids` in the order in which they are asked for; General and ids of no job (0 or less) are left out."""
        self._job_ids = tuple(dict.fromkeys(job_id for job_id in job_ids if job_id > 0))
        self._starts = [0]

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> JobBatch:
        end = self._starts[index + 1] if index + 1 < len(self._starts) else len(self._job_ids)
        return JobBatch(self._job_ids[self._starts[index] : end], with_general=index == 0)

    def split(self, index: int) -> bool:
        """Split this batch and those after it into the next smaller ones; False if there are none."""
        start, refused = self._starts[index], len(self[index].job_ids)
        size = next((size for size in _SMALLER if size < refused), None)
        if size is None:
            return False
        self._starts[index:] = range(start, len(self._job_ids), size)
        return True

    def cursor(self) -> dict[str, Any]:
        """What `restore` takes, as JSON can hold it."""
        return {"jobs": len(self._job_ids), "starts": list(self._starts)}

    def restore(self, cursor: Mapping[str, Any]) -> bool:
        """Take over the batches of an earlier attempt; False if they were made of other jobs."""
        if cursor.get("jobs") != len(self._job_ids):
            return False
        self._starts = list(cursor["starts"])
        return True
