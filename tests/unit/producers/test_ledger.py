"""What waits for the disk: an announcement before Kafka has the first of it, and nothing else of a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest

from control.connections import Lease
from control.database import Database, Writing
from control.runs import RunId
from control.source_state import Published
from producers.runs.ledger import PageRecord, PostgresLedger, Progress

NOT_WAITED_FOR = b"SET LOCAL synchronous_commit = off"
CHANGE = Published("1", bytes(16), 3, None, None)


class Sent:
    """A database that keeps what it is sent."""

    def __init__(self) -> None:
        self.statements: list[bytes] = []

    def execute(self, query: bytes, params: Mapping[str, Any] | None = None, /) -> None:
        self.statements.append(query)
        del params

    @contextmanager
    def sent_whole(self) -> Iterator[Writing]:
        yield self


def ledger_on(sent: Sent) -> PostgresLedger:
    return PostgresLedger(cast(Database, sent), Lease("c1", "one", 7), RunId("r1", "c1", 1))


@pytest.mark.parametrize(("announce_next", "waits"), [((), False), ((CHANGE,), True)])
def test_page_waits_for_the_disk_only_if_it_announces_the_next(announce_next: Sequence[Published], waits: bool) -> None:
    sent = Sent()
    ledger_on(sent).record_page(PageRecord("users", [CHANGE], Progress(1, {}), announce_next=announce_next))
    assert (NOT_WAITED_FOR not in sent.statements) is waits


def test_announcement_of_its_own_waits_for_the_disk() -> None:
    sent = Sent()
    ledger_on(sent).announce("users", [CHANGE])
    assert sent.statements
    assert NOT_WAITED_FOR not in sent.statements
