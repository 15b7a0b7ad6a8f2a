"""Every fault that keeps a company from being read, in one table: who acts, what people read, what the poller does.

The poller raises them, reports and the console show them, and each has a runbook. What Buildertrend answered to make
the poller raise one is in producers/buildertrend.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

NOBODY = "nobody"
ADMIN = "the company's admin"
OPERATOR = "an operator"
DEVELOPER = "a developer of this service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A named fault.

    `heading` and `admin_step`, the one thing to do, stand in the console above and below `for_admin`; `cause` and
    `next_step`, which is for `who`, in `status` and explanations. `connect_field`: the field of Connect to change.
    `contact_support`: support has to know, with the reference. `reconnect`: the next step is to connect again.
    `blocks`: nothing is read meanwhile, or what is read stays what it was.
    `stops_sign_in`: no further sign-in until somebody changes the credentials, so that retries never lock an account.
    `retry_after_s`: when a scheduled run tries again; None means at its usual time.
    """

    name: str
    heading: str
    for_admin: str
    admin_step: str = ""
    cause: str
    who: str
    next_step: str
    connect_field: str = ""
    contact_support: bool = False
    reconnect: bool = False
    blocks: bool = True
    stops_sign_in: bool = False
    retry_after_s: int | None = None

    @property
    def is_of_source(self) -> bool:
        """False for a fault of this service."""
        return self.name not in (INTERNAL_ERROR.name, SERVICE_OUTAGE.name)

    @property
    def poller_next(self) -> str:
        """What the poller does next, in a sentence."""
        if self.stops_sign_in:
            return "The poller does not sign in again until the credentials change."
        if self.retry_after_s is None:
            return "The poller tries again at the next scheduled read."
        minutes = self.retry_after_s // 60
        return f"The poller tries again by itself, first after {minutes} minute{'s' if minutes > 1 else ''}."

    @property
    def runbook(self) -> str:
        return f"docs/runbooks/fault-{self.name}.md"


