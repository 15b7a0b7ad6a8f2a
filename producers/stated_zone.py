"""Buildertrend's own word about an account's time zone wins over the admin's choice."""

from __future__ import annotations

from control.connections import Connection
from control.database import Transaction
from control.stated_zone import note_stated_zone, take_time_zone
from core.log import get_logger
from producers.buildertrend.time_zones import StatedZone, are_alike

log = get_logger(__name__)


def takes_zone(tx: Transaction, connection: Connection, stated: StatedZone) -> bool:
    """Take the stated zone if it is another one than is in use; True if so: nothing may be published in the old one.

    One that differs from what was stated before is taken when it is stated twice in a row: each change reads everything
    again.
    """
    if stated.zone is None:
        if stated.unknown is not None:
            log.info("time_zone_unknown", stated=stated.unknown)
        return False
    before = note_stated_zone(tx, connection.company_id, stated.zone)
    if are_alike(stated.zone, connection.time_zone) or before not in (None, stated.zone):
        return False
    hint = (
        f"Buildertrend states {stated.zone} as this account's time zone. It is used in place of "
        f"{connection.time_zone}, and everything is read again in it."
    )
    take_time_zone(tx, connection.company_id, stated.zone, hint=hint)
    log.info("time_zone_taken", before=connection.time_zone, now=stated.zone)
    return True
