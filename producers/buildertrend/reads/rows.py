"""Rows of the five entities: strict where pay depends on a field, tolerant elsewhere, unknown fields kept as JSON text.

A field that decides hours, money or links must be present (it may be null): if Buildertrend renames it, that is
`source-changed`, not a missing value. Unambiguous variants are accepted ("480" minutes, a bare approval); a row that
does not have the known form is refused alone. Where a worker stood is dropped, wherever it is stated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn, NotRequired, TypeVar, get_args

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, with_config

# As pydantic wants it before Python 3.12.
from typing_extensions import TypedDict, is_typeddict

from producers.buildertrend import decoding
from producers.buildertrend.answers import Json
from producers.buildertrend.reads import extras
from producers.buildertrend.reads.extras import bounded_extras, refused_text
from producers.source import UNREADABLE_ID_PREFIX, SourceRecord, SourceRow, UnreadableRowError
from schemas.entities import BUDGETS, TIME_ENTRIES, Entity

R = TypeVar("R", bound="Row")

READER_VERSION = blake2b(
    b"".join(Path(file).read_bytes() for file in (__file__, extras.__file__, decoding.__file__)), digest_size=16
).digest()
"""Changes with the code that parses rows, so that nobody has to remember to raise a number.

Rows whose bytes were parsed by another version are parsed once more.
"""

# Unknown fields are ignored here and taken from the row as it was stated: pydantic would copy all of them first.
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
_NO_JOB = (None, 0)
# As the picker counts them (J1).
_STATUSES = {"closed": 0, "open": 1, "active": 3, "warranty": 3, "presale": 4}
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
    """Money of a shift is usually wrapped [A]; a bare amount means the same."""
    return value if value is None or isinstance(value, dict) else {"value": value}


def _break(value: Any) -> Any:
    return {"breakTime": value} if isinstance(value, (int, Decimal, str)) and not isinstance(value, bool) else value


def _approval(value: Any) -> Any:
    return {"isApproved": value} if isinstance(value, bool) else value


def _codes(value: Any) -> Any:
    """The cost codes that a shift names. One that states neither id nor title nor minutes is none."""
    if value is None:
        return []
    if not isinstance(value, list) or not any(isinstance(one, dict) and not one.get("costCodeTitle") for one in value):
        return value
    return [_with_title(one) for one in value if not _is_no_code(one)]


def _is_no_code(code: Any) -> bool:
    return isinstance(code, dict) and not any(code.get(name, True) for name in ("id", "costCodeTitle", "totalMinutes"))


def _with_title(code: Any) -> Any:
    """An id names a code by itself: a title that is null becomes empty."""
    has_id = isinstance(code, dict) and bool(code.get("id")) and "costCodeTitle" in code
    return {**code, "costCodeTitle": code["costCodeTitle"] or ""} if has_id else code


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
    """The whole number that a decimal is at most `apart` from; anything else unchanged."""
    if not isinstance(value, Decimal) or value.adjusted() > _MOST_PLACES + 6:
        return value
    whole = value.to_integral_value()
    return int(whole) if abs(value - whole) <= apart else value


def _text(value: Any) -> Any:
    """Free text, which decides no hours: too long a text is cut, and what is no text becomes null."""
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else value[:_LONGEST_TEXT] + " […]"
    return str(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else None


def _small(value: Any) -> Any:
    """A number that decides no hours; null if a record cannot hold it."""
    value = _id(value)
    return value if isinstance(value, int) and abs(value) <= _MOST_SMALL and not isinstance(value, bool) else None


def _flag(value: Any) -> Any:
    return value if isinstance(value, bool) else None


def _tags(value: Any) -> list[str]:
    """Tags are strings or objects with a name [B]; others are left out."""
    listed = value if isinstance(value, list) else [value]
    names = (tag.get("name") if isinstance(tag, dict) else tag for tag in listed[:_MOST_PARTS])
    return [name[:_LONGEST_TAG] for name in names if isinstance(name, str)]


def _spellings(name: str, alias: Any) -> tuple[str, ...]:
    if isinstance(alias, AliasChoices):
        return tuple(map(str, alias.choices))
    return (name if alias is None else str(alias),)


def _parts_in(annotation: Any) -> Iterator[frozenset[str]]:
    """The field names of each TypedDict that stands somewhere in an annotation."""
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
    id_field: ClassVar[str] = "id"
    """The field with the id that the row's record is known by."""
    spellings: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """By field: its names on the wire, the preferred one first."""
    names: ClassVar[frozenset[str]] = frozenset()
    """Wire names of the fields that have a single one."""
    parts: ClassVar[tuple[tuple[str, frozenset[str]], ...]] = ()
    """Wire names of fields that hold an object or a list of objects, and the known fields of these."""
    lenient: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Fields that are null if what was stated is of no use, with their wire names; what was stated goes to `extras`."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        fields = cls.model_fields
        cls.spellings = {name: _spellings(name, field.validation_alias) for name, field in fields.items()}
        cls.names = frozenset(wire[0] for wire in cls.spellings.values() if len(wire) == 1)
        cls.parts = tuple(
            (wire, known)
            for name, field in fields.items()
            for known in _parts_in(field.annotation)
            for wire in cls.spellings[name]
        )
        cls.lenient = tuple(
            (name, wire)
            for name, field in fields.items()
            if any(isinstance(one, BeforeValidator) and one.func in _LENIENT for one in field.metadata)
            for wire in cls.spellings[name]
        )

    @classmethod
    def preferred_names(cls) -> dict[str, str]:
        """The preferred wire name of each field."""
        return {name: wire[0] for name, wire in cls.spellings.items()}

    @classmethod
    def adapted(cls, raw: Any) -> Any:
        """The row with values that are stated elsewhere, but unambiguously, put where they belong."""
        return raw

    @classmethod
    def stated_id(cls, raw: Any) -> int | None:
        """The id of a row that cannot be read as a whole, if at least that can."""
        if not isinstance(raw, dict):
            return None
        return stated_number(raw.get(next((name for name in cls.spellings[cls.id_field] if name in raw), "")))

    def after(self, stated: Json) -> Json:
        """The raw record's `after`: known fields by name, all others that were `stated` as JSON text in `extras`."""
        names = self.names
        if len(names) < len(self.spellings):
            names |= {next((name for name in each if name in stated), "") for each in self.spellings.values()}
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
        for name, wire in self.lenient:
            if row[name] is None and stated.get(wire) is not None:
                others[wire] = stated[wire]
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
    updatedDate: NotRequired[Text]


