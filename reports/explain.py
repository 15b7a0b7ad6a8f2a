"""Why a record is, or is not, in Protiv: every stage of its path, one cause and the one next step. Pure.

The cause is the first of these that holds: it was refused (dead letter); its deletion is held; it is deleted; it is in
flight; two stages state other hours of it; it waits for a parent; it is there but nothing newer is read; it is there;
it was never shown, and why not.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from reports.evidence import EntityRead, Evidence, Minutes
from reports.responsible import ToDo, incomplete
from reports.stages import Step, steps_of
from reports.words import instant, of_links
from schemas.entities import ENTITY_BY_NAME
from schemas.faults import ADMIN, DEVELOPER, NOBODY, OPERATOR


@dataclass(frozen=True, slots=True)
class Conclusion:
    """`code` names the cause for machines, `cause` for people, `next_step` is what to do about it."""

    code: str
    cause: str
    next_step: ToDo


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer: the stages in their order, then the conclusion. `in_protiv`: a row is there and not deleted."""

    company_id: str
    entity: str
    entity_id: str
    in_protiv: bool
    steps: tuple[Step, ...]
    conclusion: Conclusion


def explain(found: Evidence) -> Explanation:
    """The answer to "why isn't this in Protiv?" from what is known of the record."""
    return Explanation(
        company_id=found.company_id,
        entity=found.entity,
        entity_id=found.entity_id,
        in_protiv=found.row is not None and found.row.deleted_at is None,
        steps=steps_of(found),
        conclusion=conclude(found),
    )


def conclude(found: Evidence) -> Conclusion:
    """The first cause that holds; see this module's docstring for the order."""
    rules = (_not_connected, _refused, _held, _on_its_way, _deleted, _differs, _link, _present, _never_shown)
    return next(conclusion for rule in rules if (conclusion := rule(found)) is not None)


def _not_connected(found: Evidence) -> Conclusion | None:
    if found.connection is not None:
        return None
    command = f"protiv-buildertrend connect {shlex.quote(found.company_id)} --time-zone America/Denver --wait"
    return Conclusion(
        "not-connected",
        f"Company {found.company_id} is not connected to Buildertrend.",
        ToDo(ADMIN, "Connect it, or check the company's id.", command),
    )


def _refused(found: Evidence) -> Conclusion | None:
    letter = found.refused
    if letter is None:
        return None
    command = _command("replay-dead-letters", found, entity=False)
    return Conclusion(
        f"dead-letter-{letter.stage}",
        f"{_STAGE_NAMES.get(letter.stage, letter.stage)} refused it ({letter.error_class}): {letter.reason}",
        ToDo(DEVELOPER, "Fix the cause above, then replay the dead letter.", command),
    )


_STAGE_NAMES = {"streams": "Streams", "sink": "The sink", "poller": "The poller"}


def _held(found: Evidence) -> Conclusion | None:
    held = found.held
    if held is None:
        return None
    if held.released_at is not None:
        return Conclusion(
            "deletion-released",
            f"Buildertrend no longer shows it; {held.released_by or 'somebody'} released its deletion "
            f"{instant(held.released_at, found)}.",
            ToDo(NOBODY, "Wait for the next complete read, or ask for one.", _command("full-sync", found)),
        )
    return Conclusion(
        "deletion-held",
        f"Buildertrend has not shown it since {instant(held.held_at, found)}; its deletion is held together with "
        f"{held.together - 1:,} others because so many would go at once.",
        ToDo(
            OPERATOR,
            "Look whether they are really gone; release them, or wait for their return.",
            _command("release-deletions", found),
        ),
    )


def _on_its_way(found: Evidence) -> Conclusion | None:
    if found.streams_will_come:
        return _waits("streams-behind", "It is published and streams have not processed it yet.")
    if found.raw is not None and not found.is_linked:
        return _lost("lost-in-streams", "Streams went past its raw record and published nothing.", found)
    if found.sink_will_come:
        return _waits("sink-behind", "It is published and the sink has not stored it yet.")
    if found.canonical is not None and not found.canonical.deleted and not found.is_stored:
        return _lost("lost-in-sink", "The sink went past its canonical record and stored nothing.", found)
    return _raw_is_missing(found)


def _raw_is_missing(found: Evidence) -> Conclusion | None:
    if found.last_read is None or found.raw is not None:
        return None
    return _lost("raw-record-missing", "It was published, but its record is no longer in the raw topic.", found)


def _waits(code: str, cause: str) -> Conclusion:
    return Conclusion(
        code,
        cause,
        ToDo(NOBODY, "Wait a moment; if it lasts, see whether that process runs.", "protiv-buildertrend doctor"),
    )


def _lost(code: str, cause: str, found: Evidence) -> Conclusion:
    command = shlex.join(["protiv-buildertrend", "reconcile", found.company_id, "--repair", "--wait"])
    return Conclusion(code, cause, ToDo(OPERATOR, "Read it again.", command))


def _deleted(found: Evidence) -> Conclusion | None:
    row, raw = found.row, found.raw
    gone = raw is not None and raw.op == "DELETE"
    if found.last_read is not None or not (gone or (row is not None and row.deleted_at is not None)):
        return None
    at = row.deleted_at if row is not None and row.deleted_at is not None else raw.place.at if raw else found.at
    return Conclusion(
        "deleted",
        f"Buildertrend no longer shows it: its deletion was found {instant(at, found)}.",
        ToDo(NOBODY, "Nothing; if it should be there, restore it in Buildertrend and sync.", _command("sync", found)),
    )


