"""`reconcile`: Buildertrend as last read, raw, canonical and table side by side, differences named, and repaired."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.ordering import ask_and_follow, send
from cli.reading import as_plain, database_of
from control.database import Database
from control.left_overs import ask_for_deletion
from core.clock import Clock, SystemClock
from core.errors import ConfigurationError
from core.kafka.access import metadata
from core.settings import Settings, load_settings
from core.terminal import Terminal, styled
from core.topics import partition_for
from core.visible import visible
from reports.lag import sink_lag, streams_lag
from reports.reconcile import SIDES, Difference, Reconciliation, Repair, Total, WeekLine, by_kind, repairs
from reports.reconcile import reconcile as compare
from reports.sides import read_sides
from schemas.codec import Record
from schemas.command_sender import CommandOrder
from schemas.entities import ENTITIES, ENTITY_BY_NAME
from schemas.registry import ConfluentRegistry

_SHOWN = 20
_SETTLES_WITHIN_S = 120.0
_LOOK_AGAIN_S = 1.0
_HEADS = {"buildertrend": "Buildertrend", "raw": "Raw", "canonical": "Canonical", "table": "Table"}


@dataclass(frozen=True, slots=True)
class Found:
    """The comparison, and how many records were in flight when it was made."""

    company_id: str
    entities: list[Reconciliation]
    in_flight: int

    @property
    def agrees(self) -> bool:
        return all(one.agrees for one in self.entities)


def reconcile(
    company: Annotated[str, typer.Argument(help="Protiv's id of the company.", metavar="COMPANY")],
    entity: Annotated[list[str] | None, typer.Option("--entity", help="Only this entity; repeatable.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Backfill exactly the ranges that differ.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="With --repair: stay until the backfills are done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare hours and counts a job and week on all four sides; exits with 1 if they differ."""
    settings = load_settings().require("database_url", "kafka_bootstrap_servers")
    metadata(settings)  # Brokers that refuse are named at once.
    found = _compare(settings, company, entity or list(ENTITY_BY_NAME))
    console = Terminal(stderr=as_json, soft_wrap=True)
    if not as_json:
        _show(found, console)
    ends = _repair(settings, found, console, wait=wait) if repair else []
    after = _compared_again(settings, found, SystemClock()) if ends and wait else found
    if as_json:
        print(json.dumps(_as_json(found, ends) | {"agrees_after": after.agrees}))
    elif ends:
        console.print(_outcome(after, waited=wait))
    if not after.agrees:
        raise typer.Exit(1)


def _outcome(after: Found, *, waited: bool) -> str:
    if not waited:
        return "What was sent is not done yet: compare again, or use --wait."
    if after.agrees:
        return "Compared again: all four sides agree."
    left = sum(len(one.differences) for one in after.entities)
    return f"Compared again: {left:,} records still differ. Held deletions are let go by `release-deletions`."


def _compared_again(settings: Settings, before: Found, clock: Clock) -> Found:
    """Compare once streams and sink have nothing left to process, as two checks in a row agree."""
    give_up_at = clock.monotonic() + _SETTLES_WITHIN_S
    was_quiet = False
    while True:
        found = _compare(settings, before.company_id, [one.entity for one in before.entities])
        settled = was_quiet and not found.in_flight
        if found.agrees or settled or clock.monotonic() >= give_up_at:
            return found
        was_quiet = not found.in_flight
        clock.wait(_LOOK_AGAIN_S)


def _compare(settings: Settings, company: str, names: list[str]) -> Found:
    unknown = sorted(set(names) - set(ENTITY_BY_NAME))
    if unknown:
        raise ConfigurationError(f"--entity {unknown[0]} is not known; it takes one of {', '.join(ENTITY_BY_NAME)}.")
    with closing(ConfluentRegistry(settings)) as registry, database_of(settings) as tx:
        number = partition_for(company, settings.entity_partitions)
        lags = (streams_lag(settings), sink_lag(tx, settings))
        wanted = [one for one in ENTITIES if one.name in names]
        compared = [compare(one.name, read_sides(tx, settings, registry, company, one)) for one in wanted]
    return Found(company, compared, sum(lag.partitions.get(number, 0) for lag in lags))


