"""Who has to act when a connection does not read, and what: for status, explanations and pages."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from schemas.faults import ADMIN, OPERATOR, SOURCE_INCOMPLETE, fault_of


@dataclass(frozen=True, slots=True)
class ToDo:
    """The one next step: who takes it, in a sentence, and the command for a shell (or empty)."""

    who: str
    sentence: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class ReadState:
    """What of a connection decides who has to act."""

    company_id: str
    time_zone: str
    state: str
    fault: str | None = None
    paused_by: str | None = None
    paused_reason: str | None = None


def blocking(connection: ReadState) -> tuple[str, ToDo] | None:
    """Why nothing is read from this connection for now, and the next step; None while it is read as planned.

    A read that was incomplete for one entity blocks nothing: see `incomplete`.
    """
    if connection.state == "disconnected":
        return "The company is disconnected: nothing is read any more.", _reconnect(
            connection, ADMIN, "Connect it again."
        )
    if connection.state == "paused":
        return _paused(connection)
    if connection.fault is None:
        return None
    fault = fault_of(connection.fault)
    if not fault.blocks:
        return None
    step = ToDo(fault.who, fault.next_step)
    return fault.cause, _reconnect(connection, fault.who, fault.next_step) if fault.reconnect else step


def incomplete(company_id: str, entity: str, message: str) -> tuple[str, ToDo]:
    """Why the newest read of an entity is not complete, and the next step."""
    fault = SOURCE_INCOMPLETE
    command = shlex.join(["protiv-buildertrend", "full-sync", company_id, "--entity", entity, "--wait"])
    return f"The newest read of {entity} was not complete. {message}", ToDo(fault.who, fault.next_step, command)


def _paused(connection: ReadState) -> tuple[str, ToDo]:
    by = f" by {connection.paused_by}" if connection.paused_by else ""
    reason = f": {connection.paused_reason}" if connection.paused_reason else ""
    command = shlex.join(["protiv-buildertrend", "resume", connection.company_id, "--wait"])
    return f"Reading is paused{by}{reason}.", ToDo(OPERATOR, "Resume it when the reason is gone.", command)


def _reconnect(connection: ReadState, who: str, sentence: str) -> ToDo:
    command = ["protiv-buildertrend", "connect", connection.company_id, "--time-zone", connection.time_zone, "--wait"]
    return ToDo(who, sentence, shlex.join(command))
