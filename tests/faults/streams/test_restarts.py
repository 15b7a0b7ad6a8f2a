"""Kills, successors and stops: nothing is lost, no version goes back, and SIGTERM ends without an error."""

from __future__ import annotations

import pytest

from schemas.entities import COST_CODES, JOBS, TIME_ENTRIES, USERS
from tests.fix_stack import Stack
from tests.integration.streams.conftest import Bench
from tests.integration.streams.fix_streams import StreamsProcess, eventually, running
from tests.unit.streams.factories import cost_code, job, shift, user

SHIFTS = 20_000


def all_linked(bench: Bench, number: int) -> bool:
    rows = [row for (entity, _), row in bench.reader.table().items() if entity == "time-entries"]
    return len(rows) == number and all(row["link_status"] == "linked" for row in rows)


def versions_never_fall(bench: Bench) -> bool:
    seen: dict[str, int] = {}
    for each in bench.reader.published:
        if each.headers.version < seen.get(each.entity + each.key, 0):
            return False
        seen[each.entity + each.key] = each.headers.version
    return True


def test_kill_in_the_middle_loses_nothing(stack: Stack, bench: Bench) -> None:
    raw = bench.raw
    shifts = [raw.put(TIME_ENTRIES, shift(number)) for number in range(1, SHIFTS + 1)]
    parents = [raw.put(JOBS, job()), raw.put(USERS, user()), raw.put(COST_CODES, cost_code())]
    with running(stack.settings) as first:
        bench.writer.write(*shifts)
        bench.reader.until(lambda: len(bench.reader.published) > 2_000, "some shifts should be there")
        first.kill()
    bench.writer.write(*parents)
    with running(stack.settings) as second:
        bench.reader.until(lambda: all_linked(bench, SHIFTS), "every shift should be linked")
        renamed = raw.put(JOBS, job(jobName="Renamed"))
        bench.writer.write(renamed)
        bench.reader.until(lambda: bench.reader.table()["jobs", "1"]["name"] == "Renamed", "the job is renamed")
        second.kill()
    with running(stack.settings):
        bench.reader.until(
            lambda: (
                {row.get("job_name") for (entity, _), row in bench.reader.table().items() if entity != "jobs"}
                == {"Renamed", None}
            ),
            "every shift should have the new name",
        )
    assert versions_never_fall(bench)


def test_deletions_while_down_are_published_at_the_next_start(stack: Stack, bench: Bench) -> None:
    raw = bench.raw
    with running(stack.settings) as first:
        bench.writer.write(raw.put(JOBS, job()), raw.put(TIME_ENTRIES, shift()))
        bench.reader.until(lambda: len(bench.reader.table()) == 2, "job and shift should be there")
        assert first.terminate() == 0
    bench.writer.write(*raw.delete(JOBS, "1"))
    with running(stack.settings):
        bench.reader.until(lambda: ("jobs", "1") not in bench.reader.table(), "the job should be gone")
        bench.reader.until(
            lambda: bench.reader.table()["time-entries", "9001"]["link_status"] == "waiting-for-job",
            "the shift should wait for its job again",
        )


def test_second_process_shares_the_work_and_takes_over(stack: Stack, bench: Bench) -> None:
    with running(stack.settings) as first, running(stack.settings):
        bench.writer.write(bench.raw.put(JOBS, job()))
        bench.reader.until(lambda: ("jobs", "1") in bench.reader.table(), "the job should be there")
        first.kill()
        bench.writer.write(bench.raw.put(TIME_ENTRIES, shift()))
        bench.reader.until(lambda: ("time-entries", "9001") in bench.reader.table(), "the survivor should publish")
    assert bench.reader.table()["time-entries", "9001"]["job_name"] == "Job 1"


@pytest.mark.parametrize("work", [False, True])
def test_sigterm_ends_with_exit_code_zero(stack: Stack, bench: Bench, work: bool) -> None:
    with running(stack.settings) as process:
        if work:
            bench.writer.write(*(bench.raw.put(TIME_ENTRIES, shift(number)) for number in range(1, 5_000)))
            bench.reader.until(lambda: len(bench.reader.published) > 0, "the first shifts should be there")
        assert process.terminate() == 0


def test_zombie_is_fenced_and_ends(stack: Stack, bench: Bench) -> None:
    """Another process opens the partition's transactional id: this one must not write any more."""
    from confluent_kafka import Producer

    from core.kafka.config import transactional_config

    with running(stack.settings) as process:
        successor = Producer(transactional_config(stack.settings, f"protiv-streams-{bench.raw.partition}"))
        successor.init_transactions(30)
        bench.writer.write(bench.raw.put(JOBS, job()))
        assert process.wait_ended() == 72
        assert "fenced" in process.log.read_text()
    with running(stack.settings):
        bench.reader.until(lambda: ("jobs", "1") in bench.reader.table(), "the next one publishes it")


def test_start_without_topics_or_registry_says_what_is_missing(stack: Stack) -> None:
    wrong = StreamsProcess(stack.settings, ENTITY_PARTITIONS="7")
    assert wrong.wait_ended() == 1
    assert "ENTITY_PARTITIONS is 7" in wrong.log.read_text()
    wrong.close()


def test_start_waits_for_a_registry_that_is_away(stack: Stack) -> None:
    waiting = StreamsProcess(stack.settings, SCHEMA_REGISTRY_URL="http://127.0.0.1:9/apis/ccompat/v7")
    eventually(lambda: "waiting_for_outage" in waiting.log.read_text(), waiting.log.read_text)
    assert waiting.terminate() == 0
    waiting.close()
