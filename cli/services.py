"""The processes: each command runs one until SIGTERM or Ctrl-C."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from core.errors import ConfigurationError
from core.log import configure_logging
from core.settings import Settings, load_settings


def _ready(process: str) -> Settings:
    settings = load_settings()
    configure_logging(settings, process=process)
    return settings


def poller() -> None:
    """Read connected Buildertrend accounts and publish what changed."""
    from producers.main import run

    run(_ready("poller"))


def streams(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Publish what the canonical topics lack or state wrongly, and end.")
    ] = False,
    allow_deletions: Annotated[
        int, typer.Option(min=0, help="With --rebuild: how many deletions may go beyond the brake.")
    ] = 0,
    allow_unreadable: Annotated[
        int, typer.Option(min=0, help="With --rebuild: how many raw records that cannot be read are passed over.")
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --rebuild: only say what it would publish.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --rebuild: the result as JSON.")] = False,
) -> None:
    """Normalise and link raw records into canonical ones."""
    from streams.main import run, run_rebuild
    from streams.rebuild import RebuildOptions
    from streams.rebuild_check import Allowed

    settings = _ready("streams")
    if not rebuild:
        if allow_deletions or allow_unreadable or dry_run:
            raise ConfigurationError("--allow-deletions, --allow-unreadable and --dry-run go with --rebuild.")
        run(settings)
        return
    published = run_rebuild(settings, options=RebuildOptions(Allowed(allow_deletions, allow_unreadable), dry_run))
    if as_json:
        print(json.dumps({"published": published, "dry_run": dry_run}))
        return
    done = "would be published" if dry_run else "published"
    print("\n".join(f"{topic}: {number} {done}" for topic, number in published.items()) or "Nothing differed.")


def sink() -> None:
    """Merge canonical records into Protiv's Postgres."""
    from sinks.main import run

    run(_ready("sink"))


def console() -> None:
    """Serve the web console."""
    from console.main import run

    run(_ready("console"))


def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 0,
    state: Annotated[Path | None, typer.Option(help="Folder that keeps companies and edits.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the company; 7 unless stated.")] = None,
    jobs: Annotated[
        int | None, typer.Option(help="Number of jobs, the General one included; 60 unless stated.")
    ] = None,
    shifts: Annotated[int | None, typer.Option(help="Number of shifts; 5000 unless stated.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="The company's IANA time zone; America/Denver unless stated.")
    ] = None,
    shape: Annotated[Path | None, typer.Option(help="A shape.json of `source check`: speak the way it says.")] = None,
) -> None:
    """Serve a simulated Buildertrend with a believable company; prints one JSON line when it is ready."""
    from sandbox.__main__ import main

    main(host=host, port=port, state=state, seed=seed, jobs=jobs, shifts=shifts, time_zone=time_zone, shape=shape)
