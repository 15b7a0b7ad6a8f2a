"""Hostile raw records: random JSON, text and numbers in every field, Avro of wrong kinds, broken bytes, keys, headers.

Whatever comes, the process goes on, its memory stays bounded, and the other company of the partition flows.
"""

from __future__ import annotations

import io
import json
import random
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import fastavro
import fastavro.utils
import pytest

from core.kafka.record_headers import RecordHeaders
from core.topics import partition_for
from schemas.avro_files import Schema, parse_plain, schema_text
from schemas.codec import Record
from schemas.entities import BUDGETS, COST_CODES, ENTITIES, JOBS, TIME_ENTRIES, USERS, Entity
from schemas.stored_ids import IdCheck
from streams.records import Codecs, RawRecord
from streams.shifts import batch as by_column
from streams.shifts.batch import Fetched, load_together
from streams.stage import PartitionStage
from streams.state.loader import Refused
from streams.state.partition import PartitionState
from tests.soak import rounds
from tests.unit.streams.factories import (
    OBSERVED_AT,
    PARTITIONS,
    LocalSchemas,
    RawTopics,
    budget,
    cost_code,
    job,
    shift,
    user,
    worksheet_line,
)
from tests.unit.streams.fakes import FakePublisher, stage

SECONDS = rounds(usual=8, soak=600)
MEMORY_MB = 500
BAD = RawTopics("bad")
GOOD_ID = next(name for n in range(99) if partition_for(name := f"good-{n}", PARTITIONS) == BAD.partition)
MADE: dict[Entity, Callable[[int], Record]] = {
    JOBS: job,
    USERS: user,
    COST_CODES: cost_code,
    BUDGETS: budget,
    TIME_ENTRIES: shift,
}

TEXTS = [
    '{"a":' * 3_000, "[" * 50_000, "9" * 5_000, "1e" + "9" * 20, "1E99", "\x00", "\x1b]52;c;x\x07", "-0", "NaN", "٣٤",
    "²",
    "𝟘" * 40, "(" * 900, "$" * 900, "1," * 500, "." * 900, " " * 900, "\u2028", "\ufeff1", "\U0010ffff", "x" * 60_000,
    '{"value": {"value": 1}}', '{"value": "' + "9" * 60 + '"}', '"\\ud800"', "{}", "[]", "null", "true", "0x10", "1_0",
    "2026-13-40T99:99:99", "9999-12-31T23:59:59", "0001-01-02", "-001-01-01", "2026-W53-7", "2026-05-20T09:19:00+99:99",
    "2026-05-20T24:00:00", "2026-05-20T09:19:00.1234567", "../../etc/passwd", "A" * 70, "1-" * 400, "1." * 400,
]  # fmt: skip
NUMBERS = [0, 1, -1, 2**31 - 1, 2**31, -(2**31), 2**62, 2**63 - 1, -(2**63), 10**18]
STATED = {"rate", "notes", "street", "jobNumber", "dateOpened", "projectedStartDate", "category", "code", "email",
          "defaultLaborCost", "revisedBudgetCosts", "firstName", "role"}  # fmt: skip
BYTES = [b"", b"\x00", b"\xff" * 40, b"\x00\x00\x00\x00\x63", b"\x80" * 200, b"\x7f" * 3_000_000]


class Schemas(LocalSchemas):
    """The committed schemas, and some that another party registered."""

    def __init__(self) -> None:
        self.foreign: dict[int, Schema] = {}

    def schema_by_id(self, schema_id: int) -> Schema:
        return self.foreign.get(schema_id) or super().schema_by_id(schema_id)


def hostile(value: Any, chance: random.Random) -> Any:
    """The same form with hostile leaves; a leaf in eight."""
    if isinstance(value, dict):
        return {name: hostile(each, chance) for name, each in value.items()}
    if isinstance(value, list):
        many = chance.choice([1, 1, 1, 1, 1, 300])
        return [hostile(each, chance) for each in value for _ in range(many)]
    if chance.random() > 0.125 or isinstance(value, bool) or value is None:
        return value
    return chance.choice(NUMBERS) if isinstance(value, int) else chance.choice(TEXTS)


def content(entity: Entity, chance: random.Random) -> Record:
    """An entity with hostile values, and no optional text left out."""
    after = MADE[entity](chance.randrange(1, 50))
    for name in sorted(STATED.intersection(after)):
        if chance.random() < 0.5:
            after[name] = chance.choice(TEXTS)
    if entity is TIME_ENTRIES:
        after |= {"tags": ["a"], "extras": {"k": "v"}, "timeIn": {"timeStamp": chance.choice(TEXTS)}}
        after["builderCost"] = {"value": chance.choice(TEXTS)}
    if entity is BUDGETS:
        after["worksheetLines"] = [worksheet_line(chance.choice(TEXTS)), worksheet_line("8")]
    fixed = {name: after[name] for name in ("jobId", "userId", "id", "status") if name in after}
    made: Record = hostile(after, chance) | fixed
    for line in made.get("worksheetLines", ()):
        line["lineItemType"] = 10
    return made


def written(entity: Entity, chance: random.Random) -> RawRecord:
    """A record of the committed schema with hostile values, now and then in its envelope."""
    changes: Record = {"time_zone": chance.choice(TEXTS)} if chance.random() < 0.2 else {}
    if chance.random() < 0.2:
        changes |= {"observed_at": OBSERVED_AT} | {chance.choice(["observed_at", "version"]): chance.choice(NUMBERS)}
    return BAD.put(entity, content(entity, chance), **changes)


