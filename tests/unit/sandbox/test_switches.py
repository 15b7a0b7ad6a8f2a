"""The registry of switches: what healing restores, what counts as on, and that all of them are documented."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from sandbox.rules import FieldRule, MissingRows, OnRequest, PagingRule, Spoiling, SpoilNext
from sandbox.switches import COUNTING, QUIRKS, Switches

DOCUMENTATION = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text()


def words_of(switch: str) -> set[str]:
    """The values that a switch of one word takes."""
    schema = Switches.model_json_schema()["properties"][switch]
    return set(schema.get("enum", ()))


@pytest.mark.parametrize("name", list(Switches.model_fields))
def test_switch_and_its_values_are_documented(name: str) -> None:
    healthy = Switches().model_dump()[name]
    assert f"`{name}`" in DOCUMENTATION
    assert [word for word in words_of(name) if word != healthy and f'"{word}"' not in DOCUMENTATION] == []


def test_words_of_rules_are_documented() -> None:
    words = [*get_args(Spoiling)]
    for rule, field in ((FieldRule, "change"), (MissingRows, "which"), (PagingRule, "fault")):
        words += rule.model_json_schema()["properties"][field]["enum"]
    assert [word for word in words if f'"{word}"' not in DOCUMENTATION] == []


def test_documented_rules_are_rules() -> None:
    examples = re.findall(r"`\[?(\{\"[^`]*\})\]?`", DOCUMENTATION)
    kinds: dict[str, tuple[str, ...]] = {
        "fields": ("change",), "missing_rows": ("which",), "paging": ("fault",),
        "fail_next": ("status", "path_contains"), "spoil_next": ("how",), "burst": ("requests",),
    }  # fmt: skip
    taken = [_switch_taking(json.loads(example), kinds) for example in examples]
    assert set(taken) == kinds.keys()


def _switch_taking(example: dict[str, Any], kinds: dict[str, tuple[str, ...]]) -> str:
    (name,) = [name for name, fields in kinds.items() if set(fields) <= example.keys()]
    Switches.model_validate({name: example if name == "burst" else [example]})
    return name


@pytest.mark.parametrize(
    "switch",
    [
        {"fields": [{"entity": "filters", "field": "options", "change": "drop"}]},
        {"missing_rows": [{"entity": "filters", "which": "all"}]},
        {"missing_rows": [{"entity": "reports", "which": "half"}]},
    ],
    ids=str,
)
def test_rule_for_rows_that_an_endpoint_does_not_have_is_refused(switch: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="entity"):
        Switches.model_validate(switch)


def test_healed_leaves_quirks_alone_unless_they_are_named() -> None:
    sick = Switches(sign_in="mfa", lock_after=2, latency_ms=70, grid_sort="random")
    assert sick.healed() == Switches(latency_ms=70)
    assert sick.healed(["latency_ms", "sign_in"]) == Switches(lock_after=2, grid_sort="random")


def test_quirks_and_counting_switches_exist() -> None:
    assert Switches.model_fields.keys() >= QUIRKS | COUNTING


def test_changed_names_what_misbehaves_now() -> None:
    used_up = SpoilNext(path_contains="/api", how="html", times=0)
    switches = Switches(account="locked", latency_ms=900, spoil_next=[used_up])
    assert switches.changed() == ["account"]
    until_healed = used_up.model_copy(update={"times": None})
    assert switches.model_copy(update={"spoil_next": [used_up, until_healed]}).changed() == ["account", "spoil_next"]
    made = OnRequest.model_validate({"path_contains": "x", "request": 0, "edits": [{"op": "delete", "id": 1}]})
    assert Switches(on_request=[made]).changed() == []
