"""JSON from outside: any text is decoded within bounds or refused by name, and quickly."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from producers.buildertrend.decoding import MOST_DEPTH, MOST_VALUES, NotJsonError, OverBoundsError, check_size, decoded


@pytest.mark.parametrize("shape", [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_json_nested_deeper_than_anything_known_is_refused(shape: tuple[bytes, bytes]) -> None:
    opened, closed = shape
    inside = b"1"
    for depth in (2 * MOST_DEPTH, 5_000):
        with pytest.raises(OverBoundsError):
            decoded(opened * depth + inside + closed * depth)
    assert decoded(opened * 20 + inside + closed * 20) is not None


def test_json_of_many_rows_and_of_brackets_in_texts_is_not_deep() -> None:
    rows = b'{"a":[{"b":"[[[{{{\\"[["}]}'
    assert len(decoded(b"[" + b",".join([rows] * 1_000) + b"]")) == 1_000
    assert decoded(b'{"a":"' + b"[" * 5_000 + b'"}') == {"a": "[" * 5_000}


def test_json_of_more_values_than_any_answer_has_is_refused_before_it_is_read() -> None:
    text = b"[" + b"{}," * MOST_VALUES + b"{}]"
    for read in (check_size, decoded):
        with pytest.raises(OverBoundsError):
            read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"[1180591620717411303424]", [2**70]),
        (b"[1e25]", [Decimal("1E+25")]),
        (b"[1e99999999999999999999]", ["1e99999999999999999999"]),
        (b"[" + b"1" * 5_000 + b"]", ["1" * 5_000]),
        (b"[0." + b"1" * 5_000 + b', "\\ud83d"]', ["0." + "1" * 5_000, "\ufffd"]),
    ],
)
def test_json_number_beyond_all_bounds_is_its_fields_matter(text: bytes, value: Any) -> None:
    assert decoded(text) == value


@pytest.mark.parametrize(
    "text",
    [
        b'"\\' * 900_000 + b"[" * 100,
        b'"' * 900_001 + b"[" * 100,
        b"[" * 1_500_000,
        b'"' + b"\\\\" * 900_000 + b"[" * 100,
    ],
    ids=["escapes", "quotes", "open brackets", "backslashes"],
)
def test_json_that_is_made_to_take_long_does_not(text: bytes) -> None:
    began = time.process_time()
    with pytest.raises(NotJsonError):
        decoded(text)
    assert time.process_time() - began < 5
