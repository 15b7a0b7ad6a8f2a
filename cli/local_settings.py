"""Which settings each process of a local stack gets: what it needs, its own secrets, and nothing of the surroundings
that was meant for another deployment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

from pydantic import SecretStr

from core.environment import leave_out, leave_out_proxies, reach_loopback_directly
from core.settings import ENV_FILES, Settings, load_settings, reveal

# What the stack itself decides.
_DECIDED = frozenset(
    {
        "kafka_bootstrap_servers",
        "kafka_security_protocol",
        "kafka_sasl_mechanism",
        "kafka_sasl_username",
        "kafka_sasl_password",
        "kafka_ssl_ca_location",
        "schema_registry_url",
        "database_url",
        "credential_public_key",
        "credential_private_keys",
        "entity_partitions",
        "topic_replication",
        "console_port",
        "console_secret",
        "metrics_host",
        "metrics_port",
    }
)
_LOGS = ("LOG_LEVEL", "LOG_FORMAT")
_REGISTRY = "SCHEMA_REGISTRY_URL"
# Secrets by process; every other setting that is not a secret goes to all of them.
_OWN = {
    "poller": frozenset({_REGISTRY, "DATABASE_URL", "CREDENTIAL_PRIVATE_KEYS"}),
    "streams": frozenset({_REGISTRY}),
    "sink": frozenset({_REGISTRY, "DATABASE_URL"}),
    "console": frozenset({_REGISTRY, "DATABASE_URL", "CREDENTIAL_PUBLIC_KEY", "CONSOLE_SECRET", "OIDC_CLIENT_SECRET"}),
}
_SECRETS = frozenset(
    {name.upper() for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
).union(*_OWN.values())


def stated_for_demo() -> dict[str, str]:
    """What of the environment a demo takes: how it logs. It shows the product as it is, not somebody's deployment."""
    return {name: os.environ[name] for name in _LOGS if name in os.environ}


def stated_for_up() -> dict[str, str]:
    """What somebody set in the environment or in `.env` for a local run, by name, without what the stack decides.

    ConfigurationError names a wrong one.
    """
    stated = load_settings(_env_file=".env")
    names = sorted(stated.model_fields_set - _DECIDED)
    return {name.upper(): str(reveal(getattr(stated, name))) for name in names}


def clean_surroundings(environment: MutableMapping[str, str] = os.environ) -> None:
    """For the process that starts a local stack, before it starts anything: nothing foreign reaches it or a child."""
    leave_out(environment, Settings.model_fields)


def child_environment(
    service: str, values: Mapping[str, str], surroundings: Mapping[str, str], *, proxied: bool
) -> dict[str, str]:
    """A service's environment: the clean surroundings, with `values` without the secrets of others.

    `proxied`: whether it talks to a source outside this machine, through the proxy if there is one.
    """
    environment = dict(surroundings)
    leave_out(environment, Settings.model_fields)
    if proxied:
        reach_loopback_directly(environment)
    else:
        leave_out_proxies(environment)
    mine = {name: value for name, value in values.items() if name not in _SECRETS or name in _OWN[service]}
    return {**environment, **mine, ENV_FILES: "none"}
