"""Settings from the environment (and `.env`). A wrong one is named, with what it takes; secrets never print."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AnyHttpUrl, Field, SecretStr, TypeAdapter, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.database_address import fault_of
from core.environment import check_proxies
from core.errors import ConfigurationError
from core.settings_files import RUNNING, secrets_of_files, values_of

_HTTP_URL = TypeAdapter(AnyHttpUrl)
# "none" in this variable: the environment alone decides, and `.env` and `.data/running.env` are not read.
ENV_FILES = "PROTIV_ENV_FILES"
_SHORTEST_SECRET = 32
# The simulated Buildertrend's name inside docker-compose.yml's own network.
_SANDBOX = "sandbox"


class Settings(BaseSettings):
    """Every setting of every process; each process asks for those it needs with `require`.

    The environment comes first, then `.env`, then what a stack that runs in this folder left in `.data/running.env`.
    """

    model_config = SettingsConfigDict(env_file=(RUNNING, ".env"), extra="ignore", frozen=True)

    kafka_bootstrap_servers: str = ""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_sasl_username: str = ""
    kafka_sasl_password: SecretStr = SecretStr("")
    kafka_ssl_ca_location: str = ""
    schema_registry_url: SecretStr = SecretStr("")
    database_url: SecretStr = SecretStr("")
    buildertrend_app_url: str = "https://buildertrend.net"
    buildertrend_login_url: str = "https://login.buildertrend.com"
    buildertrend_min_request_gap_ms: Annotated[int, Field(ge=0, le=60_000)] = 200
    credential_public_key: str = ""
    credential_private_keys: SecretStr = SecretStr("")
    poll_interval_s: Annotated[int, Field(ge=5)] = 7200
    glance_interval_s: Annotated[int, Field(ge=0, le=86_400)] = 600
    full_sync_interval_s: Annotated[int, Field(ge=60)] = 86400
    recent_window_days: Annotated[int, Field(ge=1, le=3660)] = 35
    entity_partitions: Annotated[int, Field(ge=1, le=1000)] = 12
    topic_replication: Annotated[int, Field(ge=1, le=10)] = 3
    console_host: str = "127.0.0.1"
    console_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    console_secret: SecretStr = SecretStr("")
    console_public_url: str = ""
    forwarded_allow_ips: str = "127.0.0.1"
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"

    @field_validator("schema_registry_url", mode="after")
    @classmethod
    def _registry_is_http(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            _check_http(value.get_secret_value())
        return value

    @field_validator("buildertrend_app_url", "buildertrend_login_url", mode="after")
    @classmethod
    def _source_is_http(cls, value: str) -> str:
        _check_http(value)
        _check_private(value, also=_SANDBOX)
        return value.rstrip("/")

    @field_validator("console_public_url", mode="after")
    @classmethod
    def _console_is_http(cls, value: str) -> str:
        if value:
            _check_http(value)
        return value

    @field_validator("oidc_issuer", mode="after")
    @classmethod
    def _issuer_is_private(cls, value: str) -> str:
        if value:
            _check_http(value)
            _check_private(value)
        return value

    @field_validator("console_secret", mode="after")
    @classmethod
    def _secret_is_long(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(f"must have at least {_SHORTEST_SECRET} characters (openssl rand -hex 32)")
        return value

    @field_validator("forwarded_allow_ips", mode="after")
    @classmethod
    def _proxies_are_addresses(cls, value: str) -> str:
        try:
            for one in value.split(","):
                if one.strip() not in ("", "*"):
                    ip_network(one.strip(), strict=False)
        except ValueError:
            raise ValueError("must be addresses or networks of proxies, separated by commas") from None
        return value

    @field_validator("database_url", mode="after")
    @classmethod
    def _database_is_postgres(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and (fault := fault_of(url)):
            raise ValueError(fault)
        return value

    @field_validator("kafka_ssl_ca_location", mode="after")
    @classmethod
    def _ca_file_exists(cls, value: str) -> str:
        if not value:
            return value
        path = Path(value)
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(**{"capath" if path.is_dir() else "cafile": value})
        except (OSError, ValueError):  # ssl's own errors are OSErrors
            raise ValueError("must be the path of an existing file of certificates (PEM)") from None
        return value

    def require(self, *names: str) -> Self:
        """Self, if all the named settings have a value; ConfigurationError with the first one that has none."""
        for name in names:
            if not reveal(getattr(self, name)):
                raise ConfigurationError(f"{name.upper()} is not set. It takes {_TAKES[name]}.")
        return self


_TAKES = {
    "kafka_bootstrap_servers": "host:port of one or more Kafka brokers, separated by commas",
    "schema_registry_url": "the http(s) address of a Confluent-compatible schema registry",
    "database_url": "postgresql://user:password@host:port/database",
    "kafka_sasl_username": "the user that KAFKA_SECURITY_PROTOCOL's SASL signs in as",
    "kafka_sasl_password": "that user's password",
    "console_secret": "a random text of at least 32 characters (openssl rand -hex 32)",
    "oidc_client_id": "the id that the provider of OIDC_ISSUER knows this console by",
    "oidc_client_secret": "the secret that goes with OIDC_CLIENT_ID",
    "credential_public_key": "id:base64 of an X25519 public key (made by `protiv-buildertrend keys new`)",
    "credential_private_keys": "id:base64 of X25519 private keys, separated by commas",
}


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; raises ConfigurationError in one sentence that never holds a secret's value.

    Each secret may also come from the file that `<NAME>_FILE` names.
    """
    if os.environ.get(ENV_FILES) == "none":
        overrides = {"_env_file": None, **overrides}
    check_proxies(os.environ)
    try:
        return Settings(**{**_secrets_of_files(overrides), **overrides})
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise ConfigurationError(f"{name} is wrong: {first['msg']}.") from None


def _secrets_of_files(overrides: Mapping[str, Any]) -> dict[str, str]:
    """Of the environment and of `.env`; not of what a running stack left, which would conflict with the user's own."""
    paths = overrides.get("_env_file", Settings.model_config.get("env_file"))
    wanted = [path for path in _as_tuple(paths) if path != RUNNING]
    values_of(_as_tuple(paths))
    names = [name for name, field in Settings.model_fields.items() if field.annotation is SecretStr]
    return secrets_of_files({**values_of(wanted), **os.environ}, [name for name in names if name not in overrides])


def _as_tuple(paths: Any) -> tuple[Path | str, ...]:
    if paths is None:
        return ()
    return tuple(paths) if isinstance(paths, (tuple, list)) else (paths,)


def reveal(value: object) -> object:
    """The plain value of a setting; use it only where it is handed to a library."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _check_http(value: str) -> None:
    try:
        _HTTP_URL.validate_python(value)
    except ValidationError:
        raise ValueError("must be an address that starts with http:// or https://") from None


def _check_private(value: str, *, also: str = "") -> None:
    """Refuse what would send secrets in the clear to another machine."""
    url = urlsplit(value)
    host = url.hostname or ""
    if url.scheme != "https" and host not in ("localhost", also) and not _is_loopback(host):
        raise ValueError("must start with https:// unless it is this machine's: secrets would travel in the clear")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
