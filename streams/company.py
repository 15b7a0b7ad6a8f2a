"""State of one company: its parents, its children as raw bytes with their references, and an index between the two.

Everything here is a cache of the raw topics. Looking up the children of a parent costs as much as there are children.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import NamedTuple

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


class EntityRef(NamedTuple):
    """An entity of a company: its kind's name and its id."""

    entity: str
    entity_id: str


@dataclass(frozen=True, slots=True)
class Child:
    """A shift or a budget: its version, what it refers to, and its change record as wire bytes."""

    version: int
    refs: ShiftRefs | BudgetRefs
    value: bytes


@dataclass(frozen=True, slots=True)
class Gone:
    """A deletion whose tombstone was not delivered yet; `published` once its canonical deletion was."""

    version: int
    published: bool


class Index:
    """The children of each parent; a parent without children takes no room."""

    def __init__(self) -> None:
        self._children: dict[str, set[str]] = {}

    def add(self, parent: str, child: str) -> None:
        self._children.setdefault(intern(parent), set()).add(child)

    def discard(self, parent: str, child: str) -> None:
        children = self._children[parent]
        children.discard(child)
        if not children:
            del self._children[parent]

    def of(self, parent: str) -> Iterable[str]:
        return self._children.get(parent, ())


@dataclass(slots=True)
class Company:
    """What is known of a company, and the highest version that was seen of it."""

    version: int = 0
    job_names: dict[str, str | None] = field(default_factory=dict)
    user_names: dict[str, str | None] = field(default_factory=dict)
    cost_codes: dict[str, CostCode] = field(default_factory=dict)
    parent_versions: dict[EntityRef, int] = field(default_factory=dict)
    shifts: dict[str, Child] = field(default_factory=dict)
    budgets: dict[str, Child] = field(default_factory=dict)
    gone: dict[EntityRef, Gone] = field(default_factory=dict)
    # Children that were loaded and are yet to be delivered: they are published then, and not for their parents' sake.
    undelivered: set[EntityRef] = field(default_factory=set)
    # Titles that a cost code had before loaded records that are not processed yet; None where they cannot be known.
    earlier_titles: dict[str, set[str] | None] = field(default_factory=dict)
    _titled: Index = field(default_factory=Index)
    _shifts_of_job: Index = field(default_factory=Index)
    _shifts_of_user: Index = field(default_factory=Index)
    _shifts_of_title: Index = field(default_factory=Index)
    _budgets_of_job: Index = field(default_factory=Index)
    _budgets_of_code: Index = field(default_factory=Index)

    def codes_titled(self, key: str) -> set[str]:
        """See `streams.link.Parents`."""
        return set(self._titled.of(key))

    def version_of(self, ref: EntityRef) -> int | None:
        """The version of the entity as it is held, None if it is not."""
        children = self._children(ref)
        if children is None:
            return self.parent_versions.get(ref)
        child = children.get(ref.entity_id)
        return None if child is None else child.version

    def children_of(self, ref: EntityRef) -> set[EntityRef]:
        """The shifts and budgets that refer to a parent; a cost code's shifts are those with its present title."""
        if ref.entity == JOBS.name:
            return self._refs(self._shifts_of_job.of(ref.entity_id), self._budgets_of_job.of(ref.entity_id))
        if ref.entity == USERS.name:
            return self._refs(self._shifts_of_user.of(ref.entity_id), ())
        if ref.entity == COST_CODES.name:
            code = self.cost_codes.get(ref.entity_id)
            titled = self.shifts_titled(code.title) if code else set()
            return titled | self._refs((), self._budgets_of_code.of(ref.entity_id))
        return set()

    def shifts_titled(self, title: str | None) -> set[EntityRef]:
        """The shifts that name a title."""
        return self._refs(self._shifts_of_title.of(title_key(title)), ()) if title else set()

    def all_shifts(self) -> set[EntityRef]:
        return self._refs(self.shifts, ())

    def link_of(self, ref: EntityRef) -> ShiftLink | BudgetLink:
        """The link of a child that is held."""
        refs = self.child(ref).refs
        return link_shift(refs, self) if isinstance(refs, ShiftRefs) else link_budget(refs, self)

    def child(self, ref: EntityRef) -> Child:
        children = self._children(ref)
        assert children is not None
        return children[ref.entity_id]

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
        self.drop(ref)
        children = self._children(ref)
        assert children is not None
        children[ref.entity_id] = child
        for index, parent in self._parents(child.refs):
            index.add(parent, ref.entity_id)

    def drop(self, ref: EntityRef) -> None:
        """Forget an entity, if it is held."""
        children = self._children(ref)
        if children is not None:
            child = children.pop(ref.entity_id, None)
            for index, parent in self._parents(child.refs) if child else ():
                index.discard(parent, ref.entity_id)
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
            BUDGETS.name: len(self.budgets),
            TIME_ENTRIES.name: len(self.shifts),
        }

    def _children(self, ref: EntityRef) -> dict[str, Child] | None:
        if ref.entity == TIME_ENTRIES.name:
            return self.shifts
        return self.budgets if ref.entity == BUDGETS.name else None

    def _parents(self, refs: ShiftRefs | BudgetRefs) -> list[tuple[Index, str]]:
        if isinstance(refs, BudgetRefs):
            return [(self._budgets_of_job, refs.job_id), (self._budgets_of_code, refs.cost_code_id)]
        parents = [(self._shifts_of_job, refs.job_id), (self._shifts_of_user, refs.user_id)]
        # Titles that differ in white space only have one key; it is added and discarded once.
        parents.extend((self._shifts_of_title, key) for key in {title_key(title) for title in refs.titles})
        return parents

    def _forget_title(self, code_id: str) -> None:
        held = self.cost_codes.get(code_id)
        if held is not None and held.title:
            self._titled.discard(title_key(held.title), code_id)

    @staticmethod
    def _refs(shifts: Iterable[str], budgets: Iterable[str]) -> set[EntityRef]:
        return {EntityRef(TIME_ENTRIES.name, id_) for id_ in shifts} | {EntityRef(BUDGETS.name, id_) for id_ in budgets}
