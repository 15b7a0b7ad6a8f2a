"""A company with an import-from date: what is in Protiv is kept up to date, also a shift moved to before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.unit.producers.histories.world import LAST_DAY, World, new_world


@pytest.fixture
def world() -> Iterator[World]:
    """A company some of whose shifts lie before the date."""
    made = new_world()
    days = sorted(made.company.record("shifts", one)["time_in"][:10] for one in made.company.ids("shifts"))
    made.connection = replace(made.connection, import_from=date.fromisoformat(days[5]))
    assert made.read() == "completed"
    yield made
    made.close()


def newest(world: World) -> int:
    return max(world.company.ids("shifts"), key=lambda one: str(world.company.record("shifts", one)["time_in"]))


@pytest.mark.parametrize("full", [True, False])
def test_shift_moved_to_before_import_from_is_read_on_and_deleted_when_it_is_gone(*, world: World, full: bool) -> None:
    shift = newest(world)
    known = set(world.topics.folded["time-entries"])
    before = world.connection.import_from
    assert before is not None
    world.company.move(shift, minutes=-1440 * ((LAST_DAY - before) + timedelta(30)).days)
    read = world.read_full if full else world.read
    assert read() == "completed"
    moved = world.topics.folded["time-entries"][str(shift)]["after"]
    assert moved["timeIn"]["timeStamp"][:16] == world.company.record("shifts", shift)["time_in"][:16]
    world.company.edit("shifts", shift, notes="edited there")
    assert world.read_full() == "completed"
    assert world.topics.folded["time-entries"][str(shift)]["after"]["notes"] == "edited there"
    assert set(world.topics.folded["time-entries"]) == known, "Shifts before the date are not added for it."
    world.company.delete("shifts", shift)
    assert world.read_full() == "completed"
    assert set(world.topics.folded["time-entries"]) == known - {str(shift)}
