"""Settings: a wrong one is named with what it takes, and no secret is in any message or repr."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import ConfigurationError
from core.settings import load_settings, reveal
from tests import factories

SECRET = "hunter2-never-print-not-even-once"
SECRET_SETTINGS: dict[str, str] = {
    "kafka_sasl_password": SECRET,
    "schema_registry_url": f"http://user:{SECRET}@registry:8081",
    "database_url": f"postgresql://poller:{SECRET}@db:5432/protiv",
    "credential_private_keys": f"k1:{SECRET}",
    "console_secret": SECRET,
}

WRONG: list[tuple[str, Any, str]] = [
    ("buildertrend_min_request_gap_ms", "-1", "greater than or equal to 0"),
    ("poll_interval_s", "soon", "valid integer"),
    ("entity_partitions", "0", "greater than or equal to 1"),
    ("recent_window_days", "0", "greater than or equal to 1"),
    ("kafka_security_protocol", "TLS", "'PLAINTEXT'"),
    ("log_level", "verbose", "'DEBUG'"),
    ("database_url", f"mysql://root:{SECRET}@db/x", "postgresql://"),
    ("database_url", f"postgresql://poller:{SECRET}%zz@db/x", "write %25 for %"),
    ("database_url", f"postgresql://poller:{SECRET}%@db/x", "write %25 for %"),
    ("database_url", f"postgresql://poller:{SECRET}@2@db/x", "%40 for @"),
    ("database_url", f"postgresql://poller:{SECRET}/2@db/x", "%2F for /"),
    ("database_url", f"postgresql://poller:{SECRET}?2@db/x", "%3F for ?"),
    ("database_url", f"postgresql://poller:{SECRET}#2@db/x", "%23 for #"),
    ("database_url", f"postgresql://poller:{SECRET} 2@db/x", "%20"),
    ("database_url", f"postgresql://{SECRET}:5x@db:54x/x", "host:port"),
    ("database_url", "postgresql://u:p@db:70000/x", "host:port"),
    ("schema_registry_url", f"registry:{SECRET}", "http"),
    ("buildertrend_app_url", "buildertrend.net", "http"),
    ("kafka_ssl_ca_location", "/does/not/exist.pem", "existing file"),
    ("metrics_port", "70000", "less than or equal to 65535"),
    ("console_secret", "hunter2", "at least 32 characters"),
    ("oidc_issuer", "http://accounts.example", "https://"),
    ("buildertrend_app_url", "http://buildertrend.net", "https://"),
    ("buildertrend_login_url", "http://10.1.2.3", "https://"),
    ("forwarded_allow_ips", "proxy.example", "addresses or networks"),
]


@pytest.mark.parametrize(("name", "value", "takes"), WRONG)
def test_load_settings_wrong_value_names_the_setting_and_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, takes: str
) -> None:
    monkeypatch.setenv(name.upper(), value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(_env_file=None)
    assert str(caught.value).startswith(name.upper())
    assert takes in str(caught.value)
    assert SECRET not in str(caught.value)
    # No chain either: a traceback would print the library's error with the value.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_settings_repr_and_text_hold_no_secret() -> None:
    loaded = factories.settings(**SECRET_SETTINGS)
    assert SECRET not in repr(loaded) + str(loaded) + str(loaded.model_dump())


@pytest.mark.parametrize("name", SECRET_SETTINGS)
def test_reveal_of_a_secret_setting_gives_its_plain_value(name: str) -> None:
    assert reveal(getattr(factories.settings(**SECRET_SETTINGS), name)) == SECRET_SETTINGS[name]


@pytest.mark.parametrize(
    "name",
    [
        "kafka_bootstrap_servers",
        "schema_registry_url",
        "database_url",
        "credential_public_key",
        "credential_private_keys",
    ],
)
def test_require_unset_setting_names_it_and_what_it_takes(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{name.upper()} is not set\. It takes .+\.$"):
        factories.settings().require(name)


def test_require_set_setting_gives_the_settings_back() -> None:
    loaded = factories.settings(kafka_bootstrap_servers="k:9092")
    assert loaded.require("kafka_bootstrap_servers") is loaded


def test_load_settings_reads_the_dotenv_file_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("POLL_INTERVAL_S=60\nRECENT_WINDOW_DAYS=10\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("POLL_INTERVAL_S", "90")
    loaded = load_settings(_env_file=dotenv)
    assert (loaded.poll_interval_s, loaded.recent_window_days) == (90, 10)


def test_load_settings_strips_the_slash_of_source_addresses() -> None:
    assert factories.settings(buildertrend_app_url="http://sandbox:1/").buildertrend_app_url == "http://sandbox:1"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://poller:p%40ss%25%2F@db:5432/protiv",
        "postgresql://poller:a:b@db/protiv",
        "postgres://poller@[::1]:5432/protiv?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://poller:p@one:5432,two:5433/protiv?target_session_attrs=read-write",
        "postgresql:///protiv?host=/var/run/postgresql",
        "postgresql://db",
    ],
)
def test_load_settings_address_of_postgres_that_can_be_read_in_one_way_is_taken(url: str) -> None:
    assert load_settings(_env_file=None, database_url=url).database_url.get_secret_value() == url
