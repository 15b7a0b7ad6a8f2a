"""Announcements: changes that are about to be published, stored before Kafka gets them.

A change that was announced and never recorded as published is unconfirmed: Kafka may have it or not, after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence

from control.arrays import bytes_array, plain_array, text_array
from control.database import Transaction, Writing, statements
from control.source_state import Published

_SQL = statements("announcements")


def announce(tx: Writing, company_id: str, entity: str, changes: Sequence[Published]) -> None:
    """Store changes before they are published; `fingerprint` is what the state holds of each that stays unconfirmed.

    A company announces one batch at a time. If an earlier batch is still here, the database crashed and lost the record
    of its publication: that batch becomes unconfirmed.
    """
    tx.execute(_SQL["mark_unconfirmed"], {"company_id": company_id})
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
    """To be called in the transaction that records what was announced."""
    tx.execute(_SQL["withdraw"], {"company_id": company_id})


def mark_unconfirmed(tx: Transaction, company_id: str) -> int:
    """Mark as unconfirmed what was announced and never recorded; how many records.

    This includes a batch that is being published right now, so only the company's own publisher may call it, and only
    between batches.
    """
    return tx.execute(_SQL["mark_unconfirmed"], {"company_id": company_id}).rowcount


def no_wait_for_disk(tx: Writing) -> None:
    """Commit this transaction without waiting for the disk: a crash of the database may undo it."""
    tx.execute(_SQL["no_wait_for_disk"])
