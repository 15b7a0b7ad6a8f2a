"""The company behind the second simulated Buildertrend: its records, a day's edits, and what Protiv's tables must hold.

`expected` is computed anew from the meaning that docs/wire.md gives each field: no code of the product, and none of the
sandbox, has a part in it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

FLAT_RATE = 5_599_999
STATUSES = {0: "closed", 1: "open", 3: "warranty", 4: "presale"}


@dataclass(frozen=True)
class Job:
    id: int
    name: str
    number: str
    status: int
    street: str
    opened: str | None


@dataclass(frozen=True)
class Shift:
    """`job` is None at General; `codes`: (code's id, minutes), in the order in which the page shows them."""

    id: int
    job: int | None
    user: int
    start: datetime
    minutes: int
    rest: int = 30
    over: int = 0
    double: int = 0
    off: int = 0
    codes: tuple[tuple[int, int], ...] = ()
    cost: Decimal = Decimal("0")
    approved: bool = False
    notes: str = ""
    tags: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        return self.minutes + self.over + self.double


class SecondCompany:
    """Jobs, users, cost codes, budgets, worksheets and shifts, made from a seed; change them between reads."""

    def __init__(self, seed: int, *, today: date, jobs: int = 30, shifts: int = 900) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.today = today
        self._next_shift = 90_000_001
        pick = self.random
        self.users = {7_700_001 + n: f"{name} Díaz" for n, name in enumerate(("Ana", "José", "Łukasz", "Mai", "Bo"))}
        self.former = {7_700_099: "Gone O'Brien"}
        self.codes = {5_500_001 + n: f"{n:02}.{n} Code {n}." for n in range(12)}
        self.shift_codes = {5_590_001: "99 Only on shifts", FLAT_RATE: "Buildertrend Flat Rate"}
        statuses = (1, 1, 1, 0, 3, 4)
        self.jobs = {
            101 + n: Job(
                101 + n,
                f"Job {n}",
                f"J-{n:03}",
                pick.choice(statuses),
                f"{n} Main St",
                f"2026-01-0{1 + n % 9}T00:00:00",
            )
            for n in range(jobs)
        }
        self.budgets: dict[int, dict[int, tuple[Decimal, Decimal, str]]] = {}
        self.worksheets: dict[int, list[tuple[int, int, str, Decimal]]] = {}
        for job in list(self.jobs)[::2]:
            self.budgets[job] = {code: self._amounts() for code in pick.sample(sorted(self.codes), 4)}
        line = 1
        for job in list(self.budgets)[::3]:
            self.worksheets[job] = []
            for code in list(self.budgets[job])[:3]:
                self.worksheets[job].append((line, code, "HR" if line % 3 else "EA", Decimal(line * 25) / 10))
                line += 1
        self.shifts: dict[int, Shift] = {}
        for _ in range(shifts):
            self.add_shift()

    # What happens in the company.

    def add_shift(self, days_ago: int | None = None, **given: Any) -> Shift:
        pick = self.random
        ago = pick.randrange(0, 400) if days_ago is None else days_ago
        start = datetime.combine(self.today, datetime.min.time()) - timedelta(days=ago)
        start += timedelta(hours=pick.randrange(5, 11), minutes=pick.randrange(60))
        minutes = pick.randrange(30, 481)
        over, double = pick.choice(((0, 0), (0, 0), (60, 0), (37, 12)))
        workers = [*self.users, *self.former]
        total = minutes + over + double
        made = Shift(
            id=self._next_shift,
            job=None if pick.random() < 0.5 else pick.choice(sorted(self.jobs)),
            user=pick.choice(workers),
            start=start,
            minutes=minutes,
            rest=pick.choice((0, 15, 30)),
            over=over,
            double=double,
            off=pick.choice((0, 0, 60)),
            codes=self.some_codes(total),
            cost=Decimal(pick.randrange(0, 5_000_000)) / 10_000,
            approved=pick.random() < 0.5,
            notes=pick.choice(("", "née «Größe» 🏗")),
            tags=pick.choice(((), ("rain",), ("rain", "crane"))),
        )
        made = replace(made, **given)
        self._next_shift += 1
        self.shifts[made.id] = made
        return made

    def edit_shift(self, shift_id: int, **changes: Any) -> None:
        self.shifts[shift_id] = replace(self.shifts[shift_id], **changes)

    def recent(self) -> list[int]:
        edge = self.today - timedelta(days=20)
        return sorted(one.id for one in self.shifts.values() if one.start.date() > edge)

    def some_codes(self, total: int) -> tuple[tuple[int, int], ...]:
        """None, one or several codes that share `total` minutes."""
        pick, known = self.random, [*self.codes, 5_590_001]
        kind = pick.random()
        if kind < 0.15:
            return ()
        if kind < 0.25:
            return ((FLAT_RATE, total),)
        if kind < 0.75:
            return ((pick.choice(known), total),)
        several = pick.sample([*known, FLAT_RATE], pick.randrange(2, 5))
        cuts = sorted(pick.sample(range(1, total), len(several) - 1))
        parts = [after - before for before, after in zip([0, *cuts], [*cuts, total], strict=True)]
        return tuple(zip(several, parts, strict=True))

    def _amounts(self) -> tuple[Decimal, Decimal, str]:
        first = Decimal(self.random.randrange(100, 900_000)) / 100
        return first, first + self.random.choice((0, 0, 250)), self.random.choice(("Labor", "Site"))

    def title(self, code: int) -> str:
        return self.codes.get(code) or self.shift_codes[code]

    # What Protiv's tables must hold.

    def expected(self) -> dict[str, dict[tuple[str, ...], tuple[Any, ...]]]:
        """By table: key to values, as the queries of the test select them."""
        named = {code for one in self.shifts.values() for code, _ in one.codes}
        lists = {code for lines in self.budgets.values() for code in lines}
        workers = {one.user for one in self.shifts.values()}
        names = self.users | {user: name for user, name in self.former.items() if user in workers}
        return {
            "jobs": {
                (str(job.id),): (
                    job.name,
                    job.number,
                    STATUSES[job.status],
                    job.street,
                    job.opened and date.fromisoformat(job.opened[:10]),
                )
                for job in self.jobs.values()
            },
            "users": {(str(user),): (name,) for user, name in names.items()},
            "cost_codes": {
                (str(code),): (self.title(code), "list" if code in lists else "shift") for code in sorted(named | lists)
            },
            "budgets": {
                (f"{job}:{code}",): (original, revised, self._budgeted(job, code))
                for job, lines in self.budgets.items()
                for code, (original, revised, _) in lines.items()
            },
            "time_entries": {(str(one.id),): self._entry(one) for one in self.shifts.values()},
            "time_entry_splits": dict(part for one in self.shifts.values() for part in _parts(one)),
        }

    def _budgeted(self, job: int, code: int) -> int | None:
        hours = [quantity for _, of, unit, quantity in self.worksheets.get(job, ()) if of == code and unit == "HR"]
        return int(sum(hours, Decimal(0)) * 60) if hours else None

    def _entry(self, one: Shift) -> tuple[Any, ...]:
        coded = [code for code, _ in one.codes]
        if one.job is None:
            status = "general"
        elif coded in ([], [FLAT_RATE]):
            status = "uncoded"
        else:
            status = "split" if len(coded) > 1 else "linked"
        split = sorted(_shares(one.total, dict(one.codes)).items()) if len(coded) > 1 else []
        single = str(coded[0]) if len(coded) == 1 and coded != [FLAT_RATE] else None
        return (
            str(one.job or 0),
            str(one.user),
            single,
            sorted((str(code), minutes) for code, minutes in split),
            (one.minutes, one.over, one.double, one.off, one.rest, one.total),
            one.start.date(),
            one.cost,
            one.approved,
            status,
            one.notes or None,
            list(one.tags),
        )


def stated_minutes(minutes: int) -> float:
    """Hours rounded to four decimals, times 60."""
    return float(round(Fraction(minutes, 60), 4) * 60)


def _shares(total: int, weights: dict[int, int]) -> dict[int, int]:
    """Whole parts of `total` in proportion to the weights: largest remainder first, then the smaller id."""
    stated = {code: Fraction(str(stated_minutes(weight))) for code, weight in weights.items()}
    everything = sum(stated.values())
    exact = {code: total * weight / everything for code, weight in stated.items()}
    whole = {code: int(part) for code, part in exact.items()}
    left = total - sum(whole.values())
    for code in sorted(exact, key=lambda one: (whole[one] - exact[one], one))[:left]:
        whole[code] += 1
    return whole


def _parts(one: Shift) -> Iterator[tuple[tuple[str, str], tuple[Any, ...]]]:
    """The rows of `time_entry_splits`."""
    coded = [code for code, _ in one.codes]
    if len(coded) < 2:
        code = "" if coded in ([], [FLAT_RATE]) else str(coded[0])
        yield (str(one.id), code), (one.total, one.cost)
        return
    minutes = _shares(one.total, dict(one.codes))
    millionths = int(one.cost * 1_000_000)
    exact = {code: Fraction(millionths * part, one.total) for code, part in minutes.items()}
    money = {code: int(part) for code, part in exact.items()}
    short = millionths - sum(money.values())
    for each in sorted(exact, key=lambda one_code: (money[one_code] - exact[one_code], one_code))[:short]:
        money[each] += 1
    for each in coded:
        yield (str(one.id), str(each)), (minutes[each], Decimal(money[each]) / 1_000_000)
