"""Whole minutes of a shift's cost codes: what everybody who copies a split shift has to arrive at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def whole_minutes(parts: Iterable[tuple[int, int]], total: int) -> dict[int, int]:
    """`total` minutes shared in proportion to the parts of each code id, by largest remainder, ties to the smaller id.

    The parts of a code that is named twice count together; empty if a part is negative or all are zero.
    """
    stated = list(parts)
    whole = sum(part for _, part in stated)
    if not whole or any(part < 0 for _, part in stated):
        return {}
    together: Counter[int] = Counter()
    for code_id, part in stated:
        together[code_id] += part
    shared = {code_id: divmod(part * total, whole) for code_id, part in together.items()}
    left = total - sum(minutes for minutes, _ in shared.values())
    first = sorted(shared, key=lambda code_id: (-shared[code_id][1], code_id))[:left]
    return {code_id: minutes + (code_id in first) for code_id, (minutes, _) in shared.items()}
