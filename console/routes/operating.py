"""What operators look after: dead letters and their replay; and the audit, of one company or of all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.responses import Response

from console.refused import Letters, read_letters
from console.routes.integration import snapshot_of
from console.user_request import RefusedError, UserRequest, see_other
from console.views.card import card_of
from control.audit import Act, AuditLine, audit_lines, note_not_sent, record
from control.console_users import ConsoleUser
from core.errors import RetriableError
from schemas.command_sender import CommandOrder, new_command_id

LINES_A_PAGE = 50
_NOT_FOR_VIEWERS = frozenset({"username", "from"})
ACTIONS = {
    "sign-in": "Signed in",
    "sign-in-refused": "Tried to sign in and was refused",
    "recipe-save": "Stored how Buildertrend’s page asks for shifts",
    "user-add": "Added a user",
    "user-password": "Set a user’s password",
    "user-disable": "Disabled a user",
    "user-enable": "Enabled a user",
    "connect": "Connected Buildertrend",
    "reconnect": "Reconnected Buildertrend",
    "confirm-account": "Confirmed another Buildertrend account",
    "sync": "Asked for a sync",
    "full-sync": "Asked for a full sync",
    "pause": "Paused",
    "resume": "Resumed",
    "cancel": "Stopped a sync",
    "disconnect": "Disconnected",
    "release-deletions": "Released held deletions",
    "replay-dead-letters": "Replayed dead letters",
    "backfill": "Asked for a backfill",
    "rotate-keys": "Sealed stored passwords to a new key",
    "setup": "Set up topics, schemas and tables",
}


def letters(request: UserRequest) -> Response:
    """What was refused, by what was wrong, and the newest ones."""
    company_id = request.asked("company", longest=200)
    services = request.services

    def read() -> Letters:
        return read_letters(services.settings, services.clock, company_id)

    found = services.letters.get(company_id, read)
    return request.page("letters.html", found=found, company_id=company_id)


def replay(request: UserRequest) -> Response:
    """Put a company's dead letters through again."""
    company_id = request.form.get("company", "")
    if not company_id or len(company_id) > 200 or "\0" in company_id:
        raise RefusedError(422, "Nothing was replayed", "Choose the company whose dead letters to replay.")
    command_id = new_command_id()
    me, services = request.me, request.services
    with services.database.writing() as tx:
        record(tx, Act(me.user_id, me.email, company_id, "replay-dead-letters", {}, command_id))
    try:
        order = CommandOrder("replay-dead-letters", company_id, command_id=command_id)
        services.sender.send(order, requested_by=f"console:{me.email}")
    except RetriableError as exc:
        with services.database.writing() as tx:
            note_not_sent(tx, command_id, str(exc))
        raise
    services.letters.forget(company_id)
    services.letters.forget("")
    return see_other("/audit")


def company_audit(request: UserRequest) -> Response:
    """Who changed what of this company."""
    return _audit(request, request.company_id, card=card_of(snapshot_of(request), request.now))


def all_audit(request: UserRequest) -> Response:
    """Who changed what, everywhere."""
    return _audit(request, None, card=None)


def shown_line(line: AuditLine, user: ConsoleUser) -> AuditLine:
    """The line as this user may read it: who only looks sees no username of Buildertrend, and nobody's address."""
    if user.role != "viewer":
        return line
    return replace(line, detail={name: value for name, value in line.detail.items() if name not in _NOT_FOR_VIEWERS})


def _audit(request: UserRequest, company_id: str | None, **values: Any) -> Response:
    before = request.number("before", default=0, most=2**62) or None
    with request.services.database.reading() as tx:
        lines = audit_lines(tx, company_id=company_id, before=before, limit=LINES_A_PAGE + 1)
    has_more = len(lines) > LINES_A_PAGE
    shown = [shown_line(line, request.me) for line in lines[:LINES_A_PAGE]]
    return request.page("audit.html", lines=shown, has_more=has_more, actions=ACTIONS, **values)
