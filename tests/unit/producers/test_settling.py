"""What becomes of open commands: each control command takes effect in its order, and each ends with one answer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.commands import OpenCommand
from producers.commands.settlement import ConnectionSummary, Settlement
from producers.commands.types import settle
from schemas.commands import UNKNOWN_TYPE, CommandType
from tests.factories import open_command

CONNECTED = ConnectionSummary("connected")
PAUSED = ConnectionSummary("paused", paused_by="ana", paused_reason="audit")
STOPPED = ConnectionSummary(
    "needs-attention", message="Wrong password.", fault="wrong-credentials", stopped_by_fault=True
)
GONE = ConnectionSummary("disconnected")


def asked(kind: str, **changes: Any) -> OpenCommand:
    return open_command(type=kind, requested_by="ana", **changes)


def outcomes(found: Settlement) -> list[tuple[str, str]]:
    return [(one.command.type, one.outcome) for one in found.answers]


def test_settle_reading_commands_of_a_connection_that_reads_wait() -> None:
    commands = [asked(kind) for kind in ("sync", "full-sync", "backfill", "release-deletions")]
    found = settle(CONNECTED, commands)
    assert list(found.reading) == commands
    assert not found.changes_anything


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        (PAUSED, "Reading is paused by ana: audit. Resume it first."),
        (STOPPED, "Wrong password."),
        (GONE, "The company is disconnected. Connect it again first."),
    ],
)
def test_settle_reading_command_of_one_that_does_not_read_fails_with_the_reason(
    connection: ConnectionSummary, said: str
) -> None:
    (answer,) = settle(connection, [asked("sync")]).answers
    assert (answer.outcome, answer.message, answer.fault) == ("failed", said, connection.fault)


def test_settle_pause_ends_what_waits_and_keeps_the_run() -> None:
    found = settle(CONNECTED, [asked("sync"), asked("pause", reason="audit")], has_run=True)
    assert outcomes(found) == [("sync", "cancelled"), ("pause", "completed")]
    assert found.answers[0].message.startswith("Paused by ana: audit.")
    assert (found.connection.state, found.connection.paused_by, found.connection.paused_reason) == (
        "paused",
        "ana",
        "audit",
    )
    assert not found.ends_run


def test_settle_pause_then_resume_reads_again_and_what_came_between_failed() -> None:
    found = settle(CONNECTED, [asked("pause"), asked("sync"), asked("resume"), asked("sync")])
    assert outcomes(found) == [("pause", "completed"), ("sync", "failed"), ("resume", "completed")]
    assert found.connection == CONNECTED
    assert found.resumes
    assert len(found.reading) == 1


def test_settle_resume_of_a_paused_connection_with_stopped_sign_ins_needs_attention_again() -> None:
    found = settle(ConnectionSummary("paused", message="Wrong.", stopped_by_fault=True), [asked("resume")])
    assert found.connection.state == "needs-attention"
    assert found.answers[0].message == "Resumed. Wrong."


def test_settle_resume_of_one_that_was_never_signed_in_is_connecting() -> None:
    assert settle(ConnectionSummary("paused", known=False), [asked("resume")]).connection.state == "connecting"


@pytest.mark.parametrize(("connection", "outcome"), [(CONNECTED, "completed"), (STOPPED, "failed"), (GONE, "failed")])
def test_settle_resume_of_what_is_not_paused(connection: ConnectionSummary, outcome: str) -> None:
    found = settle(connection, [asked("resume")])
    assert outcomes(found) == [("resume", outcome)]
    assert not found.resumes


def test_settle_pause_twice_keeps_the_newer_reason() -> None:
    found = settle(PAUSED, [asked("pause", reason="holiday")])
    assert (found.connection.paused_reason, found.answers[0].outcome) == ("holiday", "completed")


def test_settle_pause_of_a_disconnected_company_fails() -> None:
    assert outcomes(settle(GONE, [asked("pause")])) == [("pause", "failed")]


def test_settle_cancel_ends_the_run_and_what_waits_before_it() -> None:
    later = asked("sync")
    found = settle(CONNECTED, [asked("sync"), asked("backfill"), asked("cancel"), later], has_run=True)
    assert outcomes(found) == [("sync", "cancelled"), ("backfill", "cancelled"), ("cancel", "completed")]
    assert found.answers[2].message == "Cancelled 2 commands and the read under way."
    assert found.ends_run
    assert list(found.reading) == [later]


def test_settle_cancel_of_a_scheduled_read_ends_it() -> None:
    found = settle(CONNECTED, [asked("cancel")], has_run=True)
    assert found.ends_run
    assert found.answers[0].message == "Cancelled the read under way."


def test_settle_cancel_of_nothing_is_done() -> None:
    found = settle(CONNECTED, [asked("cancel")])
    assert (outcomes(found), found.answers[0].message) == ([("cancel", "completed")], "Nothing was under way.")


def test_settle_cancel_of_one_leaves_the_run_to_those_that_joined() -> None:
    first, second = asked("sync"), asked("sync")
    both = [first.command_id, second.command_id]
    cancel = asked("cancel", target_id=first.command_id.upper())
    found = settle(CONNECTED, [first, second, cancel], has_run=True, in_run=both)
    assert outcomes(found) == [("sync", "cancelled"), ("cancel", "completed")]
    assert list(found.reading) == [second]
    assert not found.ends_run


def test_settle_cancel_of_the_only_one_ends_the_run() -> None:
    only = asked("sync")
    cancel = asked("cancel", target_id=only.command_id)
    assert settle(CONNECTED, [only, cancel], has_run=True, in_run=[only.command_id]).ends_run


def test_settle_cancel_of_one_that_waits_leaves_the_run() -> None:
    waits = asked("backfill")
    cancel = asked("cancel", target_id=waits.command_id)
    found = settle(CONNECTED, [waits, cancel], has_run=True, in_run=["other"])
    assert not found.ends_run
    assert outcomes(found) == [("backfill", "cancelled"), ("cancel", "completed")]


@pytest.mark.parametrize(
    ("became", "outcome", "said"),
    [
        (None, "failed", "there is no command"),
        ("completed", "completed", "It had ended already (completed)."),
        ("open", "failed", "cannot be cancelled"),
    ],
)
def test_settle_cancel_of_another_says_what_became_of_it(became: str | None, outcome: str, said: str) -> None:
    cancel = asked("cancel", target_id="6f1e2a34-9b0c-4d5e-8f70-a1b2c3d4e5f6")
    (answer,) = settle(CONNECTED, [cancel], look_up=lambda _: became).answers
    assert answer.outcome == outcome
    assert said in answer.message


def test_settle_disconnect_ends_all_and_forgets() -> None:
    found = settle(CONNECTED, [asked("sync"), asked("disconnect"), asked("sync")], has_run=True)
    assert outcomes(found) == [("sync", "cancelled"), ("disconnect", "completed"), ("sync", "failed")]
    assert (found.connection.state, found.disconnects, found.ends_run) == ("disconnected", True, True)


@pytest.mark.parametrize("connection", [CONNECTED, PAUSED, STOPPED, GONE])
def test_settle_replay_is_done_whatever_the_connection(connection: ConnectionSummary) -> None:
    replay = asked("replay-dead-letters")
    assert list(settle(connection, [replay]).replays) == [replay]


def test_settle_command_of_a_type_that_a_later_version_stored_fails_with_the_types_there_are() -> None:
    (answer,) = settle(CONNECTED, [asked("rename")]).answers
    assert (answer.outcome, answer.message) == ("failed", UNKNOWN_TYPE)


_CONNECTIONS = st.sampled_from([CONNECTED, PAUSED, STOPPED, GONE, ConnectionSummary("connecting", known=False)])


@given(_CONNECTIONS, st.lists(st.sampled_from(sorted(CommandType)), max_size=12), st.booleans())
def test_settle_gives_each_command_one_answer_or_leaves_it_to_be_done(
    connection: ConnectionSummary, kinds: list[str], has_run: bool
) -> None:
    commands = [asked(kind) for kind in kinds]
    found = settle(connection, commands, has_run=has_run)
    ends = Counter([one.command.command_id for one in found.answers])
    ends.update(one.command_id for one in (*found.reading, *found.replays))
    assert ends == Counter(one.command_id for one in commands)
    assert not found.reading or found.connection.readable
