"""What a check of `doctor` finds, and how checks are run: one that needs another is skipped when that one failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.errors import IntegrationError


@dataclass(frozen=True, slots=True)
class Finding:
    """`state` is ok, failed or skipped; `fix` says what to do about a failure."""

    name: str
    state: str
    found: str
    fix: str = ""


class ProblemError(IntegrationError):
    """A check found something wrong; `fix` says what to do about it."""

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(found)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Check:
    """`find` returns what it found, or raises: ProblemError with its fix, or any IntegrationError (then `fix`)."""

    name: str
    find: Callable[[], str]
    fix: str
    needs: tuple[str, ...] = ()


def run_checks(checks: Sequence[Check]) -> list[Finding]:
    """A finding for each check, in their order."""
    findings: dict[str, Finding] = {}
    for check in checks:
        missing = [name for name in check.needs if findings[name].state != "ok"]
        findings[check.name] = Finding(check.name, "skipped", f"needs {missing[0]}") if missing else _look(check)
    return list(findings.values())


def _look(check: Check) -> Finding:
    try:
        return Finding(check.name, "ok", check.find())
    except ProblemError as exc:
        return Finding(check.name, "failed", str(exc), exc.fix)
    except IntegrationError as exc:
        return Finding(check.name, "failed", str(exc), check.fix)
    except Exception as exc:  # noqa: BLE001 - whatever is odd about what is looked at, the other checks say more
        return Finding(check.name, "failed", f"The check itself failed ({type(exc).__name__}: {exc}).", check.fix)
