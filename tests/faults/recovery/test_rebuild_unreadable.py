"""A rebuild with raw records that cannot be read: nothing is published, and once they are read anew it goes through."""

from __future__ import annotations

import pytest
from confluent_kafka import Producer

from core.kafka.config import producer_config
from core.kafka.record_headers import RecordHeaders
from core.topics import entity_key, partition_for
from schemas.codec import HEADER
from schemas.entities import TIME_ENTRIES
from tests.faults.recovery.fix_everything import Everything


def spoil(everything: Everything, shift_ids: list[int]) -> None:
    """Raw records of these shifts that no schema explains, as a producer with another registry writes them.

    Their versions are above those of the first run, and below those of the next.
    """
    site = everything.site
    producer = Producer(producer_config(site.settings))
    for shift_id in shift_ids:
        producer.produce(
            TIME_ENTRIES.raw_topic,
            key=entity_key(site.company_id, str(shift_id)),
            value=HEADER.pack(0, 999_999) + b"of another kind",
            headers=list(RecordHeaders((1 << 24) + (1 << 20), "r", site.company_id).encode()),
            partition=partition_for(site.company_id, site.settings.entity_partitions),
        )
    assert producer.flush(30) == 0


@pytest.mark.timeout(300)
@pytest.mark.company(jobs=4, shifts=60)
def test_rebuild_with_unreadable_records_stops_and_goes_through_once_they_are_read_anew(everything: Everything) -> None:
    everything.stop()
    shifts = everything.site.sandbox.listed("shifts", limit=30)
    spoil(everything, [shift["id"] for shift in shifts])

    stopped = everything.cli("streams", "--rebuild", "--allow-deletions", "1000")
    assert stopped.returncode == 1
    assert "30 raw records cannot be read" in stopped.stderr
    assert "schema id 999999" in stopped.stderr
    passed = everything.cli("streams", "--rebuild", "--allow-unreadable", "30")
    # Their hours stay; each says that its update was refused.
    assert (passed.returncode, passed.stdout.strip()) == (0, "protiv.time-entries: 30 published")

    everything.start()
    days = sorted(shift["time_in"][:10] for shift in shifts)
    done = everything.cli(
        "backfill",
        everything.site.company_id,
        "--entity",
        "time-entries",
        "--from",
        days[0],
        "--to",
        days[-1],
        "--wait",
    )
    assert done.returncode == 0, done.stderr
    everything.stop()
    assert everything.cli("streams", "--rebuild").returncode == 0
    everything.start()
    everything.until_tables_equal_source()
