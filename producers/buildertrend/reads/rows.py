"""Rows of the five entities: strict where pay depends on a field, tolerant elsewhere, unknown fields kept as JSON text.

A field that decides hours, money or links must be there (it may be null): a renamed one is `source-changed`, no "none".
What is unambiguous in another form than usual is taken ("480" minutes, a bare approval); a row that is not understood
is refused alone. Where somebody stood is dropped, wherever it is stated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, NoReturn, TypeVar, get_args

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, with_config

# As pydantic wants it before Python 3.12.
from typing_extensions import TypedDict, is_typeddict

from producers.buildertrend.answers import Json
from producers.buildertrend.reads.extras import bounded_extras, json_text, without_places
from producers.source import UNREADABLE_ID_PREFIX, SourceRecord, SourceRow, UnreadableRowError

R = TypeVar("R", bound="Row")
# Unknown fields are taken from the row as it was stated: pydantic would copy all of them first.
_AS_STATED = ConfigDict(extra="ignore", frozen=True, strict=True)

_MOST_ID = 2**63 - 1
_MOST_SMALL = 2**31 - 1
# Nearly two years: no shift is longer.
_MOST_MINUTES = 1_000_000
# Hours rounded to four decimals, times 60: 488 minutes come as 487.998 [B raw].
_ROUNDED = Decimal("0.01")
_MOST_PLACES = 12
_LONGEST_TEXT = 32_768
_LONGEST_AMOUNT = 200
_LONGEST_STAMP = 64
_LONGEST_TAG = 1_000
_MOST_PARTS = 1_000
_LONGEST_ROW = 65_536
_DIGITS = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,7}(\.[0-9]{1,6})?", re.ASCII)


def _amount_text(value: Any) -> Any:
    """Amounts come as numbers, strings or {"value": …} [B]; kept as the text that was stated."""
    if isinstance(value, dict) and "value" in value:
        value = value["value"]
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    return value


def _wrapped(value: Any) -> Any:
    """Money of a shift is often wrapped, not always [A]; bare it means the same."""
    return value if value is None or isinstance(value, dict) else {"value": value}


def _break(value: Any) -> Any:
    return {"breakTime": value} if isinstance(value, (int, Decimal, str)) and not isinstance(value, bool) else value


def _approval(value: Any) -> Any:
    return {"isApproved": value} if isinstance(value, bool) else value


def _listed(value: Any) -> Any:
    return [] if value is None else value


def _id(value: Any) -> Any:
    """9001, "9001" and 9001.0 are one id."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    return _whole(value, Decimal(0))


def _minutes(value: Any) -> Any:
    """480, "480", 480.0 and 479.998 are whole minutes; 480.5 and "8:00" are refused by the field's type."""
    number = Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    return _whole(number, _ROUNDED)


def _whole(value: Any, apart: Decimal) -> Any:
    """The whole number that a decimal is, or is not further from; anything else as it is."""
    if not isinstance(value, Decimal) or value.adjusted() > _MOST_PLACES + 6:
        return value
    whole = value.to_integral_value()
    return int(whole) if abs(value - whole) <= apart else value


