"""Reads that look wrong although nothing failed: pure rules, each with what a person should look at.

A read that looks wrong is not complete and deletes nothing. `release-deletions` says that it is true: the rule then
stops no read until one looks right again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from control.source_state import ReadRange
from schemas.entities import BUDGETS, COST_CODES, JOBS, TIME_ENTRIES, Entity

NO_ROWS = "no-rows"
FEWER_JOBS = "fewer-jobs"
FEWER_CODES = "fewer-codes"
EMPTY_BUDGETS = "empty-budgets"
HALF_THE_RECORDS = "half-the-records"
EMPTY_FIELDS = "empty-fields"

# With fewer, a half may be a few records that somebody tidied up.
_FEWEST_RECORDS = 20
_FEWEST = 3
_TRUE = " If that is true, order release-deletions."
_LOOK = "Look in Buildertrend, signed in as the integration's user"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What looks wrong: the rule, and sentences that say what to look at."""

    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What a read that reached its end saw.

    `shows_nothing`: no row at all, outside its range neither. `unasked`: published ids in its range that no look showed
    and no operator released. `published` records of the entity are known, `in_range` in its range; of the account there
    are `jobs`. `showing`, of budgets: the jobs that have lines. `records`: how many rows the source states now, and
    `records_before` at the last such read. `brake_is_pulled`: so many would go that a person has to look.
    """

    entity: Entity
    whole: bool
    covered: ReadRange
    shows_nothing: bool
    unasked: Sequence[str]
    published: int
    in_range: int
    jobs: int
    records: int | None
    records_before: int | None
    brake_is_pulled: bool
    showing: Collection[str] = ()


def suspicions(looked: Looked) -> list[Suspicion]:
    """Everything that looks wrong."""
    return list(_found(looked))


def emptied_fields(entity: Entity, names: Sequence[str]) -> Suspicion:
    """Fields that records had and that no row has any more."""
    listed = ", ".join(names)
    return Suspicion(
        EMPTY_FIELDS,
        f"Buildertrend suddenly shows all {entity.plural} without {listed}. From there on nothing of this read was "
        f"published, so that what is known stays. {_LOOK}, whether these columns still have values.{_TRUE}",
    )


def job_of(budget_id: str) -> str:
    """The job of a budget line by its id."""
    return budget_id.partition(":")[0]


def read_by_doubtful_jobs(entity: Entity) -> str:
    """Why a read that asks by job is not complete while the jobs look wrong."""
    return (
        f"The {entity.plural} are asked for job by job, and the list of jobs was not complete: look at the jobs first. "
        "Nothing was deleted."
    )


def _found(looked: Looked) -> Iterator[Suspicion]:
    if _shows_nothing(looked):
        yield Suspicion(NO_ROWS, _nothing_sentence(looked))
    elif looked.entity is JOBS and looked.brake_is_pulled:
        yield Suspicion(FEWER_JOBS, _fewer_jobs_sentence(looked))
    elif looked.entity is COST_CODES and _most(len(looked.unasked), looked.in_range):
        yield Suspicion(FEWER_CODES, _fewer_codes_sentence(looked))
    if looked.entity is BUDGETS:
        yield from _empty_budgets(looked)
    now, before = looked.records, looked.records_before
    if now and before and before >= _FEWEST_RECORDS and now * 2 < before:
        yield Suspicion(HALF_THE_RECORDS, _records_sentence(looked.entity.plural, now, before))


def _shows_nothing(looked: Looked) -> bool:
    """Shifts are missing too where none was ever read: an account that has jobs works on them."""
    shifts = looked.entity is TIME_ENTRIES
    if not looked.shows_nothing or not (shifts or looked.whole or looked.covered == ReadRange()):
        return False
    return looked.published > 0 or (shifts and looked.jobs > 0)


def _most(part: int, of: int) -> bool:
    return part >= _FEWEST and part * 2 > of


def _empty_budgets(looked: Looked) -> Iterator[Suspicion]:
    """Jobs that had budget lines and show none; those of deleted jobs are no concern."""
    asked = None if looked.covered.parents is None else set(looked.covered.parents)
    showing = set(looked.showing)
    unasked = {job_of(entity_id) for entity_id in looked.unasked}
    empty = {job for job in unasked - showing if asked is None or job in asked}
    if showing and _most(len(empty), len(empty | showing)):
        named = ", ".join(sorted(empty)[:_FEWEST])
        yield Suspicion(
            EMPTY_BUDGETS,
            f"Buildertrend shows no budget lines for {len(empty):,} of {len(empty | showing):,} jobs that had some "
            f"({named}, …). {_LOOK}, whether the budgets of these jobs are empty.{_TRUE}",
        )


def _nothing_sentence(looked: Looked) -> str:
    if looked.published:
        known = f"{looked.entity.counted(looked.published)} are known here"
    else:
        known = f"the account has {looked.jobs:,} jobs"
    page = f"{_LOOK}, whether there are any"
    if looked.entity is TIME_ENTRIES:
        page = f'{_LOOK}, whether the time clock shows shifts, and whether it may "view other user time sheets"'
    return f"Buildertrend shows no {looked.entity.plural} at all, though {known}. {page}.{_TRUE}"


def _fewer_jobs_sentence(looked: Looked) -> str:
    return (
        f"Buildertrend no longer shows {len(looked.unasked):,} of {looked.published:,} jobs, and shifts, budgets and "
        f"cost codes are asked for by job. {_LOOK}, whether these jobs are there, closed ones too.{_TRUE}"
    )


def _fewer_codes_sentence(looked: Looked) -> str:
    return (
        f"Buildertrend no longer shows {len(looked.unasked):,} of {looked.in_range:,} cost codes. "
        f"{_LOOK}, whether the budgets of jobs still have cost codes.{_TRUE}"
    )


def _records_sentence(entity: str, now: int, before: int) -> str:
    return (
        f"Buildertrend states {now:,} {entity} where it stated {before:,} before. "
        f"{_LOOK}, whether so many were deleted, and whether it still sees all jobs.{_TRUE}"
    )
