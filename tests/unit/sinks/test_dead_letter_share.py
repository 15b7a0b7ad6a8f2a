"""The share of dead letters that stops the stage."""

from __future__ import annotations

import pytest

from core.errors import FatalError
from sinks.dead_letter_share import DeadLetterShare


def test_share_below_fifty_dead_letters_never_stops() -> None:
    share = DeadLetterShare()
    share.check(49, 49)


def test_share_of_a_fifth_or_less_goes_on() -> None:
    share = DeadLetterShare()
    share.add(800, 0)
    share.check(200, 200)


def test_share_above_a_fifth_of_the_last_thousand_stops() -> None:
    share = DeadLetterShare()
    share.add(799, 0)
    with pytest.raises(FatalError, match="200 of the last 999 records"):
        share.check(200, 200)


def test_share_counts_the_batches_before() -> None:
    share = DeadLetterShare()
    for _ in range(49):
        share.check(1, 1)
        share.add(1, 1)
    with pytest.raises(FatalError):
        share.check(1, 1)


def test_large_clean_batch_does_not_hide_a_thousand_bad_records_after_it() -> None:
    share = DeadLetterShare()
    share.add(20_000, 0)
    for _ in range(200):
        share.check(1, 1)
        share.add(1, 1)
    with pytest.raises(FatalError):
        share.check(60, 60)


def test_old_dead_letters_are_forgotten() -> None:
    share = DeadLetterShare()
    share.add(1000, 150)
    share.add(1000, 0)
    share.check(100, 60)
