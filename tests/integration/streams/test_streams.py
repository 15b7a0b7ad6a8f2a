"""Raw records in, canonical records out, on a real broker and registry."""

from __future__ import annotations

import pytest

from schemas.entities import BUDGETS, COST_CODES, JOBS, TIME_ENTRIES, USERS
from streams.records import RawRecord
from tests.integration.streams.conftest import Bench
from tests.integration.streams.fix_streams import StreamsProcess, eventually
from tests.unit.streams.factories import budget, cost_code, job, shift, user, worksheet_line

pytestmark = pytest.mark.usefixtures("streams")


def parents(bench: Bench) -> list[RawRecord]:
    return [bench.raw.put(JOBS, job()), bench.raw.put(USERS, user()), bench.raw.put(COST_CODES, cost_code())]


def status_is(bench: Bench, status: str) -> None:
    bench.reader.until(
        lambda: bench.reader.table().get(("time-entries", "9001"), {}).get("link_status") == status,
        f"the shift should be {status}",
    )


def test_records_of_all_entities_become_canonical(bench: Bench) -> None:
    bench.writer.write(
        *parents(bench),
        bench.raw.put(BUDGETS, budget(worksheetLines=[worksheet_line("8")])),
        bench.raw.put(TIME_ENTRIES, shift()),
    )
    status_is(bench, "linked")
    bench.reader.until(lambda: len(bench.reader.table()) == 5, "five records should be there")
    table = bench.reader.table()
    assert table["time-entries", "9001"]["labor_cost_micros"] == 336_000_000
    assert table["budgets", "1:1"]["budgeted_minutes"] == 480
    assert table["cost-codes", "1"]["code"] == "01.02"
    assert {each.headers.company_id for each in bench.reader.published} == {bench.raw.company_id}


def test_parent_that_comes_late_links_its_shift(bench: Bench) -> None:
    bench.writer.write(bench.raw.put(TIME_ENTRIES, shift()))
    status_is(bench, "waiting-for-job")
    bench.writer.write(*parents(bench))
    status_is(bench, "linked")


def test_parent_that_changes_renames_on_its_children(bench: Bench) -> None:
    bench.writer.write(*parents(bench), bench.raw.put(TIME_ENTRIES, shift()), bench.raw.put(BUDGETS, budget()))
    status_is(bench, "linked")
    bench.writer.write(bench.raw.put(JOBS, job(jobName="Tighe Garage")))

    def renamed() -> bool:
        table = bench.reader.table()
        rows = table.get(("time-entries", "9001"), {}), table.get(("budgets", "1:1"), {})
        return all(row.get("job_name") == "Tighe Garage" for row in rows)

    bench.reader.until(renamed, "shift and budget should have the new name")
    versions = [each.headers.version for each in bench.reader.published if each.entity == "time-entries"]
    assert versions == sorted(versions)


def test_deletion_is_published_as_record_and_tombstone(bench: Bench) -> None:
    bench.writer.write(bench.raw.put(TIME_ENTRIES, shift()))
    status_is(bench, "waiting-for-job")
    bench.writer.write(*bench.raw.delete(TIME_ENTRIES, "9001"))
    bench.reader.until(lambda: bench.reader.table() == {}, "the shift should be gone")
    gone, tombstone = bench.reader.published[-2:]
    assert gone.record is not None
    assert gone.record["deleted_at"] is not None
    assert tombstone.record is None
    assert gone.headers == tombstone.headers


def test_poison_is_dead_lettered_and_its_neighbours_flow(bench: Bench) -> None:
    poison = [
        bench.raw.rubbish(JOBS, "2"),
        bench.raw.rubbish(TIME_ENTRIES, "3", b"\x00\xff\xff\xff\xffunknown schema"),
        bench.raw.put(TIME_ENTRIES, shift(4, regularTime=-5)),
        bench.raw.put(TIME_ENTRIES, shift(5), time_zone="Mars/Olympus"),
    ]
    bench.writer.write(
        bench.raw.put(JOBS, job(1)),
        *poison,
        bench.raw.put(JOBS, job(3)),
        bench.raw.put(TIME_ENTRIES, shift(9001)),
    )
    bench.reader.until(lambda: len(bench.reader.dead_letters) == 4, "four dead letters should be there")
    bench.reader.until(lambda: len(bench.reader.table()) == 3, "three good records should be there")
    letters = {letter.key(): letter for letter in bench.reader.dead_letters}
    for raw in poison:
        letter = letters[raw.key]
        headers = letter.headers()
        assert letter.value() == raw.value
        assert headers[: len(raw.headers)] == list(raw.headers)
        assert dict(headers)["dead-letter-stage"] == b"streams"


def test_aborted_transaction_is_never_published(bench: Bench) -> None:
    bench.writer.write_aborted(bench.raw.put(JOBS, job(1, jobName="Never")), bench.raw.put(JOBS, job(2)))
    bench.writer.write(bench.raw.put(JOBS, job(3)))
    bench.reader.until(lambda: ("jobs", "3") in bench.reader.table(), "the committed job should be there")
    assert set(bench.reader.table()) == {("jobs", "3")}


def test_metrics_tell_records_links_and_state(bench: Bench, streams: StreamsProcess) -> None:
    bench.writer.write(bench.raw.put(TIME_ENTRIES, shift()))
    status_is(bench, "waiting-for-job")
    eventually(lambda: "protiv_streams_readable_lag 0.0" in streams.metrics(), streams.metrics)
    text = streams.metrics()
    for name in (
        "protiv_streams_records_in_total",
        "protiv_streams_records_out_total",
        "protiv_streams_shift_links_total",
    ):
        assert f"{name}{{" in text
    assert "protiv_streams_state_size" in text
    assert "protiv_streams_batch_seconds_bucket" in text
