"""The vault: who has the public key writes, who has the private one reads, and only in the row it was sealed for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.vault import KeyPair, Opener, SealedSecret, Sealer, new_key_pair
from core.errors import ConfigurationError, FatalError
from tests import factories

PAIR = new_key_pair("k1")
OTHER = new_key_pair("k2")


def sealer(pair: KeyPair = PAIR) -> Sealer:
    return Sealer.from_settings(factories.settings(credential_public_key=pair.public))


def opener(*pairs: KeyPair) -> Opener:
    keys = ",".join(pair.private for pair in pairs or (PAIR,))
    return Opener.from_settings(factories.settings(credential_private_keys=keys))


def sealed(secret: bytes = b"pw") -> SealedSecret:
    return sealer().seal(secret, company_id="c1", kind="password")


@given(st.binary(max_size=200))
@settings(max_examples=25, deadline=None)
def test_open_gives_back_what_was_sealed(secret: bytes) -> None:
    assert opener().open(sealed(secret), company_id="c1", kind="password") == secret


def test_seal_same_secret_twice_looks_different_and_shows_nothing() -> None:
    one, other = sealed(b"hunter2-long-enough"), sealed(b"hunter2-long-enough")
    assert one.sealed != other.sealed
    assert b"hunter2" not in one.sealed
    assert one.key_id == "k1"


@pytest.mark.parametrize(("company_id", "kind"), [("c2", "password"), ("c1", "session"), ("", "password")])
def test_open_blob_moved_to_another_row_does_not_open(company_id: str, kind: str) -> None:
    with pytest.raises(FatalError, match="moved or damaged"):
        opener().open(sealed(), company_id=company_id, kind=kind)


@pytest.mark.parametrize("cut", [0, 1, 16, 31, 32, 40, -1])
def test_open_blob_cut_short_does_not_open(cut: int) -> None:
    with pytest.raises(FatalError, match="moved or damaged"):
        opener().open(SealedSecret("k1", sealed().sealed[:cut]), company_id="c1", kind="password")


@pytest.mark.parametrize("place", [0, 31, 32, -1])
def test_open_blob_with_one_bit_changed_does_not_open(place: int) -> None:
    blob = bytearray(sealed().sealed)
    blob[place] ^= 1
    with pytest.raises(FatalError, match="moved or damaged"):
        opener().open(SealedSecret("k1", bytes(blob)), company_id="c1", kind="password")


def test_open_blob_of_zeros_does_not_open() -> None:
    with pytest.raises(FatalError, match="moved or damaged"):
        opener().open(SealedSecret("k1", bytes(80)), company_id="c1", kind="password")


def test_open_blob_whose_key_id_was_rewritten_does_not_open() -> None:
    same_key_other_name = KeyPair(PAIR.public.replace("k1:", "k9:"), PAIR.private.replace("k1:", "k9:"))
    with pytest.raises(FatalError):
        opener(same_key_other_name).open(SealedSecret("k9", sealed().sealed), company_id="c1", kind="password")


def test_open_without_the_key_names_the_key_and_the_setting() -> None:
    with pytest.raises(ConfigurationError, match="key k1, which CREDENTIAL_PRIVATE_KEYS"):
        opener(OTHER).open(sealed(), company_id="c1", kind="password")


def test_opener_after_rotation_opens_both_and_seals_with_the_newest() -> None:
    both = opener(OTHER, PAIR)
    assert both.open(sealed(), company_id="c1", kind="password") == b"pw"
    session = both.sealer().seal(b"s", company_id="c1", kind="session")
    assert session.key_id == "k2"
    assert opener(OTHER).open(session, company_id="c1", kind="session") == b"s"


# The ids are given: made of the value, they would be others in every process that collects the tests.
@pytest.mark.parametrize(
    "text",
    ["k1", "k1:", ":AAAA", "k1:AAAA", "k1:not base64!", PAIR.public + "A", "a,b"],
    ids=["no-key", "empty-key", "no-id", "short-key", "no-base64", "long-key", "comma"],
)
def test_keys_of_another_form_name_the_setting_and_never_the_value(text: str) -> None:
    with pytest.raises(ConfigurationError) as public:
        Sealer.from_settings(factories.settings(credential_public_key=text))
    with pytest.raises(ConfigurationError) as private:
        Opener.from_settings(factories.settings(credential_private_keys=text))
    assert str(public.value) == "CREDENTIAL_PUBLIC_KEY is wrong: it takes id:base64 of a 32-byte X25519 key."
    assert str(private.value) == "CREDENTIAL_PRIVATE_KEYS is wrong: it takes id:base64 of a 32-byte X25519 key."


def test_key_pair_never_prints_its_private_half() -> None:
    assert PAIR.private.partition(":")[2] not in repr(PAIR)


def test_keys_two_of_one_id_are_refused_without_their_values() -> None:
    same_id = new_key_pair("k1")
    with pytest.raises(ConfigurationError, match="holds the id k1 twice") as refused:
        opener(same_id, PAIR)
    assert PAIR.private.partition(":")[2] not in str(refused.value)


def test_keys_public_half_of_another_pair_under_the_same_id_is_refused() -> None:
    settings = factories.settings(credential_public_key=new_key_pair("k1").public, credential_private_keys=PAIR.private)
    with pytest.raises(ConfigurationError, match="different keys under the id k1"):
        Opener.from_settings(settings)


def test_opener_holds_tells_whether_what_the_public_key_seals_will_open() -> None:
    assert opener(OTHER, PAIR).holds(sealer())
    assert not opener(OTHER).holds(sealer())


@pytest.mark.parametrize("key_id", ["", "a,b", "a:b", "a b", "ä", "k" * 65])
def test_key_pair_id_that_no_setting_could_hold_is_refused(key_id: str) -> None:
    with pytest.raises(ConfigurationError, match="--key-id takes"):
        new_key_pair(key_id)
