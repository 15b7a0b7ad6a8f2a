"""Template values of the fault section: groups of switches, which of them are on, and every rule in words."""

from __future__ import annotations

from typing import Any

from sandbox.quirks import Quirks
from sandbox.rules import FailNext, FieldRule, MissingRows, OnRequest, PagingRule, SpoilNext
from sandbox.switches import Switches

_GROUPS: dict[str, tuple[str, ...]] = {
    "sign-in": ("sign_in", "account", "lock_after", "session_calls", "session_end_signal", "fresh_session"),
    "modules": (
        "jobs_endpoint",
        "time_clock_endpoint",
        "users_endpoint",
        "budgets_endpoint",
        "cost_codes_endpoint",
        "worksheets_endpoint",
        "reports_endpoint",
        "filters_endpoint",
    ),
    "answers": ("burst", "fail_next", "spoil_next"),
    "rows": ("missing_rows", "paging", "grid_sort"),
    "fields": ("fields",),
    "script": ("on_request",),
}

QUIRKS = Quirks.model_json_schema()["properties"]

AnyRule = FailNext | SpoilNext | FieldRule | MissingRows | PagingRule | OnRequest


def faults_view(switches: Switches) -> dict[str, Any]:
    """`on` counts the switches that are on, in all and by group; `rules` has the words of every list's rules."""
    changed = switches.changed()
    return {
        "on": len(changed),
        "on_in": {group: len([name for name in names if name in changed]) for group, names in _GROUPS.items()},
        "quirks": [_quirk(name, schema) for name, schema in QUIRKS.items()],
        "rules": {name: [in_words(rule) for rule in value] for name, value in switches if isinstance(value, list)},
    }


def _quirk(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A quirk's field of the form: a choice of words, a flag, or a number that may be left out."""
    kinds = [schema, *schema.get("anyOf", ())]
    return {
        "name": name,
        "title": schema["title"],
        "words": [(word, word) for word in schema.get("enum", ())],
        "is_flag": schema.get("type") == "boolean",
        "least": next((kind["minimum"] for kind in kinds if "minimum" in kind), 0),
        "may_be_none": any(kind.get("type") == "null" for kind in kinds),
    }


def in_words(rule: AnyRule) -> str:
    """One line that says what the rule does."""
    match rule:
        case FailNext():
            asked = "" if rule.retry_after is None else f", Retry-After {rule.retry_after} s as {rule.retry_after_form}"
            return f"{_times(rule)} {rule.path_contains}: {rule.status}{asked}"
        case SpoilNext():
            return f"{_times(rule)} {rule.path_contains}: {rule.how}"
        case FieldRule():
            renamed = f" to {rule.name}" if rule.name else ""
            share = "" if rule.share == 1 else f", {rule.share:.0%} of the rows"
            return f"{rule.entity} {rule.field}: {rule.change}{renamed}{share}"
        case MissingRows():
            return f"{rule.entity}: {rule.which} missing"
        case PagingRule():
            by = f" by {rule.by}" if rule.fault in ("shifted", "stated-pages", "repeated", "short") else ""
            return f"{rule.entity}: {rule.fault}{by}"
        case OnRequest():
            edits = f"{len(rule.edits)} edit{'s' if len(rule.edits) > 1 else ''}"
            when = f"before request {rule.request} to" if rule.is_on else "made at"
            return f"{edits} {when} {rule.path_contains}" + (f": {rule.problem}" if rule.problem else "")


def _times(rule: FailNext | SpoilNext) -> str:
    if rule.times is None:
        return "every"
    return f"next {rule.times} ×" if rule.times else "done:"
