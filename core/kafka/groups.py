"""Consumer groups: who is at work, and how far a group is."""

from __future__ import annotations

from collections.abc import Collection

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from core.errors import RetriableError
from core.kafka.access import NO_BROKER, admin_client, refusal_of
from core.kafka.read import PartitionKey
from core.settings import Settings

POLLER_GROUP = "protiv-poller"
STREAMS_GROUP = "protiv-streams"
SINK_GROUP = "protiv-sink"
# Each with the process whose group it is, which is also the command that starts it.
PROCESSES = {POLLER_GROUP: "poller", STREAMS_GROUP: "streams", SINK_GROUP: "sink"}

_TIMEOUT_S = 15.0
# Beyond the request's own time limit, for the client to pass the answer on.
_EXTRA_S = 5.0


def group_members(settings: Settings, group: str) -> int:
    """How many processes are in the group. Blocks; ConfigurationError for a right that is missing, RetriableError."""
    # The client has to live until its answer is here: futures of one that was collected never end.
    admin = admin_client(settings)
    try:
        found = admin.describe_consumer_groups([group], request_timeout=_TIMEOUT_S)[group].result(_TIMEOUT_S + _EXTRA_S)
    except TimeoutError as exc:
        raise RetriableError(NO_BROKER) from exc
    except KafkaException as exc:
        if exc.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        refusal = refusal_of(exc.args[0], settings, f"Describe on the consumer group {group}")
        raise refusal or RetriableError(f"{NO_BROKER} ({exc.args[0].name()})") from exc
    return len(found.members)


def committed_offsets(
    settings: Settings, group: str, partitions: Collection[PartitionKey]
) -> dict[PartitionKey, int | None]:
    """The next offset that the group will take of each partition; None where it has committed none.

    Blocks; RetriableError if the brokers do not say it of every partition.
    """
    admin = admin_client(settings)
    request = ConsumerGroupTopicPartitions(group, [TopicPartition(*each) for each in partitions])
    try:
        answer = admin.list_consumer_group_offsets([request], request_timeout=_TIMEOUT_S)
        found = answer[group].result(_TIMEOUT_S + _EXTRA_S).topic_partitions
    except (KafkaException, TimeoutError) as exc:
        raise RetriableError(NO_BROKER) from exc
    for each in found:
        if each.error is not None:
            raise RetriableError(f"Kafka does not say how far {group} is in {each.topic} ({each.error.name()}).")
    return {(each.topic, each.partition): each.offset if each.offset >= 0 else None for each in found}
