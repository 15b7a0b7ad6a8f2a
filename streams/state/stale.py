"""Shifts and budgets whose update was refused: what is published of them says so, and never claims to be newer."""

from __future__ import annotations

from core.dead_letters.share import PARKED
from core.errors import InvalidRecordError
from streams.state.company import CHILDREN, Company, EntityRef, Stale

PREFIX = "stale: refused update"
_LONGEST_REASON = 300
_WAITS = "it waits among the dead letters, because too many records of the company were refused."


def mark_stale(
    company: Company, ref: EntityRef, refused: int | None, error: InvalidRecordError, *, seen_before: int
) -> bool:
    """Note that a newer version (`refused`, None if it does not say) was refused; false if nothing older is held.

    `seen_before` is the company's highest version before it. The row keeps a version below the refused one, save where
    it may have been published with a newer one already: its readers would skip the mark.
    """
    if ref.entity not in CHILDREN:
        return False
    held = company.version_of(ref)
    if held is None or (refused is not None and refused <= held):
        return False
    version = seen_before if refused is None or seen_before >= refused else refused - 1
    known = company.stale.get(ref)
    reason = _WAITS if error.error_class == PARKED else error.reason[:_LONGEST_REASON]
    company.stale[ref] = Stale(max(version, held) if known is None else known.version, f"{PREFIX}: {reason}")
    return True
