"""What commands make of an odd machine: a user id without a name, SASL without a user, a check that fails by itself."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import cast

import pytest
from confluent_kafka import KafkaError, Message

from cli.audit import requester
from cli.findings import Check, run_checks
from core.errors import ConfigurationError, FatalError
from core.kafka.access import refusal_of
from core.kafka.config import client_config
from core.kafka.read import _ended
from schemas.topic_setup import _check_partitions, min_insync_replicas
from tests import factories


@dataclass
class Refused:
    """What a consumer hands over in place of a record."""

    of: str
    why: KafkaError

    def topic(self) -> str:
        return self.of

    def error(self) -> KafkaError:
        return self.why


def test_requester_without_an_entry_for_the_user_is_named_by_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert requester() == f"cli:uid-{os.getuid()}"


@pytest.mark.parametrize("missing", ["kafka_sasl_username", "kafka_sasl_password"])
def test_client_config_of_sasl_without_user_or_password_names_the_setting(missing: str) -> None:
    whole = {"kafka_sasl_username": "u", "kafka_sasl_password": "p"}
    settings = factories.settings(
        kafka_bootstrap_servers="h:1", kafka_security_protocol="SASL_SSL", **{**whole, missing: ""}
    )
    with pytest.raises(ConfigurationError, match=f"^{missing.upper()} is not set"):
        client_config(settings)


def test_run_checks_of_a_check_that_fails_by_itself_goes_on_with_the_others() -> None:
    def odd() -> str:
        raise ZeroDivisionError("of nothing")

    found = run_checks([Check("odd", odd, "Look."), Check("fine", lambda: "is well", "")])
    assert [(one.name, one.state) for one in found] == [("odd", "failed"), ("fine", "ok")]
    assert "ZeroDivisionError: of nothing" in found[0].found


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, r"right on the topic .*protiv\.jobs"),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, "right on the consumer group"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "right on the cluster"),
        (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "right on the transactional id"),
    ],
)
def test_refusal_of_a_missing_acl_says_which(code: int, said: str) -> None:
    refusal = refusal_of(KafkaError(code), factories.settings(), "protiv.jobs")
    assert isinstance(refusal, ConfigurationError)
    with pytest.raises(ConfigurationError, match=said):
        raise refusal


def test_refusal_of_an_outage_is_none() -> None:
    assert refusal_of(KafkaError(KafkaError._TRANSPORT), factories.settings()) is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (KafkaError._AUTO_OFFSET_RESET, "Topic buildertrend.jobs does not hold the offsets .*topic-recreated"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "Topic buildertrend.jobs may not be read: .* ACL"),
    ],
)
def test_read_to_end_of_a_topic_that_cannot_be_read_says_what_to_do(code: int, said: str) -> None:
    message = cast("Message", Refused("buildertrend.jobs", KafkaError(code)))
    with pytest.raises(FatalError, match=said):
        _ended([message])


def test_check_partitions_of_another_count_everywhere_says_to_set_it() -> None:
    with pytest.raises(ConfigurationError, match=r"ENTITY_PARTITIONS is 4: set it to 6"):
        _check_partitions({"a": 6, "b": 6}, 4)


def test_check_partitions_of_one_topic_with_more_gives_no_advice_that_cannot_be_followed() -> None:
    with pytest.raises(ConfigurationError, match=r"Topic b has 6 .*topic-recreated") as refused:
        _check_partitions({"a": 4, "b": 6}, 4)
    assert "set it to" not in str(refused.value)


@pytest.mark.parametrize(("copies", "wanted"), [(1, 1), (2, 1), (3, 2), (5, 2)])
def test_min_insync_replicas_lets_one_broker_be_away(copies: int, wanted: int) -> None:
    assert min_insync_replicas(copies) == wanted
