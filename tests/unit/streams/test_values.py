"""Money, numbers, text and ids: exact, or refused with a sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRecordError
from streams.normalise.values import identifier, minutes, money_micros, readable_money, text


@pytest.mark.parametrize(
    ("stated", "micros"),
    [
        ("$42.00", 42_000_000),
        ("$1,042.50", 1_042_500_000),
        ("1,234,567.89", 1_234_567_890_000),
        ("336.0", 336_000_000),
        ("336", 336_000_000),
        (".5", 500_000),
        ("0", 0),
        ("-5.25", -5_250_000),
        ("-$5.25", -5_250_000),
        ("$-5.25", -5_250_000),
        ("(12.00)", -12_000_000),
        ("($1,200.00)", -1_200_000_000),
        ("+7", 7_000_000),
        (" $ 42.00 ", 42_000_000),
        ("1e3", 1_000_000_000),
        ("1.5E-2", 15_000),
        ('"336.0"', 336_000_000),
        ('{"value": 336.0}', 336_000_000),
        ('{"value": null}', None),
        ("0.30000000000000004", 300_000),
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("0.0000025", 2),
        ("-0.0000015", -2),
        ("999999999999.999999", 999_999_999_999_999_999),
        ("", None),
        ("  ", None),
        ("null", None),
        (None, None),
    ],
)
def test_money_micros_states_exact_millionths(stated: str | None, micros: int | None) -> None:
    assert money_micros(stated, "rate") == micros


@pytest.mark.parametrize(
    "stated",
    [
        "twelve",
        "$",
        "1.2.3",
        "12,34.00",
        "€5",
        "NaN",
        "Infinity",
        "1e999",
        "--",
        "(",
        "()",
        "5 000",
        '{"value": []}',
        "{",
    ],
)
def test_money_micros_refuses_what_is_no_amount(stated: str) -> None:
    with pytest.raises(InvalidRecordError, match="rate is not a number"):
        money_micros(stated, "rate")


@pytest.mark.parametrize("stated", ["1000000000000", "-1000000000000", "1e50"])
def test_money_micros_refuses_what_no_column_holds(stated: str) -> None:
    with pytest.raises(InvalidRecordError, match="larger than any amount"):
        money_micros(stated, "rate")


@given(st.decimals(min_value=-(10**11), max_value=10**11, places=6))
def test_money_micros_of_any_form_is_the_amount(amount: Decimal) -> None:
    expected = int(amount * 1_000_000)
    forms = [f"{amount:f}", f"{amount:,f}", f"${amount:,f}", f'{{"value": {amount:f}}}']
    if amount < 0:
        forms += [f"({-amount:,f})", f"-${-amount:,f}"]
    assert {money_micros(form, "rate") for form in forms} == {expected}


@given(st.decimals(min_value=-1000, max_value=1000, places=9))
def test_money_micros_rounds_to_the_nearest(amount: Decimal) -> None:
    micros = money_micros(f"{amount:f}", "rate")
    assert micros is not None
    assert abs(Decimal(micros) - amount * 1_000_000) <= Decimal("0.5")


def test_text_keeps_what_was_typed_and_drops_what_is_blank() -> None:
    assert text(" Tighe  Garage ", "job name") == " Tighe  Garage "
    assert text("  ", "job name") is None
    assert text(None, "job name") is None


def test_text_loses_its_control_characters_and_says_so_without_being_quoted() -> None:
    notes: list[str] = []
    assert text("private\x00\x1b words\nand\ttabs", "notes", notes) == "private words\nand\ttabs"
    assert notes == ["Control characters were removed from the notes."]
    assert text("\x00", "notes") is None


def test_text_that_is_very_long_is_cut_and_says_so() -> None:
    notes: list[str] = []
    assert text("é" * 600, "job name", notes) == "é" * 500
    assert notes == ["Only the first 500 characters of the job name are kept."]


@pytest.mark.parametrize("hostile", ['{"a":' * 3_000, "[" * 100_000, "9" * 5_000, "1e" + "9" * 4_000, '"' * 10**6])
def test_money_that_is_deep_or_endless_is_no_number(hostile: str) -> None:
    with pytest.raises(InvalidRecordError, match="rate is not a number"):
        money_micros(hostile, "rate")
    assert readable_money(hostile, "rate") is None


def test_identifier_refuses_a_negative_number() -> None:
    assert identifier(0, "job id") == "0"
    with pytest.raises(InvalidRecordError, match=r"job id is negative \(-7\)"):
        identifier(-7, "job id")


@pytest.mark.parametrize("value", [-1, 2**31])
def test_minutes_refuses_what_no_shift_lasts(value: int) -> None:
    with pytest.raises(InvalidRecordError, match="break cannot be"):
        minutes(value, "break")
