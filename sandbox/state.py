"""The SQLite file of all companies and every edit of them; a write is on disk before its request is answered.

Records are stored as JSON arrays of their field values: 100,000 shifts load in well under a second.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from sandbox.company import Tables
from sandbox.model import BudgetLine, CostCode, Job, Profile, Record, Shift, User, WorksheetLine
from sandbox.switches import COUNTING, Switches

FILE_NAME = "sandbox.sqlite3"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS company (
    place INTEGER PRIMARY KEY, builder_id INTEGER NOT NULL UNIQUE, profile TEXT NOT NULL, switches TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS retired_id (
    builder_id INTEGER NOT NULL, kind TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (builder_id, kind));
CREATE TABLE IF NOT EXISTS record (
    builder_id INTEGER NOT NULL, kind TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (builder_id, kind, id)) WITHOUT ROWID;
"""

_KINDS: dict[str, type[Record]] = {
    kind.__name__: kind for kind in (Job, User, CostCode, BudgetLine, WorksheetLine, Shift)
}
_VALUES = {kind: attrgetter(*(field.name for field in fields(kind))) for kind in _KINDS.values()}
_RETIRE = (
    "INSERT INTO retired_id VALUES (?, ?, ?) ON CONFLICT (builder_id, kind) DO UPDATE SET id = max(id, excluded.id)"
)
_PUT = "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?)"


class StateFile:
    """All companies of one sandbox. Without a directory the state lives in memory only."""

    def __init__(self, state_dir: Path | None) -> None:
        if state_dir is not None:
            state_dir.mkdir(parents=True, exist_ok=True)
        target = ":memory:" if state_dir is None else str(state_dir / FILE_NAME)
        self._db = sqlite3.connect(target, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def profiles(self) -> list[Profile]:
        """The companies of this state, oldest first."""
        rows = self._db.execute("SELECT profile FROM company ORDER BY place").fetchall()
        return [Profile(*json.loads(profile)) for (profile,) in rows]

    def save_company(self, profile: Profile, tables: Tables, switches: Switches) -> None:
        """Store a new company in one transaction."""
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "INSERT INTO company (builder_id, profile, switches) VALUES (?, ?, ?)",
                (profile.builder_id, json.dumps(astuple(profile)), _switches_json(switches)),
            )
            for kind in _KINDS.values():
                self._db.executemany(_PUT, _rows(profile.builder_id, tables.of(kind).values()))

    def load_tables(self, builder_id: int) -> Tables:
        tables = Tables()
        for name, kind in _KINDS.items():
            rows = self._db.execute(
                "SELECT body FROM record WHERE builder_id = ? AND kind = ? ORDER BY id", (builder_id, name)
            )
            bodies = json.loads("[" + ",".join(body for (body,) in rows) + "]")
            tables.add_all(_decode(kind, bodies))
        retired = self._db.execute("SELECT kind, id FROM retired_id WHERE builder_id = ?", (builder_id,))
        tables.retired_ids.update({_KINDS[name]: record_id for name, record_id in retired})
        return tables

    def load_switches(self, builder_id: int) -> Switches:
        (text,) = self._db.execute("SELECT switches FROM company WHERE builder_id = ?", (builder_id,)).fetchone()
        return Switches.model_validate_json(text)

    def put(self, builder_id: int, record: Record) -> None:
        self._db.executemany(_PUT, _rows(builder_id, [record]))

    def remove(self, builder_id: int, record: Record) -> None:
        key = (builder_id, type(record).__name__, record.id)
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute("DELETE FROM record WHERE builder_id = ? AND kind = ? AND id = ?", key)
            self._db.execute(_RETIRE, key)

    def save_profile(self, profile: Profile) -> None:
        self._db.execute(
            "UPDATE company SET profile = ? WHERE builder_id = ?",
            (json.dumps(astuple(profile)), profile.builder_id),
        )

    def save_switches(self, builder_id: int, switches: Switches) -> None:
        self._db.execute("UPDATE company SET switches = ? WHERE builder_id = ?", (_switches_json(switches), builder_id))


def _switches_json(switches: Switches) -> str:
    return switches.model_dump_json(exclude=set(COUNTING))


def _rows(builder_id: int, records: Iterable[Record]) -> Iterable[tuple[int, str, int, str]]:
    for record in records:
        kind = type(record)
        body = json.dumps(_VALUES[kind](record), ensure_ascii=False, separators=(",", ":"))
        yield builder_id, kind.__name__, record.id, body


def _decode(kind: type[Record], bodies: list[list[Any]]) -> Iterable[Record]:
    """Records from their field values; JSON has no tuples, so its lists become tuples again."""
    lists = [index for index, field in enumerate(fields(kind)) if str(field.type).startswith("tuple")]
    for body in bodies:
        for index in lists:
            body[index] = tuple(body[index])
        yield kind(*body)
