"""State of one company: its parents, its children as raw bytes with their references, and an index between the two.

Everything here is a cache of the raw topics. Looking up the children of a parent costs as much as there are children.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from core.dead_letters.share import PARKED
from core.errors import InvalidRecordError
from schemas.catalogue import BUDGETS, COST_CODES, JOBS, TIME_ENTRIES, USERS
from streams.link import (
    BudgetLink,
    BudgetRefs,
    CostCode,
    ShiftLink,
    ShiftRefs,
    link_budget,
    link_shift,
    title_key,
)

CHILDREN = frozenset((BUDGETS.name, TIME_ENTRIES.name))


class EntityRef(NamedTuple):
    """An entity of a company: its kind's name and its id."""

    entity: str
    entity_id: str


class Child(NamedTuple):
    """A shift or a budget: its version, what it refers to, and its change record as wire bytes."""

    version: int
    refs: ShiftRefs | BudgetRefs
    value: bytes


@dataclass(frozen=True, slots=True)
class Gone:
    """An entity that was deleted: at which version, and whether its canonical deletion is published."""

    version: int
    published: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """A shift or budget of which a newer version was refused: the version that its row keeps, and why in words."""

    version: int
    reason: str


class Index:
    """The children of each parent; a parent without children takes no room."""

    def __init__(self) -> None:
        self._children: dict[str, set[str]] = {}

    def add(self, parent: str, child: str) -> None:
        children = self._children.get(parent)
        if children is None:
            self._children[parent] = {child}
        else:
            children.add(child)

    def discard(self, parent: str, child: str) -> None:
        children = self._children[parent]
        children.discard(child)
        if not children:
            del self._children[parent]

    def of(self, parent: str) -> Collection[str]:
        return self._children.get(parent, ())


class Children:
    """The shifts or the budgets of a company.

    `awaited`: loaded, and yet to be delivered; they are published then, and not for their parents' sake. `unsure`:
    loaded, and published by somebody else, nobody knows with which parents. All others were published from this state.
    """

    def __init__(self) -> None:
        self.held: dict[str, Child] = {}
        self.awaited: set[str] = set()
        self.unsure: set[str] = set()

    def put(self, entity_id: str, child: Child) -> Child | None:
        """Hold a child; what was held under its id."""
        before = self.held.get(entity_id)
        self.held[entity_id] = child
        return before

    def pop(self, entity_id: str) -> Child | None:
        """Forget a child, if it is held."""
        self.settle(entity_id)
        return self.held.pop(entity_id, None)

    def settle(self, entity_id: str) -> None:
        """The child is published now, or gone."""
        self.awaited.discard(entity_id)
        self.unsure.discard(entity_id)

    def loaded(self, entity_id: str, *, processed: bool) -> None:
        """The child was loaded; `processed` if it was delivered before, to whomever."""
        self.settle(entity_id)
        (self.unsure if processed else self.awaited).add(entity_id)

    def doubt_all(self) -> None:
        """Others may have published any of them since."""
        self.awaited.clear()
        self.unsure = set(self.held)


