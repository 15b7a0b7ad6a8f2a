"""Topics on the real broker: created as schemas/topics.py says, and refused where they exist otherwise."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka.cimpl import NewTopic

from core.errors import ConfigurationError, RetriableError
from core.kafka.access import admin_client
from schemas import topic_setup
from schemas.topic_setup import check_topics, create_topics
from schemas.topics import TOPICS, TopicSpec
from tests.fix_stack import PARTITIONS, Stack


@pytest.fixture
def own_specs(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TopicSpec, ...]]:
    """Two topics of the test's own in the place of the thirteen."""
    prefix = f"test.{uuid.uuid4().hex[:8]}"
    specs = (TopicSpec(f"{prefix}.compact", "compact"), TopicSpec(f"{prefix}.delete", "delete", 86_400_000))
    monkeypatch.setattr(topic_setup, "TOPICS", specs)
    yield specs
    admin = admin_client(stack.settings)
    present = admin.list_topics(timeout=10).topics
    if made := [spec.name for spec in specs if spec.name in present]:
        for future in admin.delete_topics(made).values():
            future.result()


def make(stack: Stack, spec: TopicSpec, *, partitions: int, config: dict[str, str]) -> None:
    admin = admin_client(stack.settings)
    created = admin.create_topics([NewTopic(spec.name, partitions, 1, config=config)], operation_timeout=30)
    created[spec.name].result()


def test_create_topics_on_the_running_stack_finds_all_thirteen(stack: Stack) -> None:
    assert create_topics(stack.settings) == []
    topics = admin_client(stack.settings).list_topics(timeout=10).topics
    assert {len(topics[spec.name].partitions) for spec in TOPICS} == {PARTITIONS}


@pytest.mark.usefixtures("own_specs")
def test_create_topics_twice_creates_once(stack: Stack, own_specs: tuple[TopicSpec, ...]) -> None:
    assert sorted(create_topics(stack.settings)) == sorted(spec.name for spec in own_specs)
    assert create_topics(stack.settings) == []


@pytest.mark.usefixtures("own_specs")
def test_create_topics_by_several_at_once_succeeds_for_all(stack: Stack) -> None:
    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(create_topics, stack.settings) for _ in range(4)]:
            job.result()


def test_check_topics_missing_topic_says_to_run_setup(stack: Stack, own_specs: tuple[TopicSpec, ...]) -> None:
    with pytest.raises(ConfigurationError, match=rf"{own_specs[0].name} does not exist.*setup"):
        check_topics(stack.settings)


def test_create_topics_other_partition_count_is_refused(stack: Stack, own_specs: tuple[TopicSpec, ...]) -> None:
    make(stack, own_specs[0], partitions=PARTITIONS + 1, config=own_specs[0].config())
    with pytest.raises(ConfigurationError, match=f"{PARTITIONS + 1} partitions, ENTITY_PARTITIONS is {PARTITIONS}"):
        create_topics(stack.settings)


def test_create_topics_other_cleanup_policy_is_refused(stack: Stack, own_specs: tuple[TopicSpec, ...]) -> None:
    make(stack, own_specs[0], partitions=PARTITIONS, config={"cleanup.policy": "delete"})
    with pytest.raises(ConfigurationError, match=r"cleanup\.policy delete, it must be compact"):
        create_topics(stack.settings)


def test_check_topics_of_names_looks_at_those_alone(stack: Stack, own_specs: tuple[TopicSpec, ...]) -> None:
    make(stack, own_specs[1], partitions=PARTITIONS, config=own_specs[1].config())
    check_topics(stack.settings, (name for name in [own_specs[1].name]))
    with pytest.raises(ConfigurationError):
        check_topics(stack.settings, (spec.name for spec in own_specs))
    with pytest.raises(ConfigurationError):
        check_topics(stack.settings, (spec.name for spec in reversed(own_specs)))


def test_check_topics_broker_away_is_an_outage(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_setup, "_TIMEOUT_S", 0.5)
    with pytest.raises(RetriableError):
        check_topics(stack.with_settings(kafka_bootstrap_servers="127.0.0.1:9"))
