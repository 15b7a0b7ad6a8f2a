"""State of one company: its parents, its children as raw bytes with their references, and an index between the two.

Everything here is a cache of the raw topics. Looking up the children of a parent costs as much as there are children.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from core.dead_letters.share import PARKED
from core.errors import InvalidRecordError
from schemas.entities import COST_CODES, ENTITIES, JOBS, TIME_ENTRIES, USERS, Entity
from streams.link import TITLE, Link, Parent, Refs
from streams.normalise.named_codes import title_key
from streams.records import is_older

# What is published of a child whose update was refused begins its `link_detail` with this.
STALE_PREFIX = "stale: refused update"
_LONGEST_REASON = 300
_PARKED_REASON = "it waits among the dead letters, because too many records of the company were refused."


class EntityRef(NamedTuple):
    """A record of a company: its entity's name and its id."""

    entity: str
    entity_id: str


class Child(NamedTuple):
    """A shift or a budget: its version, what it refers to, and its change record as wire bytes."""

    version: int
    refs: Refs
    value: bytes


class Deletion(NamedTuple):
    """That a record was deleted: at which version, and whether its canonical deletion is published."""

    version: int
    published: bool


class Stale(NamedTuple):
    """That a newer version of a child was refused: the version that its row keeps, and the reason in words."""

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
    """The records of one entity that has parents: the shifts, or the budgets, of a company.

    `undelivered`: loaded and yet to be delivered; they are published then, and not because of their parents.
    `unconfirmed`: loaded, and published by another process; with which parents is not known. All others were published
    from this state.
    """

    def __init__(self) -> None:
        self.held: dict[str, Child] = {}
        self.undelivered: set[str] = set()
        self.unconfirmed: set[str] = set()
        self._by_parent: defaultdict[str, Index] = defaultdict(Index)

    def put(self, entity_id: str, child: Child) -> None:
        """Hold a child in place of the one held under its id."""
        before = self.held.get(entity_id)
        self.held[entity_id] = child
        if before is not None:
            if before.refs == child.refs:
                return
            self._unindex(entity_id, before)
        for entity, key in child.refs.parent_keys():
            self._by_parent[entity].add(key, entity_id)

    def drop(self, entity_id: str) -> None:
        """Forget a child, if it is held."""
        self.confirm(entity_id)
        child = self.held.pop(entity_id, None)
        if child is not None:
            self._unindex(entity_id, child)

    def of(self, entity: str, key: str) -> Collection[str]:
        """The children that refer to a parent; see `streams.link.Refs` for how it is named."""
        index = self._by_parent.get(entity)
        return () if index is None else index.of(key)

    def confirm(self, entity_id: str) -> None:
        """What is published of the child is what is held of it."""
        self.undelivered.discard(entity_id)
        self.unconfirmed.discard(entity_id)

    def mark_loaded(self, entity_id: str, *, processed: bool) -> None:
        """The child was loaded; `processed` if it was delivered before, to whichever process."""
        self.confirm(entity_id)
        (self.unconfirmed if processed else self.undelivered).add(entity_id)

    def mark_all_unconfirmed(self) -> None:
        """Another process may have published any of them since."""
        self.undelivered.clear()
        self.unconfirmed = set(self.held)

    def _unindex(self, entity_id: str, child: Child) -> None:
        for entity, key in child.refs.parent_keys():
            self._by_parent[entity].discard(key, entity_id)