@with_config(_AS_STATED)
class ShiftCode(TypedDict):
    """A cost code that a shift names, with its id and its part of the shift's minutes (T3).

    Both are in every captured row: without these fields all splits and links would quietly be others. They may be
    null: the code is then known by its title alone, or its part is not stated.
    """

    costCodeTitle: Annotated[str, Field(max_length=_LONGEST_TEXT)]
    id: Id | None
    totalMinutes: Amount


class Shift(Row):
    """A row of the time clock's grid (T1), in the shape of captured rows (T2 to T15)."""

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
    doubleOverTime: Minutes
    personalTimeOff: Minutes
    builderCost: Annotated[Money | None, BeforeValidator(_wrapped)]
    rate: Amount
    approvalStatus: Annotated[Approval | None, BeforeValidator(_approval)]
    costCodes: Annotated[list[ShiftCode], Field(max_length=_MOST_PARTS), BeforeValidator(_codes)]
    notes: Text = None
    tags: Annotated[list[str], BeforeValidator(_tags)] = []

    @classmethod
    def adapted(cls, raw: Any) -> Any:
        """A shift of General states no job (T2); one whose start names a job all the same contradicts itself."""
        if isinstance(raw, dict) and raw.get("jobId", 1) in _NO_JOB:
            time_in = raw.get("timeIn")
            beside = time_in.get("jobId") if isinstance(time_in, dict) else None
            return {**raw, "jobId": None if beside else 0}
        return raw


