"""The reads of a run: each declared entity has one, in the order that its declaration says."""

from __future__ import annotations

from producers.buildertrend.reads.plan import ALL_JOBS, NoMemory, Scope, planned_reads
from schemas.entities import READ_ORDER
from tests.unit.producers.fix_account import MemoryAccount


def test_every_declared_entity_is_read_in_its_order() -> None:
    reads = planned_reads(MemoryAccount().as_account(), Scope(ALL_JOBS, None), NoMemory())
    assert [read.entity for read in reads] == list(READ_ORDER)
