"""Whether streams and sink still have something to do: what the demo waits for."""

from __future__ import annotations

from cli.reading import database_of
from core.settings import Settings
from reports.lag import sink_lag, streams_lag


def streams_are_behind(settings: Settings) -> bool:
    """True while a raw record is not processed yet."""
    return streams_lag(settings).records > 0


def sink_is_behind(settings: Settings) -> bool:
    """True while a canonical record is not in Postgres yet."""
    with database_of(settings) as tx:
        return sink_lag(tx, settings).records > 0
