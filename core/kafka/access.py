"""Whether the brokers let us in, and what exactly they refuse: said at once and by the name of the setting or right.

librdkafka goes on trying for as long as it is asked to, also where a password is wrong; it reports why meanwhile.
"""

from __future__ import annotations

import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata

from core.errors import ConfigurationError, IntegrationError, RetriableError
from core.kafka.config import client_config
from core.settings import Settings

NO_BROKER = "No Kafka broker of KAFKA_BOOTSTRAP_SERVERS answers."
_TRY_S = 0.5
_TIMEOUT_S = 15.0
_SSL_PROTOCOLS = ("SSL", "SASL_SSL")
_RIGHTS = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "on the topic (Describe and DescribeConfigs, and Read or Write)",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "on the consumer group (Read)",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "on the cluster (Describe, and Create for setup)",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "on the transactional id (Write and Describe)",
}


def admin_client(settings: Settings) -> AdminClient:
    """An admin client for the brokers of the settings. It has to live until its answers are here."""
    return AdminClient(client_config(settings))


def metadata(settings: Settings, *, topic: str | None = None, timeout_s: float = _TIMEOUT_S) -> ClusterMetadata:
    """What the brokers say of themselves and of the topics, or of one topic.

    Blocks. ConfigurationError as soon as they refuse the sign-in or the encryption fails, RetriableError if none
    answers in time.
    """
    reported: list[KafkaError] = []
    admin = AdminClient(client_config(settings) | {"error_cb": reported.append})
    limit = time.monotonic() + timeout_s
    while True:
        try:
            return admin.list_topics(topic, timeout=_TRY_S) if topic else admin.list_topics(timeout=_TRY_S)
        except KafkaException as exc:
            admin.poll(0)
            for error in (*reported, exc.args[0]):
                refusal = refusal_of(error, settings)
                if refusal is not None:
                    raise refusal from exc
            if time.monotonic() > limit:
                raise RetriableError(
                    f"{NO_BROKER} Is KAFKA_SECURITY_PROTOCOL {settings.kafka_security_protocol} what they speak?"
                ) from exc


def refusal_of(error: KafkaError, settings: Settings, what: str = "") -> IntegrationError | None:
    """The sentence for an error that no retry ends; None for any other. `what` is the topic or group it is about."""
    code = error.code()
    if code in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):
        return ConfigurationError(_sign_in(settings))
    if code in (KafkaError.UNSUPPORTED_SASL_MECHANISM, KafkaError._UNSUPPORTED_FEATURE):
        return ConfigurationError(
            f"The brokers do not offer KAFKA_SASL_MECHANISM {settings.kafka_sasl_mechanism}: set one that they do."
        )
    if code == KafkaError._SSL:
        return ConfigurationError(
            "The brokers' encryption is not accepted: set KAFKA_SSL_CA_LOCATION to the certificate that signed theirs, "
            f"and see that KAFKA_SECURITY_PROTOCOL {settings.kafka_security_protocol} is what that port speaks."
        )
    if code in _RIGHTS:
        about = f" ({what})" if what else ""
        return ConfigurationError(
            f"The user of KAFKA_SASL_USERNAME lacks a right {_RIGHTS[code]}{about}: give it an ACL; "
            "docs/operations.md lists them."
        )
    return None


def _sign_in(settings: Settings) -> str:
    if settings.kafka_security_protocol.startswith("SASL"):
        return (
            "The brokers refuse the sign-in: KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD or KAFKA_SASL_MECHANISM "
            f"({settings.kafka_sasl_mechanism}) is wrong."
        )
    return (
        f"The brokers want a sign-in that KAFKA_SECURITY_PROTOCOL {settings.kafka_security_protocol} has not: "
        "set SASL_SSL or SASL_PLAINTEXT, with KAFKA_SASL_*."
    )
