"""The poller's loop: takes commands, leases what is due, works on several connections at once, renews their leases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from control.connections import Lease, count_waiting, lease_due, renew_leases
from control.database import Database
from core.clock import Clock
from core.errors import RetriableError
from core.log import get_logger
from producers import metrics

LEASE_TTL_S = 20.0
RENEW_EVERY_S = 5.0
log = get_logger(__name__)

Work = Callable[[Lease, threading.Event], None]


@dataclass(frozen=True, slots=True)
class PollerLimits:
    """How the loop turns: the pause between two looks, and how many connections it works on at once.

    `slice_s`: a run that took longer makes room when others wait, and goes on from its checkpoint behind them.
    """

    idle_s: float = 0.25
    at_once: int = 32
    slice_s: float = 60.0


@dataclass(slots=True)
class _Active:
    future: Future[None]
    stop: threading.Event
    since: float


@dataclass(slots=True)
class Poller:
    """One poller process. `owner` tells it from others, `take_commands` brings new commands into the database.

    `reads_to_stop` is told which companies are read here, and says which of these reads have to stop for a command.
    `check_database` returns once the database may be worked with (see producers.restored_database).
    """

    owner: str
    database: Database
    clock: Clock
    work: Work
    take_commands: Callable[[], int]
    reads_to_stop: Callable[[Collection[str]], Collection[str]] = lambda _: ()
    check_database: Callable[[], None] = lambda: None
    limits: PollerLimits = field(default_factory=PollerLimits)
    _active: dict[Lease, _Active] = field(default_factory=dict)
    _renewed_at: float = 0.0

    def run(self, stop: threading.Event) -> None:
        """Blocks until `stop` is set; then lets every connection finish its request and hands them back."""
        with ThreadPoolExecutor(self.limits.at_once, thread_name_prefix="connection") as pool:
            try:
                while not stop.is_set():
                    self._turn_or_wait(pool, stop)
            finally:
                # Also when the loop cannot go on: the pool would wait for reads of hours whose leases nobody renews.
                for active in self._active.values():
                    active.stop.set()

    def _turn_or_wait(self, pool: ThreadPoolExecutor, stop: threading.Event) -> None:
        try:
            self.turn(pool)
            metrics.OUTAGE.set(0)
        except RetriableError as exc:
            metrics.OUTAGE.set(1)
            log.warning("poller_waits_for_outage", reason=str(exc))
            self.clock.wait(2.0, stop)
        self.clock.wait(self.limits.idle_s, stop)

    def turn(self, pool: ThreadPoolExecutor) -> None:
        """One turn of the loop; RetriableError if Kafka or the database is away."""
        self._forget_finished()
        # Before anything that may fail: an outage of Kafka must not cost the leases of reads under way.
        self._renew_leases()
        self.check_database()
        self.take_commands()
        self._stop_for_commands()
        metrics.ACTIVE.set(len(self._active))
        free = self.limits.at_once - len(self._active)
        if free > 0:
            self._lease(pool, free)
        else:
            self._make_room()

    def _stop_for_commands(self) -> None:
        stopping = self.reads_to_stop([lease.company_id for lease in self._active])
        for lease, active in self._active.items():
            if lease.company_id in stopping:
                active.stop.set()

    def _lease(self, pool: ThreadPoolExecutor, free: int) -> None:
        with self.database.transaction() as tx:
            leases = lease_due(tx, owner=self.owner, ttl_s=LEASE_TTL_S, limit=free)
        for lease in leases:
            stop = threading.Event()
            self._active[lease] = _Active(pool.submit(self.work, lease, stop), stop, self.clock.monotonic())

    def _make_room(self) -> None:
        """So that neither a huge company nor one in trouble delays the others: the longest at work give way."""
        before = self.clock.monotonic() - self.limits.slice_s
        over = sorted((active for active in self._active.values() if active.since < before), key=lambda one: one.since)
        if not over:
            return
        with self.database.transaction() as tx:
            waiting = count_waiting(tx)
        for active in over[:waiting]:
            active.stop.set()

    def _renew_leases(self) -> None:
        now = self.clock.monotonic()
        if now - self._renewed_at < RENEW_EVERY_S:
            return
        self._renewed_at = now
        with self.database.transaction() as tx:
            lost = renew_leases(tx, self._active.keys(), ttl_s=LEASE_TTL_S)
        for lease in lost:
            # The work would be refused at its next step anyway; this spares the source its requests until then.
            self._active[lease].stop.set()

    def _forget_finished(self) -> None:
        for lease, active in list(self._active.items()):
            if active.future.done():
                del self._active[lease]
                active.future.result()
