"""Rows of the five entities: strict where pay depends on a field, tolerant elsewhere, unknown fields kept as JSON text.

A field that decides hours, money or links must be there (it may be null): a renamed one is `source-changed`, no "none".
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar, get_args

import msgspec
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from producers.buildertrend.answers import Json, changed

R = TypeVar("R", bound="Row")
_TEXT = msgspec.json.Encoder(decimal_format="number", order="sorted")
_NOTHING: Json = {}


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


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value


def _holds_rows(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(map(_holds_rows, get_args(annotation)))


Amount = Annotated[str | None, BeforeValidator(_amount_text)]
Minutes = Annotated[int | None, BeforeValidator(_whole)]
Text = Annotated[str | None, BeforeValidator(_text)]


class Row(BaseModel):
    """A row, or a part of one; what it does not know goes to `extras`."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    holding_rows: ClassVar[tuple[str, ...]] = ()
    """Fields whose values are rows or lists of them."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.holding_rows = tuple(name for name, field in cls.model_fields.items() if _holds_rows(field.annotation))

    def after(self) -> Json:
        """The row as the raw record's `after`: known fields under their own names, the rest as JSON text."""
        extras: dict[str, str] = {}
        known = _plain(self, "", extras)
        known["extras"] = extras
        return known


class Stamp(Row):
    timeStamp: str


class Break(Row):
    breakTime: Minutes


class Money(Row):
    value: Amount


class Approval(Row):
    isApproved: bool | None


class TitleOnly(Row):
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
    return _TEXT.encode(value).decode()


def _plain(row: Row, prefix: str, extras: dict[str, str]) -> Json:
    for name, value in (row.__pydantic_extra__ or _NOTHING).items():
        extras[prefix + name] = json_text(value)
    # Copied whole, then the few fields that hold rows: a call for each field would be half the cost of a first read.
    known = row.__dict__.copy()
    for name in row.holding_rows:
        known[name] = _plain_value(known[name], f"{prefix}{name}.", extras)
    return known


def _plain_value(value: Any, prefix: str, extras: dict[str, str]) -> Any:
    if isinstance(value, Row):
        return _plain(value, prefix, extras)
    if isinstance(value, list):
        return [_plain_value(item, prefix, extras) for item in value]
    return value