def _differs(found: Evidence) -> Conclusion | None:
    differing = found.differing
    if differing is None:
        return None
    stage, before, after = differing
    one, other = _SIDES[stage]
    return _lost(
        f"differs-in-{stage}",
        f"{one} states {_hours(before)}, {other} {_hours(after)}: {_STAGE_NAMES[stage].lower()} did not take what came "
        "last, as after a database was restored.",
        found,
    )


_SIDES = {"streams": ("Buildertrend", "the canonical record"), "sink": ("The canonical record", "the table")}


def _hours(minutes: Minutes) -> str:
    regular, overtime, double_overtime = (
        f"{part // 60}:{part % 60:02d}" if part is not None else "none" for part in minutes
    )
    beyond = f", with {double_overtime} of double overtime" if minutes[2] else ""
    return f"{regular} regular and {overtime} overtime hours{beyond}"


def _link(found: Evidence) -> Conclusion | None:
    row = found.row
    if row is None or row.link_status in (None, "linked", "split"):
        return None
    cause, to_do = of_links(found)
    return Conclusion(str(row.link_status), cause, to_do)


def _present(found: Evidence) -> Conclusion | None:
    if found.row is None or found.row.deleted_at is not None:
        return None
    blocked = found.connection.blocked if found.connection else None
    if blocked is not None:
        cause, to_do = blocked
        return Conclusion(
            _blocked_code(found), f"It is in Protiv as of {_as_of(found)}; nothing newer is read. {cause}", to_do
        )
    if found.incomplete is not None:
        cause, to_do = incomplete(found.company_id, found.entity, found.incomplete.message)
        since = f"It is in Protiv as of {_as_of(found)}; an edit made since may not have been read."
        return Conclusion("source-incomplete", f"{since} {cause}", to_do)
    return Conclusion(
        "in-protiv",
        f"It is in Protiv, as Buildertrend showed it {_as_of(found)}.",
        ToDo(NOBODY, "Nothing; for an edit made since, sync.", _command("sync", found)),
    )


def _as_of(found: Evidence) -> str:
    at = found.shown_at or (found.row.observed_at if found.row else found.at)
    return instant(at, found)


def _blocked_code(found: Evidence) -> str:
    connection = found.connection
    assert connection is not None
    return connection.state if connection.state in ("paused", "disconnected") else connection.fault or "fault"


def _never_shown(found: Evidence) -> Conclusion:
    connection = found.connection
    assert connection is not None
    if (blocked := connection.blocked) is not None:
        return Conclusion(_blocked_code(found), f"It has not been read. {blocked[0]}", blocked[1])
    unread = found.unread_command
    if unread is not None:
        return Conclusion(
            "dead-letter-poller",
            f"It has not been read, and a command sent for this company {instant(unread.place.at, found)} could not "
            f"be understood ({unread.error_class}): {unread.reason}",
            ToDo(OPERATOR, "Correct its sender, and send the command again.", _command("sync", found)),
        )
    if found.incomplete is not None:
        cause, to_do = incomplete(found.company_id, found.entity, found.incomplete.message)
        return Conclusion("source-incomplete", f"No read has shown it. {cause}", to_do)
    if found.entity_read is None:
        return _first_read(found)
    return _outside(found)


def _first_read(found: Evidence) -> Conclusion:
    connection = found.connection
    if connection is not None and connection.leased and connection.running:
        return Conclusion(
            "being-read",
            "The first read of this entity is under way and has not come to it yet.",
            ToDo(NOBODY, "Wait for it.", f"protiv-buildertrend status {shlex.quote(found.company_id)}"),
        )
    return Conclusion(
        "not-read-yet",
        "This entity has never been read to its end.",
        ToDo(OPERATOR, "Start a sync.", _command("sync", found)),
    )


def _outside(found: Evidence) -> Conclusion:
    read = found.entity_read
    assert read is not None
    if read.whole_through is None:
        since = f" from {read.from_day} on" if read.from_day else ""
        return Conclusion(
            "outside-what-was-read",
            f"No read has shown it; so far only a part was read{since}.",
            ToDo(OPERATOR, "Read everything of this entity.", _command("full-sync", found)),
        )
    limit = found.connection.import_from if found.connection else None
    older = f", or older than the import-from date {limit}" if limit and ENTITY_BY_NAME[found.entity].local_day else ""
    return Conclusion(
        "never-shown",
        f"Buildertrend has shown no such record in any read through {_through(read, found)}: it is "
        f"newer than that{older}, this user may not see it, or the id is another one.",
        ToDo(ADMIN, "Check the id in Buildertrend with the integration's user, then sync.", _command("sync", found)),
    )


def _through(read: EntityRead, found: Evidence) -> str:
    """Through when what was read is complete; a read of the window does not cover the days before it."""
    whole, newest = (instant(at, found) for at in (read.whole_through or read.complete_through, read.complete_through))
    return newest if read.from_day is None else f"{whole} (days from {read.from_day} on: {newest})"


def _command(kind: str, found: Evidence, *, entity: bool = True) -> str:
    words = ["protiv-buildertrend", kind, found.company_id, *(["--entity", found.entity] if entity else []), "--wait"]
    return shlex.join(words)
