"""The schema registry: look-ups, which every service does, and registration, which only `setup` does."""

from __future__ import annotations

import time
from typing import Protocol

import httpx2
from confluent_kafka.schema_registry import (
    Schema as RegisteredSchema,
)
from confluent_kafka.schema_registry import (
    SchemaRegistryClient,
    SchemaRegistryError,
)

from core.errors import ConfigurationError, InvalidRecordError, RetriableError
from core.settings import Settings
from schemas.avro_files import Schema, own_texts, parse_plain, schema_text
from schemas.topics import SCHEMA_TOPICS

TIMEOUT_S = 5
COMPATIBILITY = "FULL_TRANSITIVE"
_ANY = "NONE"
_REFUSED = (409, 422)
_NOT_FOUND = 404
# Thousands of records with one unregistered id cause one request, and its registration is noticed soon.
_UNKNOWN_FOR_S = 0.2
_UNKNOWN_IDS = 10_000
# The registry client uses httpx2; a proxy's page in place of the registry's answer is no JSON (ValueError).
_NO_ANSWER = (httpx2.HTTPError, ValueError)


class Registrar(Protocol):
    """What `setup` needs of a registry."""

    def foreign_versions(self, topic: str) -> list[int]:
        """Numbers of the versions under `topic`'s subject that no release of this service registered."""

    def register(self, topic: str) -> int:
        """The id of the topic's committed schema, registered if it is new; ConfigurationError if it is incompatible."""


class ConfluentRegistry:
    """A Confluent-compatible registry over HTTP, with a time-out on every call and a cache of what was fetched."""

    def __init__(self, settings: Settings) -> None:
        settings.require("schema_registry_url")
        self._client = SchemaRegistryClient(
            {"url": settings.schema_registry_url.get_secret_value(), "timeout": TIMEOUT_S, "max.retries": 0}
        )
        self._unknown: dict[int, float] = {}

    def close(self) -> None:
        """Close its connections; it is unusable afterwards."""
        self._client.close()

    def schema_by_id(self, schema_id: int) -> Schema:
        """See `schemas.codec.SchemaSource`. An unknown id is not asked for again for a moment."""
        if self._unknown.get(schema_id, 0.0) > time.monotonic():
            raise _unknown(schema_id)
        try:
            found = self._client.get_schema(schema_id)
        except SchemaRegistryError as exc:
            if exc.http_status_code == _NOT_FOUND:
                self._note_unknown(schema_id)
                raise _unknown(schema_id) from exc
            raise _away(exc) from exc
        except _NO_ANSWER as exc:
            raise _away(exc) from exc
        return _record_schema(found)

    def _note_unknown(self, schema_id: int) -> None:
        if len(self._unknown) >= _UNKNOWN_IDS:
            self._unknown.clear()
        self._unknown[schema_id] = time.monotonic() + _UNKNOWN_FOR_S

    def id_of(self, topic: str) -> int:
        """See `schemas.codec.SchemaSource`."""
        try:
            found = self._client.lookup_schema(f"{topic}-value", _avro(topic))
        except SchemaRegistryError as exc:
            if exc.http_status_code == _NOT_FOUND:
                raise ConfigurationError(
                    f"The registry does not hold this version's schema of {topic}: run `protiv-buildertrend setup`."
                ) from exc
            raise _away(exc) from exc
        except _NO_ANSWER as exc:
            raise _away(exc) from exc
        assert found.schema_id is not None
        return found.schema_id

    def register(self, topic: str) -> int:
        """See Registrar. Sets the subject's compatibility first, so that the registry itself refuses a break."""
        subject = f"{topic}-value"
        try:
            self._client.set_compatibility(subject, COMPATIBILITY)
            return self._register(topic, subject)
        except SchemaRegistryError as exc:
            if exc.http_status_code in _REFUSED:
                raise ConfigurationError(
                    f"The schema of {topic} is not {COMPATIBILITY} with what is registered under {subject}: "
                    "give new fields a default and keep the old ones."
                ) from exc
            raise _away(exc) from exc
        except _NO_ANSWER as exc:
            raise _away(exc) from exc

    def _register(self, topic: str, subject: str) -> int:
        """Only our own versions must be compatible: the check is off for this call if only others' versions refuse."""
        try:
            return self._client.register_schema(subject, _avro(topic))
        except SchemaRegistryError as exc:
            if exc.http_status_code not in _REFUSED or not self._fits_our_own(topic, subject):
                raise
        try:
            self._client.set_compatibility(subject, _ANY)
            return self._client.register_schema(subject, _avro(topic))
        finally:
            self._client.set_compatibility(subject, COMPATIBILITY)

    def _fits_our_own(self, topic: str, subject: str) -> bool:
        ours = self._own_versions(topic)
        return all(self._client.test_compatibility(subject, _avro(topic), version=version) for version in ours)

    def foreign_versions(self, topic: str) -> list[int]:
        """See Registrar."""
        try:
            return sorted(set(self._client.get_versions(f"{topic}-value")) - self._own_versions(topic))
        except (SchemaRegistryError, *_NO_ANSWER) as exc:
            raise _away(exc) from exc

    def _own_versions(self, topic: str) -> set[int]:
        found = (self._version_of(topic, text) for text in own_texts(topic))
        return {version for version in found if version is not None}

    def _version_of(self, topic: str, text: str) -> int | None:
        try:
            return self._client.lookup_schema(f"{topic}-value", RegisteredSchema(text, "AVRO")).version
        except SchemaRegistryError as exc:
            if exc.http_status_code == _NOT_FOUND:
                return None
            raise


def register_all(registry: Registrar) -> dict[str, int]:
    """Register every committed schema; schema ids by topic."""
    return {topic: registry.register(topic) for topic in SCHEMA_TOPICS}


def foreign_schemas(registry: Registrar) -> dict[str, list[int]]:
    """Versions that somebody else registered, by subject; subjects without any are left out."""
    found = {f"{topic}-value": registry.foreign_versions(topic) for topic in SCHEMA_TOPICS}
    return {subject: versions for subject, versions in found.items() if versions}


def _avro(topic: str) -> RegisteredSchema:
    return RegisteredSchema(schema_text(topic), "AVRO")


def _record_schema(found: RegisteredSchema) -> Schema:
    """Anybody can register other kinds of schema; a value with the id of one is not our record."""
    try:
        schema = parse_plain(str(found.schema_str))
    except Exception as exc:
        # fastavro raises errors of many kinds for a text that is no Avro schema.
        raise InvalidRecordError(
            f"The value's schema is no Avro schema ({type(exc).__name__}).", error_class="wrong-schema"
        ) from exc
    return schema


def _unknown(schema_id: int) -> InvalidRecordError:
    return InvalidRecordError(f"The registry knows no schema with id {schema_id}.", error_class="unknown-schema")


def _away(exc: Exception) -> RetriableError:
    return RetriableError(f"The schema registry does not answer correctly ({type(exc).__name__}).")
