"""The error tree, named by what a loop must do with each. Library errors are wrapped once, at the edge, `from exc`.

IntegrationError
├── ConfigurationError      stop; the message names the setting and what it takes
├── FatalError              stop with a non-zero exit; nobody can go on from here
│   └── FencedError         another instance took over; end without writing anything more
├── RetriableError          try again in place, after `retry_after_s` if it is given
├── StoppedError            the process, or its right to this work, ends; what was at hand is left for the next owner
└── InvalidRecordError      this record can never succeed: dead-letter it and go on with the next
"""

from __future__ import annotations


class IntegrationError(Exception):
    """Root of every error this service raises on purpose."""


class ConfigurationError(IntegrationError):
    """A setting, an argument or the environment is wrong; the message says what to set."""


class FatalError(IntegrationError):
    """The process cannot go on and must end with a non-zero exit."""


class FencedError(FatalError):
    """A successor holds the lease, the transactional id or the offsets; this instance must not write again."""


class RetriableError(IntegrationError):
    """An outage or a limit of something outside; the same call may succeed later."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoppedError(IntegrationError):
    """The process or the ownership of the work ends; what was at hand is left for the next owner."""


class InvalidRecordError(IntegrationError):
    """A record that no retry can save; carries the reason that a person can act on."""

    def __init__(self, reason: str, *, error_class: str = "invalid-record") -> None:
        super().__init__(reason)
        self.reason = reason
        self.error_class = error_class
