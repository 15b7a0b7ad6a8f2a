"""Which children a parent's change may touch, and what tells whether it does."""

from __future__ import annotations

from schemas.catalogue import COST_CODES
from streams.link import BudgetLink, ShiftLink
from streams.state.company import Company, EntityRef, refs_of


def links_before(
    company: Company, ref: EntityRef, new_title: str | None, *, ran_ahead: bool
) -> dict[EntityRef, ShiftLink | BudgetLink | None]:
    """The children that a parent's change may make due, with their present links where these tell.

    `new_title` is the one that a cost code has from now on. A child that is yet to be delivered is published then.
    Where state ran ahead of the change, what was published from this state was published with it; of what somebody
    else published the link is not known.
    """
    touched = company.children_of(ref) | company.shifts_titled(new_title)
    if not ran_ahead:
        return {each: company.link_of(each) for each in touched if each.entity_id not in company.siblings(each).awaited}
    touched |= _shifts_of_earlier_titles(company, ref)
    return {each: None for each in touched if each.entity_id in company.siblings(each).unsure}


def remember_title(company: Company, ref: EntityRef) -> None:
    """Note the title that a cost code has before a loaded record, not processed yet, replaces it."""
    if ref.entity != COST_CODES.name:
        return
    held = company.cost_codes.get(ref.entity_id)
    if ref.entity_id not in company.earlier_titles:
        company.earlier_titles[ref.entity_id] = None if held is None else {held.title or ""}
    elif held is not None and (titles := company.earlier_titles[ref.entity_id]) is not None:
        titles.add(held.title or "")


def _shifts_of_earlier_titles(company: Company, ref: EntityRef) -> set[EntityRef]:
    """Shifts that may have been published with a title that a cost code no longer has.

    Where compaction may have removed the earlier record its title is not known: any that somebody else published may
    be one.
    """
    if ref.entity != COST_CODES.name:
        return set()
    titles = company.earlier_titles.pop(ref.entity_id, None)
    if titles is None:
        return refs_of(company.shifts.unsure, ())
    return {shift for title in titles for shift in company.shifts_titled(title)}
