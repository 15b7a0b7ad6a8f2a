"""How a replay ends: what was refused again is never told as done."""

from __future__ import annotations

import pytest

from producers.replay.command import ReplayEnd, Verdict, end_of, verdict_of
from producers.replay.plan import Sent
from producers.replay.replay import Replayed

FIRST, SECOND, THIRD = (Sent("buildertrend.jobs", 0, offset) for offset in (5, 6, 9))


@pytest.mark.parametrize(
    ("done", "verdict", "end"),
    [
        (Replayed(), Verdict(), ReplayEnd("completed", "Dead letters: 0 put through.")),
        (
            Replayed(put_through=2),
            Verdict(taken=2),
            ReplayEnd("completed", "Dead letters: 2 put through (2 taken)."),
        ),
        (
            Replayed(put_through=1),
            Verdict(refused=1, reason="Its value cannot be decoded."),
            ReplayEnd("failed", "Dead letters: 1 put through (1 refused again: Its value cannot be decoded)."),
        ),
        (
            Replayed(put_through=3, superseded=1, cut=1),
            Verdict(taken=1, refused=1, pending=1, reason="No."),
            ReplayEnd(
                "failed",
                "Dead letters: 3 put through (1 taken; 1 refused again: No; 1 not looked at yet: `status` shows if "
                "they are refused again), 1 left out, because something newer is there, 1 too big to be kept whole.",
            ),
        ),
    ],
)
def test_end_of_a_replay_tells_what_became_of_each(done: Replayed, verdict: Verdict, end: ReplayEnd) -> None:
    assert end_of(done, verdict) == end


def test_verdict_of_each_record_is_that_of_its_own_place() -> None:
    refusals = {SECOND: "No.", Sent("buildertrend.jobs", 1, 5): "Another partition's."}
    assert verdict_of([FIRST, SECOND, THIRD], {FIRST, SECOND}, refusals) == Verdict(1, 1, 1, "No.")


def test_verdict_of_a_record_that_is_refused_before_its_offset_is_committed_is_known() -> None:
    assert verdict_of([FIRST], set(), {FIRST: "No."}) == Verdict(refused=1, reason="No.")
