"""Creates the topics and refuses existing ones that differ: a wrong partition count would split a company's records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from core.clock import SystemClock
from core.errors import ConfigurationError, IntegrationError, RetriableError
from core.kafka.access import NO_BROKER, admin_client, metadata, refusal_of
from core.settings import Settings
from schemas.topics import TOPICS, TopicSpec

_TIMEOUT_S = 30
_ASK_AGAIN_S = 0.1


def create_topics(settings: Settings) -> list[str]:
    """Create what is missing, then check all; the names of the topics created. Idempotent; two may run at once."""
    metadata(settings)
    admin = admin_client(settings)
    present = _topic_names(admin)
    missing = [spec for spec in TOPICS if spec.name not in present]
    wanted = [
        NewTopic(
            spec.name,
            num_partitions=settings.entity_partitions,
            replication_factor=settings.topic_replication,
            config=spec.config(),
        )
        for spec in missing
    ]
    futures = admin.create_topics(wanted, operation_timeout=_TIMEOUT_S) if wanted else {}
    for name, future in futures.items():
        _created(name, future, settings)
    _wait_until_listed(admin)
    _keep_on_enough_brokers(admin, settings)
    check_topics(settings)
    return [spec.name for spec in missing]


def check_topics(settings: Settings, names: Iterable[str] | None = None) -> None:
    """ConfigurationError if a topic (of `names`, or any) is missing or differs in partitions or cleanup policy."""
    metadata(settings)
    admin = admin_client(settings)
    asked = None if names is None else set(names)
    wanted = [spec for spec in TOPICS if asked is None or spec.name in asked]
    partitions = _partition_counts(admin)
    for spec in wanted:
        if spec.name not in partitions:
            raise _missing(settings, spec.name)
    _check_partitions({spec.name: partitions[spec.name] for spec in wanted}, settings.entity_partitions)
    policies = _cleanup_policies(admin, wanted, settings)
    for spec in wanted:
        if policies[spec.name] != spec.cleanup_policy:
            raise ConfigurationError(
                f"Topic {spec.name} has cleanup.policy {policies[spec.name]}, it must be {spec.cleanup_policy}: "
                "alter the topic."
            )


def _missing(settings: Settings, name: str) -> IntegrationError:
    """A topic that we may not describe is not listed, as if it did not exist; asked for by name, the brokers refuse."""
    error = metadata(settings, topic=name).topics[name].error
    refusal = None if error is None else refusal_of(error, settings, name)
    return refusal or ConfigurationError(f"Topic {name} does not exist: run `protiv-buildertrend setup`.")


def _check_partitions(counts: Mapping[str, int], wanted: int) -> None:
    """Every topic has `wanted` partitions, or ConfigurationError with what can be done about it."""
    others = {name: count for name, count in counts.items() if count != wanted}
    if not others:
        return
    name, count = next(iter(others.items()))
    if len(others) == len(counts) and set(others.values()) == {count}:
        raise ConfigurationError(
            f"Topic {name} has {count} partitions, ENTITY_PARTITIONS is {wanted}: set it to {count}, what the topics "
            "have (changing a topic's count would put records of a company on two partitions)."
        )
    raise ConfigurationError(
        f"Topic {name} has {count} partitions, ENTITY_PARTITIONS is {wanted}, and the topics differ from each other: "
        "records of one company would be on different partitions. Partitions cannot be taken away: see "
        "docs/runbooks/topic-recreated.md for how a topic is made anew and filled again."
    )


def _created(name: str, future: Future[Any], settings: Settings) -> None:
    try:
        future.result()
    except KafkaException as exc:
        error = exc.args[0]
        if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return
        refusal = refusal_of(error, settings, f"to create {name}")
        if refusal is not None:
            raise refusal from exc
        raise ConfigurationError(f"Topic {name} cannot be created: {error.str()}.") from exc


def _wait_until_listed(admin: AdminClient) -> None:
    """A broker may list a topic only some moments after it was made, by us or another `setup`: ask until it does."""
    clock = SystemClock()
    give_up_at = clock.monotonic() + _TIMEOUT_S
    while not {spec.name for spec in TOPICS} <= _topic_names(admin) and clock.monotonic() < give_up_at:
        clock.wait(_ASK_AGAIN_S)


def _topic_names(admin: AdminClient) -> set[str]:
    return set(_partition_counts(admin))


def _partition_counts(admin: AdminClient) -> dict[str, int]:
    try:
        found = admin.list_topics(timeout=_TIMEOUT_S).topics
    except KafkaException as exc:
        raise RetriableError(NO_BROKER) from exc
    return {name: len(topic.partitions) for name, topic in found.items()}


def _cleanup_policies(admin: AdminClient, specs: list[TopicSpec], settings: Settings) -> dict[str, str]:
    return _configured(admin, [spec.name for spec in specs], "cleanup.policy", settings)


def _configured(admin: AdminClient, names: list[str], setting: str, settings: Settings) -> dict[str, str]:
    """One setting of topics, by topic."""
    if not names:
        return {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    found = {}
    for resource, future in admin.describe_configs(resources, request_timeout=_TIMEOUT_S).items():
        try:
            found[resource.name] = str(future.result()[setting].value)
        except KafkaException as exc:
            refusal = refusal_of(exc.args[0], settings, resource.name)
            raise refusal or RetriableError(f"The brokers do not answer how {resource.name} is set up.") from exc
    return found


def _keep_on_enough_brokers(admin: AdminClient, settings: Settings) -> None:
    """Set how many brokers must have a write before it counts, whatever the cluster's default is: that may be one.

    It depends on the copies that a topic has, and is never lowered below what an operator set.
    """
    copies = {
        name: len(topic.partitions[0].replicas) for name, topic in metadata(settings).topics.items() if topic.partitions
    }
    stated = _configured(admin, [spec.name for spec in TOPICS], "min.insync.replicas", settings)
    changes = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(
                    "min.insync.replicas",
                    str(min_insync_replicas(copies.get(name, settings.topic_replication))),
                    incremental_operation=AlterConfigOpType.SET,
                )
            ],
        )
        for name, value in stated.items()
        if int(value) < min_insync_replicas(copies.get(name, settings.topic_replication))
    ]
    if not changes:
        return
    for resource, future in admin.incremental_alter_configs(changes, request_timeout=_TIMEOUT_S).items():
        try:
            future.result()
        except KafkaException as exc:
            refusal = refusal_of(exc.args[0], settings, f"AlterConfigs on {resource.name}")
            raise refusal or RetriableError(f"min.insync.replicas of {resource.name} could not be set.") from exc


def min_insync_replicas(copies: int) -> int:
    """Two where there are three copies or more, so that one broker may be away; one where there are fewer."""
    return 2 if copies >= 3 else 1
