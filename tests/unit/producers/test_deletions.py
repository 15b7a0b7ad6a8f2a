"""Deletions: the brake stops those that are too many at once."""

from __future__ import annotations

import pytest

from producers.runs.deletions import DeletionCount, brake_is_pulled, deletions


def test_deletions_name_the_ids_and_nothing_else() -> None:
    assert [(change.op, change.entity_id, change.record) for change in deletions(["7", "8"])] == [
        ("DELETE", "7", None),
        ("DELETE", "8", None),
    ]


@pytest.mark.parametrize(
    ("missing", "published", "pulled"),
    [
        (0, 0, False),
        (20, 20, False),
        (20, 100, False),
        (21, 100, True),
        (21, 209, True),
        (21, 210, False),
        (22, 219, True),
        (22, 220, False),
        (101, 1000, True),
        (100, 1000, False),
        (5000, 5000, True),
    ],
)
def test_brake_is_pulled_over_ten_percent_and_over_twenty(*, missing: int, published: int, pulled: bool) -> None:
    assert brake_is_pulled(DeletionCount(missing, missing), published=published, in_range=10**6) is pulled


@pytest.mark.parametrize(
    ("missing", "in_range", "pulled"),
    [(20, 21, False), (21, 22, True), (300, 300, True), (51, 100, True), (50, 100, False)],
)
def test_brake_is_pulled_when_most_of_what_was_read_would_go(*, missing: int, in_range: int, pulled: bool) -> None:
    """A grid that shows nothing in the recent window must not take it for deletions because the account is old."""
    assert brake_is_pulled(DeletionCount(missing, missing), published=100_000, in_range=in_range) is pulled


@pytest.mark.parametrize("known", [1, 2, 20])
def test_brake_is_pulled_when_all_that_is_known_would_go_however_few(known: int) -> None:
    assert brake_is_pulled(DeletionCount(known, known), published=known, in_range=known)
    assert not brake_is_pulled(DeletionCount(known, known), published=known + 1, in_range=known + 1)


def test_brake_is_pulled_no_more_when_an_operator_released_all_of_it() -> None:
    assert not brake_is_pulled(DeletionCount(3, 0), published=3, in_range=3)
    assert brake_is_pulled(DeletionCount(3, 1), published=3, in_range=3)
