"""`setup`: topics, schemas and database schemas, all idempotent; refuses what exists otherwise."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Annotated

import typer

from cli.audit import note_behind
from control.database import check_database, migrate_control
from core.migrations import Extent
from core.settings import Settings, load_settings
from schemas.registry import ConfluentRegistry, foreign_schemas, register_all
from schemas.stored_ids import check_stored_ids
from schemas.topic_setup import create_topics
from sinks.migrate import migrate_protiv


@dataclass(frozen=True, slots=True)
class SetupResult:
    """What a set-up made; empty lists where all was there."""

    topics_created: list[str]
    schema_ids: dict[str, int]
    migrations_applied: list[str]
    foreign_schemas: dict[str, list[int]] = field(default_factory=dict)
    """Versions under our subjects that somebody else registered."""


def set_up(settings: Settings, *, extent: Extent = Extent.RUNNING) -> SetupResult:
    """Bring brokers, registry and database to what this version needs. Raises ConfigurationError if they cannot be."""
    settings.require("kafka_bootstrap_servers", "schema_registry_url", "database_url")
    url = settings.database_url.get_secret_value()
    # First, since nothing else can work where this fails.
    check_database(url)
    created = create_topics(settings)
    with closing(ConfluentRegistry(settings)) as registry:
        schema_ids = register_all(registry)
        foreign = foreign_schemas(registry)
    applied = [f"integration/{name}" for name in migrate_control(url)]
    applied += [f"protiv/{name}" for name in migrate_protiv(url, extent=extent)]
    if created or applied:
        note_behind(settings, "setup", None, {"topics": created, "migrations": applied})
    return SetupResult(created, schema_ids, applied, foreign)


def setup(
    finish: Annotated[bool, typer.Option("--finish", help="Every process is of this version now.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Create topics, register schemas and migrate the database; safe to repeat. Says if the registry is a new one."""
    settings = load_settings()
    result = set_up(settings, extent=Extent.FINISHED if finish else Extent.RUNNING)
    with closing(ConfluentRegistry(settings)) as registry:
        check_stored_ids(settings, registry)
    if as_json:
        print(json.dumps(asdict(result)))
        return
    print(f"Topics: {_made(result.topics_created, 'created')}")
    print(f"Schemas: {len(result.schema_ids)} registered, compatible with what was there")
    for subject, versions in result.foreign_schemas.items():
        named = ", ".join(map(str, versions))
        print(
            f"Not ours under {subject}: version {named}. They block nothing; have no client register schemas by itself."
        )
    print(f"Migrations: {_made(result.migrations_applied, 'applied')}")


def _made(names: list[str], what: str) -> str:
    return f"{len(names)} {what} ({', '.join(names)})" if names else "all there"
