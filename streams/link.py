"""Links shifts and budgets to their parents. Pure: what the parents are is handed in, the result is compared by value.

The status of a shift is the first of these that holds. What a person has to settle in Buildertrend comes before what
settles itself when a parent is read, so that nobody waits for something that will not come:

| status                | holds when                                                       | settled by             |
|-----------------------|------------------------------------------------------------------|------------------------|
| general               | the job is 0, the company's General pseudo-job                   | it is final            |
| uncoded               | no cost code, or only the catch-all "Buildertrend Flat Rate"     | somebody's edit        |
| several-codes         | several distinct codes                                           | somebody's edit        |
| ambiguous-code        | the title names several active codes, or several and none active | somebody's edit        |
| waiting-for-job       | no such job is known                                             | the job's arrival      |
| waiting-for-user      | no such user is known                                            | the user's arrival     |
| waiting-for-cost-code | no cost code has this title                                      | the code's arrival     |
| linked                | else                                                             |                        |

Names of job, user and cost code are the parents' wherever these are known, whatever the status, else the row's own.
`cost_code_id` is set when exactly one code is named and its title names one cost code, whatever the status.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol

GENERAL_JOB_ID = "0"
# Characters of many titles or ids put together.
_LONGEST = 1_000
FLAT_RATE = "Buildertrend Flat Rate"


class CostCode(NamedTuple):
    """What links need of a cost code. `active` is false only where Buildertrend says so."""

    title: str | None
    active: bool


class Parents(Protocol):
    """The parents of one company that are known now."""

    @property
    def job_names(self) -> Mapping[str, str | None]: ...

    @property
    def user_names(self) -> Mapping[str, str | None]: ...

    @property
    def cost_codes(self) -> Mapping[str, CostCode]: ...

    def codes_titled(self, key: str) -> Collection[str]:
        """Ids of the cost codes whose title has this `title_key`."""


class ShiftRefs(NamedTuple):
    """What a shift's own row says about its parents."""

    job_id: str
    user_id: str
    titles: tuple[str, ...]
    job_name: str | None
    user_name: str | None


class BudgetRefs(NamedTuple):
    """What a budget's own row says about its parents."""

    job_id: str
    cost_code_id: str
    title: str | None


class ShiftLink(NamedTuple):
    """The columns of a canonical shift that depend on its parents."""

    status: str
    detail: str | None
    job_name: str | None
    user_name: str | None
    cost_code_id: str | None
    cost_code_title: str | None


class BudgetLink(NamedTuple):
    """The columns of a canonical budget that depend on its parents."""

    job_name: str | None
    cost_code_title: str | None


class Coding(NamedTuple):
    """What the titles of a shift come to: None as status where they name one cost code."""

    status: str | None
    detail: str | None
    cost_code_id: str | None
    title: str | None


@lru_cache(maxsize=65_536)
def title_key(title: str) -> str:
    """What two titles that name the same code have in common: runs of white space count as one blank."""
    return " ".join(title.split())


@lru_cache(maxsize=65_536)
def coded_titles(titles: tuple[str, ...]) -> tuple[str, ...]:
    """The titles that name a cost code, without the catch-all."""
    return tuple(title for title in titles if title_key(title) != FLAT_RATE)


def link_shift(refs: ShiftRefs, parents: Parents) -> ShiftLink:
    """Status, detail and names of a shift; see the table of this module."""
    return link_coded(refs, parents, code_titles(refs.titles, parents))


def link_coded(refs: ShiftRefs, parents: Parents, coding: Coding) -> ShiftLink:
    """The same, where it is known what the shift's titles come to."""
    status, detail = _status(refs, parents, coding)
    return ShiftLink(
        status,
        detail,
        parents.job_names.get(refs.job_id) or refs.job_name,
        parents.user_names.get(refs.user_id) or refs.user_name,
        coding.cost_code_id,
        coding.title,
    )


def code_titles(titles: tuple[str, ...], parents: Parents) -> Coding:
    """Which cost code the titles of a shift name, as far as these are known."""
    coded = coded_titles(titles)
    if not coded:
        return Coding("uncoded", None, None, titles[0] if titles else None)
    if len(coded) > 1 and len({title_key(title) for title in coded}) > 1:
        return Coding("several-codes", f"The shift names {len(coded)} cost codes.", None, "; ".join(coded)[:_LONGEST])
    title = coded[0]
    ids = parents.codes_titled(title_key(title))
    if len(ids) == 1:
        (only,) = ids
        return Coding(None, None, only, parents.cost_codes[only].title or title)
    named = [code_id for code_id in ids if parents.cost_codes[code_id].active] or list(ids)
    if not named:
        return Coding("waiting-for-cost-code", "No cost code with this title has been read.", None, title)
    if len(named) > 1:
        ids = ", ".join(sorted(named))[:_LONGEST]
        return Coding("ambiguous-code", f"The title names the cost codes {ids}.", None, title)
    return Coding(None, None, named[0], parents.cost_codes[named[0]].title or title)


def link_budget(refs: BudgetRefs, parents: Parents) -> BudgetLink:
    """The job's name, null until it is known; the cost code's title, else the row's own."""
    code = parents.cost_codes.get(refs.cost_code_id)
    return BudgetLink(parents.job_names.get(refs.job_id), (code and code.title) or refs.title)


def _status(refs: ShiftRefs, parents: Parents, coding: Coding) -> tuple[str, str | None]:
    if refs.job_id == GENERAL_JOB_ID:
        return "general", None
    if coding.status in ("uncoded", "several-codes", "ambiguous-code"):
        return coding.status, coding.detail
    if refs.job_id not in parents.job_names:
        return "waiting-for-job", f"Job {refs.job_id} has not been read from Buildertrend."
    if refs.user_id not in parents.user_names:
        return "waiting-for-user", f"User {refs.user_id} has not been read from Buildertrend."
    return coding.status or "linked", coding.detail
