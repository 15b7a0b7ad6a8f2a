"""What is claimed of Buildertrend, in words for people, by the number that the fact has in docs/wire.md.

Only of facts that are checked at run time: where answers contradict one, `status` says so with these words.
"""

from __future__ import annotations

from collections.abc import Mapping

CLAIMS: Mapping[str, str] = {
    "S9": "a session ends by idling alone",
    "S10": "GlobalInfo says whose account it is",
    "G5": "a long list of job ids is answered",
    "G7": "the grid shows as many rows as it states",
    "G15": "the time clock comes newest first",
    "T2": "a shift without a job is one of General",
    "T5": "the minutes of a shift's cost codes add up to its hours",
    "T6": "a cost code has one id in shifts and budgets",
    "T8": "out - in is hours and break",
    "T9": "paid absence is not inside regular time",
    "B5": "a budget that changes moves its job's row of the company-wide report",
    "M2": "no date outside 1990 to 2050 but the known ones means none",
}


def contradiction(number: str, *, contradicted: int, of: int) -> str:
    """How often answers contradicted a fact, as the start of a sentence."""
    claim = CLAIMS.get(number, "a fact that this version does not know")
    return f"{number} ({claim}): not so in {contradicted:,} of {of:,} cases"
