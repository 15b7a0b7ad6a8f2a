"""One full read of shifts by the poller's own code, in a process of its own: from answer bytes to commit.

The transport answers with pages from a file, so that nothing of the source is measured. Real broker, registry and
Postgres; one thread.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from control.connections import get_connection, lease_due, release_lease
from control.database import Database
from control.runs import NewRun, RunEnd, begin_run, finish_run
from core.clock import SystemClock
from core.settings import load_settings
from producers.buildertrend.account import Account
from producers.buildertrend.client import HttpClient, Limits
from producers.buildertrend.reads.time_entries import Days, TimeEntriesRead
from producers.buildertrend.sign_in import Hosts, Session, SignedIn, SignInDetails
from producers.main import tune_interpreter
from producers.runs.execute import execute
from producers.runs.ledger import PostgresLedger
from producers.runs.pipeline import commit_thread
from producers.runs.publisher import TransactionalPublisher
from producers.runs.run import Assignment, Run, RunServices
from producers.sync_events import KafkaEventWriter
from schemas.batch_codec import BatchEncoder
from schemas.entities import TIME_ENTRIES
from schemas.registry import ConfluentRegistry
from schemas.topics import RAW_TOPICS

PAGE_SIZE = 200


def write_pages(path: Path, shifts: int, *, seed: int = 7) -> None:
    """Write a file of grid answers, one page a line: shifts of 40 workers on 60 jobs, newest first."""
    chance = random.Random(seed)
    pages = -(-shifts // PAGE_SIZE)
    with path.open("wb") as file:
        for page in range(pages):
            first = shifts - page * PAGE_SIZE
            rows = [_row(number, chance) for number in range(first, max(first - PAGE_SIZE, 0), -1)]
            data = {"data": rows, "totalPages": pages, "records": shifts, "page": page + 1, "pageSize": PAGE_SIZE}
            envelope = {"success": True, "message": None, "needsToRelogin": False, "data": data}
            file.write(json.dumps(envelope).encode() + b"\n")


def _row(number: int, chance: random.Random) -> dict[str, Any]:
    day = f"{2016 + number // 12_000:04}-{1 + number % 12_000 // 1000:02}-{1 + number % 1000 // 36:02}"
    worker, job, minutes = chance.randrange(40), chance.randrange(60), chance.randrange(60, 600)
    keys = {"builderId": 60001, "jobId": 7000 + job, "id": 20_000_000 + number}
    stamp = {**keys, "location": {"latitude": 39.5, "longitude": -105.2}, "outOfBounds": False, "showDate": False}
    code = {"id": 5500 + job, "costCodeTitle": f"{job:02}.02 General Carpentry", "totalMinutes": minutes}
    return {
        **keys,
        "userID": 900 + worker,
        "jobName": f"Job {job} Canyon View",
        "name": f"Worker {worker} Diaz",
        "date": {"date": f"{day}T07:{number % 60:02}:00", **keys},
        "timeIn": {**stamp, "timeStamp": f"{day}T07:{number % 60:02}:00"},
        "timeOut": {**stamp, "timeStamp": f"{day}T{8 + minutes // 60:02}:{minutes % 60:02}:00"},
        "breakTime": {"id": keys["id"], "breakTime": 30, "useDecimal": False, "isOnBreak": False},
        "regularTime": minutes,
        "overTime": 0,
        "doubleOverTime": 0,
        "personalTimeOff": 0,
        "totalWorkTime": 0,
        "approvalStatus": {"isApproved": True, "updatedDate": f"{day}T18:00:00", "updatedById": 1, "updatedByName": ""},
        "builderCost": {"value": round(minutes * 0.7, 2), "scale": 2},
        "rate": "$42.00",
        "billableRate": None,
        "billableAmount": None,
        "costCodes": [code | {"useDecimal": False}],
        "createdBy": {"id": 1, "displayName": ""},
        "createdDate": None,
        "edited": None,
        "accounting": None,
        "locationInfo": None,
        "gustoSyncStatus": 0,
        "relatedOwnerInvoices": None,
        "rowActionColumnResponse": None,
        "notes": "" if number % 5 else "Framing, second floor",
        "tags": [],
    }


class PagesInAFile(httpx.BaseTransport):
    """Answers the n-th page of the grid with the n-th line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._starts = [0]
        for line in self._file:
            self._starts.append(self._starts[-1] + len(line))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        page = int(json.loads(request.content)["pagingData"]["pageNumber"])
        if page >= len(self._starts):
            return httpx.Response(200, json={"success": True, "data": {"data": [], "records": 0}})
        self._file.seek(self._starts[page - 1])
        return httpx.Response(200, content=self._file.read(self._starts[page] - self._starts[page - 1]))


@dataclass(frozen=True, slots=True)
class _SignedIn:
    """A session that never ends."""

    def load(self) -> Session | None:
        return Session({}, "bench")

    def save(self, signed_in: SignedIn) -> None: ...

    def renew(self, session: Session) -> None: ...

    def has_unanswered_sign_in(self) -> bool:
        return False

    def begin_sign_in(self) -> None: ...

    def sign_in_unanswered(self) -> None: ...

    def sign_in_answered(self) -> None: ...

    def sign_in_refused(self, fault: object) -> None: ...


def _no_details() -> SignInDetails:
    raise AssertionError("The session does not end.")


def main(company_id: str, pages: Path) -> None:
    """Print what was read and published, the seconds, and this process's peak memory."""
    tune_interpreter()
    settings = load_settings()

    registry, clock = ConfluentRegistry(settings), SystemClock()
    database = Database(settings, max_connections=2)
    database.open()
    events = KafkaEventWriter(settings, registry, clock)
    with database.transaction() as tx:
        lease = next(one for one in lease_due(tx, owner="bench", ttl_s=3600, limit=100) if one.company_id == company_id)
        connection = get_connection(tx, company_id)
        assert connection is not None
        run_id = begin_run(tx, company_id, NewRun("full", {})).run
    publisher = TransactionalPublisher(settings, company_id)
    client = HttpClient(httpx.Client(transport=PagesInAFile(pages)), clock, Limits(gap_ms=0))
    hosts = Hosts("http://source.test", "http://source.test")
    account = Account(client, hosts=hosts, details=_no_details, sessions=_SignedIn())
    encoders = {topic: BatchEncoder(topic, registry) for topic in RAW_TOPICS}
    with commit_thread() as background:
        run = Run(
            Assignment(run_id, connection.time_zone, "CREATE", whole=True),
            RunServices(PostgresLedger(database, lease, run_id), publisher, events, encoders, clock, background),
        )
        began, cpu = time.perf_counter(), time.process_time()
        execute(run, [TimeEntriesRead(account, Days())])
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    with database.transaction() as tx:
        finish_run(tx, run_id, RunEnd("completed", None, None, run.counts))
        release_lease(tx, lease)
    counts = run.counts[TIME_ENTRIES.name]
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"seconds": seconds, "cpu_s": cpu_s, "peak_rss_mb": round(peak_mb, 1), "published": run.published}
    print(json.dumps(figures | {"read": counts["read"]}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
