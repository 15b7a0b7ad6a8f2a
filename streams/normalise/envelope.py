"""The columns that every canonical record has, taken from its change record."""

from __future__ import annotations

from schemas.catalogue import Entity
from schemas.codec import Record


def envelope(entity: Entity, change: Record) -> Record:
    """Key, version and time of observation of a record that is not deleted."""
    return {
        "company_id": change["company_id"],
        entity.id_field: change["entity_id"],
        "version": change["version"],
        "observed_at": change["observed_at"],
        "deleted_at": None,
    }
