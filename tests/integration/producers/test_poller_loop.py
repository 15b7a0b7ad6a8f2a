"""The poller's loop on the real database: connections are shared by lease, and no outage or end loses one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg
import pytest

from control.connections import PASSWORD, Lease, NewConnection, release_lease, save_connection
from control.database import Database
from control.vault import SealedSecret
from core.errors import FatalError, RetriableError
from core.settings import Settings
from producers.poller import LEASE_TTL_S, RENEW_EVERY_S, Poller, PollerLimits
from tests import factories
from tests.fakes import FakeClock
from tests.integration.producers.fix_topics import eventually


@dataclass(slots=True)
class Shop:
    """Connected companies, and pollers whose work is to wait until they are told to end."""

    database: Database
    url: str
    begun: list[Lease] = field(default_factory=list)
    ended: list[Lease] = field(default_factory=list)
    finish: threading.Event = field(default_factory=threading.Event)
    outage: Exception | None = None

    def connect(self, count: int) -> list[str]:
        ids = [factories.company_id() for _ in range(count)]
        with self.database.transaction() as tx:
            for company_id in ids:
                new = NewConnection(company_id, "ana", "America/Denver", None)
                save_connection(tx, new, SealedSecret("k", PASSWORD.encode()))
            tx.execute("UPDATE integration.connections SET next_due_at = now() - interval '1 second'")
        return ids

    def work(self, lease: Lease, stop: threading.Event) -> None:
        self.begun.append(lease)
        while not stop.wait(0.01) and not self.finish.is_set():
            pass
        self.ended.append(lease)

    def take(self) -> int:
        if self.outage is not None:
            raise self.outage
        return 0

    def poller(self, owner: str, *, at_once: int = 8) -> Poller:
        return Poller(
            owner=owner,
            database=self.database,
            clock=FakeClock(),
            work=self.work,
            take_commands=self.take,
            limits=PollerLimits(idle_s=0.01, at_once=at_once),
        )

    def expires_in_s(self, company_id: str) -> float:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM lease_expires_at - now()) FROM integration.connections"
                " WHERE company_id = %s AND lease_expires_at > '-infinity'",
                [company_id],
            ).fetchone()
        return float(row[0]) if row else 0.0


@pytest.fixture
def shop(own_database: Settings) -> Iterator[Shop]:
    database = Database(own_database, max_connections=6)
    database.open()
    made = Shop(database, own_database.database_url.get_secret_value())
    yield made
    made.finish.set()
    database.close()


@pytest.fixture
def pool(shop: Shop) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor
        shop.finish.set()


def move(poller: Poller, seconds: float) -> None:
    assert isinstance(poller.clock, FakeClock)
    poller.clock.move(seconds)


def test_turn_two_pollers_share_what_is_due_and_none_is_worked_on_twice(shop: Shop, pool: ThreadPoolExecutor) -> None:
    companies = shop.connect(6)
    one, two = shop.poller("one", at_once=4), shop.poller("two", at_once=4)
    for poller in (one, two, one, two):
        poller.turn(pool)
    eventually(lambda: len(shop.begun) == 6, what="all connections in work")
    assert sorted(lease.company_id for lease in shop.begun) == sorted(companies)
    assert sorted(lease.owner for lease in shop.begun) == ["one"] * 4 + ["two"] * 2


def test_turn_renews_the_leases_of_its_work(shop: Shop, pool: ThreadPoolExecutor) -> None:
    (company_id,) = shop.connect(1)
    poller = shop.poller("one")
    poller.turn(pool)
    with shop.database.transaction() as tx:
        tx.execute("UPDATE integration.connections SET lease_expires_at = now() + interval '5 seconds'")
    move(poller, RENEW_EVERY_S)
    poller.turn(pool)
    assert shop.expires_in_s(company_id) > LEASE_TTL_S / 2


def test_turn_renews_leases_also_while_kafka_is_away(shop: Shop, pool: ThreadPoolExecutor) -> None:
    (company_id,) = shop.connect(1)
    poller = shop.poller("one")
    poller.turn(pool)
    with shop.database.transaction() as tx:
        tx.execute("UPDATE integration.connections SET lease_expires_at = now() + interval '5 seconds'")
    shop.outage = RetriableError("Kafka is away")
    move(poller, RENEW_EVERY_S)
    with pytest.raises(RetriableError):
        poller.turn(pool)
    assert shop.expires_in_s(company_id) > LEASE_TTL_S / 2


def test_turn_lost_lease_tells_its_work_to_stop(shop: Shop, pool: ThreadPoolExecutor) -> None:
    shop.connect(1)
    poller = shop.poller("one")
    poller.turn(pool)
    with shop.database.transaction() as tx:
        tx.execute("UPDATE integration.connections SET lease_epoch = lease_epoch + 1")
    move(poller, RENEW_EVERY_S)
    poller.turn(pool)
    eventually(lambda: len(shop.ended) == 1, what="the end of the work")


def test_run_told_to_end_lets_all_work_end(shop: Shop) -> None:
    shop.connect(3)
    stop = threading.Event()
    poller = shop.poller("one")
    runner = threading.Thread(target=poller.run, args=[stop])
    runner.start()
    eventually(lambda: len(shop.begun) == 3, what="work on all")
    stop.set()
    runner.join(30)
    assert not runner.is_alive()
    assert len(shop.ended) == 3


def test_run_goes_on_after_an_outage(shop: Shop) -> None:
    shop.connect(1)
    shop.outage = RetriableError("Kafka is away")
    stop = threading.Event()
    poller = shop.poller("one")
    assert isinstance(poller.clock, FakeClock)
    runner = threading.Thread(target=poller.run, args=[stop])
    runner.start()
    clock = poller.clock
    eventually(lambda: len(clock.waits) > 3, what="turns during the outage")
    shop.outage = None
    eventually(lambda: len(shop.begun) == 1, what="work after the outage")
    stop.set()
    runner.join(30)
    assert not runner.is_alive()


def test_run_that_must_end_tells_its_work_to_stop_instead_of_waiting_for_it(shop: Shop) -> None:
    shop.connect(1)
    poller = shop.poller("one")
    assert isinstance(poller.clock, FakeClock)

    def fatal_once_begun() -> None:
        if shop.begun:
            shop.outage = FatalError("for good")

    poller.clock.on_wait = fatal_once_begun
    with pytest.raises(FatalError):
        poller.run(threading.Event())
    assert len(shop.ended) == 1


def give_back(shop: Shop, lease: Lease) -> None:
    with shop.database.transaction() as tx:
        release_lease(tx, lease, yielded=True)


def test_turn_run_that_took_its_slice_makes_room_for_who_waits_and_stands_behind_it(
    shop: Shop, pool: ThreadPoolExecutor
) -> None:
    shop.connect(2)
    poller = shop.poller("one", at_once=1)
    poller.turn(pool)
    eventually(lambda: len(shop.begun) == 1, what="the first piece of work")
    move(poller, poller.limits.slice_s - 1)
    poller.turn(pool)
    assert shop.ended == []
    move(poller, 2)
    poller.turn(pool)
    eventually(lambda: len(shop.ended) == 1, what="the end of its slice")
    give_back(shop, shop.ended[0])
    poller.turn(pool)
    eventually(lambda: len(shop.begun) == 2, what="the work of the one that waited")
    assert shop.begun[1].company_id != shop.begun[0].company_id


def test_turn_run_that_nobody_waits_for_goes_on_beyond_its_slice(shop: Shop, pool: ThreadPoolExecutor) -> None:
    shop.connect(1)
    poller = shop.poller("one", at_once=1)
    poller.turn(pool)
    eventually(lambda: len(shop.begun) == 1, what="the piece of work")
    move(poller, 10 * poller.limits.slice_s)
    poller.turn(pool)
    poller.turn(pool)
    assert shop.ended == []
    assert not any(active.stop.is_set() for active in poller._active.values())
