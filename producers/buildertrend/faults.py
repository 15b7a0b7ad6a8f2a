"""The faults of the source and our own: what the poller does next, and a sentence for an admin and an operator."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.errors import IntegrationError


@dataclass(frozen=True, slots=True)
class Fault:
    """A named fault.

    `stops_sign_in`: no further sign-in until somebody changes the credentials, so that retries never lock an account.
    `retry_after_s`: when a scheduled run tries again; None means at its usual time.
    """

    name: str
    for_admin: str
    for_operator: str
    stops_sign_in: bool = False
    retry_after_s: int | None = None

    @property
    def is_of_source(self) -> bool:
        """False for a fault of this service."""
        return self.name not in ("internal-error", "service-outage")


WRONG_CREDENTIALS = Fault(
    "wrong-credentials",
    "Buildertrend did not accept this username or password. Check for extra spaces before or after.",
    "Sign-ins are stopped until the credentials change; ask the admin to connect again.",
    stops_sign_in=True,
)
MFA_REQUIRED = Fault(
    "mfa-required",
    "Buildertrend asks this user for a second factor. Use a user made for this integration, "
    "without payment permissions.",
    "Sign-ins are stopped until another user is entered; users with payment permissions are enrolled in MFA.",
    stops_sign_in=True,
)
BLOCKED = Fault(
    "blocked-by-buildertrend",
    "Buildertrend blocked the automatic sign-in. Nothing is wrong with the password; Protiv support is on it.",
    "Buildertrend's bot protection answered. Look at the address and pace of our requests before reconnecting.",
    stops_sign_in=True,
)
LOCKED = Fault(
    "blocked-by-buildertrend",
    "Buildertrend has locked this account after too many sign-ins. "
    "Unlock it in Buildertrend or wait until it is open again, then connect once more.",
    "The account is locked, as other programs or people failed to sign in with it; ours never try a password twice.",
    stops_sign_in=True,
)
NO_PERMISSION = Fault(
    "no-permission",
    "This Buildertrend user may not see everything that is needed: jobs, time clock, budgets, users and cost codes.",
    "A read was refused for lack of permission; the next run tries again.",
)
RATE_LIMITED = Fault(
    "rate-limited",
    "Buildertrend asks us to slow down. The sync goes on by itself.",
    "429 beyond our retries; the run ends here and is tried again later.",
    retry_after_s=900,
)
SOURCE_UNAVAILABLE = Fault(
    "source-unavailable",
    "Buildertrend does not answer right now. The sync goes on by itself.",
    "Errors or no answer beyond our retries; the run ends here and is tried again later.",
    retry_after_s=300,
)
SIGN_IN_IN_DOUBT = Fault(
    "source-unavailable",
    "The last sign-in to Buildertrend was cut off before its answer came. To keep your account from being locked, "
    "the next one waits a little; the sync then goes on by itself.",
    "An attempt without an answer may have been counted against the account: the next one waits, longer each time.",
    retry_after_s=300,
)
SOURCE_CHANGED = Fault(
    "source-changed",
    "Buildertrend changed something that this integration has to learn. Nothing was deleted; Protiv support is on it.",
    "An answer no longer has the known shape; the message names the field. The adapter needs a change.",
)
SESSION_EXPIRED = Fault(
    "session-expired",
    "Buildertrend ended the session again right after sign-in. The sync is tried again by itself.",
    "A fresh session was refused at once; the run ends here and is tried again later.",
    retry_after_s=900,
)

# A run that came to its end although a part did not come: what came is published, and the rest is tried again.
SOURCE_INCOMPLETE = Fault(
    "source-incomplete",
    "Buildertrend did not show everything that it says it has. What it showed is in Protiv, what it did not show was "
    "not deleted, and the sync is tried again by itself.",
    "An entity was read to its end without everything having been shown; the message says what is missing.",
    retry_after_s=900,
)

# Faults of this service, not of the source.
INTERNAL_ERROR = Fault(
    "internal-error",
    "Something went wrong at Protiv, not at Buildertrend. The sync is tried again by itself; nothing was lost.",
    "An error that nobody foresaw ended the run; the log has its trace under the reference.",
    retry_after_s=300,
)
SERVICE_OUTAGE = Fault(
    "service-outage",
    "Protiv's own services do not take the data right now. The sync goes on by itself; Protiv support is on it.",
    "Kafka or Postgres has kept this company's runs from going on for minutes; the poller's log says which and why.",
)


def internal_error(reference: str) -> Fault:
    """INTERNAL_ERROR with the reference under which the log has its trace."""
    said = f"{INTERNAL_ERROR.for_admin} Reference for Protiv support: {reference}."
    return replace(INTERNAL_ERROR, for_admin=said)


# Not one of the source's own faults: its ids would be taken for those of the company's records so far.
OTHER_ACCOUNT = Fault(
    "wrong-credentials",
    "This username belongs to another Buildertrend account than the one connected before. "
    "Enter a user of that account, or connect this one as a company of its own.",
    "The builder id differs from the connection's; nothing was read.",
    stops_sign_in=True,
)


# Names of the faults after which nobody signs in until the credentials change.
STOPPING = frozenset(
    fault.name for fault in (WRONG_CREDENTIALS, MFA_REQUIRED, BLOCKED, OTHER_ACCOUNT) if fault.stops_sign_in
)


# What the reads are called, and what Buildertrend's permissions call it.
_MODULES = {
    "jobs": "Jobs",
    "job list": "Jobs",
    "shifts": "the Time Clock",
    "users": "Internal Users",
    "cost codes": "Cost Codes",
    "budget": "the Budget of jobs",
    "worksheet": "Estimates",
}


class SourceFaultError(IntegrationError):
    """A read cannot go on; `fault` says why, `detail` (no personal data) what exactly.

    `not_taken`: the source surely did not act on the request.
    """

    def __init__(
        self, fault: Fault, detail: str, *, retry_after_s: float | None = None, not_taken: bool = False
    ) -> None:
        super().__init__(f"{fault.name}: {detail}")
        self.fault = fault
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.not_taken = not_taken

    @property
    def for_admin(self) -> str:
        """The fault's sentence; a lack of permission names the module as Buildertrend's settings call it."""
        module = _MODULES.get(self.detail.partition(":")[0]) if self.fault is NO_PERMISSION else None
        return f"This Buildertrend user may not see {module}." if module else self.fault.for_admin
