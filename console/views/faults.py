"""What went wrong at Buildertrend: a heading, who it is for, and the one thing to do. The sentence is the poller's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FaultWords:
    """`field` is the field of Connect that has to change; `is_theirs`: support has to know, with the reference."""

    title: str
    to_do: str = ""
    field: str = ""
    is_theirs: bool = False


NO_PERMISSION = "no-permission"
_FAULTS = {
    "wrong-credentials": FaultWords("Username or password not accepted", "Enter them again.", field="password"),
    "mfa-required": FaultWords(
        "Buildertrend wants a second factor",
        "Connect with a user made for this integration, without payment permissions.",
        field="username",
    ),
    "blocked-by-buildertrend": FaultWords(
        "Buildertrend blocked the sign-in", "Contact Protiv support with the reference.", is_theirs=True
    ),
    "no-permission": FaultWords(
        "The Buildertrend user may not see everything",
        "Ask your Buildertrend administrator to give this user that permission, then press Sync now.",
    ),
    "rate-limited": FaultWords("Buildertrend asks us to slow down"),
    "source-unavailable": FaultWords("Buildertrend does not answer"),
    "source-changed": FaultWords(
        "Buildertrend changed something", "Contact Protiv support with the reference.", is_theirs=True
    ),
    "source-incomplete": FaultWords(
        "Buildertrend did not show everything",
        "If it stays so, contact Protiv support with the reference.",
        is_theirs=True,
    ),
    "session-expired": FaultWords("Buildertrend ended the session"),
    "internal-error": FaultWords(
        "Something went wrong at Protiv", "Contact Protiv support with the reference.", is_theirs=True
    ),
    "service-outage": FaultWords("Protiv's own services do not take the data right now", is_theirs=True),
}
_UNKNOWN = FaultWords("The sync stopped", "Connect again.")


def fault_words(fault: str | None) -> FaultWords:
    """Words for a fault's name; a name that is not known is shown as it is."""
    if fault is None:
        return _UNKNOWN
    return _FAULTS.get(fault) or FaultWords(fault, _UNKNOWN.to_do)
