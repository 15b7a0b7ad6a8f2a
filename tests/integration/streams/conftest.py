"""Fixtures of the streams' tests: one process for a module, a company with its writer and reader for a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.fix_stack import Stack
from tests.integration.streams.fix_streams import CanonicalReader, RawWriter, StreamsProcess, running, skip_what_waits
from tests.unit.streams.factories import RawTopics, company


@dataclass(frozen=True, slots=True)
class Bench:
    """A company of the test's own: its raw records, their writer and the reader of what follows."""

    raw: RawTopics
    writer: RawWriter
    reader: CanonicalReader


@pytest.fixture(scope="module", autouse=True)
def nothing_waits(stack: Stack) -> None:
    """What other tests left in the topics is loaded, and not delivered."""
    skip_what_waits(stack.settings)


@pytest.fixture(scope="module")
def streams(stack: Stack, nothing_waits: None) -> Iterator[StreamsProcess]:
    """A running streams process."""
    with running(stack.settings) as process:
        yield process


@pytest.fixture
def bench(stack: Stack) -> Iterator[Bench]:
    """A new company."""
    company_id = company()
    reader = CanonicalReader(stack.settings, stack.registry, company_id)
    yield Bench(RawTopics(company_id, stack.registry), RawWriter(stack.settings, company_id), reader)
    reader.close()
