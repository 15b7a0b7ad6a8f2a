"""Whole minutes by largest remainder: exact, adding up, each within a minute of its exact share."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.normalise.shares import share_minutes
from streams.normalise.values import in_smallest_units, readable_minutes

STATED = st.one_of(
    st.sampled_from(["0", "487.998", "109.998", "1.002", "2147483647", "0.000000000000000000000000000001", "1e2"]),
    st.decimals(0, 2_000, places=4).map(str),
    st.integers(0, 1_440).map(str),
)


def minutes(text: str) -> Decimal:
    found = readable_minutes(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("total", "stated", "shares"),
    [
        (488, {"1": "377.9994", "2": "109.998"}, {"1": 378, "2": 110}),
        # Ties go to the smaller id as a number, not as text.
        (1, {"10": "1", "9": "1"}, {"9": 1, "10": 0}),
        (2, {"10": "1", "9": "1", "11": "1"}, {"9": 1, "10": 1, "11": 0}),
        (0, {"1": "5", "2": "5"}, {"1": 0, "2": 0}),
        (7, {"1": "0", "2": "5"}, {"1": 0, "2": 7}),
        (3, {"1": "0.000000000000000000000000000001", "2": "0.000000000000000000000000000002"}, {"1": 1, "2": 2}),
    ],
)
def test_minutes_are_shared_by_largest_remainder(total: int, stated: dict[str, str], shares: dict[str, int]) -> None:
    found = share_minutes(total, {code_id: minutes(text) for code_id, text in stated.items()})
    assert list(found.items()) == list(shares.items())


@given(
    st.integers(0, 3 * 2**31),
    st.dictionaries(st.integers(0, 2**63 - 1).map(str), STATED.map(minutes), min_size=2, max_size=8),
    st.randoms(use_true_random=False),
)
def test_shares_add_up_and_are_near_their_exact_parts(total: int, stated: dict[str, Decimal], random: object) -> None:
    if not any(stated.values()):
        return
    found = share_minutes(total, stated)
    assert sum(found.values()) == total
    whole = sum(map(Fraction, stated.values()))
    remainders = {}
    for code_id, share in found.items():
        exact = total * Fraction(stated[code_id]) / whole
        assert abs(share - exact) < 1
        remainders[code_id] = (exact - share, code_id)
    # Nobody was rounded down who was further from the next minute down than somebody rounded up.
    up = [(-exact, int(code_id)) for exact, code_id in remainders.values() if exact < 0]
    down = [(exact, int(code_id)) for exact, code_id in remainders.values() if exact > 0]
    for over, over_id in up:
        for under, under_id in down:
            assert 1 - over > under or (1 - over == under and over_id < under_id)
    assert list(found) == sorted(found, key=int)
    assert share_minutes(total, dict(reversed(stated.items()))) == found


@pytest.mark.parametrize(
    ("text", "units"),
    [("487.998", 487998 * 10**27), ("1e2", 10**32), ("1E-30", 1), ("-0", 0), ("0e-99", 0), ('"60"', 60 * 10**30)],
)
def test_stated_minutes_are_read_exactly(text: str, units: int) -> None:
    assert in_smallest_units(minutes(text)) == units


@pytest.mark.parametrize(
    "text",
    [None, "", "null", "x", "NaN", "Infinity", "-1", "-0.001", "2147483648", "1e99", "1e-99", "1e-31", "9" * 101],
)
def test_minutes_that_cannot_be_right_are_none(text: str | None) -> None:
    assert readable_minutes(text) is None
