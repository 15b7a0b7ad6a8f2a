"""The report of a check: what is understood, what would be lost, which facts hold; counts and safe names only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from producers.buildertrend.check import exchange as of
from producers.buildertrend.check.checker import Checked
from producers.buildertrend.check.facts import FACTS, HOLDS, state_of
from producers.buildertrend.check.findings import Findings
from producers.buildertrend.check.understanding import PAID_BY

_WORDS = {
    of.ACCOUNT: "the account",
    of.JOBS: "jobs (the picker)",
    of.JOB_LIST: "jobs (the list)",
    of.JOB: "single jobs",
    of.SHIFTS: "shifts",
    of.USERS: "internal users",
    of.COST_CODES: "cost codes",
    of.BUDGET: "budgets",
    of.WORKSHEET: "worksheets",
    of.FILTERS: "filters",
    of.VIEWS: "the grids' columns",
    of.REPORT: "reports",
    of.BILLS: "defaults of bills",
}
# What a capture needs to say something of all five entities, and where the pages are.
_WANTED = {
    of.ACCOUNT: "Open any page of Buildertrend anew.",
    of.JOBS: "Open the list of jobs at the left.",
    of.SHIFTS: "Open Project Management > Time Clock, and page through it.",
    of.BUDGET: "Open the Job Costing Budget of a job.",
    of.COST_CODES: "Open the Job Costing Budget of a job.",
    of.WORKSHEET: "Open Estimates of a job.",
}
_PARSED = frozenset({of.ACCOUNT, of.JOBS, of.JOB_LIST, of.SHIFTS, of.USERS, of.COST_CODES, of.BUDGET, of.WORKSHEET})
_NEEDED_IN_ROWS = frozenset({"userID", "timeIn", "regularTime"})
_FEWEST_ROWS = 20
# Single rows differ for reasons of their own; more than one in a hundred is another form.
_FEW = 100
_MOST_NAMED = 12


@dataclass(slots=True)
class Report:
    """Sentences by group. `lost`: what Protiv would lack or have wrong; empty where all is understood."""

    answers: int = 0
    understood: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    look_at: list[str] = field(default_factory=list)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    endpoints: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0: understood, 1: something would be lost."""
        return 1 if self.lost else 0

    def as_json(self) -> dict[str, Any]:
        """One object for machines."""
        return {
            "understood": not self.lost,
            "answers": self.answers,
            "endpoints": self.endpoints,
            "lost": self.lost,
            "look_at": self.look_at,
            "facts": self.facts,
        }


def report_of(checked: Checked) -> Report:
    """The report of everything that was taken."""
    report = Report(answers=sum(found.answers for found in checked.findings.values()))
    for found in sorted(checked.findings.values(), key=lambda one: (one.endpoint.path, one.endpoint.method)):
        report.endpoints.append(_endpoint_json(found))
        _report_endpoint(found, report)
    unknown = sorted({one.endpoint.path for one in checked.findings.values() if one.endpoint.kind is None})
    if unknown:
        report.kept.append(f"{len(unknown)} endpoints that the adapter does not use: {_named(unknown)}.")
    _report_facts(checked, report)
    present = {one.endpoint.kind for one in checked.findings.values() if one.rows or one.nothing}
    for kind, where in _WANTED.items():
        if kind not in present:
            report.look_at.append(f"{_WORDS[kind].capitalize()}: none is in it. {where}")
    _report_recipe(checked, report)
    return report


def lines_of(report: Report) -> Iterator[str]:
    """The report for people."""
    yield f"Looked at {_count(report.answers, 'answer')} of Buildertrend."
    groups = (
        ("Understood", report.understood),
        ("Would be lost or wrong in Protiv", report.lost),
        ("Not used", report.kept),
        ("To look at", report.look_at),
        ("Wire facts (docs/wire.md)", list(_fact_lines(report))),
    )
    for title, sentences in groups:
        if sentences:
            yield ""
            yield f"{title}:"
            yield from (f"  {sentence}" for sentence in sentences)
    yield ""
    yield (
        "Something would be lost or wrong: send the developers this report and the file of --shape, not the recording."
        if report.lost
        else "All of it is understood."
    )


