"""`status`: how every company and entity is doing, how far streams and sink are behind, and who has to act."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.reading import ago, ahead, as_plain, database_of
from core.errors import ConfigurationError
from core.kafka.access import metadata
from core.settings import Settings, load_settings
from core.terminal import Terminal, styled, table
from core.topics import partition_for
from core.visible import visible
from reports.company_status import CompanyStatus, RecipeChange, RequestsToday
from reports.dead_letters import DeadLetter, dead_letters
from reports.lag import Lag, sink_lag, streams_lag
from reports.status import read_status, takes_writes
from schemas.faults import FAULTS
from sinks.status import sink_status

_COLOURS = {
    "on time": "green",
    "syncing": "cyan",
    "needs attention": "red",
    "late": "red",
    "held": "yellow",
    "incomplete": "red",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is shown. Dead letters are those of the last 30 days, by company, entity and stage.

    `sink_waits`: why the sink stores nothing now, in words; empty while all is well. `takes_writes`: whether the
    database does.
    """

    companies: list[CompanyStatus]
    streams: Lag
    sink: Lag
    letters: Counter[tuple[str, str, str]]
    sink_waits: str
    takes_writes: bool = True

    def lags(self, company_id: str, partitions: int) -> dict[str, int]:
        """What waits on the company's partition, its own records and those of its neighbours."""
        number = partition_for(company_id, partitions)
        return {"streams": self.streams.partitions.get(number, 0), "sink": self.sink.partitions.get(number, 0)}


