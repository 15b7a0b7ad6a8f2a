"""Who has to act when a connection does not read, and what: one table, for status, explanations and pages."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

NOBODY = "nobody"
ADMIN = "the company's admin"
OPERATOR = "an operator"
DEVELOPER = "a developer of this service"


@dataclass(frozen=True, slots=True)
class ToDo:
    """The one next step: who takes it, in a sentence, and the command for a shell (or empty)."""

    who: str
    sentence: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a connection decides who has to act."""

    company_id: str
    time_zone: str
    state: str
    fault: str | None = None
    paused_by: str | None = None
    paused_reason: str | None = None


@dataclass(frozen=True, slots=True)
class _FaultRule:
    """`blocks`: nothing is read meanwhile, or what is read stays what it was."""

    cause: str
    who: str
    sentence: str
    reconnect: bool = False
    blocks: bool = True


_FAULTS = {
    "wrong-credentials": _FaultRule(
        "Buildertrend did not accept this username or password, or it belongs to another account.",
        ADMIN,
        "Connect again with the right username and password.",
        reconnect=True,
    ),
    "mfa-required": _FaultRule(
        "Buildertrend asks this user for a second factor.",
        ADMIN,
        "Connect again with a user made for this integration, without payment permissions.",
        reconnect=True,
    ),
    "blocked-by-buildertrend": _FaultRule(
        "Buildertrend's bot protection blocked the automatic sign-in.",
        OPERATOR,
        "See that the address and pace of our requests are acceptable to Buildertrend, then connect again.",
        reconnect=True,
    ),
    "no-permission": _FaultRule(
        "This Buildertrend user may not see everything that is needed.",
        ADMIN,
        "Give the user access to jobs, time clock, budgets, users and cost codes; the next sync tries again.",
    ),
    "rate-limited": _FaultRule(
        "Buildertrend asks us to slow down.", NOBODY, "Wait: the sync is tried again by itself."
    ),
    "source-unavailable": _FaultRule(
        "Buildertrend does not answer right now.", NOBODY, "Wait: the sync is tried again by itself."
    ),
    "source-changed": _FaultRule(
        "Buildertrend's answers no longer have the known shape.",
        DEVELOPER,
        "Change the adapter: the run's message names the field. Nothing was deleted meanwhile.",
    ),
    "internal-error": _FaultRule(
        "Something unforeseen went wrong in this service.",
        DEVELOPER,
        "Look up the reference of its message in the poller's log; the sync is tried again by itself meanwhile.",
    ),
    "service-outage": _FaultRule(
        "Kafka or Postgres has not taken this company's records for minutes.",
        OPERATOR,
        "See in the poller's log (run_interrupted) which of them refuses and why; the sync goes on by itself.",
    ),
    "session-expired": _FaultRule(
        "Buildertrend ended the session again right after sign-in.",
        NOBODY,
        "Wait: the sync is tried again by itself.",
    ),
    "source-incomplete": _FaultRule(
        "Buildertrend did not show everything that it says it has.",
        OPERATOR,
        "Look in Buildertrend, with the integration's user, whether what is missing is shown there. "
        "The sync is tried again by itself, and nothing was deleted for it.",
        blocks=False,
    ),
}
FAULTS = tuple(_FAULTS)


def cause_of(fault: str) -> str:
    """A fault in one sentence; a name that this version does not know is given as it is."""
    return _FAULTS[fault].cause if fault in _FAULTS else f"Reading ended with the fault {fault}."


def blocking(standing: Standing) -> tuple[str, ToDo] | None:
    """Why nothing is read from this connection for now, and the next step; None while it reads as planned.

    A read that was incomplete for one entity blocks nothing: see `incomplete`.
    """
    if standing.state == "disconnected":
        return "The company is disconnected: nothing is read any more.", _reconnect(
            standing, ADMIN, "Connect it again."
        )
    if standing.state == "paused":
        return _paused(standing)
    if standing.fault is None:
        return None
    rule = _FAULTS.get(standing.fault)
    if rule is not None and not rule.blocks:
        return None
    if rule is None:
        return cause_of(standing.fault), ToDo(OPERATOR, "Look at the run's message.")
    to_do = _reconnect(standing, rule.who, rule.sentence) if rule.reconnect else ToDo(rule.who, rule.sentence)
    return rule.cause, to_do


def incomplete(company_id: str, entity: str, message: str) -> tuple[str, ToDo]:
    """Why the newest read of an entity is not complete, and the next step."""
    rule = _FAULTS["source-incomplete"]
    command = shlex.join(["protiv-buildertrend", "full-sync", company_id, "--entity", entity, "--wait"])
    return f"The newest read of {entity} was not complete. {message}", ToDo(rule.who, rule.sentence, command)


def _paused(standing: Standing) -> tuple[str, ToDo]:
    by = f" by {standing.paused_by}" if standing.paused_by else ""
    reason = f": {standing.paused_reason}" if standing.paused_reason else ""
    command = shlex.join(["protiv-buildertrend", "resume", standing.company_id, "--wait"])
    return f"Reading is paused{by}{reason}.", ToDo(OPERATOR, "Resume it when the reason is gone.", command)


def _reconnect(standing: Standing, who: str, sentence: str) -> ToDo:
    command = ["protiv-buildertrend", "connect", standing.company_id, "--time-zone", standing.time_zone, "--wait"]
    return ToDo(who, sentence, shlex.join(command))
