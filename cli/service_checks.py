"""Checks of `doctor` on brokers, topics, registry, schemas, the services that should run, and the source."""

from __future__ import annotations

from contextlib import closing

import httpx

from cli.findings import Check, ProblemError
from control.vault import Opener, Sealer
from core.errors import ConfigurationError, RetriableError
from core.kafka.access import metadata
from core.kafka.groups import PROCESSES, group_members
from core.settings import Settings
from core.topics import SYNC_COMMANDS
from schemas.registry import ConfluentRegistry
from schemas.stored_ids import check_stored_ids
from schemas.topic_setup import check_topics
from schemas.topics import SCHEMA_TOPICS

_TIMEOUT_S = 10
_SETUP = "Run `protiv-buildertrend setup`."


def service_checks(settings: Settings) -> list[Check]:
    """The checks in their order; they need `settings`."""
    brokers = "See that Kafka runs and that KAFKA_BOOTSTRAP_SERVERS and KAFKA_S* are right."
    registry = "See that the registry runs and that SCHEMA_REGISTRY_URL ends with its Confluent-compatible path."
    source = "See that this machine may reach it: network, proxy, BUILDERTREND_APP_URL and BUILDERTREND_LOGIN_URL."
    return [
        Check("broker", lambda: _broker(settings), brokers, ("settings",)),
        Check("topics", lambda: _topics(settings), _SETUP, ("broker",)),
        Check("registry", lambda: _registry(settings), registry, ("settings",)),
        Check("schemas", lambda: _schemas(settings), _SETUP, ("registry", "topics")),
        Check("services", lambda: _services(settings), "", ("topics",)),
        Check("keys", lambda: _keys(settings), "Make a pair with `protiv-buildertrend keys new`.", ("settings",)),
        Check("source", lambda: _source(settings), source, ("settings",)),
    ]


def _broker(settings: Settings) -> str:
    return f"{len(metadata(settings, timeout_s=_TIMEOUT_S).brokers)} answer"


def _topics(settings: Settings) -> str:
    check_topics(settings)
    return f"all are there, with {settings.entity_partitions} partitions"


def _registry(settings: Settings) -> str:
    with closing(ConfluentRegistry(settings)) as registry:
        try:
            registry.id_of(SYNC_COMMANDS)
        except ConfigurationError:
            return "answers"
    return "answers"


def _schemas(settings: Settings) -> str:
    with closing(ConfluentRegistry(settings)) as registry:
        ids = [registry.id_of(topic) for topic in SCHEMA_TOPICS]
        try:
            check_stored_ids(settings, registry)
        except ConfigurationError as exc:
            raise ProblemError(str(exc), "See docs/runbooks/registry-lost.md.") from exc
    return f"{len(ids)} are registered as this version has them, and stored records bear their ids"


def _services(settings: Settings) -> str:
    try:
        members = {process: group_members(settings, group) for group, process in PROCESSES.items()}
    except RetriableError as exc:
        raise ProblemError("The brokers do not say who is at work.", "See the check of the broker.") from exc
    missing = [process for process, number in members.items() if not number]
    if missing:
        raise ProblemError(
            f"No {missing[0]} is at work.", f"Start it: `protiv-buildertrend {missing[0]}`; its log says why it ended."
        )
    return ", ".join(f"{number} {process}" for process, number in members.items())


def _keys(settings: Settings) -> str:
    found = []
    if settings.credential_public_key:
        Sealer.from_settings(settings)
        found.append("a public key")
    if settings.credential_private_keys.get_secret_value():
        Opener.from_settings(settings)
        found.append("private keys (only the poller needs them)")
    if len(found) == 2 and not Opener.from_settings(settings).holds(Sealer.from_settings(settings)):
        raise ProblemError(
            "What CREDENTIAL_PUBLIC_KEY seals no key of CREDENTIAL_PRIVATE_KEYS opens.",
            "Put the private half of that pair in front of CREDENTIAL_PRIVATE_KEYS, for the poller too.",
        )
    if not found:
        raise ConfigurationError("Neither CREDENTIAL_PUBLIC_KEY nor CREDENTIAL_PRIVATE_KEYS is set.")
    return " and ".join(found)


def _source(settings: Settings) -> str:
    """Any answer will do, also a page for people; the check does not sign in."""
    with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client:
        for url in dict.fromkeys((settings.buildertrend_app_url, settings.buildertrend_login_url)):
            try:
                client.get(url)
            except httpx.HTTPError as exc:
                raise RetriableError(f"{url} does not answer ({type(exc).__name__}).") from exc
    return f"{settings.buildertrend_app_url} answers"