def status(
    company: Annotated[str, typer.Argument(help="Only this company, in full.", metavar="[COMPANY]")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show how every company is doing, whether streams and sink are behind, and who has to act."""
    settings = load_settings().require("database_url", "kafka_bootstrap_servers")
    metadata(settings)  # Brokers that refuse are named at once.
    shown = _read(settings, company)
    if as_json:
        print(json.dumps(_as_json(shown, settings)))
    else:
        _show(shown, Terminal(), in_full=bool(company))


def _read(settings: Settings, company: str) -> Shown:
    with database_of(settings) as tx:
        wanted = [company] if company else None
        found = read_status(
            tx,
            now=datetime.now(UTC),
            poll_interval_s=settings.poll_interval_s,
            full_sync_interval_s=settings.full_sync_interval_s,
            company_ids=wanted,
        )
        if company and not found:
            raise ConfigurationError(
                f"Company {company} is not connected. `protiv-buildertrend status` lists those that are."
            )
        sink, writes = sink_lag(tx, settings), takes_writes(tx)
    letters = Counter(_place(letter) for letter in dead_letters(settings, company))
    return Shown(found, streams_lag(settings), sink, letters, sink_status(settings).sentence, writes)


def _place(letter: DeadLetter) -> tuple[str, str, str]:
    return (letter.company_id, letter.entity, letter.stage)


def _as_json(shown: Shown, settings: Settings) -> dict[str, Any]:
    lags = {"streams": shown.streams, "sink": shown.sink}
    return {
        "companies": [_company_json(one, shown, settings) for one in shown.companies],
        "behind": {name: lag.records > 0 for name, lag in lags.items()},
        "lag": {name: as_plain(lag) for name, lag in lags.items()},
        "sink_waits": shown.sink_waits or None,
        "database_takes_writes": shown.takes_writes,
        "dead_letters": [
            {"company_id": company, "entity": entity, "stage": stage, "records": records}
            for (company, entity, stage), records in sorted(shown.letters.items())
        ],
    }


def _company_json(one: CompanyStatus, shown: Shown, settings: Settings) -> dict[str, Any]:
    plain = as_plain(one)
    facts = plain.pop("facts")
    entities = {
        entity.pop("entity"): {**entity.pop("facts"), **entity, "dead_letters": 0} for entity in plain.pop("entities")
    }
    for (company, entity, _stage), records in shown.letters.items():
        if company == one.company_id and entity in entities:
            entities[entity]["dead_letters"] += records
    return {
        **plain,
        "complete_through": None if one.complete_through is None else one.complete_through.isoformat(),
        "connection": facts["connection"],
        "last_success_at": facts["connection"]["last_success_at"],
        "running": facts["running"],
        "commands": facts["commands"],
        "recipes": facts["recipes"],
        "requests_today": {"total": one.facts.requests.total, **facts["requests"]},
        "contradicted_facts": [{**as_plain(fact), "sentence": fact.sentence} for fact in one.facts.contradicted],
        "lag": shown.lags(one.company_id, settings.entity_partitions),
        "entities": entities,
    }


def _show(shown: Shown, console: Console, *, in_full: bool) -> None:
    if not shown.companies:
        console.print("No company is connected. Connect one: protiv-buildertrend connect COMPANY --time-zone …")
        return
    console.print(_companies_table(shown.companies))
    for one in shown.companies:
        if in_full:
            _show_entities(one, shown, console)
            console.print(requests_sentence(one.facts.requests))
            for recipe in one.facts.recipes:
                console.print(recipe_sentence(recipe), soft_wrap=True)
            _show_contradicted(one, console)
            if one.facts.connection.hint:
                console.print(visible(one.facts.connection.hint), soft_wrap=True)
        if one.cause:
            console.print()
            console.print(styled(f"{one.company_id}:", "bold"), visible(one.cause))
            console.print(f"  {one.to_do.who}: {visible(one.to_do.sentence)}")
            if one.to_do.command:
                console.print(f"  {visible(one.to_do.command)}", soft_wrap=True)
            fault = FAULTS.get(one.facts.connection.fault or "")
            if fault is not None:
                console.print(f"  {fault.poller_next} See {fault.runbook}.", soft_wrap=True)
    _show_stages(shown, console)


def _companies_table(companies: list[CompanyStatus]) -> Table:
    shown_as = table("Company", "State", "Last sync", "Next sync", "Complete through", "Held", "Who has to act")
    for one in companies:
        connection = one.facts.connection
        held = sum(entity.facts.held for entity in one.entities)
        shown_as.add_row(
            visible(one.company_id),
            _coloured(one.state),
            ago(connection.last_success_at),
            ahead(one.next_due_at),
            ago(one.complete_through),
            f"{held:,}" if held else "",
            one.to_do.who,
        )
    return shown_as


def _show_entities(one: CompanyStatus, shown: Shown, console: Console) -> None:
    shown_as = table("Entity", "State", "Complete through", "Published", "In Protiv", "Held", "Dead letters")
    for entity in one.entities:
        letters = sum(n for (_, name, _), n in shown.letters.items() if name == entity.entity)
        pages = f" {entity.pages_done or 0} of {entity.pages_total or '?'}" if entity.state == "syncing" else ""
        facts = entity.facts
        counts = [f"{n:,}" if n is not None else "" for n in (facts.published, facts.stored, facts.held, letters)]
        shown_as.add_row(
            entity.entity, Text.assemble(_coloured(entity.state), pages), ago(facts.complete_through), *counts
        )
    console.print()
    console.print(shown_as)


def _show_contradicted(one: CompanyStatus, console: Console) -> None:
    if one.facts.contradicted:
        console.print("What Buildertrend does differently than known (docs/wire.md):")
    for fact in one.facts.contradicted:
        console.print(f"  {visible(fact.sentence)}", soft_wrap=True)


def recipe_sentence(recipe: RecipeChange) -> str:
    """That Buildertrend's own page asks in another way: the first sign that something changes there."""
    differs = visible(", ".join(recipe.differs))
    seen = ago(recipe.changed_at)
    return (
        f"Buildertrend's own page asks for {recipe.grid} in another way than before (seen {seen}): {differs}. "
        "If hours look odd: docs/runbooks/check-a-capture.md."
    )


def requests_sentence(requests: RequestsToday) -> str:
    """How much was asked of Buildertrend on the company's local day, and by which reads."""
    parts = ", ".join(f"{read} {count:,}" for read, count in sorted(requests.by_read.items(), key=lambda one: -one[1]))
    return f"Requests today: {requests.total:,}" + (f" ({parts})." if parts else ".")


def _show_stages(shown: Shown, console: Console) -> None:
    console.print()
    for name, lag in (("streams", shown.streams), ("sink", shown.sink)):
        if lag.records:
            about = "" if lag.exact else "about "
            since = "" if lag.oldest_at is None else f", the oldest sent {ago(lag.oldest_at)}"
            console.print(f"Still at work: {name}, {about}{lag.records:,} records{since}.")
    if not shown.streams.records and not shown.sink.records:
        refused = " but the dead letters below" if shown.letters else ""
        console.print(f"Streams and sink have taken in all that was published{refused}.")
    if not shown.takes_writes:
        console.print("The database is read-only: poller, sink and console wait until it takes writes again.")
    if shown.sink_waits:
        console.print(shown.sink_waits)
    if shown.letters:
        total = sum(shown.letters.values())
        console.print(f"{total:,} dead letters in the last 30 days: `explain` names each one's reason.")


def _coloured(state: str) -> Text:
    return styled(state, _COLOURS.get(state, ""))
