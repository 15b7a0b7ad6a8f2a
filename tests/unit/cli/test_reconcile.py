"""`reconcile --repair` compares again and fails while anything differs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli import reconcile as command
from cli.main import main
from cli.reconcile import Found
from reports.reconcile import reconcile
from reports.sides import Item, Sides
from schemas.codec import Record

SAME = Found("c1", [reconcile("jobs", Sides(*[{"1": Item(1)}] * 4))], 0)
APART = Found("c1", [reconcile("jobs", Sides({}, {}, {}, {"1": Item(1)}))], 0)
ON_ITS_WAY = Found("c1", APART.entities, 3)


def _repaired(_settings: object, found: Found, _console: object, *, wait: bool) -> list[Record]:
    return [] if found.agrees else [{"type": "completed" if wait else "sent"}]


@pytest.mark.parametrize(
    ("looks", "arguments", "code"),
    [
        ([APART, ON_ITS_WAY, SAME], ["--repair", "--wait"], 0),
        ([APART, APART, APART], ["--repair", "--wait"], 1),
        ([APART, ON_ITS_WAY, APART, APART], ["--repair", "--wait"], 1),
        ([APART], ["--repair"], 1),
        ([APART], [], 1),
        ([SAME], ["--repair", "--wait"], 0),
    ],
)
def test_reconcile_exits_with_what_the_last_comparison_found(
    monkeypatch: pytest.MonkeyPatch, looks: list[Found], arguments: list[str], code: int
) -> None:
    left: Iterator[Found] = iter(looks)
    for name, value in (("database_url", "postgresql://db/x"), ("kafka_bootstrap_servers", "k:9092")):
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setattr(command, "_LOOK_AGAIN_S", 0.0)
    monkeypatch.setattr(command, "metadata", lambda _settings: None)
    monkeypatch.setattr(command, "_compare", lambda *_arguments: next(left))
    monkeypatch.setattr(command, "_repair", _repaired)
    assert main(["reconcile", "c1", "--json", *arguments]) == code
    assert list(left) == []
