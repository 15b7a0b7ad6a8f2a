"""What somebody tells a connection to do: every one is a command to the poller, and a line of the audit."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from console.routes.integration import require_connected, snapshot_of
from console.user_request import RefusedError, UserRequest, see_other
from control.audit import note_not_sent, record
from core.errors import RetriableError
from schemas.command_sender import CommandOrder, new_command_id

_LONGEST_REASON = 300


def order(
    request: UserRequest, kind: str, command_id: str, *, reason: str = "", entities: tuple[str, ...] = ()
) -> None:
    """Send a command whose audit line is stored; RetriableError if Kafka does not take it."""
    wanted = CommandOrder(kind, request.company_id, entities, command_id, reason=reason or None)
    # Also where it fails: what was stored for it is there.
    request.services.snapshots.forget(request.company_id)
    request.services.sender.send(wanted, requested_by=f"console:{request.me.email}")


def act_and_order(
    request: UserRequest, kind: str, *, reason: str = "", entities: tuple[str, ...] = (), back: str = ""
) -> Response:
    """Audit, send, and back to the connection's page, which shows what becomes of the command."""
    require_connected(snapshot_of(request), request.now)
    command_id = new_command_id()
    detail: dict[str, object] = {"reason": reason} if reason else {}
    if entities:
        detail["entities"] = list(entities)
    with request.services.database.writing() as tx:
        record(tx, request.act(kind, command_id=command_id, **detail))
    try:
        order(request, kind, command_id, reason=reason, entities=entities)
    except RetriableError as exc:
        with request.services.database.writing() as tx:
            note_not_sent(tx, command_id, str(exc))
        raise
    company = quote(request.company_id, safe="")
    return see_other(f"/c/{company}/buildertrend{back}?command={command_id}")


def sync(request: UserRequest) -> Response:
    """Read what is recent, now."""
    return act_and_order(request, "sync")


def full_sync(request: UserRequest) -> Response:
    """Read everything, now."""
    return act_and_order(request, "full-sync")


def cancel(request: UserRequest) -> Response:
    """Stop the run that goes on."""
    return act_and_order(request, "cancel")


def show_pause(request: UserRequest) -> Response:
    """Asks for the reason."""
    card = require_connected(snapshot_of(request), request.now)
    return request.page("pause.html", card=card, problem="", reason="")


def pause(request: UserRequest) -> Response:
    """No read until somebody resumes it."""
    reason = " ".join(request.form.get("reason", "").replace("\0", "").split())
    if not reason or len(reason) > _LONGEST_REASON:
        card = require_connected(snapshot_of(request), request.now)
        problem = f"Enter a reason of up to {_LONGEST_REASON} characters: others will want to know."
        return request.page("pause.html", status=422, card=card, problem=problem, reason=reason)
    return act_and_order(request, "pause", reason=reason)


def resume(request: UserRequest) -> Response:
    """Read again."""
    return act_and_order(request, "resume")


def show_disconnect(request: UserRequest) -> Response:
    """Says what stays."""
    return request.page("disconnect.html", card=require_connected(snapshot_of(request), request.now))


def disconnect(request: UserRequest) -> Response:
    """Read no more; the data stays."""
    if request.form.get("confirmed") != "yes":
        raise RefusedError(422, "Not disconnected", "The confirmation was missing.")
    return act_and_order(request, "disconnect")
