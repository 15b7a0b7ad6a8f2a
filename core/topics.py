"""Topic names, keys and partitions: all of a company is on one partition number of every entity topic."""

from __future__ import annotations

from core.errors import InvalidRecordError

RAW_PREFIX = "buildertrend."
CANONICAL_PREFIX = "protiv."
SYNC_COMMANDS = "integration.sync-commands"
SYNC_EVENTS = "integration.sync-events"
DEAD_LETTERS = "integration.dead-letters"
ALL_COMPANIES = "*"

_MASK = 0xFFFFFFFF


def entity_key(company_id: str, entity_id: str) -> bytes:
    """The record key `"<company_id>/<entity_id>"` as UTF-8."""
    return f"{company_id}/{entity_id}".encode()


def split_key(key: bytes | None) -> tuple[str, str]:
    """(company_id, entity_id) of an entity record's key; raises InvalidRecordError for anything else."""
    if not key:
        raise InvalidRecordError("The record has no key; expected <company_id>/<entity_id>.", error_class="bad-key")
    try:
        company_id, separator, entity_id = key.decode().partition("/")
    except UnicodeDecodeError as exc:
        raise InvalidRecordError("The record's key is not UTF-8.", error_class="bad-key") from exc
    if not (company_id and separator and entity_id):
        raise InvalidRecordError("The record's key is not <company_id>/<entity_id>.", error_class="bad-key")
    return company_id, entity_id


def partition_for(company_id: str, partitions: int) -> int:
    """The partition of a company: murmur2 of its id, as Kafka's Java clients and aiokafka compute it."""
    return (murmur2(company_id.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Kafka's murmur2 hash (32 bits, seed 0x9747b28c), unsigned."""
    m = 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & _MASK
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & _MASK
        k = (k ^ (k >> 24)) * m & _MASK
        h = (h * m & _MASK) ^ k
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * m & _MASK
    h = (h ^ (h >> 13)) * m & _MASK
    return h ^ (h >> 15)
