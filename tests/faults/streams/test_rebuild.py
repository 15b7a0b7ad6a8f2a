"""Wrong canonical topics are rebuilt from the raw ones."""

from __future__ import annotations

import os
import subprocess
import sys

from confluent_kafka import Producer

from core.kafka.config import producer_config
from core.kafka.record_headers import RecordHeaders
from core.settings import reveal
from core.topics import entity_key
from schemas.entities import JOBS, TIME_ENTRIES
from streams.main import run_rebuild
from streams.rebuild import RebuildOptions
from streams.rebuild_check import Allowed
from tests.fix_stack import Stack
from tests.integration.streams.conftest import Bench
from tests.integration.streams.fix_streams import running
from tests.unit.streams.factories import job, shift

# Other tests leave rubbish on the topics, and canonical records of no raw ones.
WHATEVER = RebuildOptions(Allowed(deletions=1_000_000, unreadable=1_000_000))


def test_rebuild_mends_what_is_wrong_and_deletes_strays(stack: Stack, bench: Bench) -> None:
    raw = bench.raw
    with running(stack.settings):
        bench.writer.write(raw.put(JOBS, job(1)), raw.put(JOBS, job(2)), raw.put(TIME_ENTRIES, shift()))
        bench.reader.until(lambda: len(bench.reader.table()) == 3, "all three should be there")
        refused = subprocess.run(
            [sys.executable, "-m", "cli", "streams", "--rebuild"],
            env={
                **os.environ,
                "KAFKA_BOOTSTRAP_SERVERS": stack.settings.kafka_bootstrap_servers,
                "SCHEMA_REGISTRY_URL": str(reveal(stack.settings.schema_registry_url)),
                "ENTITY_PARTITIONS": str(stack.settings.entity_partitions),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode == 2
    assert "stop them" in refused.stderr
    spoil(stack, bench)
    assert run_rebuild(stack.settings, options=WHATEVER)["protiv.jobs"] >= 2
    bench.reader.until(
        lambda: set(bench.reader.table()) == {("jobs", "1"), ("jobs", "2"), ("time-entries", "9001")}, ""
    )
    assert bench.reader.table()["jobs", "2"]["name"] == "Job 2"
    assert bench.reader.published[-1].headers.version == 99
    assert run_rebuild(stack.settings, options=WHATEVER) == {}


def spoil(stack: Stack, bench: Bench) -> None:
    """Another party writes a job under a wrong name, and one that does not exist, both with a high version."""
    job_record = next(each for each in bench.reader.published if each.key.endswith("/1") and each.entity == "jobs")
    assert job_record.record is not None
    from schemas.codec import encoder

    encode = encoder("protiv.jobs", stack.registry)
    producer = Producer(producer_config(stack.settings))
    for entity_id in ("2", "77"):
        record = job_record.record | {"job_id": entity_id, "name": "Wrong", "version": 99}
        producer.produce(
            "protiv.jobs",
            key=entity_key(bench.raw.company_id, entity_id),
            value=encode(record),
            headers=list(RecordHeaders(99, "wrong", bench.raw.company_id).encode()),
            partition=bench.raw.partition,
        )
    producer.flush(30)
    bench.reader.until(lambda: ("jobs", "77") in bench.reader.table(), "the stray should be there")
