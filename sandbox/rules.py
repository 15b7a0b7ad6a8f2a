"""The switches that take more than one value, each as one model; `docs/sandbox.md` has an example of each."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.control_api import bodies

ListedEntity = Literal["jobs", "time-entries", "budgets", "users", "cost-codes", "worksheets"]
RowEntity = Literal[ListedEntity, "reports"]
Entity = Literal[RowEntity, "filters"]
GridEntity = Literal["time-entries", "users"]
Kind = Literal["shifts", "jobs", "users", "cost-codes", "budget-lines"]
Spoiling = Literal["html", "truncated", "empty", "invalid-utf8", "drip", "endless", "reset", "close"]

_NEW: dict[str, type[bodies.Body]] = {
    "shifts": bodies.NewShift,
    "jobs": bodies.NewJob,
    "users": bodies.NewUser,
    "cost-codes": bodies.NewCostCode,
    "budget-lines": bodies.NewBudgetLine,
}
_CHANGED: dict[str, type[bodies.Body]] = {
    "shifts": bodies.ShiftChange,
    "jobs": bodies.JobChange,
    "users": bodies.UserChange,
    "cost-codes": bodies.CostCodeChange,
    "budget-lines": bodies.BudgetLineChange,
}


class Rule(BaseModel):
    """A rule of one switch; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")

    @property
    def is_on(self) -> bool:
        """Whether it still has an effect; rules that count down are used up at some point."""
        return True


class PathRule(Rule):
    """A rule for the next requests whose path and query contain `path_contains`, in any case.

    `times` counts down in place; None lasts until the switch is set again.
    """

    path_contains: str = Field(min_length=1)
    times: int | None = Field(default=1, ge=0)

    @property
    def is_on(self) -> bool:
        return self.times != 0

    def matches(self, target: str) -> bool:
        """Whether the rule applies to this path and query and is not used up."""
        return self.is_on and self.path_contains.lower() in target.lower()

    def use(self) -> None:
        if self.times is not None:
            self.times -= 1


class FailNext(PathRule):
    """The requests are answered with `status`; `retry_after` is sent in seconds, or as a date so many seconds ahead."""

    status: int = Field(ge=400, le=599)
    retry_after: int | None = Field(default=None, ge=0)
    retry_after_form: Literal["seconds", "date"] = "seconds"


class Burst(Rule):
    """More than so many requests within `seconds` are answered with `status` until `pause_s` have passed (R7)."""

    requests: int = Field(ge=1)
    seconds: float = Field(default=1, gt=0)
    status: Literal[403, 429] = 429
    pause_s: float = Field(default=5, gt=0)


class SpoilNext(PathRule):
    """The requests are answered, and the answer is spoilt while it is sent.

    `bytes_per_s` is the speed of `drip` (16 unless stated) and of `endless` (as fast as the client takes it);
    `after_bytes` is how much of the answer `reset`, `close` and `truncated` let through (half unless stated).
    """

    how: Spoiling
    bytes_per_s: int | None = Field(default=None, ge=1)
    after_bytes: int | None = Field(default=None, ge=0)


class FieldRule(Rule):
    """A field of an entity's rows is changed, in a `share` of the rows that is chosen by their ids.

    `field` may be a path with dots (`timeIn.timeStamp`). `rename` requires `name`, `add` puts `value` there.
    """

    entity: RowEntity
    field: str = Field(min_length=1)
    change: Literal["rename", "drop", "add", "null", "other-type"]
    name: str | None = None
    value: Any = None
    share: float = Field(default=1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _name_of_renamed(self) -> FieldRule:
        if (self.change == "rename") != bool(self.name):
            raise ValueError("name is required to rename a field, and not taken otherwise")
        return self


class MissingRows(Rule):
    """Rows of an entity are left out, and every total agrees with what is left; `last-page` is for grids only."""

    entity: ListedEntity
    which: Literal["all", "half", "last-page"]

    @model_validator(mode="after")
    def _pages_of_grids(self) -> MissingRows:
        if self.which == "last-page" and self.entity not in ("time-entries", "users"):
            raise ValueError("last-page is for time-entries and users: the other entities have no pages")
        return self


class PagingRule(Rule):
    """A grid's pages are not what was asked for. `by` is a number of rows or of pages, depending on `fault`.

    `page-ignored` gives page 1 whatever is asked for; `shifted` begins every later page `by` rows too early (or too
    late, if negative); `stated-pages` states `by` pages too many (or too few); `growing-pages` always states one more
    than the page asked for; `one-empty-page` states one page where there are no rows. `repeated` replaces the first
    `by` rows of a page by the last ones of the page before; `short` leaves out the last `by` rows of every page.
    `records` stays true.
    """

    entity: GridEntity
    fault: Literal["page-ignored", "shifted", "stated-pages", "growing-pages", "one-empty-page", "repeated", "short"]
    by: int = 1


class ScriptedEdit(Rule):
    """One edit of a script; the record is named by `id`, or by `place` in the control API's list (0 is the newest)."""

    op: Literal["insert", "edit", "delete", "move"]
    kind: Kind = "shifts"
    id: int | None = None
    place: int | None = Field(default=None, ge=0)
    values: dict[str, Any] = Field(default_factory=dict)
    minutes: int = 0

    @model_validator(mode="after")
    def _makes_sense(self) -> ScriptedEdit:
        if (self.op == "insert") == (self.id is not None or self.place is not None):
            raise ValueError("an insert names no record, every other edit names one by id or by place")
        if self.op == "move" and self.kind != "shifts":
            raise ValueError("only shifts can be moved")
        if self.op in ("insert", "edit"):
            (_NEW if self.op == "insert" else _CHANGED)[self.kind].model_validate(self.values)
        return self


class OnRequest(Rule):
    """Before the `request`-th next request to the path is answered, the edits are made; `problem` says if one failed.

    `request` counts down in place and is 0 once the edits are made.
    """

    path_contains: str = Field(min_length=1)
    request: int = Field(default=1, ge=0)
    edits: list[ScriptedEdit] = Field(min_length=1)
    problem: str | None = None

    @property
    def is_on(self) -> bool:
        return self.request > 0
