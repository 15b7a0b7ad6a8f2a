"""Faults that only Buildertrend's answers tell apart, and the error that carries a fault. The table: schemas.faults."""

from __future__ import annotations

from dataclasses import replace

from core.errors import IntegrationError
from schemas.faults import BLOCKED, NO_PERMISSION, SOURCE_UNAVAILABLE, WRONG_CREDENTIALS, Fault

# Other programs or people failed to sign in with it; the poller never tries a password twice.
LOCKED = replace(
    BLOCKED,
    for_admin="Buildertrend has locked this account after too many sign-ins. "
    "Unlock it in Buildertrend or wait until it is open again, then connect once more.",
)
# An attempt without an answer may have been counted against the account: the next one waits, longer each time.
SIGN_IN_UNCONFIRMED = replace(
    SOURCE_UNAVAILABLE,
    for_admin="The last sign-in to Buildertrend was cut off before its answer came. To keep your account from being "
    "locked, the next one waits a little; the sync then goes on by itself.",
)
# The builder id differs from the connection's. Its ids would be taken for those of the company's records so far.
OTHER_ACCOUNT = replace(
    WRONG_CREDENTIALS,
    for_admin="This username belongs to another Buildertrend account than the one connected before. "
    "Enter a user of that account, or connect this one as a company of its own.",
)
MODULES = {
    "account": "its own account information",
    "jobs": "Jobs",
    "job list": "Jobs",
    "shifts": "the Time Clock",
    "cost codes": "Cost Codes",
    "budget": "the Budget of jobs",
    "report": "Reporting",
    "filters": "the filters of the Time Clock",
    "worksheet": "Estimates",
}
"""What the reads are called, and what Buildertrend's permissions call it."""


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
        module = MODULES.get(self.detail.partition(":")[0]) if self.fault is NO_PERMISSION else None
        return f"This Buildertrend user may not see {module}." if module else self.fault.for_admin