class PickerJob(Row):
    """A row of the job picker [A]."""

    id_field = "jobId"
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
    """A row of the job list (J4); mind the spelling of its id."""

    jobID: Id
    jobNumber: Text = None
    street: Text = None
    jobStatus: Text = None

    def stated(self) -> Json:
        """What it states of the job, under the picker's names."""
        found = {"jobNumber": self.jobNumber, "street": self.street, "status": _status(self.jobStatus)}
        return {name: value for name, value in found.items() if value is not None}


def _status(text: str | None) -> int | None:
    """The job list's text as the picker's number."""
    words = "" if text is None else text.strip().lower().replace("-", "").replace(" ", "")
    return _STATUSES.get(words) if not words.isdecimal() else stated_number(words)


class ListedUser(Row):
    """An option that names a user (U3); more than id and name may stand beside them (U4)."""

    id_field = "userId"
    userId: Id = Field(validation_alias=AliasChoices("id", "userId"))
    firstName: Text = None
    lastName: Text = None
    name: Text = None
    email: Text = Field(default=None, validation_alias=AliasChoices("email", "emailAddresses"))
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

    def after(self, stated: Json) -> Json:
        """See Row; a code that is in a budget's list is stated by it."""
        return super().after(stated) | {"statedBy": "list"}


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


def stated_number(value: Any) -> int | None:
    """A whole number, however it is written; None for anything else."""
    stated = _id(value)
    is_number = isinstance(stated, int) and not isinstance(stated, bool) and abs(stated) < 10**100
    return stated if is_number else None


def parse_row(kind: type[R], raw: Any, *, what: str) -> R:
    """A validated row; UnreadableRowError names the field that does not have the known form."""
    try:
        return kind.model_validate(kind.adapted(raw))
    except ValidationError as exc:
        place = exc.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]
        raise unreadable(what, ".".join(map(str, place)) or "(row)", raw) from None


def unreadable(what: str, field: str, raw: Any) -> UnreadableRowError:
    """The error for a row that does not have the known form, with the row as its dead letter holds it."""
    return UnreadableRowError(what, field, refused_text(raw))


def row_of(kind: type[Row], raw: Any, read: Callable[[Any], SourceRecord]) -> SourceRow:
    """The row as `read` parses it, or one that raises UnreadableRowError when it is read."""
    try:
        return SourceRow.of(read(raw))
    except UnreadableRowError as error:
        return refused_row(kind, raw, error)


def refused_row(kind: type[Row], raw: Any, error: UnreadableRowError, *, prefix: str = "") -> SourceRow:
    """A row that cannot be read: under its own id, so that it counts as shown, else under one made of its contents."""
    stated = kind.stated_id(raw)
    if stated is not None:
        return SourceRow(f"{prefix}{stated}", partial(_refuse, error))
    return SourceRow(UNREADABLE_ID_PREFIX + blake2b(error.value, digest_size=8).hexdigest(), partial(_refuse, error))


def _refuse(error: UnreadableRowError) -> NoReturn:
    raise error


def local_day_of(entity: Entity, after: Mapping[str, Any]) -> date | None:
    """The local day on which a published shift began; None for other entities, or if none is stated."""
    if entity != TIME_ENTRIES:
        return None
    try:
        return date.fromisoformat(after["timeIn"]["timeStamp"][:10])
    except (KeyError, TypeError, ValueError):
        return None


def parent_of(entity: Entity, after: Mapping[str, Any]) -> str | None:
    """The job of a published budget line; None for other entities."""
    return str(after["jobId"]) if entity == BUDGETS and "jobId" in after else None
