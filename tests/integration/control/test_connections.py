"""Connections and leases: one poller at a time, an older one is refused, and new credentials begin anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest

from control.commands import put_command
from control.connections import (
    PASSWORD,
    SESSION,
    Failure,
    Lease,
    NextReads,
    credential,
    hold_epoch,
    list_connections,
    put_credential,
    release_lease,
    renew_leases,
    set_failed,
    set_signed_in,
    set_succeeded,
)
from control.vault import SealedSecret
from core.errors import FencedError, InvalidRecordError
from tests import factories
from tests.integration.control.fix_companies import SEALED, Office

AT = datetime(2026, 6, 17, 18, 0, tzinfo=UTC)
LATER = datetime(2026, 6, 17, 20, 0, tzinfo=UTC)


def due(office: Office) -> str:
    company_id = office.connect()
    office.make_due(company_id)
    return company_id


def test_new_connection_is_connecting_with_its_sealed_password(office: Office) -> None:
    company_id = office.connect(import_from=date(2026, 1, 1))
    connection = office.connection(company_id)
    assert (connection.state, connection.username, connection.import_from) == ("connecting", "ana", date(2026, 1, 1))
    with office.database.transaction() as tx:
        assert credential(tx, company_id, PASSWORD) == SEALED
        assert [each.company_id for each in list_connections(tx)] == [company_id]


def test_replaced_credentials_drop_the_session_and_the_fault_and_keep_what_was_published(office: Office) -> None:
    company_id = office.connect()
    with office.database.transaction() as tx:
        put_credential(tx, company_id, SESSION, SealedSecret("k1", b"session"))
        set_signed_in(tx, company_id, builder_id="69084", builder_name="Tighe")
        set_succeeded(tx, company_id, NextReads(LATER), at=AT, full=True)
        set_failed(tx, company_id, Failure("needs-attention", "wrong-credentials", "Check it.", LATER))
    office.connect(company_id, username="bob")
    connection = office.connection(company_id)
    assert (connection.state, connection.fault, connection.message) == ("connecting", None, None)
    assert (connection.username, connection.builder_id, connection.initial_done_at) == ("bob", "69084", AT)
    with office.database.transaction() as tx:
        assert credential(tx, company_id, SESSION) is None


MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)


@pytest.mark.parametrize(
    ("before", "now", "reads_everything"),
    [
        ({}, {}, False),
        ({}, {"time_zone": "America/Chicago"}, True),
        ({"import_from": JUNE}, {"import_from": MAY}, True),
        ({"import_from": JUNE}, {"import_from": None}, True),
        ({"import_from": JUNE}, {"import_from": JUNE}, False),
        ({"import_from": MAY}, {"import_from": JUNE}, False),
        ({}, {"import_from": JUNE}, False),
    ],
)
def test_connect_with_another_time_zone_or_an_earlier_date_wants_everything_read_at_once(
    *, office: Office, before: dict[str, Any], now: dict[str, Any], reads_everything: bool
) -> None:
    company_id = office.connect(**before)
    with office.database.transaction() as tx:
        set_succeeded(tx, company_id, NextReads(LATER), at=AT, full=True)
    office.connect(company_id, **now)
    assert (office.connection(company_id).last_full_at is None) == reads_everything


@pytest.mark.parametrize("company_id", ["", "a/b", "*"])
def test_company_id_that_no_key_can_hold_is_refused(office: Office, company_id: str) -> None:
    with pytest.raises(InvalidRecordError), office.database.transaction() as tx:
        tx.execute(
            "INSERT INTO integration.connections (company_id, username, time_zone, state)"
            " VALUES (%s, 'ana', 'UTC', 'connecting')",
            [company_id],
        )


def test_lease_is_given_to_one_owner_until_it_expires(office: Office) -> None:
    company_id = due(office)
    (first,) = office.lease("one")
    assert first == Lease(company_id, "one", first.epoch)
    assert office.lease("two") == []
    office.expire(company_id)
    (second,) = office.lease("two")
    assert (second.owner, second.epoch) == ("two", first.epoch + 1)


def test_lease_by_many_at_once_gives_each_connection_once(office: Office) -> None:
    companies = sorted(due(office) for _ in range(12))
    with ThreadPoolExecutor(4) as pool:
        leased = [lease for leases in pool.map(lambda owner: office.lease(owner, limit=5), "abcd") for lease in leases]
    assert sorted(lease.company_id for lease in leased) == companies


def test_lease_takes_the_longest_due_first_and_no_more_than_asked(office: Office) -> None:
    first, second, third = (due(office) for _ in range(3))
    for company_id, minutes in ((first, 1), (second, 30), (third, 5)):
        office.execute(
            f"UPDATE integration.connections SET next_due_at = now() - interval '{minutes} minutes'", company_id
        )
    assert [lease.company_id for lease in office.lease(limit=1)] == [second]
    assert [lease.company_id for lease in office.lease(limit=1)] == [third]


@pytest.mark.parametrize("state", ["needs-attention", "paused", "disconnected"])
def test_lease_leaves_connections_alone_that_must_not_be_read_unless_a_command_waits(
    office: Office, state: str
) -> None:
    company_id = due(office)
    office.execute(f"UPDATE integration.connections SET state = '{state}'", company_id)
    assert office.lease() == []
    with office.database.transaction() as tx:
        put_command(tx, factories.command_body(company_id=company_id))
    assert [lease.company_id for lease in office.lease()] == [company_id]


def test_lease_connection_that_is_not_due_waits_for_its_time_or_a_command(office: Office) -> None:
    company_id = office.connect()
    office.execute("UPDATE integration.connections SET next_due_at = now() + interval '1 hour'", company_id)
    assert office.lease() == []
    with office.database.transaction() as tx:
        put_command(tx, factories.command_body(company_id=company_id))
    assert len(office.lease()) == 1


def test_older_epoch_can_neither_write_nor_renew_nor_release(office: Office) -> None:
    company_id = due(office)
    (old,) = office.lease("one")
    office.expire(company_id)
    (new,) = office.lease("two")
    with pytest.raises(FencedError), office.database.transaction() as tx:
        hold_epoch(tx, old)
    with office.database.transaction() as tx:
        assert renew_leases(tx, [old, new], ttl_s=30) == {old}
    with office.database.transaction() as tx:
        release_lease(tx, old)
    assert office.lease("three") == []
    with office.database.transaction() as tx:
        hold_epoch(tx, new)
        assert renew_leases(tx, [new], ttl_s=30) == set()


def test_replaced_credentials_fence_the_run_under_way(office: Office) -> None:
    company_id = due(office)
    (lease,) = office.lease()
    office.connect(company_id)
    with pytest.raises(FencedError), office.database.transaction() as tx:
        hold_epoch(tx, lease)
    office.make_due(company_id)
    assert len(office.lease("two")) == 1


def test_fenced_transaction_is_undone_as_a_whole(office: Office) -> None:
    company_id = due(office)
    (old,) = office.lease()
    office.connect(company_id)

    def write_behind_the_successor() -> None:
        with office.database.transaction() as tx:
            set_signed_in(tx, company_id, builder_id="1", builder_name="x")
            hold_epoch(tx, old)

    with pytest.raises(FencedError):
        write_behind_the_successor()
    assert office.connection(company_id).builder_id is None


def test_takeover_waits_for_a_transaction_that_holds_the_epoch(office: Office) -> None:
    """Else the older one could commit behind its successor's first look."""
    company_id = due(office)
    (lease,) = office.lease()
    office.expire(company_id)
    with office.database.transaction() as tx:
        hold_epoch(tx, lease)
        assert office.lease("two") == []
    assert len(office.lease("two")) == 1


