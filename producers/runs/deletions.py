"""Deletes what a read no longer shows, once a second look confirms it and unless the brake holds it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from control.source_state import PublishedCount, ReadRange
from core.log import get_logger
from producers.runs.compare import Change
from producers.runs.ledger import Missing, outside
from producers.runs.run import Run
from producers.runs.suspicion import Looked, job_of, suspicions
from producers.source import EntityRead, IncompleteReason, Page
from producers.sync_events import ReadEvents
from schemas.entities import BUDGETS, JOBS

log = get_logger(__name__)
BRAKE_SHARE = 0.10
BRAKE_RANGE_SHARE = 0.50
BRAKE_RECORDS = 20
_DELETION_BATCH = 1000
# Two passes that both miss a record and agree on all others prove it gone. People may edit during one or two of them.
_MOST_PASSES = 3
_GENERAL_JOB = "0"
_EDITED_MEANWHILE = IncompleteReason("People were editing in Buildertrend while it was checked which records are gone.")


@dataclass(frozen=True, slots=True)
class DeletionCount:
    """How many records a read would delete: `unasked` of them without an operator's release, `all` with those."""

    all: int
    unasked: int


def brake_is_pulled(deletion: DeletionCount, *, published: int, in_range: int) -> bool:
    """True when so much would be deleted at once that a person has to check first.

    That is over 20 records and over 10 % of all, or most of those in the range of the read: an answer that wrongly
    shows nothing of the last weeks is a small part of an old account, and the whole of the current pay period. It is
    also all of the range, however few they are: an empty answer looks just like it.
    """
    unasked = deletion.unasked
    too_many = unasked > published * BRAKE_SHARE or unasked > in_range * BRAKE_RANGE_SHARE
    return (unasked > BRAKE_RECORDS and too_many) or (unasked > 0 and deletion.all >= in_range)


def deletions(entity_ids: Iterable[str]) -> list[Change]:
    """DELETE changes of these ids."""
    return [Change("DELETE", entity_id, None, None) for entity_id in entity_ids]


@dataclass(frozen=True, slots=True)
class DeletionOutcome:
    """What became of missing records: `held` by the brake, `returned` in a second look.

    `incomplete`: why none of it is certain, so that nothing was deleted. `looks_wrong`: what looks wrong, as sentences
    by rule (see producers.runs.suspicion), None if nobody could tell.
    """

    held: Sequence[str] = ()
    returned: Collection[str] = frozenset()
    incomplete: IncompleteReason | None = None
    looks_wrong: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _Gone:
    """Ids that both looks missed; `unasked` are those that no operator released."""

    ids: Sequence[str]
    unasked: Sequence[str]
    brake_is_pulled: bool