class Company:
    """What is known of a company, and the highest version that was seen of it.

    Records of an entity that is declared with parents are held as children, those of any other one as parents. An
    entity that is not declared raises KeyError.
    """

    __slots__ = (
        "_titled",
        "children",
        "cost_codes",
        "deletions",
        "earlier_titles",
        "jobs",
        "parents",
        "shifts",
        "stale",
        "users",
        "version",
    )

    def __init__(self, entities: Iterable[Entity] = ENTITIES) -> None:
        self.version = 0
        self.parents: dict[str, dict[str, Parent]] = {}
        self.children: dict[str, Children] = {}
        for entity in entities:
            if entity.parents:
                self.children[entity.name] = Children()
            else:
                self.parents[entity.name] = {}
        self.jobs = self.parents[JOBS.name]
        self.users = self.parents[USERS.name]
        self.cost_codes = self.parents[COST_CODES.name]
        self.shifts = self.children[TIME_ENTRIES.name]
        self.deletions: dict[EntityRef, Deletion] = {}
        # Held children whose update was refused.
        self.stale: dict[EntityRef, Stale] = {}
        # Titles that a cost code had before loaded records that are not processed yet; None where they cannot be known.
        self.earlier_titles: dict[str, set[str] | None] = {}
        self._titled = Index()

    def cost_codes_titled(self, key: str) -> Collection[str]:
        """See `streams.link.Parents`."""
        return self._titled.of(key)

    def held_version(self, ref: EntityRef) -> int | None:
        """The version of the record as it is held, None if it is not."""
        children = self.children.get(ref.entity)
        held = (self.parents[ref.entity] if children is None else children.held).get(ref.entity_id)
        return None if held is None else held.version

    def known_version(self, ref: EntityRef) -> int | None:
        """The version of what is known of a record, also of its deletion; None if nothing is."""
        deletion = self.deletions.get(ref)
        return self.held_version(ref) if deletion is None else deletion.version

    def knows_newer(self, ref: EntityRef, version: int | None) -> bool:
        """Whether something newer than `version` is known of a record: then this version changes nothing."""
        return is_older(version, self.known_version(ref))

    def published_version(self, ref: EntityRef) -> int:
        """The version of the canonical record: not newer than the update that was refused, if one was."""
        stale = self.stale.get(ref)
        return self.version if stale is None else stale.version

    def children_of(self, ref: EntityRef) -> set[EntityRef]:
        """The children that refer to a parent, by its id or by its present title."""
        code = self.cost_codes.get(ref.entity_id) if ref.entity == COST_CODES.name else None
        return self._referring(ref.entity, ref.entity_id) | self.children_titled(code and code.label)

    def children_titled(self, title: str | None) -> set[EntityRef]:
        """The children that refer to a cost code by this title."""
        return self._referring(TITLE, title_key(title)) if title else set()

    def link_of(self, ref: EntityRef) -> Link:
        """The link of a child that is held."""
        return self.child(ref).refs.link(self)

    def child(self, ref: EntityRef) -> Child:
        """A child that is held."""
        return self.children[ref.entity].held[ref.entity_id]

    def put_parent(self, ref: EntityRef, parent: Parent) -> None:
        """Hold a record that has no parents of its own."""
        if ref.entity == COST_CODES.name:
            self._forget_title(ref.entity_id)
            if parent.label:
                self._titled.add(title_key(parent.label), ref.entity_id)
        self.parents[ref.entity][ref.entity_id] = parent

    def put_child(self, ref: EntityRef, child: Child) -> None:
        """Hold a shift or a budget in place of the one held under its id."""
        self.children[ref.entity].put(ref.entity_id, child)
        if self.stale:
            self.stale.pop(ref, None)

    def drop(self, ref: EntityRef) -> None:
        """Forget a record, if it is held."""
        self.stale.pop(ref, None)
        if ref.entity in self.children:
            self.children[ref.entity].drop(ref.entity_id)
            return
        if ref.entity == COST_CODES.name:
            self._forget_title(ref.entity_id)
        self.parents[ref.entity].pop(ref.entity_id, None)

    def sizes(self) -> Mapping[str, int]:
        """How many records are held, by entity."""
        parents = {name: len(held) for name, held in self.parents.items()}
        return parents | {name: len(children.held) for name, children in self.children.items()}

    def _referring(self, entity: str, key: str) -> set[EntityRef]:
        return {EntityRef(name, id_) for name, children in self.children.items() for id_ in children.of(entity, key)}

    def _forget_title(self, code_id: str) -> None:
        held = self.cost_codes.get(code_id)
        if held is not None and held.label:
            self._titled.discard(title_key(held.label), code_id)


def affected_children(
    company: Company, ref: EntityRef, new_label: str | None, *, ran_ahead: bool
) -> dict[EntityRef, Link | None]:
    """The children that a parent's change may affect, each with its link before the change where that is known.

    `new_label` is the parent's name or title from now on. An undelivered child is left out: it is published when it
    is delivered. Where the loaded state ran ahead of the change, children published from this state were published with
    it, and only the unconfirmed ones are returned; with which link these were published is not known.
    """
    affected = company.children_of(ref)
    if ref.entity == COST_CODES.name:
        affected |= company.children_titled(new_label)
    if not ran_ahead:
        return {
            each: company.link_of(each)
            for each in affected
            if each.entity_id not in company.children[each.entity].undelivered
        }
    affected |= _children_of_earlier_titles(company, ref)
    return {each: None for each in affected if each.entity_id in company.children[each.entity].unconfirmed}


def remember_title(company: Company, ref: EntityRef) -> None:
    """Note the title that a cost code has before a loaded record, not processed yet, replaces it."""
    if ref.entity != COST_CODES.name:
        return
    held = company.cost_codes.get(ref.entity_id)
    if ref.entity_id not in company.earlier_titles:
        company.earlier_titles[ref.entity_id] = None if held is None else {held.label or ""}
    elif held is not None and (titles := company.earlier_titles[ref.entity_id]) is not None:
        titles.add(held.label or "")


def mark_stale(
    company: Company, ref: EntityRef, refused: int | None, error: InvalidRecordError, *, seen_before: int
) -> bool:
    """Note that a newer version of a child was refused; false if nothing older is held.

    `refused` is that version, None if the record does not say one; `seen_before` is the company's highest version
    before it. The row keeps a version below the refused one, so that the corrected record replaces it. Only where the
    row may have been published with a newer version already does it keep that one: its readers would skip the note.
    """
    held = company.held_version(ref) if ref.entity in company.children else None
    if held is None or (refused is not None and not is_older(held, refused)):
        return False
    version = seen_before if refused is None or seen_before >= refused else refused - 1
    known = company.stale.get(ref)
    reason = _PARKED_REASON if error.error_class == PARKED else error.reason[:_LONGEST_REASON]
    company.stale[ref] = Stale(max(version, held) if known is None else known.version, f"{STALE_PREFIX}: {reason}")
    return True


def _children_of_earlier_titles(company: Company, ref: EntityRef) -> set[EntityRef]:
    """Children that may have been published with a title that a cost code no longer has.

    Where compaction may have removed the earlier record, its title is not known: any unconfirmed shift may be one.
    """
    if ref.entity != COST_CODES.name:
        return set()
    titles = company.earlier_titles.pop(ref.entity_id, None)
    if titles is None:
        return {EntityRef(TIME_ENTRIES.name, id_) for id_ in company.shifts.unconfirmed}
    return {child for title in titles for child in company.children_titled(title)}
