"""Two more entities in a catalogue of the test's own, one with a parent: from raw records to canonical records.

Nothing but a declaration, two schemas and a line of `streams.rules` is needed; an entity without them is an error.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import NamedTuple

import pytest

from schemas import avro_files
from schemas.avro_files import Schema, plain_schema, schema_text
from schemas.codec import Decoder, Record
from schemas.entities import COST_CODES, ENTITIES, JOBS, Entity
from streams.link import Parents
from streams.normalise.values import envelope
from streams.outputs import render
from streams.records import Codecs, Output, RawRecord
from streams.rules import RULES, Rules
from streams.state.company import Company, EntityRef
from streams.state.partition import PartitionState
from tests.unit.streams.factories import PARTITIONS, RawTopics, cost_code, job

GADGETS = Entity("gadgets", "Gadgets", "gadget", "gadget_id", ("gadgetId",), label="title", read_rank=6)
BILLS = Entity("bills", "Bills", "bill", "bill_id", ("id",), label="job_name", read_rank=7, parents=(JOBS,))
CATALOGUE = (*ENTITIES, GADGETS, BILLS)


class BillLink(NamedTuple):
    job_name: str | None


class BillRefs(NamedTuple):
    job_id: str

    def parent_keys(self) -> list[tuple[str, str]]:
        return [(JOBS.name, self.job_id)]

    def link(self, parents: Parents) -> BillLink:
        parent = parents.jobs.get(self.job_id)
        return BillLink(parent and parent.label)


def normalise_gadget(change: Record) -> Record:
    return envelope(GADGETS, change) | {"title": change["after"]["title"]}


def normalise_bill(change: Record) -> Record:
    return envelope(BILLS, change) | {"job_id": str(change["after"]["jobId"]), "job_name": None}


NEW_RULES = {
    **RULES,
    GADGETS.name: Rules(normalise_gadget),
    BILLS.name: Rules(normalise_bill, lambda canonical, _: BillRefs(canonical["job_id"])),
}
STATED = {GADGETS: {"gadgetId": "long", "title": "string"}, BILLS: {"id": "long", "jobId": "long"}}
COLUMNS = {GADGETS: ("title",), BILLS: ("job_id", "job_name")}


def _raw_schema(entity: Entity) -> str:
    schema = json.loads(schema_text(COST_CODES.raw_topic)) | {"name": f"{entity.singular.title()}Change"}
    after = next(field for field in schema["fields"] if field["name"] == "after")
    fields = [{"name": name, "type": kind} for name, kind in STATED[entity].items()]
    after["type"] = ["null", {"type": "record", "name": entity.singular.title(), "fields": fields}]
    return json.dumps(schema)


def _canonical_schema(entity: Entity) -> str:
    schema = json.loads(schema_text(COST_CODES.canonical_topic)) | {"name": entity.singular.title()}
    schema["fields"][5:] = [{"name": name, "type": ["null", "string"]} for name in COLUMNS[entity]]
    schema["fields"][1]["name"] = entity.id_field
    return json.dumps(schema)


TEXTS = {entity.raw_topic: _raw_schema(entity) for entity in STATED} | {
    entity.canonical_topic: _canonical_schema(entity) for entity in STATED
}
TOPICS = [topic for entity in CATALOGUE for topic in (entity.raw_topic, entity.canonical_topic)]


class Schemas:
    """The schemas of the test's catalogue under made-up ids."""

    def id_of(self, topic: str) -> int:
        return TOPICS.index(topic) + 1

    def schema_by_id(self, schema_id: int) -> Schema:
        return plain_schema(TOPICS[schema_id - 1])


class Streams:
    """State and outputs over the test's catalogue."""

    def __init__(self) -> None:
        self.raw = RawTopics(source=Schemas(), entities=CATALOGUE)
        self._codecs = Codecs.load(Schemas(), CATALOGUE, NEW_RULES)
        self.state = PartitionState(self._codecs, partitions=PARTITIONS)

    def take(self, *batch: RawRecord) -> list[tuple[str, Record | None]]:
        """Topic and record of each output."""
        return [
            (each.topic, None if each.value is None else Decoder(each.topic, Schemas())(each.value))
            for each in self.outputs(*batch)
        ]

    def outputs(self, *batch: RawRecord) -> list[Output]:
        """What is to be produced after these records."""
        for raw in batch:
            self.state.apply(raw)
        return list(render(self.state, self.state.take_pending().items(), self._codecs, Counter()))


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> Streams:
    monkeypatch.setattr(avro_files, "schema_text", lambda topic: TEXTS.get(topic) or schema_text(topic))
    return Streams()


def test_sixth_entity_is_published_and_counted_as_itself(streams: Streams) -> None:
    ((topic, record),) = streams.take(streams.raw.put(GADGETS, {"gadgetId": 7, "title": "Lumber & Co"}))
    assert (topic, record and (record["gadget_id"], record["title"])) == ("protiv.gadgets", ("7", "Lumber & Co"))
    assert streams.state.sizes() == {entity.name: int(entity is GADGETS) for entity in CATALOGUE}


def test_sixth_entity_is_deleted_with_a_record_and_a_tombstone(streams: Streams) -> None:
    streams.take(streams.raw.put(GADGETS, {"gadgetId": 7, "title": "Lumber & Co"}))
    deleted, tombstone = streams.take(*streams.raw.delete(GADGETS, "7"))
    assert deleted[1] is not None
    assert (deleted[1]["gadget_id"], deleted[1]["title"]) == ("7", None)
    assert deleted[1]["deleted_at"] is not None
    assert tombstone == ("protiv.gadgets", None)
    assert streams.state.sizes()[GADGETS.name] == 0


def test_child_of_a_new_entity_follows_its_parent(streams: Streams) -> None:
    seen = streams.take(streams.raw.put(BILLS, {"id": 1, "jobId": 1}))
    seen += streams.take(streams.raw.put(JOBS, job(1, jobName="Tighe")))
    seen += streams.take(streams.raw.put(JOBS, job(1, jobName="Tighe Garage")))
    assert [record and record["job_name"] for topic, record in seen if topic == "protiv.bills"] == [
        None,
        "Tighe",
        "Tighe Garage",
    ]


def test_sixth_entity_that_shares_a_title_with_a_cost_code_affects_no_shift(streams: Streams) -> None:
    streams.take(streams.raw.put(COST_CODES, cost_code(1, "A")))
    found = streams.take(streams.raw.put(GADGETS, {"gadgetId": 1, "title": "A"}))
    assert [topic for topic, _ in found] == ["protiv.gadgets"]
    assert streams.state.company("acme").cost_codes_titled("A") == {"1"}


@pytest.mark.parametrize("rules", [RULES, RULES | {GADGETS.name: NEW_RULES[BILLS.name]}])
def test_entity_without_fitting_rules_fails_at_the_start(streams: Streams, rules: dict[str, Rules]) -> None:
    with pytest.raises(ValueError, match=r"rules\.py needs a line for gadgets"):
        Codecs.load(Schemas(), (*ENTITIES, GADGETS), rules)


def test_entity_that_is_not_declared_is_held_nowhere() -> None:
    company, ref = Company(), EntityRef("gadgets", "7")
    for call in (company.held_version, company.child, company.drop):
        with pytest.raises(KeyError):
            call(ref)
