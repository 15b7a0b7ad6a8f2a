"""`explain`: why a record is, or is not, in Protiv, and the one next step."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from cli.reading import as_plain, database_of
from core.errors import ConfigurationError
from core.kafka.access import metadata
from core.settings import load_settings
from core.terminal import Terminal, styled
from core.visible import visible
from reports import explain as answer
from reports.explain import Explanation
from reports.gather import Question, gather
from schemas.entities import ENTITY_BY_NAME
from schemas.registry import ConfluentRegistry

_MARKS = {
    "done": styled("✓", "green"),
    "waiting": styled("…", "cyan"),
    "stopped": styled("✗", "red"),
    "nothing": styled("·", ""),
}


def explain(
    company: Annotated[str, typer.Argument(help="Protiv's id of the company.", metavar="COMPANY")],
    entity: Annotated[str, typer.Argument(help=f"One of {', '.join(ENTITY_BY_NAME)}.", metavar="ENTITY")],
    entity_id: Annotated[str, typer.Argument(help="Buildertrend's id; a budget's is JOB:COSTCODE.", metavar="ID")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say why a record is or is not in Protiv, and what to do next; works for any id."""
    if entity not in ENTITY_BY_NAME:
        raise ConfigurationError(f"ENTITY {entity} is not known; it is one of {', '.join(ENTITY_BY_NAME)}.")
    if "\0" in company + entity_id:
        raise ConfigurationError("COMPANY and ID must not hold a NUL character.")
    settings = load_settings().require("database_url", "kafka_bootstrap_servers")
    metadata(settings)  # Brokers that refuse are named at once.
    asked = Question(company, ENTITY_BY_NAME[entity], entity_id)
    with closing(ConfluentRegistry(settings)) as registry, database_of(settings) as tx:
        found = answer.explain(gather(tx, settings, registry, asked, at=datetime.now(UTC)))
    if as_json:
        print(json.dumps(as_plain(found)))
    else:
        _show(found, Terminal(soft_wrap=True))


def _show(found: Explanation, console: Console) -> None:
    console.print(f"{found.entity} {found.entity_id} of company {found.company_id}\n")
    for step in found.steps:
        console.print(" ", _MARKS[step.state], f"{step.name:<12} {visible(step.sentence)}")
    conclusion = found.conclusion
    console.print(f"\n{visible(conclusion.cause)}")
    to_do = conclusion.next_step
    console.print(f"Next ({to_do.who}): {visible(to_do.sentence)}")
    if to_do.command:
        console.print(f"  {visible(to_do.command)}")