@dataclass(slots=True)
class Company:
    """What is known of a company, and the highest version that was seen of it."""

    version: int = 0
    job_names: dict[str, str | None] = field(default_factory=dict)
    user_names: dict[str, str | None] = field(default_factory=dict)
    cost_codes: dict[str, CostCode] = field(default_factory=dict)
    parent_versions: dict[EntityRef, int] = field(default_factory=dict)
    shifts: Children = field(default_factory=Children)
    budgets: Children = field(default_factory=Children)
    gone: dict[EntityRef, Gone] = field(default_factory=dict)
    # Held children whose update was refused.
    stale: dict[EntityRef, Stale] = field(default_factory=dict)
    # Titles that a cost code had before loaded records that are not processed yet; None where they cannot be known.
    earlier_titles: dict[str, set[str] | None] = field(default_factory=dict)
    _titled: Index = field(default_factory=Index)
    _shifts_of_job: Index = field(default_factory=Index)
    _shifts_of_user: Index = field(default_factory=Index)
    _shifts_of_title: Index = field(default_factory=Index)
    _budgets_of_job: Index = field(default_factory=Index)
    _budgets_of_code: Index = field(default_factory=Index)

    def codes_titled(self, key: str) -> Collection[str]:
        """See `streams.link.Parents`."""
        return self._titled.of(key)

    def version_of(self, ref: EntityRef) -> int | None:
        """The version of the entity as it is held, None if it is not."""
        if ref.entity not in CHILDREN:
            return self.parent_versions.get(ref)
        child = self.siblings(ref).held.get(ref.entity_id)
        return None if child is None else child.version

    def published_version(self, ref: EntityRef) -> int:
        """The version of the entity's canonical record: not newer than the update that was refused, if one was."""
        stale = self.stale.get(ref)
        return self.version if stale is None else stale.version

    def children_of(self, ref: EntityRef) -> set[EntityRef]:
        """The shifts and budgets that refer to a parent; a cost code's shifts are those with its present title."""
        if ref.entity == JOBS.name:
            return refs_of(self._shifts_of_job.of(ref.entity_id), self._budgets_of_job.of(ref.entity_id))
        if ref.entity == USERS.name:
            return refs_of(self._shifts_of_user.of(ref.entity_id), ())
        if ref.entity == COST_CODES.name:
            code = self.cost_codes.get(ref.entity_id)
            titled = self.shifts_titled(code.title) if code else set()
            return titled | refs_of((), self._budgets_of_code.of(ref.entity_id))
        return set()

    def shifts_titled(self, title: str | None) -> set[EntityRef]:
        """The shifts that name a title."""
        return refs_of(self._shifts_of_title.of(title_key(title)), ()) if title else set()

    def link_of(self, ref: EntityRef) -> ShiftLink | BudgetLink:
        """The link of a child that is held."""
        refs = self.child(ref).refs
        return link_shift(refs, self) if isinstance(refs, ShiftRefs) else link_budget(refs, self)

    def child(self, ref: EntityRef) -> Child:
        return self.siblings(ref).held[ref.entity_id]

    def siblings(self, ref: EntityRef) -> Children:
        """Where a shift or a budget is held."""
        return self.shifts if ref.entity == TIME_ENTRIES.name else self.budgets

    def put_parent(self, ref: EntityRef, version: int, label: str | None, *, active: bool) -> None:
        """Hold a job, user or cost code; `label` is its name or title."""
        if ref.entity == COST_CODES.name:
            self._forget_title(ref.entity_id)
            self.cost_codes[ref.entity_id] = CostCode(label, active)
            if label:
                self._titled.add(title_key(label), ref.entity_id)
        else:
            (self.job_names if ref.entity == JOBS.name else self.user_names)[ref.entity_id] = label
        self.parent_versions[ref] = version

    def put_child(self, ref: EntityRef, child: Child) -> None:
        """Hold a shift or a budget in place of what was held under its id."""
        before = self.siblings(ref).put(ref.entity_id, child)
        if self.stale:
            self.stale.pop(ref, None)
        if before is not None:
            if before.refs == child.refs:
                return
            self._unindex(ref.entity_id, before)
        for index, parent in self._parents(child.refs):
            index.add(parent, ref.entity_id)

    def drop(self, ref: EntityRef) -> None:
        """Forget an entity, if it is held."""
        self.stale.pop(ref, None)
        if ref.entity in CHILDREN:
            child = self.siblings(ref).pop(ref.entity_id)
            if child is not None:
                self._unindex(ref.entity_id, child)
        elif self.parent_versions.pop(ref, None) is not None:
            if ref.entity == COST_CODES.name:
                self._forget_title(ref.entity_id)
                del self.cost_codes[ref.entity_id]
            else:
                del (self.job_names if ref.entity == JOBS.name else self.user_names)[ref.entity_id]

    def sizes(self) -> Mapping[str, int]:
        """How many entities are held, by name."""
        return {
            JOBS.name: len(self.job_names),
            USERS.name: len(self.user_names),
            COST_CODES.name: len(self.cost_codes),
            BUDGETS.name: len(self.budgets.held),
            TIME_ENTRIES.name: len(self.shifts.held),
        }

    def _parents(self, refs: ShiftRefs | BudgetRefs) -> list[tuple[Index, str]]:
        if isinstance(refs, BudgetRefs):
            return [(self._budgets_of_job, refs.job_id), (self._budgets_of_code, refs.cost_code_id)]
        parents = [(self._shifts_of_job, refs.job_id), (self._shifts_of_user, refs.user_id)]
        # Titles that differ in white space only have one key; it is added and discarded once.
        keys = {title_key(title) for title in refs.titles} if len(refs.titles) > 1 else map(title_key, refs.titles)
        parents.extend((self._shifts_of_title, key) for key in keys)
        return parents

    def _unindex(self, entity_id: str, child: Child) -> None:
        for index, parent in self._parents(child.refs):
            index.discard(parent, entity_id)

    def _forget_title(self, code_id: str) -> None:
        held = self.cost_codes.get(code_id)
        if held is not None and held.title:
            self._titled.discard(title_key(held.title), code_id)


def refs_of(shifts: Iterable[str], budgets: Iterable[str]) -> set[EntityRef]:
    return {EntityRef(TIME_ENTRIES.name, id_) for id_ in shifts} | {EntityRef(BUDGETS.name, id_) for id_ in budgets}


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