def broken(raw: RawRecord, chance: random.Random) -> RawRecord:
    """The record with broken bytes, key, headers or time."""
    value = bytearray(raw.value or b"")
    at = chance.randrange(len(value) + 1)
    changes: list[Record] = [
        {"value": bytes(value[:at])},
        {"value": bytes(value[:at] + chance.choice(BYTES[:-1]) + value[at + 1 :])},
        {"value": chance.choice(BYTES)},
        {"key": chance.choice([b"", b"/", b"bad/", b"\xff/1", b"bad/" + b"x" * 100_000, b"bad/1\x00"])},
        {"value": None, "headers": [("version", chance.choice([b"9" * 5_000, b"-1", b"\xff", b"", None]))]},
        {"value": None, "headers": RecordHeaders(chance.choice([0, 2**63 - 1]), "r" * 50_000, "bad").encode()},
        {"timestamp_ms": chance.choice(NUMBERS)},
        {"headers": [(chance.choice(TEXTS), chance.choice(BYTES)), *raw.headers]},
    ]
    return replace(raw, **(chance.choice(changes) | chance.choice(changes[-2:])))


KINDS: list[Any] = [
    "string", "long", "null", "double", "boolean", "bytes", ["null", "string"], {"type": "array", "items": "string"},
    {"type": "map", "values": "long"}, {"type": "array", "items": "null"}, {"type": "fixed", "name": "F", "size": 3},
    {"type": "enum", "name": "E", "symbols": ["X", "Y"]}, {"type": "record", "name": "R", "fields": []},
]  # fmt: skip


def of_wrong_kind(entity: Entity, schemas: Schemas, chance: random.Random) -> RawRecord:
    """A record of a schema by the right name in which some fields are of other kinds, or gone, or more."""
    schema = json.loads(schema_text(entity.raw_topic))
    fields = chance.choice([schema["fields"], schema["fields"][-1]["type"][1]["fields"]])
    for _ in range(chance.randrange(1, 4)):
        number = chance.randrange(len(fields))
        match chance.randrange(3):
            case 0:
                fields[number] = {"name": fields[number]["name"], "type": chance.choice(KINDS)}
            case 1 if len(fields) > 1:
                fields.pop(number)
            case _:
                fields.insert(number, {"name": f"more{chance.randrange(10**6)}", "type": chance.choice(KINDS)})
    schema_id = 100 + len(schemas.foreign)
    raw = BAD.put(entity, MADE[entity](chance.randrange(1, 50)))
    try:
        parsed = schemas.foreign[schema_id] = parse_plain(json.dumps(schema))
        value = io.BytesIO(b"\0" + schema_id.to_bytes(4, "big"))
        value.seek(5)
        fastavro.schemaless_writer(value, parsed, fastavro.utils.generate_one(parsed))
    except (fastavro.schema.SchemaParseException, KeyError, ValueError):
        # Two kinds of one name: nobody could register it.
        return raw
    return replace(raw, value=value.getvalue())


def load(part: PartitionStage, batch: list[RawRecord]) -> None:
    """Load the batch as a start does, topic by topic, as if half of it were delivered."""
    refused = Refused(IdCheck(part.codecs.source))
    for entity in ENTITIES:
        own = [raw for raw in batch if raw.entity is entity]
        keys, values = [raw.key for raw in own], [raw.value for raw in own]
        fetched = Fetched(entity, part.partition, [raw.offset for raw in own], keys, values, own.__getitem__)
        if own:
            committed = own[len(own) // 2].offset
            load_together(
                part.state,
                fetched,
                part.codecs,
                committed=committed,
                decode_values=part.codecs.decode_values,
                refused=refused.note,
            )


def batches(chance: random.Random, schemas: Schemas) -> Iterator[list[RawRecord]]:
    give_up_at = time.monotonic() + SECONDS
    while time.monotonic() < give_up_at:
        batch = []
        for _ in range(chance.choice([3, 30])):
            entity = chance.choice(ENTITIES)
            raw = of_wrong_kind(entity, schemas, chance) if chance.random() < 0.2 else written(entity, chance)
            batch.append(broken(raw, chance) if chance.random() < 0.3 else raw)
        yield batch


@pytest.mark.timeout(SECONDS + 120)
def test_no_hostile_record_ends_the_stage_or_holds_up_the_other_company(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance, schemas, good = random.Random(0), Schemas(), RawTopics(GOOD_ID)
    publisher = FakePublisher()
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    number = 0
    for number, batch in enumerate(batches(chance, schemas), start=1):
        part = stage(BAD.partition, publisher)
        codecs = Codecs.load(schemas)
        part = replace(part, codecs=codecs, state=PartitionState(codecs, partitions=PARTITIONS))
        for raw in batch:
            if chance.random() < 0.1:
                batch.insert(chance.randrange(len(batch)), replace(raw))
                break
        # By column as well, which is for large batches; and read back at a start, which others may do meanwhile.
        monkeypatch.setattr(by_column, "_FEWEST_DELIVERED", chance.choice([1, 100]))
        monkeypatch.setattr(by_column, "_FEWEST_LOADED", chance.choice([1, 50]))
        began = time.monotonic()
        if chance.random() < 0.5:
            load(part, batch)
        part.process([*batch, good.put(TIME_ENTRIES, shift(number))])
        assert time.monotonic() - began < 10
        assert f"{GOOD_ID}/{number}" in {each.key for each in publisher.canonical()}
        publisher.transactions.clear()
        schemas.foreign.clear()
    assert number > 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before_mb < MEMORY_MB