class Deletions:
    """The deletions of one entity's read."""

    def __init__(self, run: Run, read: EntityRead, take_again: Callable[[Page, Collection[str]], None]) -> None:
        """`take_again` publishes a page of a second look; its second argument: ids that an earlier page showed."""
        self._run = run
        self._read = read
        self._take_again = take_again
        self._name = read.entity.name
        self._ledger = run.services.ledger

    def delete_or_hold(self, events: ReadEvents) -> DeletionOutcome:
        """Delete what the complete read and a second look both did not show, unless the brake is pulled.

        What an operator released is deleted in any case. RetriableError and faults as they come.
        """
        covered = self._read.complete_range()
        if covered is None:
            return DeletionOutcome()
        missing = self._ledger.missing(self._name, covered)
        outcome = self._look_again(missing.entity_ids) if missing.entity_ids else DeletionOutcome()
        if outcome.incomplete is not None:
            return outcome
        gone = self._gone(missing, outcome)
        found = suspicions(self._looked(covered, missing, gone))
        outcome = replace(outcome, looks_wrong={one.rule: one.sentence for one in found})
        accepted = self._ledger.accepted(self._name) if found else set()
        doubts = [one.sentence for one in found if one.rule not in accepted]
        if doubts:
            held = self._hold(gone.unasked, missing.published, events)
            return replace(outcome, held=held, incomplete=IncompleteReason(" ".join(doubts)))
        return replace(outcome, held=self._delete_released(gone, missing.published, events))

    def _gone(self, missing: Missing, outcome: DeletionOutcome) -> _Gone:
        gone = sorted(set(missing.entity_ids).difference(outcome.returned))
        released = self._ledger.released(self._name) if gone else set()
        unasked = [entity_id for entity_id in gone if entity_id not in released]
        published, deletion = missing.published, DeletionCount(len(gone), len(unasked))
        pulled = brake_is_pulled(deletion, published=published.all, in_range=published.in_range)
        return _Gone(gone, unasked, pulled)

    def _looked(self, covered: ReadRange, missing: Missing, gone: _Gone) -> Looked:
        """What the read saw, as the rules of suspicion take it."""
        nothing = len(missing.entity_ids) >= missing.published.in_range and not self._has_shown_any()
        whole = self._run.assignment.whole
        records = self._read.records
        showing = self._ledger.seen(self._name) if gone.unasked and self._read.entity is BUDGETS else ()
        return Looked(
            entity=self._read.entity,
            whole=whole,
            covered=covered,
            shows_nothing=nothing,
            unasked=gone.unasked,
            published=missing.published.all,
            in_range=missing.published.in_range,
            jobs=self._real_jobs() if nothing else 0,
            records=records,
            records_before=None if records is None else self._ledger.last_records(self._name, whole=whole),
            brake_is_pulled=gone.brake_is_pulled,
            showing={job_of(one) for one in showing},
        )

    def _has_shown_any(self) -> bool:
        return bool(self._ledger.seen(self._name) or self._ledger.seen(outside(self._name)))

    def _real_jobs(self) -> int:
        return self._ledger.count(JOBS.name) - len(self._ledger.known(JOBS.name, [_GENERAL_JOB]))

    def _delete_released(self, gone: _Gone, published: PublishedCount, events: ReadEvents) -> Sequence[str]:
        """Delete all of them, or, where the brake is pulled, only the released ones. Returns what is held."""
        if not gone.brake_is_pulled:
            self._delete(gone.ids)
            return ()
        unasked = set(gone.unasked)
        self._delete([entity_id for entity_id in gone.ids if entity_id not in unasked])
        return self._hold(gone.unasked, published, events)

    def _hold(self, unasked: Sequence[str], published: PublishedCount, events: ReadEvents) -> Sequence[str]:
        """Leave them until somebody releases them or they are shown again."""
        if not unasked:
            return ()
        self._run.held[self._name] = len(unasked)
        log.warning("deletions_held", entity=self._name, missing=len(unasked), published=published.all)
        events.held(self._run.counts[self._name], missing=len(unasked), published=published.all)
        return unasked

    def _look_again(self, missing: Sequence[str]) -> DeletionOutcome:
        """The second look: whole passes, until one shows all that the pass before it had shown.

        Then no row was removed during that pass, so none can have moved onto a page that it had read already.
        """
        shown: Collection[str] = self._ledger.seen(self._name)
        returned: set[str] = set()
        for _ in range(_MOST_PASSES):
            returned |= self._look_once(missing, returned)
            if returned.issuperset(missing):
                return DeletionOutcome(returned=returned)
            result = self._read.second_look_result()
            if result.incomplete is not None:
                return DeletionOutcome(returned=returned, incomplete=result.incomplete)
            if result.shown is None or set(shown) <= set(result.shown):
                return DeletionOutcome(returned=returned)
            shown = result.shown
        return DeletionOutcome(returned=returned, incomplete=_EDITED_MEANWHILE)

    def _look_once(self, missing: Sequence[str], returned: Collection[str]) -> set[str]:
        """Ids that a pass shows after all; what it shows of them is published like any page."""
        found: set[str] = set()
        for page in self._read.second_look([one for one in missing if one not in returned]):
            if page.rows:
                self._take_again(page, found)
                found.update(row.entity_id for row in page.rows)
        return found

    def _delete(self, gone: Sequence[str]) -> None:
        for ids in _batches(gone):
            self._run.send(self._run.prepare(self._read.entity, deletions(ids)))
            self._run.counts[self._name]["deleted"] += len(ids)
            self._ledger.drop(self._name, ids, self._run.progress())


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _DELETION_BATCH):
        yield ids[start : start + _DELETION_BATCH]
