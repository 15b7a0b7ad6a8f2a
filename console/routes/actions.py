"""What somebody tells a connection to do: every one is a command to the poller, and a line of the audit."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

from console.routes.integration import require_connected, snapshot_of
from console.visit import RefusedError, Visit, see_other
from control.audit import note_not_sent, record
from core.errors import RetriableError
from schemas.command_sender import CommandOrder, new_command_id

_LONGEST_REASON = 300


def order(visit: Visit, kind: str, command_id: str, *, reason: str = "", entities: tuple[str, ...] = ()) -> None:
    """Send a command whose audit line is stored; RetriableError if Kafka does not take it."""
    wanted = CommandOrder(kind, visit.company_id, entities, command_id, reason=reason or None)
    # Also where it fails: what was stored for it is there.
    visit.services.kept.forget(visit.company_id)
    visit.services.sender.send(wanted, requested_by=f"console:{visit.me.email}")


def act_and_order(
    visit: Visit, kind: str, *, reason: str = "", entities: tuple[str, ...] = (), back: str = ""
) -> Response:
    """Audit, send, and back to the connection's page, which shows what becomes of the command."""
    require_connected(snapshot_of(visit), visit.now)
    command_id = new_command_id()
    detail: dict[str, object] = {"reason": reason} if reason else {}
    if entities:
        detail["entities"] = list(entities)
    with visit.services.reach.writing() as tx:
        record(tx, visit.act(kind, command_id=command_id, **detail))
    try:
        order(visit, kind, command_id, reason=reason, entities=entities)
    except RetriableError as exc:
        with visit.services.reach.writing() as tx:
            note_not_sent(tx, command_id, str(exc))
        raise
    company = quote(visit.company_id, safe="")
    return see_other(f"/c/{company}/buildertrend{back}?command={command_id}")


def sync(visit: Visit) -> Response:
    """Read what is recent, now."""
    return act_and_order(visit, "sync")


def full_sync(visit: Visit) -> Response:
    """Read everything, now."""
    return act_and_order(visit, "full-sync")


def cancel(visit: Visit) -> Response:
    """Stop the run that goes on."""
    return act_and_order(visit, "cancel")


def show_pause(visit: Visit) -> Response:
    """Asks for the reason."""
    card = require_connected(snapshot_of(visit), visit.now)
    return visit.page("pause.html", card=card, problem="", reason="")


def pause(visit: Visit) -> Response:
    """No read until somebody resumes it."""
    reason = " ".join(visit.form.get("reason", "").replace("\0", "").split())
    if not reason or len(reason) > _LONGEST_REASON:
        card = require_connected(snapshot_of(visit), visit.now)
        problem = f"Enter a reason of up to {_LONGEST_REASON} characters: others will want to know."
        return visit.page("pause.html", status=422, card=card, problem=problem, reason=reason)
    return act_and_order(visit, "pause", reason=reason)


def resume(visit: Visit) -> Response:
    """Read again."""
    return act_and_order(visit, "resume")


def show_disconnect(visit: Visit) -> Response:
    """Says what stays."""
    return visit.page("disconnect.html", card=require_connected(snapshot_of(visit), visit.now))


def disconnect(visit: Visit) -> Response:
    """Read no more; the data stays."""
    if visit.form.get("confirmed") != "yes":
        raise RefusedError(422, "Not disconnected", "The confirmation was missing.")
    return act_and_order(visit, "disconnect")