WRONG_CREDENTIALS = Fault(
    name="wrong-credentials",
    heading="Username or password not accepted",
    for_admin="Buildertrend did not accept this username or password. Check for extra spaces before or after.",
    admin_step="Enter them again.",
    cause="Buildertrend did not accept this username or password, or it belongs to another account.",
    who=ADMIN,
    next_step="Connect again with the right username and password.",
    connect_field="password",
    reconnect=True,
    stops_sign_in=True,
)
MFA_REQUIRED = Fault(
    name="mfa-required",
    heading="Buildertrend wants a second factor",
    for_admin="Buildertrend asks this user for a second factor. Use a user made for this integration, "
    "without payment permissions.",
    admin_step="Connect with a user made for this integration, without payment permissions.",
    cause="Buildertrend asks this user for a second factor.",
    who=ADMIN,
    next_step="Connect again with a user made for this integration, without payment permissions.",
    connect_field="username",
    reconnect=True,
    stops_sign_in=True,
)
BLOCKED = Fault(
    name="blocked-by-buildertrend",
    heading="Buildertrend blocked the sign-in",
    for_admin="Buildertrend blocked the automatic sign-in. Nothing is wrong with the password; Protiv support is on "
    "it.",
    admin_step="Contact Protiv support with the reference.",
    cause="Buildertrend's bot protection blocked the automatic sign-in.",
    who=OPERATOR,
    next_step="See that the address and pace of our requests are acceptable to Buildertrend, then connect again.",
    contact_support=True,
    reconnect=True,
    stops_sign_in=True,
)
NO_PERMISSION = Fault(
    name="no-permission",
    heading="The Buildertrend user may not see everything",
    for_admin="This Buildertrend user may not see everything that is needed: jobs, time clock, budgets, users and cost "
    "codes.",
    admin_step="Ask your Buildertrend administrator to give this user that permission, then press Sync now.",
    cause="This Buildertrend user may not see everything that is needed.",
    who=ADMIN,
    next_step="Give the user access to jobs, time clock, budgets, users and cost codes; the next sync tries again.",
)
RATE_LIMITED = Fault(
    name="rate-limited",
    heading="Buildertrend asks us to slow down",
    for_admin="Buildertrend asks us to slow down. The sync goes on by itself.",
    cause="Buildertrend asks us to slow down.",
    who=NOBODY,
    next_step="Wait: the sync is tried again by itself.",
    retry_after_s=900,
)
SOURCE_UNAVAILABLE = Fault(
    name="source-unavailable",
    heading="Buildertrend does not answer",
    for_admin="Buildertrend does not answer right now. The sync goes on by itself.",
    cause="Buildertrend does not answer right now.",
    who=NOBODY,
    next_step="Wait: the sync is tried again by itself.",
    retry_after_s=300,
)
SOURCE_CHANGED = Fault(
    name="source-changed",
    heading="Buildertrend changed something",
    for_admin="Buildertrend changed something that this integration has to learn. Nothing was deleted; Protiv support "
    "is on it.",
    admin_step="Contact Protiv support with the reference.",
    cause="Buildertrend's answers no longer have the known shape.",
    who=DEVELOPER,
    next_step="Change the adapter: the run's message names the field. Nothing was deleted meanwhile.",
    contact_support=True,
)
SESSION_EXPIRED = Fault(
    name="session-expired",
    heading="Buildertrend ended the session",
    for_admin="Buildertrend ended the session again right after sign-in. The sync is tried again by itself.",
    cause="Buildertrend ended the session again right after sign-in.",
    who=NOBODY,
    next_step="Wait: the sync is tried again by itself.",
    retry_after_s=900,
)
# A run that came to its end although a part did not come: what came is published, and the rest is tried again.
SOURCE_INCOMPLETE = Fault(
    name="source-incomplete",
    heading="Buildertrend did not show everything",
    for_admin="Buildertrend did not show everything that it says it has. What it showed is in Protiv, what it did not "
    "show was not deleted, and the sync is tried again by itself.",
    admin_step="If it stays so, contact Protiv support with the reference.",
    cause="Buildertrend did not show everything that it says it has.",
    who=OPERATOR,
    next_step="Look in Buildertrend, with the integration's user, whether what is missing is shown there. "
    "The sync is tried again by itself, and nothing was deleted for it.",
    contact_support=True,
    blocks=False,
    retry_after_s=900,
)
INTERNAL_ERROR = Fault(
    name="internal-error",
    heading="Something went wrong at Protiv",
    for_admin="Something went wrong at Protiv, not at Buildertrend. The sync is tried again by itself; nothing was "
    "lost.",
    admin_step="Contact Protiv support with the reference.",
    cause="Something unforeseen went wrong in this service.",
    who=DEVELOPER,
    next_step="Look up the reference of its message in the poller's log; the sync is tried again by itself meanwhile.",
    contact_support=True,
    retry_after_s=300,
)
SERVICE_OUTAGE = Fault(
    name="service-outage",
    heading="Protiv's own services do not take the data right now",
    for_admin="Protiv's own services do not take the data right now. The sync goes on by itself; Protiv "
    "support is on it.",
    cause="Kafka or Postgres has not taken this company's records for minutes.",
    who=OPERATOR,
    next_step="See in the poller's log (run_interrupted) which of them refuses and why; the sync goes on by itself.",
    contact_support=True,
    retry_after_s=60,
)
FAULTS = {
    fault.name: fault
    for fault in (
        WRONG_CREDENTIALS,
        MFA_REQUIRED,
        BLOCKED,
        NO_PERMISSION,
        RATE_LIMITED,
        SOURCE_UNAVAILABLE,
        SOURCE_CHANGED,
        INTERNAL_ERROR,
        SERVICE_OUTAGE,
        SESSION_EXPIRED,
        SOURCE_INCOMPLETE,
    )
}
# Names of the faults after which nobody signs in until the credentials change.
STOPPING = frozenset(name for name, fault in FAULTS.items() if fault.stops_sign_in)
_UNKNOWN = Fault(
    name="unknown",
    heading="The sync stopped",
    for_admin="The sync stopped.",
    admin_step="Connect again.",
    cause="Reading ended.",
    who=OPERATOR,
    next_step="Look at the run's message.",
)


def fault_of(name: str | None) -> Fault:
    """The fault of this name; one that this version does not know, or none, gets words that fit any."""
    if name is None:
        return _UNKNOWN
    unknown = replace(_UNKNOWN, name=name, heading=name, cause=f"Reading ended with the fault {name}.")
    return FAULTS.get(name, unknown)


def internal_error(reference: str) -> Fault:
    """INTERNAL_ERROR with the reference under which the log has its trace."""
    for_admin = f"{INTERNAL_ERROR.for_admin} Reference for Protiv support: {reference}."
    return replace(INTERNAL_ERROR, for_admin=for_admin)
