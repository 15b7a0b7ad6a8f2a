"""What the other two contenders do with a shift: look up its parents and fill in the canonical record, no more."""

from __future__ import annotations

from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from core.kafka.read import read_to_end, reading_config
from core.settings import Settings
from schemas.avro_files import plain_schema
from schemas.codec import Decoder, Encoder, Record, SchemaSource, encoder
from schemas.entities import COST_CODES, JOBS, TIME_ENTRIES, USERS

_EMPTY: Record = {
    field["name"]: [] if field["name"] == "tags" else None
    for field in plain_schema(TIME_ENTRIES.canonical_topic)["fields"]
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """Names of jobs and users and ids of titles by company, filled before the clock runs."""

    decode: Decoder
    encode: Encoder
    jobs: dict[tuple[str, int], str] = field(default_factory=dict)
    users: dict[tuple[str, int], str] = field(default_factory=dict)
    codes: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def filled(cls, settings: Settings, source: SchemaSource) -> Lookup:
        """Reads the parents' topics to their end."""
        found = cls(Decoder(TIME_ENTRIES.raw_topic, source), encoder(TIME_ENTRIES.canonical_topic, source))
        decoders = {entity.raw_topic: Decoder(entity.raw_topic, source) for entity in (JOBS, USERS, COST_CODES)}
        consumer = Consumer(reading_config(settings, "benchmark-lookup"))
        starts = [
            TopicPartition(topic, number, OFFSET_BEGINNING)
            for topic in decoders
            for number in range(settings.entity_partitions)
        ]
        for batch in read_to_end(consumer, starts):
            for message in batch:
                topic, value = message.topic(), message.value()
                if topic is not None and value is not None:
                    found.learn(topic, decoders[topic](value))
        consumer.close()
        return found

    def learn(self, topic: str, change: Record) -> None:
        company, after = change["company_id"], change["after"]
        if topic == JOBS.raw_topic:
            self.jobs[company, after["jobId"]] = after["jobName"]
        elif topic == USERS.raw_topic:
            self.users[company, after["userId"]] = f"{after['firstName']} {after['lastName']}"
        else:
            self.codes[company, after["title"]] = str(after["id"])

    def linked(self, value: bytes) -> bytes:
        """A raw shift's bytes to those of a canonical record."""
        change = self.decode(value)
        company, shift = change["company_id"], change["after"]
        title = shift["costCodes"][0]["costCodeTitle"]
        return self.encode(
            _EMPTY
            | {
                "company_id": company,
                "time_entry_id": change["entity_id"],
                "version": change["version"],
                "observed_at": change["observed_at"],
                "job_id": str(shift["jobId"]),
                "job_name": self.jobs.get((company, shift["jobId"])),
                "user_id": str(shift["userID"]),
                "user_name": self.users.get((company, shift["userID"])),
                "cost_code_id": self.codes.get((company, title)),
                "cost_code_title": title,
                "time_zone": change["time_zone"],
                "regular_minutes": shift["regularTime"],
                "overtime_minutes": shift["overTime"],
                "notes": shift["notes"],
                "link_status": "linked",
            }
        )
