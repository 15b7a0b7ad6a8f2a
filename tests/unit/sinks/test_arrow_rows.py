"""The columnar reader hands what it cannot vouch for to the other one, also when its decoder panics."""

from __future__ import annotations

from typing import Any, NoReturn

import pyruhvro
import pytest

from core.errors import RetriableError
from schemas.avro_files import Schema
from schemas.entities import TIME_ENTRIES
from sinks.columns import canonical_table
from sinks.read_columns import ArrowRows, ColumnarReader
from sinks.read_rows import PlainRows, RowReader
from sinks.statements import RowKind
from tests.unit.sinks.factories import FakeMessage, TableOfSchemas, deletion, message, record, tombstone

TABLE = canonical_table(TIME_ENTRIES)


class PanicException(BaseException):
    """What a panic in the decoder raises."""


def reader() -> ColumnarReader:
    schemas = TableOfSchemas()
    return ColumnarReader(schemas, RowReader(schemas))


def some(count: int) -> list[FakeMessage]:
    return [message(record(entity_id=str(n)), n) for n in range(count)]


def test_read_of_good_records_is_columnar() -> None:
    (rows,) = reader().read(TABLE, some(3)).rows
    assert isinstance(rows, ArrowRows)
    assert (len(rows), list(rows.kinds)) == (3, [RowKind.LIVE])


def test_read_after_a_panic_of_the_decoder_is_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def panic(*_: Any) -> NoReturn:
        raise PanicException("called unwrap on nothing")

    monkeypatch.setattr(pyruhvro, "deserialize_array", panic)
    (rows,) = reader().read(TABLE, some(3)).rows
    assert isinstance(rows, PlainRows)


def test_read_that_is_interrupted_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(pyruhvro, "deserialize_array", interrupt)
    with pytest.raises(KeyboardInterrupt):
        reader().read(TABLE, some(1))


def test_read_while_the_registry_is_away_rejects_nothing() -> None:
    class Away(TableOfSchemas):
        def schema_by_id(self, schema_id: int) -> Schema:
            raise RetriableError(f"schema {schema_id} cannot be asked for")

    schemas = Away()
    with pytest.raises(RetriableError):
        ColumnarReader(schemas, RowReader(schemas)).read(TABLE, some(1))


def test_read_keeps_the_newest_live_and_the_newest_deleted_of_a_key_in_order_of_keys() -> None:
    messages = [
        message(record(entity_id="b", version=1), 0),
        message(record(entity_id="a", version=2), 1),
        message(record(entity_id="b", version=3), 2),
        message(deletion(entity_id="b", version=4), 3),
        tombstone("b", 4, 4),
    ]
    rows, tombstones = reader().read(TABLE, messages).rows
    assert isinstance(rows, ArrowRows)
    shown = zip(*(rows.batch.column(name).to_pylist() for name in ("time_entry_id", "version", "kind")), strict=True)
    assert sorted(shown) == [("a", 2, "live"), ("b", 3, "live"), ("b", 4, "deleted")]
    assert list(rows.kinds) == [RowKind.LIVE, RowKind.DELETED]
    assert list(tombstones.kinds) == [RowKind.TOMBSTONE]


@pytest.mark.parametrize("count", [2, 3, 8])
def test_halves_hold_every_row_once_with_its_record(count: int) -> None:
    (rows,) = reader().read(TABLE, some(count)).rows
    parts = list(rows.halves())
    while any(len(part) > 1 for part in parts):
        parts = [half for part in parts for half in (part.halves() if len(part) > 1 else (part,))]
    assert [part.origin().offset() for part in parts] == list(range(count))
