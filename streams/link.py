"""Links shifts and budgets to their parents. Pure: the known parents are passed in, the result is compared by value.

A cost code is meant by its id wherever the shift states one, be it known yet or not, and by its title only where it
states none. The status of a shift is the first of these that applies. What a person must correct in Buildertrend comes
before what resolves itself once a parent is read, so that nobody waits for something that will not come:

| status                | applies when                                                     | resolved by            |
|-----------------------|------------------------------------------------------------------|------------------------|
| general               | the job is 0, the company's General pseudo-job                   | it is final            |
| uncoded               | no cost code, or only the catch-all "Buildertrend Flat Rate"     | somebody's edit        |
| several-codes         | several codes, and the minutes of each are not stated            | the end of a shift     |
|                       |                                                                  | still open, or an edit |
| ambiguous-code        | a title names several active codes, or several and none active   | somebody's edit        |
| waiting-for-job       | no such job is known                                             | the job's arrival      |
| waiting-for-user      | no such user is known                                            | the user's arrival     |
| waiting-for-cost-code | no cost code has this title                                      | the code's arrival     |
| split                 | several codes, each with its minutes                             |                        |
| linked                | otherwise                                                        |                        |

Names of job, user and cost code are the parents' wherever these are known, whatever the status, else the row's own.
`cost_code_id` is set when the shift means one code, and the columns of the split are when it means several and states
their minutes, whatever the status. The catch-all among several codes is a part like any other: its hours belong to no
other code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any, NamedTuple, Protocol

from schemas.codec import Record
from schemas.entities import COST_CODES, JOBS, USERS
from streams.coding import Coding, KnownCodes, find_coding
from streams.normalise.named_codes import NamedCode, StatedMinutes, named_codes, stated_codes, title_key
from streams.normalise.values import GENERAL_JOB_ID

# In place of an entity's name where a child refers to its parent by title instead of id.
TITLE = "title"


class Parent(NamedTuple):
    """What is held of a job, user or cost code. `active` is false only where Buildertrend says so."""

    version: int
    label: str | None
    active: bool = True


class Parents(KnownCodes, Protocol):
    """The parents of one company that are known now, by id."""

    @property
    def jobs(self) -> Mapping[str, Parent]: ...

    @property
    def users(self) -> Mapping[str, Parent]: ...

    @property
    def cost_codes(self) -> Mapping[str, Parent]: ...


class Link(Protocol):
    """The columns of a canonical record that depend on its parents, under the names of these columns."""

    def _asdict(self) -> dict[str, Any]: ...


class Refs(Protocol):
    """What a child's own row says about its parents."""

    def parent_keys(self) -> Iterable[tuple[str, str]]:
        """Each parent by its entity's name and its id, or by TITLE and its `title_key`."""

    def link(self, parents: Parents) -> Link:
        """The columns that follow from the parents known now."""


class ShiftLink(NamedTuple):
    """The columns of a canonical shift that depend on its parents."""

    link_status: str
    link_detail: str | None
    job_name: str | None
    user_name: str | None
    cost_code_id: str | None
    cost_code_title: str | None
    split_cost_code_ids: tuple[str, ...] = ()
    split_minutes: tuple[int, ...] = ()


class BudgetLink(NamedTuple):
    """The columns of a canonical budget that depend on its parents."""

    job_name: str | None
    cost_code_title: str | None


class ShiftRefs(NamedTuple):
    """What a shift's own row says about its parents; `minutes` only where it names several cost codes."""

    job_id: str
    user_id: str
    codes: tuple[NamedCode, ...]
    job_name: str | None
    user_name: str | None
    minutes: StatedMinutes | None = None

    def parent_keys(self) -> Iterable[tuple[str, str]]:
        """See Refs."""
        keys = [(JOBS.name, self.job_id), (USERS.name, self.user_id)]
        for code_id, title in self.codes:
            if code_id is not None:
                keys.append((COST_CODES.name, code_id))
            elif title is not None:
                keys.append((TITLE, title_key(title)))
        return keys

    def link(self, parents: Parents) -> ShiftLink:
        """See the table of this module."""
        return link_shift(self, parents, find_coding(self.codes, self.minutes, parents))


class BudgetRefs(NamedTuple):
    """What a budget's own row says about its parents."""

    job_id: str
    cost_code_id: str
    title: str | None

    def parent_keys(self) -> Iterable[tuple[str, str]]:
        """See Refs."""
        return [(JOBS.name, self.job_id), (COST_CODES.name, self.cost_code_id)]

    def link(self, parents: Parents) -> BudgetLink:
        """The job's name, null until it is known; the cost code's title, else the row's own."""
        job, code = parents.jobs.get(self.job_id), parents.cost_codes.get(self.cost_code_id)
        return BudgetLink(job and job.label, (code and code.label) or self.title)


def shift_refs(canonical: Record, change: Record) -> ShiftRefs:
    """What a change record of a shift, and what was normalised from it, say about its parents."""
    named = named_codes(stated_codes(change["after"]))
    return ShiftRefs(
        intern(canonical["job_id"]),
        intern(canonical["user_id"]),
        named.codes,
        _shared(canonical["job_name"]),
        _shared(canonical["user_name"]),
        None if named.minutes is None else StatedMinutes(canonical["total_minutes"], named.minutes),
    )


def budget_refs(canonical: Record, _: Record) -> BudgetRefs:
    """What a normalised budget says about its parents."""
    return BudgetRefs(intern(canonical["job_id"]), intern(canonical["cost_code_id"]), canonical["cost_code_title"])


def link_shift(refs: ShiftRefs, parents: Parents, coding: Coding) -> ShiftLink:
    """Status, detail and names of a shift whose cost codes were looked up already; see the table of this module."""
    status, detail = _status(refs, parents, coding)
    if coding.note is not None:
        detail = f"{detail} {coding.note}" if detail else coding.note
    job, user = parents.jobs.get(refs.job_id), parents.users.get(refs.user_id)
    return ShiftLink(
        status,
        detail,
        (job and job.label) or refs.job_name,
        (user and user.label) or refs.user_name,
        coding.cost_code_id,
        coding.title,
        coding.split_cost_code_ids,
        coding.split_minutes,
    )


def _status(refs: ShiftRefs, parents: Parents, coding: Coding) -> tuple[str, str | None]:
    if refs.job_id == GENERAL_JOB_ID:
        return "general", None
    if coding.status in ("uncoded", "several-codes", "ambiguous-code"):
        return coding.status, coding.detail
    if refs.job_id not in parents.jobs:
        return "waiting-for-job", f"Job {refs.job_id} has not been read from Buildertrend."
    if refs.user_id not in parents.users:
        return "waiting-for-user", f"User {refs.user_id} has not been read from Buildertrend."
    return coding.status or "linked", coding.detail


def _shared(name: str | None) -> str | None:
    """The same name is on thousands of shifts; it is kept once."""
    return None if name is None else intern(name)
