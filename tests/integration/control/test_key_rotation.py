"""Rotation moves every secret to the newest key, once, and never over a newer secret."""

from __future__ import annotations

import pytest

from control.connections import PASSWORD, PREVIOUS, SESSION, credential, put_credential
from control.key_rotation import Rotated, rotate
from control.vault import Opener, Sealer, new_key_pair
from core.errors import ConfigurationError
from tests import factories
from tests.integration.control.fix_companies import Office

OLD, NEW = new_key_pair("old"), new_key_pair("new")


def opener(*private: str) -> Opener:
    return Opener.from_settings(factories.settings(credential_private_keys=",".join(private)))


def keep(office: Office, company_id: str, kind: str, secret: bytes) -> None:
    sealer = Sealer.from_settings(factories.settings(credential_public_key=OLD.public))
    with office.database.transaction() as tx:
        put_credential(tx, company_id, kind, sealer.seal(secret, company_id=company_id, kind=kind))


def opened(office: Office, company_id: str, kind: str, by: Opener) -> bytes:
    with office.database.transaction() as tx:
        sealed = credential(tx, company_id, kind)
    assert sealed is not None
    return by.open(sealed, company_id=company_id, kind=kind)


def test_rotate_moves_every_secret_so_that_the_old_key_can_go(office: Office) -> None:
    companies = [office.connect(), office.connect()]
    for company_id in companies:
        keep(office, company_id, PASSWORD, b"pw of " + company_id.encode())
        keep(office, company_id, SESSION, b"session")
    assert rotate(office.database, opener(NEW.private, OLD.private)) == Rotated(moved=4, there=0)
    alone = opener(NEW.private)
    assert [opened(office, one, PASSWORD, alone) for one in companies] == [
        b"pw of " + one.encode() for one in companies
    ]
    assert rotate(office.database, alone) == Rotated(moved=0, there=4)


def test_rotate_without_the_old_key_names_it_and_changes_nothing(office: Office) -> None:
    company_id = office.connect()
    keep(office, company_id, PASSWORD, b"pw")
    with pytest.raises(ConfigurationError, match="old"):
        rotate(office.database, opener(NEW.private))
    assert opened(office, company_id, PASSWORD, opener(OLD.private)) == b"pw"


def test_rotate_with_one_secret_that_does_not_open_moves_none_of_the_others(office: Office) -> None:
    lost, fine = office.connect(), office.connect()
    keep(office, fine, PASSWORD, b"pw")
    other = new_key_pair("new")
    sealer = Sealer.from_settings(factories.settings(credential_public_key=other.public))
    with office.database.transaction() as tx:
        put_credential(tx, lost, PASSWORD, sealer.seal(b"pw", company_id=lost, kind=PASSWORD))
    with pytest.raises(ConfigurationError, match=f"company {lost} "):
        rotate(office.database, opener(NEW.private, OLD.private))
    assert opened(office, fine, PASSWORD, opener(OLD.private)) == b"pw"


def test_rotate_moves_what_a_reconnect_put_aside_so_that_it_still_opens(office: Office) -> None:
    company_id = office.connect()
    keep(office, company_id, PASSWORD, b"before")
    with office.database.transaction() as tx:
        tx.execute(
            b"UPDATE integration.credentials SET kind = 'previous-password'"
            b" WHERE company_id = %s AND kind = 'password'",
            [company_id],
        )
    assert rotate(office.database, opener(NEW.private, OLD.private)).moved == 1
    with office.database.transaction() as tx:
        sealed = credential(tx, company_id, f"{PREVIOUS}{PASSWORD}")
    assert sealed is not None
    assert opener(NEW.private).open(sealed, company_id=company_id, kind=PASSWORD) == b"before"
