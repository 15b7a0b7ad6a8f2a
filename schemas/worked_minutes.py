"""How long a shift was worked, by the hours that it states: the same wherever they are added up."""

from __future__ import annotations


def worked_minutes(regular: int | None, overtime: int | None, double_overtime: int | None) -> int | None:
    """The sum; None where no hours are stated: an overtime of 0 alone does not state that nobody worked."""
    beyond = (overtime or 0) + (double_overtime or 0)
    return None if regular is None and not beyond else (regular or 0) + beyond
