"""The ledger of a run: the same in memory, where histories run by the thousand, and in Postgres."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from control.checkpoints import COMPLETE, HELD, READ, READING, Checkpoint
from control.connections import PASSWORD, NewConnection, lease_due, save_connection
from control.database import Database
from control.entity_reads import CompleteRead, IncompleteRead, freshness
from control.held_deletions import release
from control.refused_rows import RefusedRow
from control.runs import NewRun, RunEnd, begin_run, continue_run, finish_run, open_run
from control.source_state import Known, Published, PublishedCount, ReadRange
from control.suspicions import accept
from control.vault import Sealer
from core.errors import FencedError
from core.settings import Settings
from producers.runs.ledger import Ledger, PageRecord, PostgresLedger, Progress
from tests import factories
from tests.memory_ledger import CompanyMemory

AT = datetime(2026, 6, 17, 12, tzinfo=UTC)
SCOPE = {"jobs": "all", "time_zone": "America/Denver"}
JOBS, SHIFTS, BUDGETS = "jobs", "time-entries", "budgets"


class MemoryKeeper:
    """One company in memory."""

    def __init__(self) -> None:
        self.company = CompanyMemory("c1")

    def begin(self, read: str = "full") -> Ledger:
        return self.company.begin(NewRun(read, SCOPE, usable_s=60), AT)

    def go_on(self) -> Ledger:
        return self.company.go_on()

    def fail(self) -> None:
        self.company.finish("failed")

    def release(self, entity: str) -> None:
        held = self.company.held[entity]
        held.update(dict.fromkeys(held, True))

    def accept(self, entity: str) -> None:
        for rule in self.company.suspicions[entity].values():
            rule.accepted = True

    def complete_through(self, entity: str) -> datetime:
        return self.company.complete[entity].through


class PostgresKeeper:
    """One company in a database of its own."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.database = database
        self.company_id = factories.company_id()
        sealed = Sealer.from_settings(settings).seal(b"pw", company_id=self.company_id, kind=PASSWORD)
        with database.transaction() as tx:
            save_connection(tx, NewConnection(self.company_id, "ana", "America/Denver", None), sealed)
            tx.execute("UPDATE integration.connections SET next_due_at = '-infinity'")
            (self.lease,) = lease_due(tx, owner="one", ttl_s=60, limit=1)

    def begin(self, read: str = "full") -> Ledger:
        with self.database.transaction() as tx:
            begun = begin_run(tx, self.company_id, NewRun(read, SCOPE, usable_s=60))
        return PostgresLedger(self.database, self.lease, begun.run)

    def go_on(self) -> Ledger:
        with self.database.transaction() as tx:
            left = open_run(tx, self.company_id)
            assert left is not None
            run = continue_run(tx, self.company_id, left.run_id)
        return PostgresLedger(self.database, self.lease, run)

    def fail(self) -> None:
        ledger = self.go_on()
        assert isinstance(ledger, PostgresLedger)
        with self.database.transaction() as tx:
            finish_run(tx, ledger.run, RunEnd("failed", None, None, {}))

    def release(self, entity: str) -> None:
        with self.database.transaction() as tx:
            release(tx, self.company_id, entities=[entity], released_by="ana")

    def accept(self, entity: str) -> None:
        with self.database.transaction() as tx:
            accept(tx, self.company_id, entities=[entity], accepted_by="ana")

    def complete_through(self, entity: str) -> datetime:
        with self.database.transaction() as tx:
            return freshness(tx, self.company_id)[entity].complete_through


Keeper = MemoryKeeper | PostgresKeeper
KeeperMaker = Callable[[], Keeper]


@pytest.fixture(params=["memory", "postgres"])
def keeper(request: pytest.FixtureRequest) -> Iterator[Keeper]:
    if request.param == "memory":
        yield MemoryKeeper()
        return
    settings: Settings = request.getfixturevalue("own_database")
    database = Database(settings, max_connections=2)
    database.open()
    yield PostgresKeeper(settings, database)
    database.close()


def published(entity_id: str, *, day: date | None = None, parent: str | None = None) -> Published:
    return Published(entity_id, b"f" * 16, 1, day, parent, b"d" * 16)


def page(number: int, *records: Published, entity: str = SHIFTS, **cursor: Any) -> PageRecord:
    return PageRecord(
        entity,
        records,
        Progress(number, {entity: {"read": number}}),
        checkpoint=Checkpoint(entity, AT, number, 9, READING, cursor),
        number=number,
        entity_ids=[record.entity_id for record in records],
    )


def complete(entity: str = SHIFTS) -> CompleteRead:
    return CompleteRead(entity, AT, None, whole=True)


