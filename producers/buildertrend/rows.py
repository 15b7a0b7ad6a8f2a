"""Rows of the five entities: strict where pay depends on a field, tolerant elsewhere, unknown fields kept as JSON text.

A field that decides hours, money or links must be there (it may be null): a renamed one is `source-changed`, no "none".
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar, get_args

import msgspec
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, with_config

# As pydantic wants it before Python 3.12.
from typing_extensions import TypedDict, is_typeddict

from producers.buildertrend.answers import Json, changed

R = TypeVar("R", bound="Row")
_TEXT = msgspec.json.Encoder(decimal_format="number", order="sorted")
# Unknown fields are taken from the row as it was stated: pydantic would copy all of them first.
_AS_STATED = ConfigDict(extra="ignore", frozen=True, strict=True)


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


def _listed(value: Any) -> Any:
    return [] if value is None else value


def _whole(value: Any) -> Any:
    """480.0 is a whole number of minutes; 480.5 is refused by the field's type."""
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value


def _parts_in(annotation: Any) -> Iterator[frozenset[str]]:
    """The names of the fields of each part that an annotation has somewhere in it."""
    if is_typeddict(annotation):
        yield frozenset(annotation.__annotations__)
    for inner in get_args(annotation):
        yield from _parts_in(inner)


Amount = Annotated[str | None, BeforeValidator(_amount_text)]
Minutes = Annotated[int | None, BeforeValidator(_whole)]
Text = Annotated[str | None, Field(strict=False, coerce_numbers_to_str=True)]


class Row(BaseModel):
    """A row by its known fields."""

    model_config = _AS_STATED
    names: ClassVar[frozenset[str]] = frozenset()
    """Its known fields as Buildertrend spells them, but for those with several spellings."""
    spellings: ClassVar[tuple[tuple[str, ...], ...]] = ()
    parts: ClassVar[tuple[tuple[str, frozenset[str]], ...]] = ()
    """Fields that hold a part or a list of them, and the fields that are known of it."""

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

    def after(self, stated: Json) -> Json:
        """The raw record's `after`: known fields under their own names, what else was `stated` as JSON text."""
        names = self.names
        if self.spellings:
            names |= {next((name for name in each if name in stated), "") for each in self.spellings}
        extras = {name: json_text(value) for name, value in stated.items() if name not in names}
        for name, known in self.parts:
            part = stated.get(name)
            for one in part if isinstance(part, list) else (part,):
                if isinstance(one, dict):
                    for key, value in one.items():
                        if key not in known:
                            extras[f"{name}.{key}"] = json_text(value)
        # Copied whole: a call for each field would be half the cost of a first read.
        row = self.__dict__.copy()
        row["extras"] = extras
        return row


# Parts of a row are plain dictionaries: a model for each would double the cost of a row.


@with_config(_AS_STATED)
class Stamp(TypedDict):
    timeStamp: str


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
    costCodeTitle: str


class Shift(Row):
    """A row of the time clock's grid [B]."""

    id: int
    jobId: int
    userID: int
    jobName: Text = None
    name: Text = None
    timeIn: Stamp
    timeOut: Stamp | None
    breakTime: Break | None
    regularTime: Minutes
    overTime: Minutes
    builderCost: Annotated[Money | None, BeforeValidator(_wrapped)]
    rate: Text
    approvalStatus: Approval | None
    costCodes: list[TitleOnly]
    notes: Text = None
    tags: Annotated[list[str], BeforeValidator(_listed)] = []


class PickerJob(Row):
    """A row of the job picker [A]."""

    jobId: int
    jobName: str
    status: int | None
    isClosed: bool | None = None
    dateOpened: str | None = None
    projectedStartDate: str | None = None
    actualStartDate: str | None = None
    projectedClosingDate: str | None = None
    jobNumber: Text = None
    street: Text = None


class ListedJob(Row):
    """A row of the job list [A]; mind the spelling of its id."""

    jobID: int
    jobNumber: Text = None
    street: Text = None


class InternalUser(Row):
    """A row of the internal users' grid [C]."""

    userId: int
    firstName: Text = None
    lastName: Text = None
    name: Text = None
    email: Text = None
    phone: Text = None
    role: Text = None
    isActive: bool | None = None
    defaultLaborCost: Amount = None


class CostCodeRow(Row):
    """A row of the budget's cost codes; three of its fields have two spellings [A]."""

    id: int = Field(validation_alias=AliasChoices("id", "costCodeId"))
    code: Text = Field(default=None, validation_alias=AliasChoices("code", "displayCode"))
    title: str = Field(validation_alias=AliasChoices("title", "name"))
    category: Text = None
    isActive: bool | None = None


class BudgetLine(Row):
    """A cost code of a job's budget [B]; revisedBudgetCosts is seen on the page, its wire name is our guess [C]."""

    id: int
    title: str
    originalBudgetCosts: Amount
    revisedBudgetCosts: Amount = None


class WorksheetLine(Row):
    """A line of the estimate worksheet [B]."""

    id: int
    lineItemType: int | None
    itemTitle: Text = None
    costCodeTitle: Text
    unit: Text
    quantity: Amount
    unitCost: Amount = None
    builderCost: Amount = None


def parse_row(kind: type[R], raw: Any, *, what: str) -> R:
    """A checked row; SourceFaultError `source-changed` with the field's name if it does not fit."""
    try:
        return kind.model_validate(raw)
    except ValidationError as exc:
        place = exc.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]
        raise changed(what, ".".join(map(str, place)) or "(row)") from None


def json_text(value: Any) -> str:
    """JSON text of an unknown field, numbers digit for digit, keys in order."""
    # What most unknown fields hold needs no encoder.
    if value is True:
        return "true"
    if value is False:
        return "false"
    return _TEXT.encode(value).decode()
