"""`doctor`: everything the service needs, checked one after another, each failure with its fix."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from cli.database_checks import database_checks
from cli.findings import Check, Finding, run_checks
from cli.service_checks import service_checks
from core.errors import ConfigurationError
from core.settings import Settings, load_settings
from core.terminal import Terminal, styled

_NEEDED = ("kafka_bootstrap_servers", "schema_registry_url", "database_url")
_MARKS = {"ok": styled("✓", "green"), "failed": styled("✗", "red"), "skipped": styled("·", "yellow")}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check settings, brokers, registry, database, services and source; each failure with its fix."""
    findings = examine()
    healthy = all(one.state == "ok" for one in findings)
    if as_json:
        print(json.dumps({"healthy": healthy, "checks": [asdict(one) for one in findings]}))
    else:
        _show(findings, Terminal(soft_wrap=True))
    if not healthy:
        raise typer.Exit(1)


def examine() -> list[Finding]:
    """All findings; with a wrong setting that one alone, since nothing else can be checked."""
    try:
        settings = load_settings()
    except ConfigurationError as exc:
        return [Finding("settings", "failed", str(exc), "Set it right in the environment or in .env.")]
    return run_checks([_settings_check(settings), *service_checks(settings), *database_checks(settings)])


def _settings_check(settings: Settings) -> Check:
    def look() -> str:
        settings.require(*_NEEDED)
        return "all that every process needs are there"

    return Check("settings", look, "Set it in the environment or in .env; .env.example lists them all.")


def _show(findings: list[Finding], console: Console) -> None:
    for one in findings:
        console.print(_MARKS[one.state], f"{one.name:<11} {one.found}")
        if one.fix:
            console.print(f"  {'':<11} {one.fix}")
