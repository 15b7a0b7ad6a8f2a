"""The time zone that Buildertrend states of an account, and when it takes the place of the one in use."""

from __future__ import annotations

from control.database import Transaction, statements

_SQL = statements("connections")


def note_stated_zone(tx: Transaction, company_id: str, zone: str) -> str | None:
    """Keep the zone that is stated now; the one that was stated before, None if none ever was."""
    row = tx.execute(_SQL["stated_time_zone"], {"company_id": company_id}).fetchone()
    tx.execute(_SQL["note_stated_time_zone"], {"company_id": company_id, "zone": zone})
    return None if row is None else row[0]


def take_time_zone(tx: Transaction, company_id: str, zone: str, *, hint: str) -> None:
    """Use this zone from now on; everything is read again in it. `hint`: a remark for the admin."""
    tx.execute(_SQL["take_time_zone"], {"company_id": company_id, "zone": zone, "hint": hint})
