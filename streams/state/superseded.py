"""Records that a newer one of their entity follows in the same batch: what is wrong with them is nobody's concern."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.catalogue import Entity
from streams.records import RawRecord, version_of


class NewestVersions:
    """The newest version of each entity in a batch; looked for only once one of its records is refused."""

    def __init__(self, batch: Iterable[RawRecord]) -> None:
        self._batch = batch
        self._newest: dict[tuple[Entity, bytes | None], int] | None = None

    def supersede(self, raw: RawRecord) -> bool:
        """Whether the batch holds a newer version of the record's entity."""
        own = version_of(raw)
        if own is None:
            return False
        if self._newest is None:
            self._newest = {}
            for each in self._batch:
                version = version_of(each)
                if version is not None:
                    place = each.entity, each.key
                    self._newest[place] = max(version, self._newest.get(place, version))
        return self._newest.get((raw.entity, raw.key), own) > own
