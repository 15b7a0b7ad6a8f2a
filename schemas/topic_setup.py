"""Creates the topics and refuses those that exist otherwise: a wrong partition count would part a company's records."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from core.clock import SystemClock
from core.errors import ConfigurationError, RetriableError
from core.kafka import client_config
from core.settings import Settings
from schemas.catalogue import TOPICS, TopicSpec

_TIMEOUT_S = 30
_LOOK_AGAIN_S = 0.1


def admin_client(settings: Settings) -> AdminClient:
    """An admin client for the brokers of the settings."""
    return AdminClient(client_config(settings))


def create_topics(settings: Settings) -> list[str]:
    """Create what is missing, then check all; the names of the topics created. Idempotent, safe beside itself."""
    admin = admin_client(settings)
    present = _topic_names(admin)
    missing = [spec for spec in TOPICS if spec.name not in present]
    futures = (
        admin.create_topics(
            [
                NewTopic(
                    spec.name,
                    num_partitions=settings.entity_partitions,
                    replication_factor=settings.topic_replication,
                    config=spec.config(),
                )
                for spec in missing
            ]
            or [],
            operation_timeout=_TIMEOUT_S,
        )
        if missing
        else {}
    )
    for name, future in futures.items():
        _created(name, future)
    _wait_until_told(admin)
    check_topics(settings)
    return [spec.name for spec in missing]


def check_topics(settings: Settings, names: Iterable[str] | None = None) -> None:
    """ConfigurationError if a topic (of `names`, or any) is missing or differs in partitions or cleanup policy."""
    admin = admin_client(settings)
    asked = None if names is None else set(names)
    wanted = [spec for spec in TOPICS if asked is None or spec.name in asked]
    partitions = _partition_counts(admin)
    policies = _cleanup_policies(admin, wanted, partitions)
    for spec in wanted:
        _check(spec, partitions.get(spec.name), policies.get(spec.name), settings.entity_partitions)


def _check(spec: TopicSpec, partitions: int | None, policy: str | None, wanted_partitions: int) -> None:
    if partitions is None:
        raise ConfigurationError(f"Topic {spec.name} does not exist: run `protiv-buildertrend setup`.")
    if partitions != wanted_partitions:
        raise ConfigurationError(
            f"Topic {spec.name} has {partitions} partitions, ENTITY_PARTITIONS is {wanted_partitions}: "
            "set it to what the topics have (changing a topic's count parts the records of a company)."
        )
    if policy != spec.cleanup_policy:
        raise ConfigurationError(
            f"Topic {spec.name} has cleanup.policy {policy}, it must be {spec.cleanup_policy}: alter the topic."
        )


def _created(name: str, future: Future[Any]) -> None:
    try:
        future.result()
    except KafkaException as exc:
        error = exc.args[0]
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        raise ConfigurationError(f"Topic {name} cannot be created: {error.str()}.") from exc


def _wait_until_told(admin: AdminClient) -> None:
    """A broker may tell of a topic some moments after it was made, also by somebody else: ask until it does."""
    clock = SystemClock()
    give_up_at = clock.monotonic() + _TIMEOUT_S
    while not {spec.name for spec in TOPICS} <= _topic_names(admin) and clock.monotonic() < give_up_at:
        clock.wait(_LOOK_AGAIN_S)


def _topic_names(admin: AdminClient) -> set[str]:
    return set(_partition_counts(admin))


def _partition_counts(admin: AdminClient) -> dict[str, int]:
    try:
        found = admin.list_topics(timeout=_TIMEOUT_S).topics
    except KafkaException as exc:
        raise RetriableError("No Kafka broker of KAFKA_BOOTSTRAP_SERVERS answers.") from exc
    return {name: len(topic.partitions) for name, topic in found.items()}


def _cleanup_policies(admin: AdminClient, specs: list[TopicSpec], present: dict[str, int]) -> dict[str, str]:
    resources = [ConfigResource(ResourceType.TOPIC, spec.name) for spec in specs if spec.name in present]
    if not resources:
        return {}
    futures = admin.describe_configs(resources, request_timeout=_TIMEOUT_S)
    return {resource.name: future.result()["cleanup.policy"].value for resource, future in futures.items()}
