"""Schema ids that no registry holds: refused, and not asked for again and again."""

from __future__ import annotations

import pytest
from confluent_kafka.schema_registry import SchemaRegistryError
from pydantic import SecretStr

from core.errors import InvalidRecordError
from core.settings import Settings
from schemas.codec import schema_id_of
from schemas.registry import ConfluentRegistry


class KnowsNothing:
    """A registry's client that counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def get_schema(self, schema_id: int) -> object:
        self.asked += 1
        raise SchemaRegistryError(404, 40403, f"no schema {schema_id}")


def test_thousands_of_records_of_an_unknown_schema_are_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, client = ConfluentRegistry(Settings(schema_registry_url=SecretStr("http://127.0.0.1:1"))), KnowsNothing()
    monkeypatch.setattr(registry, "_client", client)
    for _ in range(1_000):
        with pytest.raises(InvalidRecordError, match="no schema with id 77"):
            registry.schema_by_id(77)
    assert client.asked < 100


@pytest.mark.parametrize("stated", [b"\0\xff\xff\xff\xff", b"\0\x80\0\0\0"])
def test_id_beyond_what_a_registry_counts_is_unknown_and_no_outage(stated: bytes) -> None:
    with pytest.raises(InvalidRecordError, match="knows no schema"):
        schema_id_of(stated)
