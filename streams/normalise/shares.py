"""Whole minutes shared in proportion to stated ones: exact, adding up, and the same whatever order they come in."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from streams.normalise.values import in_smallest_units


def share_minutes(total: int, stated: Mapping[str, Decimal]) -> dict[str, int]:
    """`total` by largest remainder, by ascending cost code id; equal remainders go to the smaller id first.

    `stated` are minutes as `readable_minutes` gives them, and not all of them are 0.
    """
    weights = {code_id: in_smallest_units(stated[code_id]) for code_id in sorted(stated, key=int)}
    whole = sum(weights.values())
    shares = {code_id: total * weight // whole for code_id, weight in weights.items()}
    # Sorting keeps the order of equal remainders, which is that of the ids.
    by_remainder = sorted(weights, key=lambda code_id: -(total * weights[code_id] % whole))
    for code_id in by_remainder[: total - sum(shares.values())]:
        shares[code_id] += 1
    return shares
