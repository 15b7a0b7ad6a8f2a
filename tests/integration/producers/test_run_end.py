"""Where a run ends: whoever was fenced meanwhile records nothing, and answers nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from control.connections import Lease, get_connection
from control.runs import NewRun, RunId, begin_run
from core.errors import FencedError
from producers.buildertrend.faults import SourceFaultError
from producers.commands.apply import Settler
from producers.runs.decide import ReadPlan, decide
from producers.runs.outcome import FailedRun, Recorder
from producers.runs.run import Run
from schemas.faults import SOURCE_UNAVAILABLE
from tests.integration.producers.fix_runs import Desk


@dataclass(frozen=True)
class Assigned:
    run: RunId


@dataclass(frozen=True)
class Finished:
    """The state of a run that its end is recorded from."""

    assignment: Assigned
    held: dict[str, int] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    published: int = 0
    resumed: bool = False
    through: list[Any] = field(default_factory=list)


def succeeded(recorder: Recorder, lease: Lease, plan: ReadPlan, run: RunId, _connection: Any) -> None:
    recorder.ended(lease, plan, cast("Run", Finished(Assigned(run))))


def incomplete(recorder: Recorder, lease: Lease, plan: ReadPlan, run: RunId, _connection: Any) -> None:
    recorder.ended(lease, plan, cast("Run", Finished(Assigned(run), incomplete={"jobs": "2 of 3 were shown"})))


def failed(recorder: Recorder, lease: Lease, plan: ReadPlan, run: RunId, connection: Any) -> None:
    recorder.failed(lease, plan, run, FailedRun(connection, SourceFaultError(SOURCE_UNAVAILABLE, "away"), {}))


def settled(recorder: Recorder, lease: Lease, _plan: ReadPlan, _run: RunId, _connection: Any) -> None:
    Settler(recorder).settle(lease)


@pytest.mark.parametrize("end", [succeeded, incomplete, failed, settled])
def test_end_of_a_run_under_an_epoch_that_is_over_changes_nothing(read_desk: Desk, end: Callable[..., None]) -> None:
    command_id = read_desk.command(type="cancel" if end is settled else "sync")
    lease = read_desk.lease()
    assert lease is not None
    with read_desk.database.transaction() as tx:
        begun = begin_run(tx, read_desk.company_id, NewRun("recent", {}, command_id))
        connection = get_connection(tx, read_desk.company_id)
    assert connection is not None
    before = state_of(read_desk)
    read_desk.sql("UPDATE integration.connections SET lease_epoch = lease_epoch + 1 WHERE company_id = %s")
    recorder = read_desk.tools().recorder
    plan = decide(connection, [], now=read_desk.clock.now(), settings=read_desk.settings)
    with pytest.raises(FencedError):
        end(recorder, lease, plan, begun.run, connection)
    assert state_of(read_desk) == before


def state_of(desk: Desk) -> list[Any]:
    """The run, the connection and the command, as a successor finds them."""
    return [
        desk.sql("SELECT run_id, state, message FROM integration.runs WHERE company_id = %s ORDER BY run_seq"),
        desk.sql("SELECT state, fault, message, next_due_at FROM integration.connections WHERE company_id = %s"),
        desk.sql("SELECT command_id, state, answer FROM integration.commands WHERE company_id = %s"),
    ]