def _report_endpoint(found: Findings, report: Report) -> None:
    kind = found.endpoint.kind
    if kind is None:
        return
    words = _WORDS[kind].capitalize()
    if found.rows or found.nothing:
        empty = f", {found.nothing:,} of them without a row" if found.nothing else ""
        report.understood.append(f"{words}: {_count(found.rows, 'row')} of {_count(found.answers, 'answer')}{empty}.")
    elif kind not in _PARSED:
        report.understood.append(f"{words}: {_count(found.answers, 'answer')}, looked at for the facts only.")
    for name, rows in found.refused.most_common():
        report.lost.append(
            f"{words}: {_count(rows, 'row')} would be refused, as {name} is missing or has another form."
        )
    for name, answers in found.changed.most_common():
        of_answers = _count(answers, "answer")
        report.lost.append(f"{words}: {of_answers} cannot be read, as {name} is missing or has another form.")
    for name, answers in found.unforeseen.most_common():
        report.lost.append(f"{words}: {_count(answers, 'answer')} end the adapter's own code ({name}): a bug of ours.")
    if found.unknown:
        named = _named([name for name, _ in found.unknown.most_common()])
        report.kept.append(f"{words}: {_count(len(found.unknown), 'field')} kept as they are: {named}.")
    _report_troubles(found, words, report)
    _report_empty(found, words, report)


def _report_troubles(found: Findings, words: str, report: Report) -> None:
    for why, answers in found.troubles.most_common():
        report.look_at.append(f"{words}: {_count(answers, 'answer')} not looked at: {why}.")
    for fault, answers in found.faults.most_common():
        if fault != "source-changed":
            report.look_at.append(f"{words}: {_count(answers, 'answer')} mean {fault} to the adapter.")


def _report_empty(found: Findings, words: str, report: Report) -> None:
    if found.endpoint.kind != of.SHIFTS or found.rows < _FEWEST_ROWS:
        return
    for name in PAID_BY:
        if not found.filled[name]:
            sentence = (
                f"{words}: {name} is empty in every row: its column is hidden, or this user may not see it (G11)."
            )
            (report.lost if name in _NEEDED_IN_ROWS else report.look_at).append(sentence)


def _report_facts(checked: Checked, report: Report) -> None:
    for number, (holding, against) in checked.facts.counts().items():
        fact = FACTS[number]
        report.facts[number] = {
            "state": state_of(holding, against),
            "for": holding,
            "against": against,
            "expected": fact.expected,
        }
        if fact.otherwise and against * _FEW > holding + against:
            of_all = f"{against:,} of {holding + against:,}"
            report.lost.append(f"{number} does not hold ({of_all}): {fact.expected}. So {fact.otherwise}.")


def _report_recipe(checked: Checked, report: Report) -> None:
    recipe = checked.recipe
    if recipe is None:
        if any(one.kind == of.SHIFTS for one in checked.findings):
            report.look_at.append(f"The page's own request for shifts cannot be kept: {checked.no_recipe}.")
        return
    order = "newest first" if recipe.sort else "not newest first, so the captured order is kept"
    report.understood.append(f"The page's own request for shifts: {_count(len(recipe.columns), 'column')}, {order}.")
    if recipe.left_out:
        several = _count(len(recipe.left_out), "filter")
        report.look_at.append(f"The page left shifts out by {several}; they are not part of how we ask.")


def _fact_lines(report: Report) -> Iterator[str]:
    holding = [number for number, fact in report.facts.items() if fact["state"] == HOLDS]
    if holding:
        yield f"Hold: {' '.join(holding)}."
    for number, fact in report.facts.items():
        if fact["state"] != HOLDS:
            seen = fact["for"] + fact["against"]
            yield f"{number}: {fact['against']:,} of {seen:,} say otherwise. Expected: {fact['expected']}."
    missing = [number for number in FACTS if number not in report.facts]
    if missing:
        yield f"Not to be seen in it: {' '.join(missing)}."


def _endpoint_json(found: Findings) -> dict[str, Any]:
    return {
        "method": found.endpoint.method,
        "path": found.endpoint.path,
        "kind": found.endpoint.kind,
        "answers": found.answers,
        "rows": found.rows,
        "without_rows": found.nothing,
        **{name: dict(counter) for name, counter in _counters(found).items()},
        "statuses": {str(status): count for status, count in sorted(found.statuses.items())},
    }


def _counters(found: Findings) -> Mapping[str, Counter[str]]:
    return {
        "refused": found.refused,
        "changed": found.changed,
        "unknown": found.unknown,
        "faults": found.faults,
        "not_readable": found.troubles,
        "bugs": found.unforeseen,
    }


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _named(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