def test_ledger_knows_what_was_published_and_the_bytes_it_was_read_from(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.record_page(page(1, published("1"), published("2")))
    ledger.record_page(PageRecord(SHIFTS, (), Progress(2, {}), digests={"1": b"e" * 16}))
    known = keeper.begin().known(SHIFTS, ["1", "2", "3"])
    assert known == {"1": Known(b"f" * 16, b"e" * 16), "2": Known(b"f" * 16, b"d" * 16)}


def test_ledger_goes_on_with_checkpoint_mark_and_pages(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.record_page(page(1, published("1"), sorted=True))
    ledger.record_page(page(2, published("2"), sorted=False))
    left = keeper.go_on()
    (checkpoint,) = left.checkpoints().values()
    assert (checkpoint.pages_done, checkpoint.pages_total, checkpoint.state) == (2, 9, READING)
    assert (checkpoint.began_at, dict(checkpoint.cursor)) == (AT, {"sorted": False})
    assert left.seen(SHIFTS) == {"1", "2"}
    assert left.seen(SHIFTS, among=["2", "3"]) == {"2"}


def test_ledger_page_taken_again_adds_to_what_it_showed_and_pages_done_never_go_back(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    for taken in (page(1, published("1")), page(2, published("2")), page(1, published("3"))):
        ledger.record_page(taken)
    assert ledger.seen(SHIFTS) == {"1", "2", "3"}
    assert keeper.go_on().checkpoints()[SHIFTS].pages_done == 2


def test_ledger_states_of_a_read(keeper: Keeper) -> None:
    ledger = keeper.begin()
    for entity in (JOBS, SHIFTS):
        ledger.begin_read(entity, AT)
        ledger.end_pages(entity)
    assert {one.state for one in ledger.checkpoints().values()} == {READ}
    ledger.end_read(JOBS, complete(JOBS), held=[], returned=())
    ledger.end_read(SHIFTS, complete(SHIFTS), held=["1"], returned=())
    assert {name: one.state for name, one in ledger.checkpoints().items()} == {JOBS: COMPLETE, SHIFTS: HELD}
    assert keeper.complete_through(JOBS) == AT


def test_ledger_run_that_failed_leaves_its_pages_to_the_next_one_of_its_kind(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.record_page(page(1, published("1")))
    keeper.fail()
    assert keeper.begin("full").seen(SHIFTS) == {"1"}


def test_ledger_run_of_another_kind_begins_without_pages(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.record_page(page(1, published("1")))
    keeper.fail()
    other = keeper.begin("initial")
    assert (other.seen(SHIFTS), other.checkpoints()) == (set(), {})


DAYS = {"1": date(2026, 6, 9), "2": date(2026, 6, 10), "3": date(2026, 6, 11), "4": date(2026, 6, 12)}


@pytest.mark.parametrize(
    ("covered", "missing", "in_range"),
    [
        (ReadRange(), ["1", "2", "4"], 4),
        (ReadRange(from_day=DAYS["2"]), ["2", "4"], 3),
        (ReadRange(from_day=DAYS["2"], to_day=DAYS["3"]), ["2"], 2),
        (ReadRange(to_day=DAYS["1"]), ["1"], 1),
    ],
)
def test_ledger_missing_is_what_no_page_of_the_run_showed_in_the_range(
    keeper: Keeper, covered: ReadRange, missing: list[str], in_range: int
) -> None:
    before = keeper.begin()
    before.begin_read(SHIFTS, AT)
    before.record_page(page(1, *(published(key, day=day) for key, day in DAYS.items())))
    before.end_read(SHIFTS, complete(), held=[], returned=())
    keeper.fail()
    ledger = keeper.begin("recent")
    ledger.begin_read(SHIFTS, AT)
    ledger.record_page(page(1, published("3", day=DAYS["3"])))
    found = ledger.missing(SHIFTS, covered)
    assert (list(found.entity_ids), found.published) == (missing, PublishedCount(4, in_range))


def test_ledger_missing_of_parents_is_theirs_and_that_of_jobs_that_are_gone(keeper: Keeper) -> None:
    ledger = keeper.begin()
    for entity in (JOBS, BUDGETS):
        ledger.begin_read(entity, AT)
    ledger.record_page(page(1, published("1"), published("2"), entity=JOBS))
    lines = [published(f"{job}:9", parent=job) for job in ("1", "2", "3")]
    ledger.record_page(PageRecord(BUDGETS, lines, Progress(9, {})))
    assert ledger.missing(BUDGETS, ReadRange(parents=["1"])).entity_ids == ["1:9", "3:9"]
    assert ledger.missing(BUDGETS, ReadRange(parents=[])).published == PublishedCount(3, 1)


def test_ledger_dropped_records_are_known_and_held_no_more(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.record_page(page(1, published("1"), published("2")))
    ledger.end_read(SHIFTS, complete(), held=["1", "2"], returned=())
    ledger.drop(SHIFTS, ["1"], Progress(3, {}))
    assert (set(ledger.known(SHIFTS, ["1", "2"])), ledger.held(SHIFTS)) == ({"2"}, {"2"})


def test_ledger_held_records_are_released_once_and_later_ones_are_not(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.end_read(SHIFTS, complete(), held=["1"], returned=())
    keeper.release(SHIFTS)
    ledger.end_read(SHIFTS, complete(), held=["1", "2"], returned=())
    assert (ledger.released(SHIFTS), ledger.held(SHIFTS)) == ({"1"}, {"2"})


def test_ledger_records_are_held_and_return_whatever_else_of_the_read_is_known(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.end_read(SHIFTS, None, held=["1", "2", "3"], returned=())
    assert ledger.held(SHIFTS) == {"1", "2", "3"}
    assert ledger.checkpoints()[SHIFTS].state == HELD
    ledger.record_page(page(1, published("1")))
    ledger.end_read(SHIFTS, None, held=["3"], returned={"2"})
    assert ledger.held(SHIFTS) == {"3"}


def test_ledger_held_records_that_returned_are_forgotten(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.end_read(SHIFTS, complete(), held=["1", "2", "3"], returned=())
    ledger.record_page(page(1, published("1")))
    ledger.end_read(SHIFTS, complete(), held=["3"], returned={"2"})
    assert ledger.held(SHIFTS) == {"3"}


def test_ledger_keeps_how_many_rows_were_stated_apart_for_reads_of_everything(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    assert ledger.last_records(SHIFTS, whole=True) is None
    ledger.end_read(SHIFTS, replace(complete(), whole=True, records=450), held=(), returned=())
    ledger.end_read(SHIFTS, replace(complete(), whole=False, records=60), held=(), returned=())
    ledger.end_read(SHIFTS, replace(complete(), whole=False), held=(), returned=())
    assert [ledger.last_records(SHIFTS, whole=whole) for whole in (True, False)] == [450, 60]


def test_ledger_suspicions_stay_until_accepted_and_until_as_much_looks_right(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    wrong = IncompleteRead(SHIFTS, "No shifts.", whole=True, looks_wrong={"no-rows": "No shifts."})
    ledger.end_read(SHIFTS, wrong, held=(), returned=())
    assert ledger.accepted(SHIFTS) == set()
    keeper.accept(SHIFTS)
    assert ledger.accepted(SHIFTS) == {"no-rows"}
    ledger.end_read(SHIFTS, wrong, held=(), returned=())
    ledger.end_read(SHIFTS, replace(complete(), whole=False), held=(), returned=())
    ledger.end_read(SHIFTS, IncompleteRead(SHIFTS, "Cut off.", whole=True), held=(), returned=())
    assert ledger.accepted(SHIFTS) == {"no-rows"}, "None of these reads says that it looks right."
    ledger.end_read(SHIFTS, replace(complete(), whole=True), held=(), returned=())
    assert ledger.accepted(SHIFTS) == set()


def unconfirmed(entity_id: str, *, day: date | None = None, parent: str | None = None) -> Published:
    return Published(entity_id, bytes(16), 7, day, parent)


def test_ledger_doubts_what_was_announced_and_not_recorded(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.announce(SHIFTS, [unconfirmed("1", day=DAYS["1"])])
    ledger.record_page(page(1, published("1", day=DAYS["1"])))
    ledger.announce(SHIFTS, [unconfirmed("1", day=DAYS["4"]), unconfirmed("2", day=DAYS["2"])])
    left = keeper.go_on()
    assert left.known(SHIFTS, ["1", "2"]) == {"1": Known(b"f" * 16, b"d" * 16)}
    assert (left.mark_unconfirmed(), left.mark_unconfirmed()) == (2, 0)
    assert left.known(SHIFTS, ["1", "2"]) == {"1": Known(bytes(16), None), "2": Known(bytes(16), None)}
    # One that was known keeps its day, which a deletion does not state; a new one has the day that was announced.
    assert left.missing(JOBS, ReadRange()).entity_ids == []
    shown = left.missing(SHIFTS, ReadRange(from_day=DAYS["2"]))
    assert (list(shown.entity_ids), shown.published) == (["2"], PublishedCount(2, 1))


def test_ledger_doubts_children_under_their_parent(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.announce(BUDGETS, [unconfirmed("1:9", parent="1")])
    ledger.mark_unconfirmed()
    ledger.begin_read(JOBS, AT)
    ledger.record_page(page(1, published("1"), published("2"), entity=JOBS))
    assert ledger.missing(BUDGETS, ReadRange(parents=["1"])).entity_ids == ["1:9"]
    assert ledger.missing(BUDGETS, ReadRange(parents=["2"])).entity_ids == []


def test_ledger_doubts_nothing_that_was_recorded(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.announce(SHIFTS, [unconfirmed("1"), unconfirmed("2")])
    ledger.record_page(page(1, published("1"), published("2")))
    assert keeper.go_on().mark_unconfirmed() == 0
    ledger = keeper.go_on()
    ledger.announce(SHIFTS, [unconfirmed("2")])
    ledger.drop(SHIFTS, ["2"], Progress(3, {}))
    assert keeper.go_on().mark_unconfirmed() == 0
    assert set(ledger.known(SHIFTS, ["1", "2"])) == {"1"}


def test_ledger_announces_the_next_page_with_the_one_before_it(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.announce(SHIFTS, [unconfirmed("1")])
    ledger.record_page(replace(page(1, published("1")), announce_next=[unconfirmed("2"), unconfirmed("3")]))
    assert set(ledger.known(SHIFTS, ["1", "2", "3"])) == {"1"}
    assert keeper.go_on().mark_unconfirmed() == 2
    assert ledger.known(SHIFTS, ["2", "3"]) == {"2": Known(bytes(16), None), "3": Known(bytes(16), None)}
    ledger = keeper.go_on()
    ledger.record_page(replace(page(2), announce_next=[unconfirmed("4")]))
    ledger.record_page(page(3, published("4")))
    assert keeper.go_on().mark_unconfirmed() == 0


def test_ledger_doubt_outlives_pages_without_changes_and_the_next_announcement(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.announce(SHIFTS, [unconfirmed("1")])
    ledger.record_page(page(1))
    ledger.announce(SHIFTS, [unconfirmed("2")])
    assert set(ledger.known(SHIFTS, ["1", "2"])) == {"1"}
    ledger.record_page(page(2, published("2")))
    assert keeper.begin().mark_unconfirmed() == 0
    assert ledger.known(SHIFTS, ["1"]) == {"1": Known(bytes(16), None)}


def test_postgres_ledger_of_a_lease_that_is_over_writes_nothing(own_database: Settings) -> None:
    database = Database(own_database, max_connections=2)
    database.open()
    keeper = PostgresKeeper(own_database, database)
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    with database.transaction() as tx:
        tx.execute("UPDATE integration.connections SET lease_epoch = lease_epoch + 1")
    writes: tuple[Callable[[], object], ...] = (
        lambda: ledger.announce(SHIFTS, [unconfirmed("1")]),
        ledger.mark_unconfirmed,
        lambda: ledger.record_page(page(1, published("1"))),
        lambda: ledger.begin_read(JOBS, AT),
        lambda: ledger.end_pages(SHIFTS),
        lambda: ledger.drop(SHIFTS, ["1"], Progress(1, {})),
        lambda: ledger.end_read(SHIFTS, complete(), held=["1"], returned=()),
    )
    for write in writes:
        with pytest.raises(FencedError):
            write()
    assert ledger.known(SHIFTS, ["1"]) == {}
    assert ledger.checkpoints()[SHIFTS].state == READING
    database.close()


def test_ledger_keeps_rows_that_are_refused_until_they_are_understood(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    odd = [RefusedRow("1", b"a" * 16, "field regularTime", 7), RefusedRow("unreadable-x", b"b" * 16, "field id")]
    ledger.record_page(PageRecord(SHIFTS, (), Progress(1, {}), refused=odd))
    ledger.record_page(PageRecord(JOBS, (), Progress(1, {}), refused=[RefusedRow("1", b"j" * 16, "field jobName", 9)]))
    assert ledger.refused(SHIFTS) == {row.entity_id: row for row in odd}
    again = RefusedRow("1", b"c" * 16, "field overTime", 8)
    ledger.record_page(PageRecord(SHIFTS, (), Progress(1, {}), refused=[again], understood=["unreadable-x"]))
    assert ledger.refused(SHIFTS) == {"1": again}
    assert set(ledger.refused(JOBS)) == {"1"}


def test_ledger_forgets_what_was_announced_where_kafka_refused_all_of_it(keeper: Keeper) -> None:
    ledger = keeper.begin()
    ledger.begin_read(SHIFTS, AT)
    ledger.announce(SHIFTS, [published("1")])
    ledger.record_page(PageRecord(SHIFTS, (), Progress(1, {}), refused=[RefusedRow("1", b"a" * 16, "too large", 7)]))
    assert ledger.mark_unconfirmed() == 0
