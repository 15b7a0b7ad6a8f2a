"""Load on streams: companies whose records change all the time, and what canonical topics must hold at the end."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from core.settings import Settings
from core.topics import partition_for
from schemas.codec import Record, SchemaSource
from schemas.entities import COST_CODES, JOBS, TIME_ENTRIES, USERS
from streams.records import RawRecord
from tests.integration.streams.fix_streams import CanonicalReader, RawWriter
from tests.unit.streams.factories import PARTITIONS, RawTopics, company, cost_code, job, shift, user
from tests.unit.streams.fakes import Core

BATCH = 40
JOBS_OF_A_COMPANY = 5
TITLES = [f"{number:02} Work" for number in range(1, 5)]


class LoadedCompany:
    """One company under load: a poller's writes and everything that was written."""

    def __init__(self, settings: Settings, source: SchemaSource, company_id: str, *, shifts: int) -> None:
        self.raw = RawTopics(company_id, source)
        self.log: list[RawRecord] = []
        self.reader = CanonicalReader(settings, source, company_id)
        self.writer = RawWriter(settings, company_id)
        self._chance = random.Random(company_id)
        self._shifts = shifts
        self._expected: tuple[int, dict[tuple[str, str], Record]] = (0, {})

    def write_batch(self) -> None:
        """Shifts, new and edited, moved and deleted; parents that come late, change and go."""
        records: list[RawRecord] = []
        while len(records) < BATCH:
            records += self._step()
        self.write(records)

    def write(self, records: list[RawRecord]) -> None:
        self.writer.write(*records)
        self.log += records

    def undisturbed(self) -> dict[tuple[str, str], Record]:
        """What an undisturbed core makes of everything that was written."""
        if self._expected[0] != len(self.log):
            core = Core()
            core.take(*self.log)
            rows = {(entity, key.partition("/")[2]): _unversioned(row) for (entity, key), row in core.table().items()}
            self._expected = len(self.log), rows
        return self._expected[1]

    def difference(self) -> dict[tuple[str, str], tuple[Record | None, Record | None]]:
        """Where the canonical topics differ from those of an undisturbed run: expected and actual."""
        ours, theirs = self.undisturbed(), {place: _unversioned(row) for place, row in self.reader.table().items()}
        places = ours.keys() | theirs.keys()
        return {place: (ours.get(place), theirs.get(place)) for place in places if ours.get(place) != theirs.get(place)}

    def versions_never_fall(self) -> bool:
        seen: dict[str, int] = {}
        for each in self.reader.published:
            if each.headers.version < seen.get(each.entity + each.key, 0):
                return False
            seen[each.entity + each.key] = each.headers.version
        return True

    def _step(self) -> list[RawRecord]:
        chance = self._chance
        kind = chance.random()
        if kind < 0.02:
            return [self.raw.put(JOBS, job(self._job(), jobName=f"Job {self.raw.version}"))]
        if kind < 0.03:
            return list(self.raw.delete(JOBS, str(self._job())))
        if kind < 0.04:
            return [self.raw.put(USERS, user(chance.randint(1, 3), lastName=f"Diaz {self.raw.version}"))]
        if kind < 0.06:
            return [self.raw.put(COST_CODES, cost_code(chance.randint(1, 4), chance.choice(TITLES)))]
        if kind < 0.08:
            return list(self.raw.delete(TIME_ENTRIES, str(chance.randint(1, self._shifts))))
        return [self.raw.put(TIME_ENTRIES, self._shift(chance.randint(1, self._shifts)))]

    def _shift(self, shift_id: int) -> Record:
        chance = self._chance
        return shift(
            shift_id,
            jobId=self._job(),
            userID=chance.randint(1, 3),
            titles=(chance.choice(TITLES),),
            regularTime=chance.randint(0, 600),
        )

    def _job(self) -> int:
        return self._chance.randint(1, JOBS_OF_A_COMPANY)


def one_a_partition(settings: Settings, source: SchemaSource, *, shifts: int) -> list[LoadedCompany]:
    """A company on each partition number."""
    ids: dict[int, str] = {}
    while len(ids) < PARTITIONS:
        candidate = company()
        ids.setdefault(partition_for(candidate, PARTITIONS), candidate)
    return [LoadedCompany(settings, source, id_, shifts=shifts) for id_ in ids.values()]


@contextmanager
def load_on(companies: list[LoadedCompany]) -> Iterator[None]:
    """Write to all companies in turn until the block ends; an error of the writer fails the block."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for each in companies:
                each.write_batch()
            stop.wait(0.2)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            yield
        finally:
            stop.set()
        writing.result()


def _unversioned(row: Record) -> Record:
    """A canonical record without its version, which says when it was made."""
    return {name: value for name, value in row.items() if name != "version"}
