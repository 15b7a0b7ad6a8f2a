"""`setup` has a write count only when enough brokers have it, and lowers nothing."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from confluent_kafka.cimpl import NewTopic

from core.kafka.access import admin_client
from schemas import topic_setup
from schemas.topic_setup import _configured, _keep_on_enough_brokers, _topic_names
from schemas.topics import TopicSpec
from tests.fix_demo import eventually
from tests.fix_stack import Stack


@pytest.fixture
def topic(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A topic of the test's own, which is all that `setup` knows here."""
    admin = admin_client(stack.settings)
    name = f"test-{uuid4().hex}"
    for future in admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)]).values():
        future.result()
    monkeypatch.setattr(topic_setup, "TOPICS", (TopicSpec(name, cleanup_policy="delete"),))
    eventually(lambda: name in _topic_names(admin), what="the broker tells of the topic")
    yield name
    for future in admin.delete_topics([name]).values():
        future.result()


def test_keep_on_enough_brokers_raises_what_is_lower_and_lowers_nothing(
    stack: Stack, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = admin_client(stack.settings)
    for wanted, found in ((1, "1"), (2, "2"), (1, "2")):
        monkeypatch.setattr(topic_setup, "min_insync_replicas", lambda _copies, wanted=wanted: wanted)
        _keep_on_enough_brokers(admin, stack.settings)
        assert _configured(admin, [topic], "min.insync.replicas", stack.settings) == {topic: found}
