"""Links shifts and budgets to their parents. Pure: the known parents are passed in, the result is compared by value.

The status of a shift is the first of these that applies. What a person must correct in Buildertrend comes before what
resolves itself once a parent is read, so that nobody waits for something that will not come:

| status                | applies when                                                     | resolved by            |
|-----------------------|------------------------------------------------------------------|------------------------|
| general               | the job is 0, the company's General pseudo-job                   | it is final            |
| uncoded               | no cost code, or only the catch-all "Buildertrend Flat Rate"     | somebody's edit        |
| several-codes         | several distinct codes                                           | somebody's edit        |
| ambiguous-code        | the title names several active codes, or several and none active | somebody's edit        |
| waiting-for-job       | no such job is known                                             | the job's arrival      |
| waiting-for-user      | no such user is known                                            | the user's arrival     |
| waiting-for-cost-code | no cost code has this title                                      | the code's arrival     |
| linked                | otherwise                                                        |                        |

Names of job, user and cost code are the parents' wherever these are known, whatever the status, else the row's own.
`cost_code_id` is set when the shift names one code and its title belongs to one cost code, whatever the status.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple, Protocol

from schemas.codec import Record
from schemas.entities import COST_CODES, JOBS, USERS
from streams.normalise.time_entries import named_titles
from streams.normalise.values import GENERAL_JOB_ID

# The most characters of many titles or ids joined.
_LONGEST = 1_000
FLAT_RATE = "Buildertrend Flat Rate"


# In place of an entity's name where a child refers to its parent by title instead of id.
TITLE = "title"


class Parent(NamedTuple):
    """What is held of a job, user or cost code. `active` is false only where Buildertrend says so."""

    version: int
    label: str | None
    active: bool = True


class Parents(Protocol):
    """The parents of one company that are known now, by id."""

    @property
    def jobs(self) -> Mapping[str, Parent]: ...

    @property
    def users(self) -> Mapping[str, Parent]: ...

    @property
    def cost_codes(self) -> Mapping[str, Parent]: ...

    def cost_codes_titled(self, key: str) -> Collection[str]:
        """Ids of the cost codes whose title has this `title_key`."""


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


class BudgetLink(NamedTuple):
    """The columns of a canonical budget that depend on its parents."""

    job_name: str | None
    cost_code_title: str | None


class ShiftRefs(NamedTuple):
    """What a shift's own row says about its parents."""

    job_id: str
    user_id: str
    titles: tuple[str, ...]
    job_name: str | None
    user_name: str | None

    def parent_keys(self) -> Iterable[tuple[str, str]]:
        """See Refs."""
        # Titles that differ in white space only have one key; it is added and discarded once.
        keys = {title_key(title) for title in self.titles} if len(self.titles) > 1 else map(title_key, self.titles)
        return [(JOBS.name, self.job_id), (USERS.name, self.user_id), *((TITLE, key) for key in keys)]

    def link(self, parents: Parents) -> ShiftLink:
        """See the table of this module."""
        return link_shift(self, parents, find_cost_code(self.titles, parents))


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


class Coding(NamedTuple):
    """The cost code that the titles of a shift name; `status` says why there is none, None where there is one."""

    status: str | None
    detail: str | None
    cost_code_id: str | None
    title: str | None


@lru_cache(maxsize=65_536)
def title_key(title: str) -> str:
    """The same for titles that name the same code: any white space counts as one blank."""
    return " ".join(title.split())


@lru_cache(maxsize=65_536)
def coded_titles(titles: tuple[str, ...]) -> tuple[str, ...]:
    """The titles without the catch-all."""
    return tuple(title for title in titles if title_key(title) != FLAT_RATE)


def shift_refs(canonical: Record, change: Record) -> ShiftRefs:
    """What a change record of a shift, and what was normalised from it, say about its parents."""
    return ShiftRefs(
        intern(canonical["job_id"]),
        intern(canonical["user_id"]),
        named_titles(change["after"]),
        _shared(canonical["job_name"]),
        _shared(canonical["user_name"]),
    )


def budget_refs(canonical: Record, _: Record) -> BudgetRefs:
    """What a normalised budget says about its parents."""
    return BudgetRefs(intern(canonical["job_id"]), intern(canonical["cost_code_id"]), canonical["cost_code_title"])


def link_shift(refs: ShiftRefs, parents: Parents, coding: Coding) -> ShiftLink:
    """Status, detail and names of a shift whose titles were looked up already; see the table of this module."""
    status, detail = _status(refs, parents, coding)
    job, user = parents.jobs.get(refs.job_id), parents.users.get(refs.user_id)
    return ShiftLink(
        status,
        detail,
        (job and job.label) or refs.job_name,
        (user and user.label) or refs.user_name,
        coding.cost_code_id,
        coding.title,
    )


def find_cost_code(titles: tuple[str, ...], parents: Parents) -> Coding:
    """The cost code that the titles of a shift name, among those that are known."""
    coded = coded_titles(titles)
    if not coded:
        return Coding("uncoded", None, None, titles[0] if titles else None)
    if len(coded) > 1 and len({title_key(title) for title in coded}) > 1:
        return Coding("several-codes", f"The shift names {len(coded)} cost codes.", None, "; ".join(coded)[:_LONGEST])
    title = coded[0]
    ids = parents.cost_codes_titled(title_key(title))
    if len(ids) == 1:
        (only,) = ids
        return Coding(None, None, only, parents.cost_codes[only].label or title)
    named = [code_id for code_id in ids if parents.cost_codes[code_id].active] or list(ids)
    if not named:
        return Coding("waiting-for-cost-code", "No cost code with this title has been read.", None, title)
    if len(named) > 1:
        ids = ", ".join(sorted(named))[:_LONGEST]
        return Coding("ambiguous-code", f"The title names the cost codes {ids}.", None, title)
    return Coding(None, None, named[0], parents.cost_codes[named[0]].label or title)


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
