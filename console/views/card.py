"""A company's connection as pages word it: one state, one notice with the one thing to do, and what may be pressed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from console.reading.company import Link, Snapshot
from console.views.attention import Attention, Item, attention_of
from console.views.runs import Progress, progress_of
from console.words import ENTITY_NAMES, Moment, day_words, moment, reference, relative, zone
from reports.company_status import EntityFacts
from schemas.entities import ENTITIES
from schemas.faults import NO_PERMISSION, fault_of

STATES = {
    "not-connected": ("idle", "off", "Not connected"),
    "connecting": ("busy", "spin", "Connecting"),
    "connected": ("good", "check", "Connected"),
    "syncing": ("busy", "spin", "Syncing"),
    "needs-attention": ("bad", "alert", "Needs attention"),
    "paused": ("idle", "pause", "Paused"),
    "disconnected": ("idle", "off", "Disconnected"),
}
_LATE_AFTER = timedelta(minutes=2)
_REFUSED_SHOWN = timedelta(days=1)
_SILENT_AFTER = timedelta(seconds=18)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell above everything else. `level` is bad, warn or info; `action` is what its button does."""

    level: str
    title: str
    text: str = ""
    to_do: str = ""
    action: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One entity: counts in Protiv, and up to when it is known to be complete. `level` is done, moving or none."""

    entity: str
    name: str
    stored: int
    published: int
    level: str
    fresh: Moment | None
    since: str


@dataclass(frozen=True, slots=True)
class Card:
    """All that a company's pages say of its connection."""

    company_id: str
    account: str
    state: str
    notice: Notice | None
    hint: str
    last_success: Moment | None
    next_words: str
    next_sync: Moment | None
    progress: Progress | None
    tiles: tuple[Tile, ...]
    needs: Attention
    time_zone: str
    import_from: str
    username: str

    @property
    def look(self) -> tuple[str, str, str]:
        """Level, icon and name of the state."""
        return STATES[self.state]

    @property
    def attention(self) -> tuple[Item, ...]:
        """What needs somebody."""
        return self.needs.items

    @property
    def is_calm(self) -> bool:
        """Whether surely nothing needs anybody."""
        return self.state == "connected" and self.notice is None and self.needs.is_calm

    @property
    def may_sync(self) -> bool:
        """Also where permissions are missing: somebody may have given them meanwhile."""
        return self.state == "connected" or (self.notice is not None and self.notice.action == "sync")

    @property
    def may_pause(self) -> bool:
        return self.state in ("connected", "syncing", "connecting")

    @property
    def is_busy(self) -> bool:
        """Whether something changes by itself within seconds."""
        return self.state in ("connecting", "syncing")


def card_of(snapshot: Snapshot, now: datetime) -> Card:
    """The card of a company as it is at `now`."""
    link = snapshot.link
    if link is None:
        return Card(
            snapshot.company_id,
            "",
            "not-connected",
            None,
            "",
            None,
            "None planned",
            None,
            None,
            (),
            Attention(),
            "",
            "",
            "",
        )
    where = zone(link.time_zone)
    is_planned = link.state in ("connecting", "connected") and snapshot.running is None
    return Card(
        company_id=link.company_id,
        account=link.builder_name or "",
        state=state_of(snapshot),
        notice=_notice(snapshot, link, now),
        hint=(link.hint or "") if link.state == "connected" else "",
        last_success=moment(link.last_success_at, now, where),
        next_words=_next_words(snapshot, link, now),
        next_sync=moment(link.next_due_at, now, where) if is_planned else None,
        progress=progress_of(snapshot, now),
        tiles=tuple(_tile(snapshot, entity.name, now, where) for entity in ENTITIES),
        needs=attention_of(snapshot, link, now, where),
        time_zone=link.time_zone,
        import_from=day_words(link.import_from) if link.import_from else "",
        username=link.username,
    )


def state_of(snapshot: Snapshot) -> str:
    """One of STATES. Signing in for the first time is still `connecting`."""
    link = snapshot.link
    if link is None:
        return "not-connected"
    state = "syncing" if link.state == "connected" and snapshot.running else link.state
    if state == "connected" and link.fault == NO_PERMISSION.name:
        state = "needs-attention"
    return state if state in STATES else "needs-attention"


def _next_words(snapshot: Snapshot, link: Link, now: datetime) -> str:
    if snapshot.running:
        return "Running now"
    if link.state not in ("connecting", "connected"):
        return "None planned"
    return "Due now" if link.next_due_at <= now else relative(link.next_due_at, now).capitalize()


