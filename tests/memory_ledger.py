"""What schema `integration` keeps of a company's runs, in memory: for histories by the thousand.

The contract suite in tests/contract/producers runs on this and on Postgres.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from msgspec import structs

from control.checkpoints import COMPLETE, HELD, INCOMPLETE, INCOMPLETE_REASON, READ, Checkpoint
from control.entity_reads import CompleteRead, IncompleteRead
from control.refused_rows import RefusedRow
from control.runs import Counts, NewRun, OpenRun, RunId
from control.source_state import Known, Published, PublishedCount, ReadRange
from producers.runs.ledger import Missing, PageRecord, Progress, outside


@dataclass(slots=True)
class RunMemory:
    """One run with its checkpoints and pages."""

    open: OpenRun
    state: str = "running"
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    pages: dict[tuple[str, int], list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class KeptRule:
    """One row of integration.suspicions."""

    message: str
    whole: bool
    accepted: bool = False


@dataclass(slots=True)
class CompanyMemory:
    """One company: what was published, its runs, what is held, up to when each entity is complete."""

    company_id: str
    published: dict[str, dict[str, Published]] = field(default_factory=dict)
    runs: list[RunMemory] = field(default_factory=list)
    held: dict[str, dict[str, bool]] = field(default_factory=dict)
    complete: dict[str, CompleteRead] = field(default_factory=dict)
    incomplete: dict[str, IncompleteRead] = field(default_factory=dict)
    refused: dict[str, dict[str, RefusedRow]] = field(default_factory=dict)
    announced: tuple[str, Sequence[Published]] | None = None
    records: dict[tuple[str, bool], int] = field(default_factory=dict)
    suspicions: dict[str, dict[str, KeptRule]] = field(default_factory=dict)
    seq: int = 0

    def left(self) -> OpenRun | None:
        return self.runs[-1].open if self.runs and self.runs[-1].state == "running" else None

    def oldest_day(self) -> date | None:
        """See control.source_state.oldest_day; of shifts."""
        days = [one.local_day for one in self.published.get("time-entries", {}).values() if one.local_day]
        return min(days, default=None)

    def release(self) -> None:
        """An operator says that what is missing and what looks wrong is true (`release-deletions`)."""
        for held in self.held.values():
            held.update(dict.fromkeys(held, True))
        for kept in self.suspicions.values():
            for rule in kept.values():
                rule.accepted = True

    def begin(self, new: NewRun, now: datetime) -> MemoryLedger:
        """See control.runs.begin_run; failed runs of the same read and scope are gone on from whatever their age."""
        self.seq += 1
        scope = _through_json(dict(new.scope))
        run = RunMemory(OpenRun(f"run-{self.seq}", self.seq, new.read, scope, new.command_id, {}, now, 1))
        before = self.runs[-1] if self.runs else None
        if before is not None and before.state == "running":
            before.state = "failed"
        if before is not None and before.state == "failed" and new.usable_s:
            same = (before.open.read, before.open.scope) == (new.read, scope)
            if same and before.checkpoints:
                run.checkpoints, run.pages = before.checkpoints, before.pages
                run.open = replace(run.open, counts=before.open.counts)
        self.runs.append(run)
        return MemoryLedger(self, run, RunId(run.open.run_id, self.company_id, self.seq))

    def go_on(self) -> MemoryLedger:
        """See control.runs.continue_run."""
        self.seq += 1
        run = self.runs[-1]
        run.open = replace(run.open, run_seq=self.seq, attempts=run.open.attempts + 1)
        return MemoryLedger(self, run, RunId(run.open.run_id, self.company_id, self.seq))

    def finish(self, state: str) -> None:
        self.runs[-1].state = state


@dataclass(slots=True)
class MemoryLedger:
    """See producers.runs.ledger.Ledger."""

    company: CompanyMemory
    memory: RunMemory
    run: RunId

    @property
    def counts(self) -> Counts:
        """Those of earlier attempts, as read back."""
        found: Counts = _through_json(self.memory.open.counts)
        return found

    def checkpoints(self) -> dict[str, Checkpoint]:
        return dict(self.memory.checkpoints)

    def begin_read(self, entity: str, began_at: datetime) -> None:
        self.memory.checkpoints.setdefault(entity, Checkpoint(entity, began_at))

    def count(self, entity: str) -> int:
        return len(self._published(entity))

    def count_whole(self, entity: str) -> int:
        return sum(len(row.fingerprint) == 16 for row in self._published(entity).values())

    def known(self, entity: str, entity_ids: Sequence[str]) -> dict[str, Known]:
        kept = self._published(entity)
        found = {one: kept[one] for one in entity_ids if one in kept}
        return {one: Known(row.fingerprint, row.digest, row.filled) for one, row in found.items()}

    def to_compare(self, entity: str, entity_ids: Sequence[str]) -> dict[str, Known]:
        return self.known(entity, entity_ids)

    def seen(self, read: str, *, among: Collection[str] | None = None) -> set[str]:
        shown = {one for (name, _), ids in self.memory.pages.items() if name == read for one in ids}
        return shown if among is None else shown & set(among)

    def refused(self, entity: str) -> dict[str, RefusedRow]:
        return dict(self.company.refused.get(entity, {}))

    def announce(self, entity: str, changes: Sequence[Published]) -> None:
        self.mark_unconfirmed()
        self.company.announced = entity, list(changes)

    def mark_unconfirmed(self) -> int:
        entity, changes = self.company.announced or ("", ())
        self.company.announced = None
        for change in changes:
            kept = self._published(entity).get(change.entity_id, change)
            self._published(entity)[change.entity_id] = structs.replace(
                kept, fingerprint=change.fingerprint, digest=None
            )
        return len(changes)

    def record_page(self, page: PageRecord) -> None:
        kept = self._published(page.entity)
        if page.published or page.refused:
            self.company.announced = None
        refused = self.company.refused.setdefault(page.entity, {})
        for entity_id in page.understood:
            refused.pop(entity_id, None)
        refused.update({row.entity_id: row for row in page.refused})
        if page.announce_next:
            assert self.company.announced is None, "A company announces one batch at a time."
            self.company.announced = page.entity, list(page.announce_next)
        kept.update({one.entity_id: one for one in page.published})
        for entity_id, digest in page.digests.items():
            kept[entity_id] = structs.replace(kept[entity_id], digest=digest)
        if page.checkpoint is not None:
            name = page.checkpoint.entity
            self.memory.pages.setdefault((name, page.number), []).extend(page.entity_ids)
            self.memory.pages.setdefault((outside(name), page.number), []).extend(page.outside_ids)
            before = self.memory.checkpoints[name]
            self.memory.checkpoints[name] = replace(
                page.checkpoint,
                began_at=before.began_at,
                pages_done=max(before.pages_done, page.checkpoint.pages_done),
                cursor=_through_json(dict(page.checkpoint.cursor)),
            )
        self._save(page.progress)

    def last_records(self, entity: str, *, whole: bool) -> int | None:
        return self.company.records.get((entity, whole))

    def accepted(self, entity: str) -> set[str]:
        return {rule for rule, kept in self.company.suspicions.get(entity, {}).items() if kept.accepted}

    def end_pages(self, entity: str) -> None:
        self._set_state(entity, READ)

    def missing(self, entity: str, covered: ReadRange) -> Missing:
        kept = self._published(entity)
        inside = [one for one in kept.values() if self._covers(covered, one)]
        shown = self.seen(entity)
        unseen = sorted(one.entity_id for one in inside if one.entity_id not in shown)
        return Missing(unseen, PublishedCount(len(kept), len(inside)))

    def released(self, entity: str) -> set[str]:
        return {one for one, released in self.company.held.get(entity, {}).items() if released}

    def held(self, entity: str) -> set[str]:
        return {one for one, released in self.company.held.get(entity, {}).items() if not released}

    def drop(self, entity: str, entity_ids: Sequence[str], progress: Progress) -> None:
        self.company.announced = None
        for entity_id in entity_ids:
            self._published(entity).pop(entity_id, None)
            self.company.held.get(entity, {}).pop(entity_id, None)
        self._save(progress)

    def end_read(
        self, entity: str, end: CompleteRead | IncompleteRead | None, *, held: Sequence[str], returned: Collection[str]
    ) -> None:
        self._hold(entity, held, returned)
        if end is not None:
            self._keep_suspicions(end)
        if isinstance(end, IncompleteRead):
            before = self.company.incomplete.get(end.entity, end)
            self.company.incomplete[end.entity] = replace(end, whole=end.whole or before.whole)
            at = self.memory.checkpoints[entity]
            self.memory.checkpoints[entity] = replace(
                at, state=INCOMPLETE, cursor={**at.cursor, INCOMPLETE_REASON: end.message}
            )
            return
        if end is not None:
            self.company.complete[end.entity] = end
            if end.records is not None:
                self.company.records[end.entity, end.whole] = end.records
            if end.whole or not getattr(self.company.incomplete.get(end.entity), "whole", False):
                self.company.incomplete.pop(end.entity, None)
        self._set_state(entity, HELD if held else COMPLETE)

    def _keep_suspicions(self, end: CompleteRead | IncompleteRead) -> None:
        if end.looks_wrong is None:
            return
        kept = self.company.suspicions.setdefault(end.entity, {})
        for rule in [one for one, row in kept.items() if one not in end.looks_wrong and (end.whole or not row.whole)]:
            del kept[rule]
        for rule, message in end.looks_wrong.items():
            before = kept.get(rule, KeptRule(message, end.whole))
            kept[rule] = KeptRule(message, before.whole or end.whole, before.accepted)

    def _hold(self, entity: str, held: Sequence[str], returned: Collection[str]) -> None:
        kept = self.company.held.setdefault(entity, {})
        for entity_id in {*returned, *self.seen(entity)}:
            kept.pop(entity_id, None)
        for entity_id in held:
            kept.setdefault(entity_id, False)

    def _published(self, entity: str) -> dict[str, Published]:
        return self.company.published.setdefault(entity, {})

    def _covers(self, covered: ReadRange, one: Published) -> bool:
        day = one.local_day
        in_days = (covered.from_day is None or (day is not None and day >= covered.from_day)) and (
            covered.to_day is None or (day is not None and day <= covered.to_day)
        )
        if covered.parents is None:
            return in_days
        orphan = one.parent_id not in self._published("jobs")
        return in_days and (one.parent_id in covered.parents or orphan)

    def _set_state(self, entity: str, state: str) -> None:
        self.memory.checkpoints[entity] = replace(self.memory.checkpoints[entity], state=state)

    def _save(self, progress: Progress) -> None:
        self.memory.open = replace(self.memory.open, counts=_through_json(progress.counts))


def _through_json(value: Any) -> Any:
    """As it comes back from a column of JSON."""
    return json.loads(json.dumps(value))
