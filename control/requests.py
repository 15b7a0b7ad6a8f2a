"""Counts the requests that each company took of Buildertrend, by local day, read and kind of endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from control.database import Transaction, statements

_SQL = statements("requests")


def add_requests(tx: Transaction, company_id: str, day: date, counts: Mapping[tuple[str, str], int]) -> None:
    """Add to a day's counts by (read, kind); days of long ago are forgotten."""
    values = {
        "company_id": company_id,
        "day": day,
        "reads": [read for read, _ in counts],
        "kinds": [kind for _, kind in counts],
        "requests": list(counts.values()),
    }
    tx.execute(_SQL["add"], values)
    tx.execute(_SQL["drop_old"], {"company_id": company_id, "day": day})
