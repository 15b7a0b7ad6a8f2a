"""Rotation of one secret: it is given out sealed anew only after the newest key alone has opened it."""

from __future__ import annotations

import pytest

from control.key_rotation import StoredSecret, moved_to_newest
from control.vault import KeyPair, Opener, Sealer, new_key_pair
from core.errors import ConfigurationError
from tests import factories

OLD, NEW = new_key_pair("old"), new_key_pair("new")


def opener(*pairs: KeyPair) -> Opener:
    keys = ",".join(pair.private for pair in pairs)
    return Opener.from_settings(factories.settings(credential_private_keys=keys))


def stored(pair: KeyPair) -> StoredSecret:
    sealer = Sealer.from_settings(factories.settings(credential_public_key=pair.public))
    return StoredSecret("acme", "password", sealer.seal(b"pw", company_id="acme", kind="password"))


def test_moved_to_newest_opens_with_the_newest_key_alone() -> None:
    new = moved_to_newest(stored(OLD), opener(NEW, OLD))
    assert new is not None
    assert opener(NEW).open(new, company_id="acme", kind="password") == b"pw"


def test_moved_to_newest_of_a_secret_that_is_there_is_nothing() -> None:
    assert moved_to_newest(stored(NEW), opener(NEW, OLD)) is None


@pytest.mark.parametrize("row", [stored(OLD), stored(new_key_pair("new"))], ids=["key gone", "other key of that id"])
def test_moved_to_newest_of_a_secret_that_does_not_open_names_it_and_refuses(row: StoredSecret) -> None:
    with pytest.raises(ConfigurationError, match=r"password of company acme .* key (old|new) .* Nothing was changed"):
        moved_to_newest(row, opener(NEW))
