"""A registry that was lost and set up again with other ids: everything refuses, and the runbook brings it all back."""

from __future__ import annotations

from contextlib import closing

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from core.settings import reveal
from schemas.avro_files import schema_text
from schemas.topics import SCHEMA_TOPICS
from tests.faults.recovery.fix_everything import SERVICES, Everything


def lose_registry(everything: Everything) -> None:
    """Everything in it goes; somebody else registers schemas before us, among them ours in another order."""
    files = list((everything.own.folder / "registry").glob("schemas*"))
    assert files

    def lose() -> None:
        for file in files:
            file.unlink()

    everything.own.take_away("registry", meanwhile=lose)
    url = reveal(everything.site.settings.schema_registry_url)
    with closing(SchemaRegistryClient({"url": url, "timeout": 5})) as client:
        client.register_schema("somebody-else", Schema('"string"', "AVRO"))
        for topic in reversed(SCHEMA_TOPICS):
            client.register_schema(f"{topic}-value", Schema(schema_text(topic), "AVRO"))


@pytest.mark.timeout(600)
@pytest.mark.company(jobs=4, shifts=60)
def test_registry_with_shifted_ids_is_refused_and_restored_by_its_runbook(everything: Everything) -> None:
    sandbox = everything.site.sandbox
    edited, deleted, renamed = sandbox.listed("shifts", limit=3)
    everything.stop()
    # What waits for streams and sink while the registry is lost.
    everything.start("poller")
    sandbox.edit_shift(renamed["id"], regular_minutes=77)
    everything.sync()
    everything.stop()
    lose_registry(everything)

    for name in SERVICES:
        code, log = everything.ended(name)
        assert code == 2
        assert "topics restore-ids" in log
    doctor = everything.cli("doctor")
    assert "Stored records carry schema ids of another registry" in doctor.stdout
    rebuild = everything.cli("streams", "--rebuild", "--allow-deletions", "1000")
    assert rebuild.returncode == 2
    assert everything.cli("setup").returncode == 2
    before = everything.in_tables()

    dry = everything.cli("topics", "restore-ids", "--dry-run")
    assert "buildertrend.time-entries: 60 records would be published" in dry.stdout, dry
    restored = everything.cli("topics", "restore-ids")
    assert "protiv.time-entries: 60 records published" in restored.stdout, restored
    assert "Every stored record has an id" in everything.cli("topics", "restore-ids").stdout
    assert everything.cli("setup").returncode == 0

    assert everything.in_tables() == before
    sandbox.edit_shift(edited["id"], regular_minutes=99)
    sandbox.delete_shift(deleted["id"])
    everything.start()
    everything.sync()
    everything.until_tables_equal_source()
    assert "dead-lettered" not in everything.log("streams")
    assert everything.cli("doctor").returncode == 0
