"""What brokers refuse is said at once, by the setting to change: a real client against listeners that refuse."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.errors import ConfigurationError, RetriableError
from core.kafka.access import metadata
from tests import factories
from tests.integration.core.fix_listener import Handler, listening, refuses_sign_in, speaks_http

SIGN_IN: dict[str, Any] = {
    "kafka_sasl_mechanism": "PLAIN",
    "kafka_sasl_username": "poller",
    "kafka_sasl_password": "hunter2-wrong",
}
AT_ONCE_S = 10.0


@pytest.mark.parametrize(
    ("handler", "changes", "said"),
    [
        (refuses_sign_in, {"kafka_security_protocol": "SASL_PLAINTEXT", **SIGN_IN}, "KAFKA_SASL_PASSWORD"),
        (
            refuses_sign_in,
            {"kafka_security_protocol": "SASL_PLAINTEXT", **SIGN_IN, "kafka_sasl_mechanism": "SCRAM-SHA-512"},
            r"KAFKA_SASL_MECHANISM \(SCRAM-SHA-512\)",
        ),
        (speaks_http, {"kafka_security_protocol": "SSL"}, "KAFKA_SECURITY_PROTOCOL SSL"),
    ],
    ids=["wrong-password", "mechanism-not-offered", "no-tls"],
)
def test_metadata_of_brokers_that_refuse_names_the_setting_at_once(
    handler: Handler, changes: dict[str, Any], said: str
) -> None:
    began = time.monotonic()
    with listening(handler) as address, pytest.raises(ConfigurationError, match=said) as refused:
        metadata(factories.settings(kafka_bootstrap_servers=address, **changes), timeout_s=60)
    assert time.monotonic() - began < AT_ONCE_S
    assert "hunter2" not in str(refused.value)


def test_metadata_of_brokers_with_an_unknown_certificate_names_the_setting_at_once(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "of-nobody.pem"))

    def encrypted(connection: Any) -> None:
        try:
            refuses_sign_in(context.wrap_socket(connection, server_side=True))
        except OSError:
            connection.close()

    changes = {"kafka_security_protocol": "SASL_SSL", **SIGN_IN}
    with listening(encrypted) as address, pytest.raises(ConfigurationError, match="KAFKA_SSL_CA_LOCATION"):
        metadata(factories.settings(kafka_bootstrap_servers=address, **changes), timeout_s=60)


def test_metadata_where_nothing_answers_is_an_outage() -> None:
    outage = pytest.raises(RetriableError, match="KAFKA_SECURITY_PROTOCOL PLAINTEXT what they speak")
    with listening(lambda connection: connection.close()) as address, outage:
        metadata(factories.settings(kafka_bootstrap_servers=address), timeout_s=1)


def self_signed(path: Path) -> Path:
    """A certificate with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
