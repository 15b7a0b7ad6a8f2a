"""Records that are left in topics or tables although Buildertrend, as last read, does not have them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from control.arrays import plain_array, text_array
from control.database import Transaction, statements

_SQL = statements("left_overs")


class LeftOver(NamedTuple):
    """One of them, at the version that was found. `parent_id` is the job of a shift or budget."""

    entity_id: str
    version: int
    local_day: date | None
    parent_id: str | None


def ask_for_deletion(tx: Transaction, company_id: str, entity: str, found: Sequence[LeftOver]) -> int:
    """Give them to the company's next run; how many that are. None of a company without a connection."""
    values = {
        "company_id": company_id,
        "entity": entity,
        "entity_ids": text_array(each.entity_id for each in found),
        "versions": plain_array(each.version for each in found),
        "local_days": plain_array(each.local_day for each in found),
        "parent_ids": text_array(each.parent_id for each in found),
    }
    return tx.execute(_SQL["ask"], values).rowcount


def take_left_overs(tx: Transaction, company_id: str, *, unconfirmed: bytes) -> int:
    """Put what was asked for into the state, each with `unconfirmed` for a fingerprint; how many records that are.

    Then they are as any other record that may be published: a read that shows one publishes it, one that is complete
    and misses it in both looks deletes it, and the brake is for them, too.
    """
    return tx.execute(_SQL["take"], {"company_id": company_id, "unconfirmed": unconfirmed}).rowcount
