"""What a dry run says a read would take."""

from __future__ import annotations

import pytest

from producers.commands.estimate import Estimate, Extent, RequestTime, estimate, observed_request_s
from schemas.entities import ENTITY_BY_NAME

ALL = tuple(ENTITY_BY_NAME)
USUAL = RequestTime(None, 0.2)


@pytest.mark.parametrize(
    ("extent", "pages", "requests"),
    [
        (Extent(ALL, shifts=401, users=10, jobs=60, budgeted_jobs=50), 3 + 1 + 1 + 120, 4 + 3 + 1 + 170),
        (Extent(("time-entries",), shifts=0, users=10, jobs=60, budgeted_jobs=60), 1 + 1, 4 + 1),
        (Extent(("users",), shifts=900, users=201, jobs=60, budgeted_jobs=60), 1 + 1, 4 + 1),
        (Extent(("jobs",), shifts=900, users=201, jobs=60, budgeted_jobs=60), 1, 4),
        (Extent(("budgets",), shifts=9, users=9, jobs=10, budgeted_jobs=10), 11, 24),
        (Extent(("cost-codes",), shifts=9, users=9, jobs=10, budgeted_jobs=10), 11, 14),
    ],
)
def test_estimate_counts_pages_and_requests(extent: Extent, pages: int, requests: int) -> None:
    found = estimate(extent, USUAL)
    assert (found.pages, found.requests) == (pages, requests)


def test_estimate_takes_the_pace_so_far_and_never_less_than_the_gap() -> None:
    extent = Extent(("jobs",), shifts=0, users=0, jobs=0, budgeted_jobs=0)
    assert estimate(extent, RequestTime(None, 0.2)).seconds == 2
    assert estimate(extent, RequestTime(10.0, 0.2)).seconds == 40
    assert estimate(extent, RequestTime(0.01, 1.0)).seconds == 4


def test_observed_pace_is_time_over_requests_of_what_was_read() -> None:
    extents = {"full": Extent(("jobs",), 0, 0, 0, 0), "recent": Extent(("users",), 0, 1, 0, 0)}
    assert observed_request_s({"full": 8.0, "recent": 1.0, "initial": 99.0}, extents) == pytest.approx(1.0)
    assert observed_request_s({}, extents) is None


def test_estimate_is_told_in_a_sentence() -> None:
    assert Estimate(26, 1212, 190).sentence == "About 26 pages in 1,212 requests, 3 minutes."
    assert Estimate(1, 5, 2).sentence == "About 1 pages in 5 requests, 1 minutes."
