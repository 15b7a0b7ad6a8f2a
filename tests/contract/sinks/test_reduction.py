"""Any order, any repetition, any cut into batches: the table shows the newest (version, offset), by either reader."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import DictRow

from schemas.entities import TIME_ENTRIES
from sinks.messages import TopicPartition
from tests.contract.sinks.fix_postgres import rows
from tests.contract.sinks.fix_writers import READERS, Sink
from tests.unit.sinks.factories import FakeMessage, deletion, message, record, tombstone

AT = TopicPartition(TIME_ENTRIES.canonical_topic, 0)
LIMITED = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

KINDS = ("live", "deleted", "tombstone")
# (id, version, offset, kind): an offset names one record, as in a log.
history = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(1, 4), st.integers(0, 30), st.sampled_from(KINDS)),
    min_size=1, max_size=12, unique_by=lambda each: each[2],
)  # fmt: skip
texts = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
longs = st.none() | st.integers(-(10**12), 10**12)
contents = st.fixed_dictionaries(
    {
        "notes": texts, "job_name": texts, "total_minutes": longs, "labor_cost_micros": longs,
        "ended_at": st.none() | st.integers(-(10**15), 10**17), "work_date": st.integers(-100_000, 100_000),
        "approved": st.none() | st.booleans(), "tags": st.lists(st.text("ab,\"{}\\é", max_size=4), max_size=3),
        "version": st.integers(0, 2**62),
    }
)  # fmt: skip


def emptied(sink: Sink) -> Sink:
    rows(sink.database_url, "TRUNCATE protiv.time_entries")
    return sink


def put_in_pieces(sink: Sink, messages: list[FakeMessage], size: int) -> None:
    """Write batches in the order given; the offsets of the partition are not what is tested here."""
    for start in range(0, len(messages), size):
        piece = messages[start : start + size]
        sink.again_from_zero(AT)
        sink.put(*piece)


def made(entity_id: str, version: int, offset: int, kind: str) -> FakeMessage:
    if kind == "tombstone":
        return tombstone(entity_id, version, offset)
    build = record if kind == "live" else deletion
    content = build(entity_id=entity_id, version=version)
    return message(content | ({"notes": f"said at {offset}"} if kind == "live" else {}), offset)


@LIMITED
@given(data=st.data(), told=history, size=st.integers(1, 12))
def test_any_order_and_repetition_ends_with_the_newest(
    sink: Sink, data: st.DataObject, told: list[Any], size: int
) -> None:
    newest = {}
    for each in sorted(told, key=lambda each: (each[1], each[2])):
        newest[each[0]] = each
    mixed = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=6))))
    put_in_pieces(emptied(sink), [made(*each) for each in mixed], size)
    shown = {row["time_entry_id"]: row for row in sink.table()}
    assert set(shown) == set(newest)
    for entity_id, (_, version, offset, kind) in newest.items():
        row = shown[entity_id]
        assert row["version"] == version
        assert (row["deleted_at"] is None) == (kind == "live")
        if kind == "live":
            assert (row["source_offset"], row["notes"]) == (offset, f"said at {offset}")


@LIMITED
@given(told=history, sizes=st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_any_cut_into_batches_ends_with_the_same_table(sink: Sink, told: list[Any], sizes: tuple[int, int]) -> None:
    in_order = sorted(told, key=lambda each: each[2])
    tables = []
    for size in sizes:
        put_in_pieces(emptied(sink), [made(*each) for each in _rising(in_order)], size)
        tables.append([_shown(row) for row in sink.table()])
    assert tables[0] == tables[1]


@LIMITED
@given(said=st.lists(contents, min_size=1, max_size=8))
def test_both_readers_make_the_same_table(database_url: str, said: list[dict[str, Any]]) -> None:
    tables = []
    for kind in READERS:
        sink = emptied(Sink(database_url, kind))
        messages = [message(record(entity_id=str(offset)) | content, offset) for offset, content in enumerate(said)]
        put_in_pieces(sink, messages, len(messages))
        assert sink.dead_letters.delivered == []
        tables.append([{**row, "updated_at": None} for row in sink.table()])
        sink.close()
    assert tables[0] == tables[1]


def _shown(row: DictRow) -> DictRow:
    """What a reader sees; which of two null values in a row deleted it is nobody's business."""
    hidden = ["updated_at", *(["source_offset"] if row["deleted_at"] else [])]
    return row | dict.fromkeys(hidden)


def _rising(told: list[Any]) -> list[Any]:
    """The same history with versions that never go down, as streams publish them."""
    highest = 0
    rising = []
    for entity_id, version, offset, kind in told:
        highest = max(highest, version)
        rising.append((entity_id, highest, offset, kind))
    return rising
