"""What the demo promises: the tables equal the sandbox, every topic is readable by any Confluent-format consumer."""

from __future__ import annotations

import json
from contextlib import closing, suppress

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas.topics import CANONICAL_TOPICS, RAW_TOPICS
from tests.fix_demo import COMPANY, Demo

_KEYS = {"jobs", "time_entries", "budgets", "users", "cost_codes", "minutes"}
_WITH_RECORDS = (*RAW_TOPICS, *CANONICAL_TOPICS, "integration.sync-commands", "integration.sync-events")


def test_demo_result_names_what_is_in_source_and_database_and_both_are_equal(demo: Demo) -> None:
    assert set(demo.result) == {"source", "database", "published", "seconds"}
    assert set(demo.result["source"]) == _KEYS
    assert demo.result["source"] == demo.result["database"]
    source = demo.result["source"]
    assert source["jobs"] == 14
    assert source["time_entries"] == 400
    assert source["minutes"] > 0
    assert demo.result["published"] == sum(source[name] for name in _KEYS - {"minutes"})


def test_demo_addresses_name_every_part(demo: Demo) -> None:
    assert set(demo.addresses) == {"kafka", "registry", "database", "console", "sandbox", "metrics"}
    assert set(demo.addresses["metrics"]) == {"poller", "streams", "sink", "console"}


def test_demo_tables_hold_the_company_alone_and_most_entries_linked(demo: Demo) -> None:
    states = dict(
        demo.rows(
            "SELECT link_status, count(*) FROM protiv.current_time_entries WHERE company_id = %s GROUP BY 1", COMPANY
        )
    )
    assert states["linked"] > 200
    assert not {name for name in states if name.startswith("waiting")}


@pytest.mark.parametrize("topic", _WITH_RECORDS)
def test_topic_records_are_readable_by_any_confluent_consumer(demo: Demo, topic: str) -> None:
    config = {
        "bootstrap.servers": demo.addresses["kafka"],
        "group.id": "any-consumer",
        "enable.partition.eof": True,
        "enable.auto.commit": False,
    }
    values, ended = [], 0
    # Closed also where the test fails: a socket left open would fail whichever test the garbage collector comes to.
    with (
        closing(SchemaRegistryClient({"url": demo.addresses["registry"], "timeout": 5})) as registry,
        closing(Consumer(config)) as consumer,
    ):
        deserialize = AvroDeserializer(registry)
        partitions = consumer.list_topics(topic, timeout=15).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        while ended < len(partitions):
            message = consumer.poll(15)
            assert message is not None
            if message.error():
                ended += 1
            # Other tests put what is no Avro under keys of their own companies.
            elif (value := message.value()) is not None and (message.key() or b"").split(b"/")[0] == COMPANY.encode():
                values.append(deserialize(value, SerializationContext(topic, MessageField.VALUE)))
    assert values
    assert {value["company_id"] for value in values} == {COMPANY}


def test_status_json_shows_the_company_as_on_time_and_nothing_behind(demo: Demo) -> None:
    shown = json.loads(demo.cli("status", "--json").stdout)
    assert shown["behind"] == {"streams": False, "sink": False}
    company = next(one for one in shown["companies"] if one["connection"]["company_id"] == COMPANY)
    assert company["state"] == "on time"
    assert company["entities"]["jobs"]["stored"] == 14


def test_topics_tail_shows_decoded_records(demo: Demo) -> None:
    done = demo.cli("topics", "tail", "protiv.jobs", "--last", "100", "--company", COMPANY)
    assert done.returncode == 0, done.stderr
    jobs = [json.loads(line) for line in done.stdout.splitlines()]
    assert {job["value"]["is_general"] for job in jobs} == {True, False}
    assert all(job["headers"]["company_id"] == COMPANY for job in jobs)


def test_demo_data_is_closed_to_others_and_each_process_has_its_own_role_and_secrets_alone(demo: Demo) -> None:
    data = demo.folder / ".data"
    assert data.stat().st_mode & 0o007 == 0
    private = ("running.env", "credential-keys.json", "console-secret", "postgres.password", "service-roles.json")
    assert {(data / name).stat().st_mode & 0o777 for name in private} == {0o600}
    keys = json.loads((data / "credential-keys.json").read_text())["private"]
    owner = (data / "postgres.password").read_text()
    found = {}
    for process in psutil.Process(demo.process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            line = process.cmdline()
            if line[1:3] == ["-m", "cli"] or line[1:3] == ["-m", "sandbox"]:
                found[line[3] if line[2] == "cli" else "sandbox"] = process.environ()
    assert set(found) == {"poller", "streams", "sink", "console", "sandbox"}
    assert [name for name, own in found.items() if owner in str(own)] == []
    assert [name for name, own in found.items() if keys in str(own)] == ["poller"]
    roles = {name: own.get("DATABASE_URL", "").partition("//")[2].partition(":")[0] for name, own in found.items()}
    assert roles == {
        "poller": "protiv_poller",
        "streams": "",
        "sink": "protiv_sink",
        "console": "protiv_console",
        "sandbox": "",
    }
    assert keys not in (data / "running.env").read_text()
    assert owner not in (data / "running.env").read_text()


def test_setup_repeated_changes_nothing(demo: Demo) -> None:
    done = demo.cli("setup", "--json", DATABASE_URL=demo.addresses["database"])
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["topics_created"], result["migrations_applied"]) == ([], [])
    assert len(result["schema_ids"]) == 12
