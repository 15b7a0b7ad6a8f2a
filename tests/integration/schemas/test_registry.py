"""The real registry: committed schemas as other libraries read them, look-ups, and breaks that are refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from core.errors import ConfigurationError, InvalidRecordError, RetriableError
from schemas import registry as registry_module
from schemas.avro_files import own_texts, plain_schema, schema_text
from schemas.codec import Decoder, encoder, from_micros
from schemas.meaning import problems_of
from schemas.registry import ConfluentRegistry, register_all
from schemas.topics import SCHEMA_TOPICS
from tests import factories
from tests.fix_stack import Stack

COMMANDS = "integration.sync-commands"
JSON_SCHEMA = '{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}'


@pytest.fixture
def client(stack: Stack) -> Iterator[SchemaRegistryClient]:
    url = stack.settings.schema_registry_url.get_secret_value()
    with closing(SchemaRegistryClient({"url": url, "timeout": 10})) as client:
        yield client


@pytest.fixture
def own_topic(monkeypatch: pytest.MonkeyPatch) -> str:
    """A topic that nobody else has, with the schema of commands."""
    topic = f"test.{uuid.uuid4().hex}"
    texts = {topic: schema_text(COMMANDS)}
    monkeypatch.setattr(registry_module, "schema_text", lambda name: texts.get(name) or schema_text(name))
    monkeypatch.setattr(registry_module, "own_texts", lambda name: frozenset({texts.get(name) or schema_text(name)}))
    return topic


def change_schema(monkeypatch: pytest.MonkeyPatch, topic: str, text: str, *, released: str = "") -> None:
    """`released`: what a release registered before."""
    own = frozenset({text, released}) - {""}
    monkeypatch.setattr(registry_module, "schema_text", lambda name: text if name == topic else schema_text(name))
    monkeypatch.setattr(registry_module, "own_texts", lambda name: own if name == topic else own_texts(name))


def test_register_all_twice_gives_the_same_ids(stack: Stack) -> None:
    first = register_all(stack.registry)
    assert first == register_all(stack.registry)
    assert sorted(first) == sorted(SCHEMA_TOPICS)


@pytest.mark.parametrize("topic", SCHEMA_TOPICS)
def test_registered_schema_is_found_by_topic_and_by_id(stack: Stack, topic: str) -> None:
    schema_id = stack.registry.id_of(topic)
    assert stack.registry.schema_by_id(schema_id)["name"] == plain_schema(topic)["name"]


def test_value_of_our_encoder_is_read_by_the_clients_own_deserializer(
    stack: Stack, client: SchemaRegistryClient
) -> None:
    body = factories.command_body(entities=["jobs"], from_date=20_000)
    value = encoder(COMMANDS, stack.registry)(body)
    read = AvroDeserializer(client)(value, SerializationContext(COMMANDS, MessageField.VALUE))
    assert read["command_id"] == body["command_id"]
    assert read["requested_at"] == from_micros(body["requested_at"])
    assert read["from_date"].toordinal() - 719_163 == 20_000
    assert Decoder(COMMANDS, stack.registry)(value) == body


def test_schema_by_id_unknown_id_is_an_invalid_record(stack: Stack) -> None:
    with pytest.raises(InvalidRecordError) as caught:
        stack.registry.schema_by_id(999_999_999)
    assert caught.value.error_class == "unknown-schema"


@pytest.mark.parametrize(("text", "kind"), [('"string"', "AVRO"), (JSON_SCHEMA, "JSON"), ('{"type": "long"}', "AVRO")])
def test_schema_by_id_of_what_is_no_avro_record_is_an_invalid_record(
    stack: Stack, client: SchemaRegistryClient, text: str, kind: str
) -> None:
    schema_id = client.register_schema(f"test-{uuid.uuid4().hex}-value", Schema(text, kind))
    with pytest.raises(InvalidRecordError) as caught:
        Decoder(COMMANDS, stack.registry)(b"\x00" + schema_id.to_bytes(4, "big") + b"\x02a")
    assert caught.value.error_class == "wrong-schema"


def test_id_of_topic_that_was_not_set_up_says_to_run_setup(stack: Stack, own_topic: str) -> None:
    with pytest.raises(ConfigurationError, match="setup"):
        stack.registry.id_of(own_topic)


def test_register_compatible_change_is_taken(stack: Stack, monkeypatch: pytest.MonkeyPatch, own_topic: str) -> None:
    first = stack.registry.register(own_topic)
    schema = json.loads(schema_text(COMMANDS))
    schema["fields"].append({"name": "priority", "type": "int", "default": 0})
    change_schema(monkeypatch, own_topic, json.dumps(schema))
    assert stack.registry.register(own_topic) != first


def test_register_incompatible_change_is_refused(stack: Stack, monkeypatch: pytest.MonkeyPatch, own_topic: str) -> None:
    stack.registry.register(own_topic)
    schema = json.loads(schema_text(COMMANDS))
    schema["fields"].append({"name": "priority", "type": "int"})
    change_schema(monkeypatch, own_topic, json.dumps(schema), released=schema_text(COMMANDS))
    with pytest.raises(ConfigurationError, match="FULL_TRANSITIVE"):
        stack.registry.register(own_topic)


def test_register_after_a_client_left_its_own_variant_is_taken_and_the_variant_is_named(
    stack: Stack, client: SchemaRegistryClient, monkeypatch: pytest.MonkeyPatch, own_topic: str
) -> None:
    """A client that registers by itself added a field; our next version has one of that name with another type."""
    stack.registry.register(own_topic)
    subject = f"{own_topic}-value"
    foreign = with_field(schema_text(COMMANDS), {"name": "priority", "type": "string", "default": ""})
    client.register_schema(subject, Schema(foreign, "AVRO"))
    assert stack.registry.foreign_versions(own_topic) == [2]
    ours = with_field(schema_text(COMMANDS), {"name": "priority", "type": "int", "default": 0})
    first = schema_text(COMMANDS)
    change_schema(monkeypatch, own_topic, ours, released=first)
    assert stack.registry.register(own_topic) == stack.registry.register(own_topic)
    assert stack.registry.foreign_versions(own_topic) == [2]
    assert client.get_compatibility(subject) == "FULL_TRANSITIVE"


def test_register_where_a_client_was_first_is_taken(stack: Stack, client: SchemaRegistryClient, own_topic: str) -> None:
    strangest = json.dumps({"type": "record", "name": "Mine", "fields": [{"name": "x", "type": "int"}]})
    client.register_schema(f"{own_topic}-value", Schema(strangest, "AVRO"))
    assert stack.registry.register(own_topic) == stack.registry.id_of(own_topic)
    assert stack.registry.foreign_versions(own_topic) == [1]


def test_register_what_breaks_a_version_of_ours_is_refused_though_a_client_left_a_variant(
    stack: Stack, client: SchemaRegistryClient, monkeypatch: pytest.MonkeyPatch, own_topic: str
) -> None:
    stack.registry.register(own_topic)
    foreign = with_field(schema_text(COMMANDS), {"name": "priority", "type": "string", "default": ""})
    client.register_schema(f"{own_topic}-value", Schema(foreign, "AVRO"))
    broken = with_field(schema_text(COMMANDS), {"name": "priority", "type": "int"})
    change_schema(monkeypatch, own_topic, broken, released=schema_text(COMMANDS))
    with pytest.raises(ConfigurationError, match="FULL_TRANSITIVE"):
        stack.registry.register(own_topic)
    assert client.get_compatibility(f"{own_topic}-value") == "FULL_TRANSITIVE"


def test_register_removal_of_a_field_with_a_default_is_taken_by_the_registry_and_left_to_the_check_of_meaning(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, own_topic: str
) -> None:
    """Why `make check` compares meaning: no compatibility of a registry refuses this."""
    stack.registry.register(own_topic)
    schema = json.loads(schema_text(COMMANDS))
    schema["fields"] = [one for one in schema["fields"] if one["name"] != "reason"]
    change_schema(monkeypatch, own_topic, json.dumps(schema), released=schema_text(COMMANDS))
    stack.registry.register(own_topic)
    assert problems_of(json.loads(schema_text(COMMANDS)), schema) == ["reason: a field is never removed or renamed."]


def with_field(text: str, field: dict[str, object]) -> str:
    schema = json.loads(text)
    schema["fields"].append(field)
    return json.dumps(schema)


def test_registry_that_is_away_is_an_outage_for_every_call(stack: Stack) -> None:
    with closing(ConfluentRegistry(stack.with_settings(schema_registry_url="http://127.0.0.1:9/"))) as away:
        for call in (lambda: away.schema_by_id(1), lambda: away.id_of(COMMANDS), lambda: away.register(COMMANDS)):
            with pytest.raises(RetriableError):
                call()


def test_registry_address_with_a_password_is_in_no_error(stack: Stack) -> None:
    settings = stack.with_settings(schema_registry_url="http://u:hunter2@127.0.0.1:9/")
    with closing(ConfluentRegistry(settings)) as away, pytest.raises(RetriableError) as caught:
        away.id_of(COMMANDS)
    assert "hunter2" not in str(caught.value)