def _notice(snapshot: Snapshot, link: Link, now: datetime) -> Notice | None:
    match link.state:
        case "needs-attention":
            return _needs_attention(snapshot, link)
        case "paused":
            return _paused(link, now)
        case "disconnected":
            return Notice(
                "info",
                "Disconnected",
                "Nothing is read from Buildertrend anymore. What was synced stays in Protiv.",
                action="reconnect",
            )
        case _:
            return (
                _fault(snapshot, link, now)
                or _refused(link, now)
                or _interrupted(snapshot, now)
                or _late(snapshot, link, now)
            )


def _needs_attention(snapshot: Snapshot, link: Link) -> Notice:
    if link.pending_builder_id:
        name = link.pending_builder_name or f"number {link.pending_builder_id}"
        return Notice(
            "bad",
            "This is another Buildertrend account",
            f"The new username belongs to {name}; until now it was {link.builder_name or link.builder_id}.",
            "Confirm the change, or enter a user of the previous account.",
            "confirm-account",
        )
    fault = fault_of(link.fault)
    action = "" if fault.contact_support else "reconnect"
    return Notice("bad", fault.heading, link.message or "", fault.admin_step, action, _reference(snapshot, link.fault))


def _reference(snapshot: Snapshot, fault: str | None) -> str:
    if not fault_of(fault).contact_support or not snapshot.runs:
        return ""
    return reference(snapshot.runs[0].run_id)


def _paused(link: Link, now: datetime) -> Notice:
    who = f" by {link.paused_by.removeprefix('console:')}" if link.paused_by else ""
    when = f" {relative(link.paused_at, now)}" if link.paused_at else ""
    reason = f" Reason: {link.paused_reason}." if link.paused_reason else ""
    text = f"Paused{who}{when}.{reason} Nothing is read from Buildertrend until it is resumed."
    return Notice("info", "Syncing is paused", text, action="resume")


def _fault(snapshot: Snapshot, link: Link, now: datetime) -> Notice | None:
    if not link.fault or snapshot.running:
        return None
    fault = fault_of(link.fault)
    if link.fault == NO_PERMISSION.name:
        return Notice("bad", fault.heading, link.message or "", fault.admin_step, "sync")
    due = "now" if link.next_due_at <= now else relative(link.next_due_at, now)
    to_do = f"{fault.admin_step} It is tried again {due}.".strip()
    return Notice("warn", fault.heading, link.message or "", to_do, reference=_reference(snapshot, link.fault))


def _refused(link: Link, now: datetime) -> Notice | None:
    """A Reconnect that failed: told for a day, or until the next one."""
    if link.state != "connected" or link.refused_at is None or now - link.refused_at > _REFUSED_SHOWN:
        return None
    text = f"{link.refused_message or ''} The connection continues with the previous username and password."
    return Notice("warn", "The new username or password was not accepted", text.strip(), action="reconnect")


def _interrupted(snapshot: Snapshot, now: datetime) -> Notice | None:
    newest = snapshot.runs[0] if snapshot.runs else None
    if newest is None or newest.state != "running":
        return None
    heard = snapshot.link.heard_at if snapshot.link else None
    if snapshot.running is None:
        return Notice("warn", "The sync was interrupted", "It continues automatically from where it stopped.")
    if heard is not None and now - heard > _SILENT_AFTER:
        text = "If its reader has stopped, another one continues from there within half a minute."
        return Notice("warn", f"The sync has not reported for {(now - heard).seconds} s", text)
    return None


def _late(snapshot: Snapshot, link: Link, now: datetime) -> Notice | None:
    if link.leased or snapshot.running or now - link.next_due_at <= _LATE_AFTER:
        return None
    text = f"It was due {relative(link.next_due_at, now)} and no reader has started it."
    return Notice("warn", "The next sync is late", text, "Ask Protiv support to check that a poller is running.")


def _tile(snapshot: Snapshot, entity: str, now: datetime, where: tzinfo) -> Tile:
    found = snapshot.facts.entities.get(entity, EntityFacts()) if snapshot.facts else EntityFacts()
    stored, published = found.stored or 0, found.published or 0
    level = "none" if not (stored or published) else "done" if stored == published else "moving"
    since = f"from {day_words(found.from_day)} on" if found.from_day else ""
    fresh = moment(found.complete_through, now, where)
    return Tile(entity, ENTITY_NAMES[entity], stored, published, level, fresh, since)