def _text(value: Any) -> Any:
    """Free text, which decides no hours: one that is too long is cut, and what is no text is none."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + " […]"
    return str(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else None


def _small(value: Any) -> Any:
    """A number that decides no hours; none where it is beyond what a record holds."""
    return value if isinstance(value, int) and abs(value) <= _MOST_SMALL and not isinstance(value, bool) else None


def _flag(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _tags(value: Any) -> list[str]:
    """Tags are strings or objects with a name [B]; others are left out."""
    listed = value if isinstance(value, list) else [value]
    names = (tag.get("name") if isinstance(tag, dict) else tag for tag in listed[:_MOST_PARTS])
    return [name[:_LONGEST_TAG] for name in names if isinstance(name, str)]


def _parts_in(annotation: Any) -> Iterator[frozenset[str]]:
    """The names of the fields of each part that an annotation has somewhere in it."""
    if is_typeddict(annotation):
        yield frozenset(annotation.__annotations__)
    for inner in get_args(annotation):
        yield from _parts_in(inner)


Id = Annotated[int, Field(ge=-_MOST_ID, le=_MOST_ID), BeforeValidator(_id)]
Amount = Annotated[Annotated[str, Field(max_length=_LONGEST_AMOUNT)] | None, BeforeValidator(_amount_text)]
Minutes = Annotated[Annotated[int, Field(ge=-_MOST_MINUTES, le=_MOST_MINUTES)] | None, BeforeValidator(_minutes)]
Text = Annotated[str | None, BeforeValidator(_text)]
Small = Annotated[int | None, BeforeValidator(_small)]
Flag = Annotated[bool | None, BeforeValidator(_flag)]
Title = Annotated[str, Field(max_length=_LONGEST_TEXT)]
_LENIENT = (_text, _small, _flag)


class Row(BaseModel):
    """A row by its known fields."""

    model_config = _AS_STATED
    names: ClassVar[frozenset[str]] = frozenset()
    """Its known fields as Buildertrend spells them, but for those with several spellings."""
    spellings: ClassVar[tuple[tuple[str, ...], ...]] = ()
    parts: ClassVar[tuple[tuple[str, frozenset[str]], ...]] = ()
    """Fields that hold a part or a list of them, and the fields that are known of it."""
    lenient: ClassVar[tuple[str, ...]] = ()
    """Fields that are null where what was stated is of no use; what was, is kept beside."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        fields = cls.model_fields
        cls.names = frozenset(name for name, field in fields.items() if field.validation_alias is None)
        cls.spellings = tuple(
            tuple(map(str, field.validation_alias.choices))
            for field in fields.values()
            if isinstance(field.validation_alias, AliasChoices)
        )
        cls.parts = tuple((name, known) for name, field in fields.items() for known in _parts_in(field.annotation))
        cls.lenient = tuple(
            name
            for name, field in fields.items()
            if any(isinstance(one, BeforeValidator) and one.func in _LENIENT for one in field.metadata)
        )

    @classmethod
    def tolerated(cls, raw: Any) -> Any:
        """The row with what is unambiguous put where it belongs."""
        return raw

    def after(self, stated: Json) -> Json:
        """The raw record's `after`: known fields under their own names, what else was `stated` as JSON text."""
        names = self.names
        if self.spellings:
            names |= {next((name for name in each if name in stated), "") for each in self.spellings}
        others = {name: value for name, value in stated.items() if name not in names}
        for name, known in self.parts:
            part = stated.get(name)
            for one in part if isinstance(part, list) else (part,):
                if isinstance(one, dict):
                    for key, value in one.items():
                        if key not in known:
                            others[f"{name}.{key}"] = value
        # Copied whole: a call for each field would be half the cost of a first read.
        row = self.__dict__.copy()
        for name in self.lenient:
            if row[name] is None and stated.get(name) is not None:
                others[name] = stated[name]
        row["extras"] = bounded_extras(others)
        return row


# Parts of a row are plain dictionaries: a model for each would double the cost of a row.


@with_config(_AS_STATED)
class Stamp(TypedDict):
    timeStamp: Annotated[str, Field(max_length=_LONGEST_STAMP)]


@with_config(_AS_STATED)
class Break(TypedDict):
    breakTime: Minutes


@with_config(_AS_STATED)
class Money(TypedDict):
    value: Amount


@with_config(_AS_STATED)
class Approval(TypedDict):
    isApproved: bool | None


@with_config(_AS_STATED)
class TitleOnly(TypedDict):
    costCodeTitle: Title


class Shift(Row):
    """A row of the time clock's grid [B]."""

    id: Id
    jobId: Id
    userID: Id
    jobName: Text = None
    name: Text = None
    timeIn: Stamp
    timeOut: Stamp | None
    breakTime: Annotated[Break | None, BeforeValidator(_break)]
    regularTime: Minutes
    overTime: Minutes
    builderCost: Annotated[Money | None, BeforeValidator(_wrapped)]
    rate: Amount
    approvalStatus: Annotated[Approval | None, BeforeValidator(_approval)]
    costCodes: Annotated[list[TitleOnly], Field(max_length=_MOST_PARTS), BeforeValidator(_listed)]
    notes: Text = None
    tags: Annotated[list[str], BeforeValidator(_tags)] = []

    @classmethod
    def tolerated(cls, raw: Any) -> Any:
        """A shift of General has no job of its own; that it is 0 stands beside its start [B raw]."""
        if isinstance(raw, dict) and raw.get("jobId", 1) is None:
            time_in = raw.get("timeIn")
            if isinstance(time_in, dict) and time_in.get("jobId") == 0:
                return {**raw, "jobId": 0}
        return raw


