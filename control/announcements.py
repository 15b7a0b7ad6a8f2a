"""Changes that are about to be published. What was announced and never recorded was published or not: nobody knows."""

from __future__ import annotations

from collections.abc import Sequence

from control.arrays import bytes_array, plain_array, text_array
from control.database import Transaction, Writing, statements
from control.source_state import Published

_SQL = statements("announcements")


def announce(tx: Writing, company_id: str, entity: str, changes: Sequence[Published]) -> None:
    """Note changes before they are published. `fingerprint` is what the state holds of each if that stays in doubt.

    A company announces one batch at a time. Where the one before is still there, its record got lost in a crash of the
    database that nobody noticed, and it is in doubt.
    """
    tx.execute(_SQL["doubt"], {"company_id": company_id})
    tx.execute(
        _SQL["announce"],
        {
            "company_id": company_id,
            "entity": entity,
            "entity_ids": text_array(change.entity_id for change in changes),
            "fingerprints": bytes_array(change.fingerprint for change in changes),
            "versions": plain_array(change.version for change in changes),
            "local_days": plain_array(change.local_day for change in changes),
            "parent_ids": text_array(change.parent_id for change in changes),
        },
    )


def withdraw(tx: Writing, company_id: str) -> None:
    """What was announced is recorded, in this same transaction."""
    tx.execute(_SQL["withdraw"], {"company_id": company_id})


def doubt(tx: Transaction, company_id: str) -> int:
    """Put what was announced and never recorded in doubt; how many records that are.

    A batch that is being published is among it: to be called by whoever publishes for the company, between batches.
    """
    return tx.execute(_SQL["doubt"], {"company_id": company_id}).rowcount
