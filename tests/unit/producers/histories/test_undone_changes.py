"""A change that is undone while a crash leaves it open whether it was published: the topics end up as the source is.

State alone cannot tell: it says what the source says again, while the topic may say what was published in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from sandbox.local import LocalCompany
from tests.soak import rounds
from tests.unit.producers.histories.world import World, new_world

Act = Callable[[World], object]
_LONGEST_READ = 200


@dataclass(frozen=True, slots=True)
class Undone:
    """Something that happens before a read, and what undoes it after the crash."""

    do: Act
    undo: Act


def _shift(company: LocalCompany) -> int:
    return int(company.ids("shifts")[0])


def _insert_shift(company: LocalCompany) -> None:
    company.insert(
        "shifts", job_id=company.ids("jobs")[-1], user_id=company.ids("users")[0], time_in="2026-06-16T07:00:00"
    )


def _note(company: LocalCompany, notes: str) -> None:
    company.edit("shifts", _shift(company), notes=notes)


def _call(company: LocalCompany, name: str) -> None:
    company.edit("users", int(company.ids("users")[0]), first_name=name)


def _hide(world: World, entity: str) -> None:
    """For the whole of the next read and its second look, which may take it for a deletion."""
    hidden = {"missing_rows": [{"entity": entity, "which": "half"}]}
    world.disturb(0, lambda: world.company.set_switches(**hidden))
    world.disturb(1, lambda: None)


UNDONE = {
    "edit shift": Undone(lambda w: _note(w.company, "wrong"), lambda w: _note(w.company, "right")),
    "edit user": Undone(lambda w: _call(w.company, "wrong"), lambda w: _call(w.company, "right")),
    "move": Undone(
        lambda w: w.company.move(_shift(w.company), minutes=-2880),
        lambda w: w.company.move(_shift(w.company), minutes=2880),
    ),
    "insert shift": Undone(
        lambda w: _insert_shift(w.company), lambda w: w.company.delete("shifts", max(w.company.ids("shifts")))
    ),
    "insert job": Undone(
        lambda w: w.company.insert("jobs", name="New"), lambda w: w.company.delete("jobs", max(w.company.ids("jobs")))
    ),
    "hide shifts": Undone(lambda w: _hide(w, "time-entries"), lambda w: w.company.heal("missing_rows")),
    "insert user": Undone(
        lambda w: w.company.insert("users", first_name="New"),
        lambda w: w.company.delete("users", max(w.company.ids("users"))),
    ),
}


@pytest.fixture(params=[False, True], ids=["at once", "late"])
def world(request: pytest.FixtureRequest) -> Iterator[Callable[[], World]]:
    """Makes companies whose pages are committed at once, or as late as possible."""
    made: list[World] = []

    def make() -> World:
        made.append(new_world())
        made[-1].commits_late = request.param
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("name", UNDONE)
def test_a_change_undone_behind_a_crash_leaves_no_trace(world: Callable[[], World], name: str) -> None:
    """Crashes after each publication of the read; `make soak` crashes at every commit point."""
    undone = UNDONE[name]
    crash_at = rounds(usual=World.crash_when_published, soak=World.crash_at_commit)
    crashes = 0
    for after in range(_LONGEST_READ):
        one = world()
        _note(one.company, "right")
        _call(one.company, "right")
        assert one.read() == "completed"
        undone.do(one)
        crash_at(one, after)
        ended = one.read_full()
        undone.undo(one)
        one.settle()
        one.check_topics()
        if ended == "completed":
            break
        assert ended == "crashed"
        crashes += 1
    assert 0 < crashes < _LONGEST_READ, "The read ended by itself once every point was one to crash at."


def test_a_record_first_published_in_a_crash_is_published_as_new_again(world: Callable[[], World]) -> None:
    one = world()
    one.crash_at_commit(5)
    assert one.read() == "crashed"
    one.settle()
    ops = {record["op"] for table in one.topics.folded.values() for record in table.values()}
    assert ops == {"SNAPSHOT"}
