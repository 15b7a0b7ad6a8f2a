"""Stores a decoded command, once an id: refused with the reason, answered at once, kept, or split by company."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from control.commands import OpenCommand, put_command
from control.connection_state import companies_in
from control.connections import Connection, get_connection
from control.database import Database, Transaction
from control.fan_outs import fan_out
from core.clock import Clock
from core.errors import InvalidRecordError
from core.log import get_logger
from core.settings import Settings
from core.topics import ALL_COMPANIES
from producers.commands.estimate import Estimates
from producers.commands.types import strategy_of
from producers.runs.outcome import Recorder
from producers.sync_events import EventWriter, SyncEvent
from schemas.commands import LONGEST, LONGEST_ID, MOST_ENTITIES, CommandType, invalid, is_uuid, malformed

log = get_logger(__name__)
# The reads of a command for all companies begin at least this far apart, and within half an interval.
_APART_S = 1.0
_READABLE = ("connecting", "connected")
_CONNECTED = (*_READABLE, "needs-attention", "paused")


@dataclass(frozen=True, slots=True)
class Intake:
    """Keeps commands. The answer publisher publishes its refusals, like every other answer."""

    settings: Settings
    database: Database
    events: EventWriter
    clock: Clock

    def take(self, command: Mapping[str, Any]) -> None:
        """Store it, with its refusal if there is one; a known id changes nothing.

        InvalidRecordError for one whose id is so long that no answer could name it; RetriableError for an outage.
        """
        if len(command["command_id"]) > LONGEST_ID:
            raise InvalidRecordError(f"command_id is longer than {LONGEST_ID} characters.", error_class="too-long")
        sentence = malformed(command)
        body = storable(command)
        with self.database.transaction() as tx:
            connection = None if sentence else get_connection(tx, body["company_id"])
            sentence = sentence or invalid(body, connected=connection is not None)
            if not put_command(tx, body):
                return
            self._answer_or_split(tx, body, connection, sentence)
        kind, command_id = body["type"], body["command_id"]
        if sentence is not None:
            log.info("command_refused", command_id=command_id, type=kind)
            return
        log.info("command_accepted", command_id=command_id, type=kind)
        self.events.write(SyncEvent(body["company_id"], "accepted", command_id=command_id))

    def reject(self, command_id: str, company_id: str, sentence: str) -> None:
        """Store the refusal of a command that could not be read further; a known id keeps its answer."""
        body = {"command_id": command_id, "company_id": company_id, "type": "unknown", "entities": []}
        with self.database.transaction() as tx:
            if put_command(tx, body):
                self._answer(tx, body, SyncEvent(company_id, "rejected", message=sentence))

    def _answer_or_split(
        self, tx: Transaction, body: Mapping[str, Any], connection: Connection | None, refusal: str | None
    ) -> None:
        if refusal is not None:
            self._answer(tx, body, SyncEvent(body["company_id"], "rejected", message=refusal))
        elif body["company_id"] == ALL_COMPANIES:
            self._split(tx, body)
        elif body["dry_run"] and connection is not None:
            # This needs no lease of the connection: it does not wait for a read under way.
            command = OpenCommand(body["command_id"], body["type"], dict(body))
            estimates = Estimates(tx, connection, self.settings, self.clock)
            event = strategy_of(command).estimate(estimates)
            if event is not None:
                self._answer(tx, body, event)

    def _split(self, tx: Transaction, body: Mapping[str, Any]) -> None:
        """A command that reads is for companies that can be read; any other is for all that are connected."""
        reads = CommandType(body["type"]).rules.reads
        company_ids = companies_in(tx, _READABLE if reads else _CONNECTED)
        apart_s = min(_APART_S, self.settings.poll_interval_s / 2 / max(len(company_ids), 1)) if reads else 0.0
        fan_out(tx, body, company_ids, apart_s=apart_s)

    def _answer(self, tx: Transaction, body: Mapping[str, Any], event: SyncEvent) -> None:
        recorder = Recorder(self.settings, self.database, self.events, self.clock)
        recorder.answer(tx, [body["command_id"]], event)


def storable(command: Mapping[str, Any]) -> dict[str, Any]:
    """The command as the database can store it: without NUL characters, its texts cut, its id a UUID.

    Only a command that is refused is changed by this. An id that is no UUID is replaced by one derived from it, so that
    the same id twice is refused once.
    """
    body = {name: _storable(value, LONGEST.get(name, LONGEST_ID)) for name, value in command.items()}
    if not is_uuid(command["command_id"]):
        body["stated_id"] = body["command_id"]
        body["command_id"] = str(uuid5(NAMESPACE_URL, f"protiv-buildertrend:command:{command['command_id']!r}"))
    return body


def _storable(value: Any, longest: int) -> Any:
    if isinstance(value, list):
        return [_storable(item, longest) for item in value[:MOST_ENTITIES]]
    if not isinstance(value, str):
        return value
    return value[:longest].replace("\0", "\N{REPLACEMENT CHARACTER}")
