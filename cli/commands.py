"""The commands that ask something of the poller; each sends one record to `integration.sync-commands`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from cli.ordering import AsJson, Company, Day, DryRun, Entities, Follow, Wait, day, order
from core.errors import ConfigurationError
from schemas.command_sender import CommandOrder


def sync(
    company: Company, entity: Entities = None, dry_run: DryRun = False, wait: Wait = False, as_json: AsJson = False
) -> None:
    """Read what is recent of a company now; joins a read that is under way."""
    order(CommandOrder("sync", company, tuple(entity or ()), dry_run=dry_run), Follow(wait, as_json))


def full_sync(
    company: Company, entity: Entities = None, dry_run: DryRun = False, wait: Wait = False, as_json: AsJson = False
) -> None:
    """Read everything of a company now."""
    order(CommandOrder("full-sync", company, tuple(entity or ()), dry_run=dry_run), Follow(wait, as_json))


def backfill(
    company: Company,
    entity: Entities = None,
    first: Annotated[Day, typer.Option("--from", help="First local day of shifts.", formats=["%Y-%m-%d"])] = None,
    last: Annotated[Day, typer.Option("--to", help="Last local day of shifts.", formats=["%Y-%m-%d"])] = None,
    dry_run: DryRun = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Read entities or days again and publish all of them, also what did not change."""
    asked = CommandOrder(
        "backfill", company, tuple(entity or ()), from_day=day(first), to_day=day(last), dry_run=dry_run
    )
    order(asked, Follow(wait, as_json))


def pause(
    company: Company,
    reason: Annotated[str, typer.Option(help="Why; it is kept and shown with who asked.")],
    dry_run: DryRun = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Read nothing of a company until it is resumed; a read under way stops at its checkpoint."""
    if not reason.strip():
        raise ConfigurationError("--reason must say why.")
    order(CommandOrder("pause", company, reason=reason.strip(), dry_run=dry_run), Follow(wait, as_json))


def resume(company: Company, dry_run: DryRun = False, wait: Wait = False, as_json: AsJson = False) -> None:
    """Read a paused company again; it goes on where it stopped."""
    order(CommandOrder("resume", company, dry_run=dry_run), Follow(wait, as_json))


def cancel(
    company: Company,
    command: Annotated[str, typer.Option(help="Only this command; the default is all of the company.")] = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """End what is read or waits to be read; these commands end as cancelled."""
    target = _command_id(command) if command else None
    order(CommandOrder("cancel", company, target_id=target, dry_run=dry_run), Follow(wait, as_json))


def disconnect(company: Company, dry_run: DryRun = False, wait: Wait = False, as_json: AsJson = False) -> None:
    """Stop reading a company at once and forget its password; what was read stays."""
    order(CommandOrder("disconnect", company, dry_run=dry_run), Follow(wait, as_json))


def release_deletions(
    company: Company, entity: Entities = None, dry_run: DryRun = False, wait: Wait = False, as_json: AsJson = False
) -> None:
    """Let held deletions go; a read follows, and what it still misses is deleted."""
    order(CommandOrder("release-deletions", company, tuple(entity or ()), dry_run=dry_run), Follow(wait, as_json))


def replay_dead_letters(
    company: Company, entity: Entities = None, dry_run: DryRun = False, wait: Wait = False, as_json: AsJson = False
) -> None:
    """Put dead letters through again after a fix, in order, each once."""
    order(CommandOrder("replay-dead-letters", company, tuple(entity or ()), dry_run=dry_run), Follow(wait, as_json))


def _command_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ConfigurationError("--command must be the id of a command, as it was printed when it was sent.") from None