def test_released_lease_is_free_at_once(office: Office) -> None:
    due(office)
    (lease,) = office.lease("one")
    with office.database.transaction() as tx:
        release_lease(tx, lease)
    assert len(office.lease("two")) == 1


def test_lease_of_a_connection_that_is_gone_holds_nothing(office: Office) -> None:
    with pytest.raises(FencedError), office.database.transaction() as tx:
        hold_epoch(tx, Lease("nobody", "one", 1))


def test_success_of_a_part_keeps_the_schedule_and_the_time_of_the_full_read(office: Office) -> None:
    company_id = office.connect()
    with office.database.transaction() as tx:
        set_succeeded(tx, company_id, NextReads(AT), at=AT, full=True)
        set_succeeded(tx, company_id, NextReads(None), at=LATER, full=False)
    connection = office.connection(company_id)
    assert (connection.next_due_at, connection.last_full_at, connection.last_success_at) == (AT, AT, LATER)


def test_initial_time_is_that_of_the_first_full_read(office: Office) -> None:
    company_id = office.connect()
    with office.database.transaction() as tx:
        set_succeeded(tx, company_id, NextReads(AT), at=AT, full=True)
        set_succeeded(tx, company_id, NextReads(LATER), at=LATER, full=True)
    connection = office.connection(company_id)
    assert (connection.initial_done_at, connection.last_full_at) == (AT, LATER)


def test_lease_of_a_predecessor_that_did_not_hand_it_back_fences(office: Office) -> None:
    company_id = due(office)
    (first,) = office.lease("one")
    assert not first.fences
    with office.database.transaction() as tx:
        tx.execute("UPDATE integration.connections SET lease_expires_at = '-infinity'")
    (second,) = office.lease("two")
    assert second.fences
    with office.database.transaction() as tx:
        release_lease(tx, second)
    office.make_due(company_id)
    (third,) = office.lease("three")
    assert not third.fences


def test_lease_after_other_credentials_fences_the_run_that_used_the_old_ones(office: Office) -> None:
    company_id = due(office)
    assert len(office.lease("one")) == 1
    office.connect(company_id)
    office.make_due(company_id)
    (lease,) = office.lease("two")
    assert lease.fences
