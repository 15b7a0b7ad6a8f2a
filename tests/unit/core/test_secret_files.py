"""Each secret may come from the file that its `_FILE` variable names."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from core.errors import ConfigurationError
from core.settings import Settings, load_settings

SECRETS = {
    "kafka_sasl_password": "hunter2",
    "schema_registry_url": "https://user:hunter2@registry/apis",
    "database_url": "postgresql://user:hunter2@host/db",
    "credential_private_keys": "k1:hunter2",
    "console_secret": "hunter2-hunter2-hunter2-hunter2-hunter2",
    "oidc_client_secret": "hunter2",
}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_every_secret_setting_is_tried_here() -> None:
    secret = {name for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    assert secret >= set(SECRETS)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_load_settings_takes_a_secret_from_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, end: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes((SECRETS[name] + end).encode())
    monkeypatch.setenv(f"{name.upper()}_FILE", str(path))
    assert getattr(load_settings(), name).get_secret_value() == SECRETS[name]


def test_load_settings_takes_the_name_of_the_file_from_dotenv_too(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    (tmp_path / ".env").write_text(f"KAFKA_SASL_PASSWORD_FILE={tmp_path / 'secret'}\n")
    assert load_settings().kafka_sasl_password.get_secret_value() == "hunter2"


def test_load_settings_with_both_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("KAFKA_SASL_PASSWORD_FILE", str(tmp_path / "secret"))
    with pytest.raises(ConfigurationError, match=r"KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD_FILE are both set"):
        load_settings()


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two\nlines", b"a\0b", b"\xff", b"x" * 70_000, None], ids=lambda one: repr(one)[:12]
)
def test_load_settings_of_a_file_without_a_value_names_the_variable_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("DATABASE_URL_FILE", str(path))
    with pytest.raises(ConfigurationError, match=r"^DATABASE_URL_FILE (names|must name)") as refused:
        load_settings()
    assert "lines" not in str(refused.value)


def test_load_settings_of_a_dotenv_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("DATABASE_URL=postgresql://jos\u00e9@host/db".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"^\.env is not UTF-8 text"):
        load_settings()


@pytest.mark.parametrize("value", ["socks5://127.0.0.1:1", "nonsense://x"])
def test_load_settings_with_a_proxy_that_cannot_be_used_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(ConfigurationError, match=r"^ALL_PROXY of the environment is no proxy that can be used"):
        load_settings()


@pytest.mark.parametrize("content", [b"", b"no certificate"])
def test_load_settings_of_a_ca_file_that_holds_no_certificate_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    monkeypatch.setenv("KAFKA_SSL_CA_LOCATION", str(tmp_path / "ca.pem"))
    with pytest.raises(ConfigurationError, match=r"^KAFKA_SSL_CA_LOCATION is wrong: .* certificates"):
        load_settings()
