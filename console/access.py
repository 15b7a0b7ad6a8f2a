"""Who may use a screen: pure, from the user's role and company alone."""

from __future__ import annotations

from enum import Enum

from control.console_users import ConsoleUser


class Access(Enum):
    """What a screen asks of whoever uses it."""

    ANYBODY = "anybody"
    SIGNED_IN = "signed in"
    SEES_COMPANY = "sees the company"
    CHANGES_COMPANY = "changes the company"
    SEES_ALL = "sees every company"
    OPERATES = "operates"


class Verdict(Enum):
    """`HIDDEN` is for companies whose existence is nobody else's business."""

    MAY = "may"
    SIGN_IN = "sign in first"
    HIDDEN = "hidden"
    FORBIDDEN = "forbidden"


def judge(access: Access, user: ConsoleUser | None, company_id: str | None) -> Verdict:
    """Whether the user may use a screen with this access, of this company if it is one of a company."""
    if access is Access.ANYBODY:
        return Verdict.MAY
    if user is None:
        return Verdict.SIGN_IN
    if company_id is not None and not sees(user, company_id):
        return Verdict.HIDDEN
    return Verdict.MAY if _role_suffices(access, user) else Verdict.FORBIDDEN


def sees(user: ConsoleUser, company_id: str) -> bool:
    return user.company_id is None or user.company_id == company_id


def changes(user: ConsoleUser, company_id: str) -> bool:
    """Whether the user may change something of the company."""
    return sees(user, company_id) and user.role in ("admin", "operator")


def sees_all(user: ConsoleUser) -> bool:
    return user.company_id is None


def _role_suffices(access: Access, user: ConsoleUser) -> bool:
    match access:
        case Access.CHANGES_COMPANY:
            return user.role in ("admin", "operator")
        case Access.SEES_ALL:
            return sees_all(user)
        case Access.OPERATES:
            return user.role == "operator"
        case _:
            return True