def _repair(settings: Settings, found: Found, console: Console, *, wait: bool) -> list[Record]:
    ends = []
    _ask_for_deletions(settings, found)
    for wanted in repairs(found.entities):
        asked = CommandOrder(
            "backfill", found.company_id, (wanted.entity,), from_day=wanted.from_day, to_day=wanted.to_day
        )
        console.print(f"Backfilling {_range(wanted)} …")
        ends.append(ask_and_follow(settings, asked, console) if wait else _sent(settings, asked))
    return ends


def _ask_for_deletions(settings: Settings, found: Found) -> None:
    """Ask the poller to publish deletions of left-over records again, where a complete read does not show them."""
    database = Database(settings, max_connections=1)
    database.open()
    with closing(database), database.transaction() as tx:
        for one in found.entities:
            if one.left_over:
                ask_for_deletion(tx, found.company_id, one.entity, one.left_over)


def _sent(settings: Settings, asked: CommandOrder) -> Record:
    return {"type": "sent", "command_id": send(settings, asked)}


def _range(wanted: Repair) -> str:
    if wanted.from_day is None:
        return wanted.entity
    return f"{wanted.entity} from {wanted.from_day} to {wanted.to_day}"


def _as_json(found: Found, ends: list[Record]) -> dict[str, Any]:
    return {
        "company_id": found.company_id,
        "agrees": all(one.agrees for one in found.entities),
        "in_flight": found.in_flight,
        "sides": list(SIDES),
        "entities": {one.entity: as_plain(one) for one in found.entities},
        "repairs": [as_plain(one) for one in repairs(found.entities)],
        "commands": ends,
    }


def _show(found: Found, console: Console) -> None:
    console.print(_totals_table(found.entities))
    for one in found.entities:
        differing = [line for line in one.lines if line.differs]
        if differing:
            console.print()
            console.print(styled("Weeks that differ", "bold"), f"({one.entity})")
            console.print(_weeks_table(differing[:_SHOWN]))
            _say_more(len(differing), "weeks", console)
        _show_differences(one, console)
    if found.in_flight:
        said = f"{found.in_flight:,} records were still in flight; what differs may settle by itself."
        console.print(f"\n{said}")
    if all(one.agrees for one in found.entities):
        console.print("\nAll four sides agree.")


def _show_differences(one: Reconciliation, console: Console) -> None:
    if one.agrees:
        return
    console.print()
    console.print(styled("Differences", "bold"), f"({one.entity})")
    for (kind, before, after), records in by_kind(one.differences).items():
        console.print(f"  {records:,} {kind} between {before} and {after}")
    for difference in one.differences[:_SHOWN]:
        console.print(f"  {visible(_difference_words(difference))}")
    _say_more(len(one.differences), "records", console)


def _difference_words(difference: Difference) -> str:
    job = f"job {difference.job_id}" if difference.job_id else ""
    day = f"on {difference.day}" if difference.day else ""
    parts = (f"{difference.entity_id}:", difference.kind, "in", difference.between[1], difference.detail, job, day)
    return " ".join(part for part in parts if part)


def _say_more(count: int, what: str, console: Console) -> None:
    if count > _SHOWN:
        console.print(f"  and {count - _SHOWN:,} more {what}: --json lists them all")


def _totals_table(entities: list[Reconciliation]) -> Table:
    table = _table("Entity")
    for one in entities:
        table.add_row(one.entity, *(_words(total) for total in one.totals))
    return table


def _weeks_table(lines: list[WeekLine]) -> Table:
    table = _table("Week of", "Job")
    for line in lines:
        table.add_row(str(line.week or "?"), visible(line.job_id or "?"), *(_words(total) for total in line.totals))
    return table


def _words(total: Total) -> str:
    hours = "" if total.minutes in (None, 0) else f" / {(total.minutes or 0) / 60:,.1f} h"
    return f"{total.records:,}{hours}"


def _table(*first: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name in first:
        table.add_column(name)
    for side in SIDES:
        table.add_column(_HEADS[side], justify="right")
    return table