class PickerJob(Row):
    """A row of the job picker [A]."""

    jobId: Id
    jobName: Title
    status: Small
    isClosed: Flag = None
    dateOpened: Text = None
    projectedStartDate: Text = None
    actualStartDate: Text = None
    projectedClosingDate: Text = None
    jobNumber: Text = None
    street: Text = None


class ListedJob(Row):
    """A row of the job list [A]; mind the spelling of its id."""

    jobID: Id
    jobNumber: Text = None
    street: Text = None


class InternalUser(Row):
    """A row of the internal users' grid [C]."""

    userId: Id
    firstName: Text = None
    lastName: Text = None
    name: Text = None
    email: Text = None
    phone: Text = None
    role: Text = None
    isActive: Flag = None
    defaultLaborCost: Amount = None


class CostCodeRow(Row):
    """A row of the budget's cost codes; three of its fields have two spellings [A]."""

    id: Id = Field(validation_alias=AliasChoices("id", "costCodeId"))
    code: Text = Field(default=None, validation_alias=AliasChoices("code", "displayCode"))
    title: Title = Field(validation_alias=AliasChoices("title", "name"))
    category: Text = None
    isActive: Flag = None


class BudgetLine(Row):
    """A cost code of a job's budget [B]; revisedBudgetCosts is seen on the page, its wire name is our guess [C]."""

    id: Id
    title: Title
    originalBudgetCosts: Amount
    revisedBudgetCosts: Amount = None


class WorksheetLine(Row):
    """A line of the estimate worksheet [B]."""

    id: Id
    lineItemType: Small
    itemTitle: Text = None
    costCodeTitle: Text
    unit: Text
    quantity: Amount
    unitCost: Amount = None
    builderCost: Amount = None


def parse_row(kind: type[R], raw: Any, *, what: str) -> R:
    """A checked row; UnreadableRowError with the field's name if it does not fit."""
    try:
        return kind.model_validate(kind.tolerated(raw))
    except ValidationError as exc:
        place = exc.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]
        raise unreadable(what, ".".join(map(str, place)) or "(row)", raw) from None


def unreadable(what: str, field: str, raw: Any) -> UnreadableRowError:
    """The error for a row that is not understood, with the row as its dead letter holds it."""
    return UnreadableRowError(what, field, refused_text(raw))


def refused_text(raw: Any) -> bytes:
    """A row as JSON without where somebody stood; one that is too long by its beginning, size and hash."""
    text = json_text(without_places(raw)).encode()
    if len(text) <= _LONGEST_ROW:
        return text
    begins = text[: _LONGEST_ROW // 4].decode(errors="replace")
    whole = {"cut": True, "bytes": len(text), "blake2b": blake2b(text, digest_size=16).hexdigest(), "begins": begins}
    return json_text(whole).encode()


def row_of(raw: Any, read: Callable[[Any], SourceRecord], *, name: str, prefix: str = "") -> SourceRow:
    """A row that is read now, or refused alone later; its id stands in the field `name`, `prefix` before it."""
    try:
        return SourceRow.of(read(raw))
    except UnreadableRowError as error:
        return refused_row(raw, error, name=name, prefix=prefix)


def refused_row(raw: Any, error: UnreadableRowError, *, name: str, prefix: str = "") -> SourceRow:
    """A row that cannot be read: under its own id, so that it counts as shown, else under one made of what it says."""
    stated = _id(raw.get(name)) if isinstance(raw, dict) else None
    if isinstance(stated, int) and not isinstance(stated, bool) and abs(stated) < 10**100:
        return SourceRow(f"{prefix}{stated}", partial(_refuse, error))
    return SourceRow(UNREADABLE_ID_PREFIX + blake2b(error.value, digest_size=8).hexdigest(), partial(_refuse, error))


def _refuse(error: UnreadableRowError) -> NoReturn:
    raise error
