"""No fact of docs/wire.md is forgotten: each has a test here, a named one elsewhere, or a reason why none can be."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
# Facts by number, with how sure each is.
FACTS = dict(re.findall(r"^\| ([A-Z]\d+) \| ([^|]+) \|", (ROOT / "docs" / "wire.md").read_text(), re.MULTILINE))
SWITCHES = "\n".join(line for line in (ROOT / "docs" / "sandbox.md").read_text().splitlines() if line.startswith("|"))

UNIT = "tests/unit/sandbox"
ELSEWHERE = {
    "R8": f"{UNIT}/test_in_process.py::test_silence_up_to_the_read_timeout_is_waited_for_and_beyond_it_fails",
    "M5": f"{UNIT}/test_generator.py::test_company_of_mostly_general_time_looks_like_the_captured_one",
    "C3": f"{UNIT}/test_generator.py::test_codes_repeat_with_other_titles_and_keep_trailing_dots",
}
UNTESTABLE = {
    "S1": "the hosts of a real browser's sign-in: the sandbox plays both under one address until the signer is there",
    "S2": "a real browser's sign-in: comes with the signer",
    "S3": "the words of the sign-in page: come with the signer",
    "S4": "a captcha that a person finishes: comes with the signer",
    "S5": "a second factor that a person types: comes with the signer",
    "M4": "settings behind the hours that an account states; nothing on the wire shows them",
}
# Facts that one source saw, or that sources contest, and that cannot be had both ways.
ONE_WAY = {
    "S4": "comes with the signer",
    "G1": "the form of the answer itself",
    "G14": "advice about where to look, not about what an account answers",
    "B2": "a field that is missing is the switch `fields`",
    "B3": "the form of the answer itself",
    "M5": "sizes are chosen when a company is created",
}


def by_fact() -> dict[str, list[str]]:
    """Tests of this folder by the numbers in their `wire_facts` mark."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in _marked(node):
                    found[number].append(f"{path.name}::{node.name}")
    return found


def _marked(test: ast.FunctionDef) -> list[str]:
    calls = [one for one in test.decorator_list if isinstance(one, ast.Call)]
    marks = [one for one in calls if ast.unparse(one.func) == "pytest.mark.wire_facts"]
    return [str(ast.literal_eval(argument)) for mark in marks for argument in mark.args]


def test_facts_are_read_from_the_list() -> None:
    assert len(FACTS) > 60
    assert {"S1", "R7", "G2", "J2", "T4", "B4", "C1", "U2", "M5"} <= FACTS.keys()


@pytest.mark.parametrize("number", list(FACTS))
def test_fact_has_a_test_or_a_reason(number: str) -> None:
    tested = number in by_fact() or number in ELSEWHERE
    assert tested is not (number in UNTESTABLE), f"{number} needs a test with its number, or a reason; not both"


def test_numbers_that_tests_and_reasons_name_are_facts() -> None:
    named = {*by_fact(), *ELSEWHERE, *UNTESTABLE, *ONE_WAY}
    assert named <= FACTS.keys()


@pytest.mark.parametrize("place", ELSEWHERE.values())
def test_named_test_is_there(place: str) -> None:
    path, _, name = place.partition("::")
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "number", [number for number, sure in FACTS.items() if "contested" in sure or sure.replace("!", "").strip() == "B"]
)
def test_fact_of_one_source_can_be_had_both_ways(number: str) -> None:
    listed = re.search(rf"\([^)]*\b{number}\b[^)]*\)", SWITCHES) is not None
    assert listed is not (number in ONE_WAY), f"{number} needs a switch in docs/sandbox.md, or a reason; not both"
