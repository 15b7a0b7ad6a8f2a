"""Who waits for the answer to a command that nobody can read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.topics import SYNC_COMMANDS
from producers import metrics
from producers.commands.inbox import Sender, answer_id, sender_in, sender_of
from schemas.codec import HEADER, encoder
from schemas.commands import CommandType
from tests.factories import command_body
from tests.fakes import MemorySchemas

ID = "6f1e2a34-9b0c-4d5e-8f70-a1b2c3d4e5f6"
WRITE = encoder(SYNC_COMMANDS, MemorySchemas())


def test_sender_of_a_truncated_command_is_read_from_its_beginning_and_its_key() -> None:
    whole = WRITE(command_body(command_id=ID))
    assert sender_of(b"acme", whole[:50]) == Sender(ID, "acme")
    assert sender_of(b"acme", HEADER.pack(0, 99_999) + whole[5:]) == Sender(ID, "acme")


def test_sender_of_json_is_read_too() -> None:
    assert sender_of("acme", json.dumps({"type": "sync", "command_id": ID}).encode()) == Sender(ID, "acme")


@pytest.mark.parametrize("key", [None, b"", b"\xff", b"a\0b", b"a/b", b"x" * 201])
def test_sender_whose_key_is_no_company_is_unknown(key: bytes | None) -> None:
    assert sender_of(key, b"rubbish") == Sender(None, None)


def test_sender_in_a_decoded_command_is_only_what_an_answer_can_name() -> None:
    assert sender_in(command_body(command_id=ID, company_id="acme")) == Sender(ID, "acme")
    assert sender_in(command_body(command_id="x" * 2_500_000, company_id="x" * 3_000)) == Sender(None, None)


@given(st.none() | st.binary(max_size=60), st.none() | st.binary(max_size=200))
def test_sender_of_any_bytes_raises_nothing(key: bytes | None, value: bytes | None) -> None:
    found = sender_of(key, value)
    assert found.command_id is None or len(found.command_id) == 36


def test_answer_id_is_the_same_for_the_same_record() -> None:
    assert answer_id("t", 1, 2) == answer_id("t", 1, 2) != answer_id("t", 1, 3)


def test_command_of_a_type_that_somebody_made_up_makes_no_label_of_its_own() -> None:
    metrics.command_ended("x" * 200, "rejected")
    types = {labels[0] for labels in metrics.COMMANDS._metrics}
    assert types <= {*CommandType, "unknown"}
