"""Whole minutes of a shift's codes: exact, adding up, and the same whatever the order of the codes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.split import whole_minutes

PARTS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 200_000)), min_size=1, max_size=8)


@given(PARTS, st.integers(0, 2_000))
def test_minutes_add_up_and_none_is_a_minute_from_its_exact_share(parts: list[tuple[int, int]], total: int) -> None:
    whole = sum(part for _, part in parts)
    shared = whole_minutes(parts, total)
    if not whole:
        assert shared == {}
        return
    assert sum(shared.values()) == total
    for code_id, minutes in shared.items():
        exact = Fraction(total * sum(part for one, part in parts if one == code_id), whole)
        assert abs(minutes - exact) < 1


@given(PARTS, st.integers(0, 2_000))
def test_order_of_the_codes_does_not_matter(parts: list[tuple[int, int]], total: int) -> None:
    assert whole_minutes(parts[::-1], total) == whole_minutes(parts, total)


@pytest.mark.parametrize(
    ("parts", "total", "shared"),
    [
        ([(9, 14_500 // 2), (3, 14_500 // 2)], 87, {9: 43, 3: 44}),
        ([(1, 81_333), (2, 18_333)], 598, {1: 488, 2: 110}),
        ([(5, 100), (5, 200), (2, 300)], 60, {5: 30, 2: 30}),
        ([(1, 5_000), (2, 5_000)], 120, {1: 60, 2: 60}),
        ([(1, 0), (2, 7)], 10, {1: 0, 2: 10}),
        ([(1, -1), (2, 7)], 10, {}),
        ([(1, 0), (2, 0)], 10, {}),
    ],
)
def test_examples(parts: list[tuple[int, int]], total: int, shared: dict[int, int]) -> None:
    assert whole_minutes(parts, total) == shared
