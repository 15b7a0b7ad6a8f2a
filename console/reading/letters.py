"""Dead letters as operators look at them: newest first, counted by what was wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from core.clock import Clock
from core.settings import Settings
from reports.dead_letters import DeadLetter, dead_letters

_KEPT_DAYS = 30
MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Letters:
    """What was read: the newest MOST_LISTED, and how many there are by company, stage and kind of error."""

    total: int
    groups: tuple[tuple[tuple[str, str, str], int], ...]
    newest: tuple[DeadLetter, ...]


def read_letters(settings: Settings, clock: Clock, company_id: str) -> Letters:
    """Of a company (empty: of all). Blocks for as long as reading the topic takes; RetriableError for an outage."""
    groups: Counter[tuple[str, str, str]] = Counter()
    found: list[DeadLetter] = []
    for letter in dead_letters(settings, company_id, since=clock.now() - timedelta(days=_KEPT_DAYS)):
        groups[(letter.company_id, letter.stage, letter.error_class)] += 1
        found.append(letter)
        if len(found) > 20 * MOST_LISTED:
            found = _newest(found)
    return Letters(sum(groups.values()), tuple(groups.most_common()), tuple(_newest(found)))


def _newest(found: list[DeadLetter]) -> list[DeadLetter]:
    return sorted(found, key=lambda letter: letter.place.at, reverse=True)[:MOST_LISTED]
