"""Connect and Reconnect: check the form, store the sealed password, send the first sync, and show its progress."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

from starlette.responses import Response

from console.reading.company import Snapshot
from console.routes.actions import order
from console.routes.integration import asked_command, snapshot_of
from console.user_request import Form, RefusedError, UserRequest, see_other
from console.views.card import card_of
from console.views.steps import Steps, steps_of
from control.audit import record
from control.connections import PASSWORD, NewConnection, save_connection
from control.console_sessions import CONNECT_LIMIT, TooManyTriesError, claim
from control.other_account import accept, forget_confirmation
from core.errors import RetriableError
from core.log import get_logger
from schemas.command_sender import new_command_id

log = get_logger(__name__)

_TOO_MANY = (
    "Too many attempts. Each one is a real sign-in, and Buildertrend locks a user after too many: "
    "check username and password there, wait 15 minutes, then try again."
)


def show(request: UserRequest) -> Response:
    """The form, with what is known of the connection before."""
    snapshot = snapshot_of(request)
    link = snapshot.link
    known = Entered()
    if link is not None:
        day = link.import_from.isoformat() if link.import_from else ""
        known = Entered(link.username, "", link.time_zone, day)
    return _form(request, snapshot, known)


def submit(request: UserRequest) -> Response:
    """Store it and begin."""
    snapshot = snapshot_of(request)
    new = entered(request.form, request.now.date())
    if new.problems:
        return _form(request, snapshot, new, status=422)
    try:
        with request.services.database.writing() as tx:
            claim(tx, CONNECT_LIMIT, request.company_id)
    except TooManyTriesError:
        return _form(request, snapshot, new, status=429, problem=_TOO_MANY)
    return _connecting(request, _begin(request, snapshot, new))


def _begin(request: UserRequest, snapshot: Snapshot, new: Entered) -> str:
    company_id = request.company_id
    secret = request.services.sealer.seal(new.password.encode(), company_id=company_id, kind=PASSWORD)
    command_id = new_command_id()
    action = "connect" if snapshot.link is None else "reconnect"
    detail = {"username": new.username, "time_zone": new.time_zone, "spaces": new.password_has_spaces}
    with request.services.database.writing() as tx:
        # In front of the connection's own times, so that every trace of this attempt is later.
        record(tx, request.act(action, command_id=command_id, **detail))
        save_connection(tx, NewConnection(company_id, new.username, new.time_zone, new.day), secret)
        forget_confirmation(tx, company_id)
    _ask_to_sign_in(request, command_id)
    return command_id


def _ask_to_sign_in(request: UserRequest, command_id: str) -> None:
    """What was entered is stored: without the command the schedule signs in a minute later."""
    try:
        order(request, "sync", command_id)
    except RetriableError as exc:
        log.warning("connect_waits_for_the_schedule", reason=str(exc))


def connecting(request: UserRequest) -> Response:
    """The steps of a Connect, as the database says."""
    asked = asked_command(request)
    snapshot = snapshot_of(request)
    if asked is None or snapshot.link is None:
        return see_other(_path(request, ""))
    steps = steps_of(snapshot, asked.command_id or "", asked.at, request.now)
    link = snapshot.link
    day = link.import_from.isoformat() if link.import_from else ""
    problems = {steps.field: steps.text} if steps.field else {}
    typed = (steps.outcome == "failed" and link.refused_username) or link.username
    again = Entered(typed, "", link.time_zone, day, problems=problems)
    return request.page(
        "connecting.html",
        card=card_of(snapshot, request.now),
        steps=steps,
        spaces=bool(asked.detail.get("spaces")) and _is_wrong(steps),
        **_form_values(request, again),
    )


def confirm(request: UserRequest) -> Response:
    """Both accounts by name, before the other one is taken."""
    snapshot = snapshot_of(request)
    if snapshot.link is None or not snapshot.link.pending_builder_id:
        return see_other(_path(request, ""))
    return request.page("confirm_account.html", card=card_of(snapshot, request.now), link=snapshot.link)


def accept_account(request: UserRequest) -> Response:
    """Take the other account, if it still is the one that was shown."""
    builder_id, command_id = request.form.get("builder_id", ""), new_command_id()
    link = snapshot_of(request).link
    before = (link.builder_name or link.builder_id) if link else None
    after = (link.pending_builder_name or link.pending_builder_id) if link else None
    with request.services.database.writing() as tx:
        if not accept(tx, request.company_id, builder_id=builder_id):
            raise RefusedError(409, "Nothing waits for this confirmation", "Somebody entered other credentials since.")
        record(tx, request.act("confirm-account", command_id=command_id, before=before, after=after))
    _ask_to_sign_in(request, command_id)
    return _connecting(request, command_id)


def _connecting(request: UserRequest, command_id: str) -> Response:
    return see_other(_path(request, f"/connecting?command={command_id}"))


def _path(request: UserRequest, rest: str) -> str:
    return f"/c/{quote(request.company_id, safe='')}/buildertrend{rest}"


def _is_wrong(steps: Steps) -> bool:
    return steps.outcome == "failed" and steps.field == "password"


def _form(
    request: UserRequest, snapshot: Snapshot, shown: Entered, *, status: int = 200, problem: str = ""
) -> Response:
    card = card_of(snapshot, request.now)
    return request.page("connect.html", status=status, card=card, problem=problem, **_form_values(request, shown))


def _form_values(request: UserRequest, shown: Entered) -> dict[str, Any]:
    return {
        "entered": shown,
        "common_zones": COMMON_ZONES,
        "zones": all_zones()[len(COMMON_ZONES) :],
        "today": request.now.date().isoformat(),
    }


# What most customers need, in front of all there are.
COMMON_ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Phoenix",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Toronto",
    "America/Vancouver",
)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Entered:
    """A form as it came, with what is wrong by field. `password_has_spaces`: around it, which are sent as typed."""

    username: str = ""
    password: str = field(default="", repr=False)
    time_zone: str = ""
    import_from: str = ""
    day: date | None = None
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def password_has_spaces(self) -> bool:
        return self.password != self.password.strip()

    def problem(self, name: str) -> str:
        """What is wrong with a field, or nothing."""
        return self.problems.get(name, "")


def entered(form: Form, today: date) -> Entered:
    """Read the form of Connect."""
    username = form.get("username", "").strip()
    password = form.get("password", "")
    time_zone = form.get("time_zone", "").strip()
    import_from = form.get("import_from", "").strip()
    day, wrong_day = _day(import_from, today)
    problems = {
        "username": _text_problem(username, "Enter the Buildertrend username."),
        "password": _text_problem(password, "Enter the Buildertrend password."),
        "time_zone": "" if time_zone in all_zones() else "Choose the company’s time zone.",
        "import_from": wrong_day,
    }
    wrong = {name: problem for name, problem in problems.items() if problem}
    return Entered(username[:_LONGEST], password, time_zone, import_from, day, wrong)


def all_zones() -> list[str]:
    """Every zone that may be chosen, the common ones first."""
    others = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [*COMMON_ZONES, *(name for name in others if name not in COMMON_ZONES)]


def _text_problem(text: str, empty: str) -> str:
    if not text:
        return empty
    if "\0" in text or len(text) > _LONGEST:
        return "This cannot be right: it is too long, or holds a character that nobody can type."
    return ""


def _day(text: str, today: date) -> tuple[date | None, str]:
    if not text:
        return None, ""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None, "Enter a day such as 2026-01-31, or leave it empty for everything."
    if not date(1990, 1, 1) <= day <= today:
        return None, "Choose a day that is not in the future, or leave it empty for everything."
    return day, ""
