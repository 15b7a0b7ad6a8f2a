"""A simulated time clock's grid: it shows rows of the jobs that are asked for, or refuses; rows may be edited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from producers.buildertrend.answers import GridPage, RefusedQueryError
from producers.buildertrend.bodies import JobBatch, PageAsk

GENERAL = 0


@dataclass(slots=True)
class JobsGrid:
    """`rows`: shift id by job, newest first by id. `most_jobs`: a longer list of jobs is refused.

    `page_cap`: a page holds no more rows, whatever is asked for. `before` is called before the answer of that number.
    """

    rows: dict[int, int]
    most_jobs: int = 10_000
    page_cap: int = 10_000
    states_page_size: bool = True
    before: dict[int, Callable[[], None]] = field(default_factory=dict)
    spoil: Callable[[list[int]], list[int]] = lambda rows: rows
    asked: list[tuple[JobBatch, PageAsk]] = field(default_factory=list)

    def fetch(self, batch: JobBatch, ask: PageAsk) -> GridPage:
        self.asked.append((batch, ask))
        self.before.get(len(self.asked), lambda: None)()
        if len(batch.job_ids) > self.most_jobs:
            raise RefusedQueryError("shifts: status 500")
        jobs = {*batch.job_ids, *([GENERAL] if batch.with_general else [])}
        chosen = sorted((shift for shift, job in self.rows.items() if job in jobs), reverse=True)
        size = min(ask.size, self.page_cap)
        start = (ask.number - 1) * size
        page = self.spoil(chosen[start : start + size])
        return GridPage(page, len(chosen), size if self.states_page_size else None)
