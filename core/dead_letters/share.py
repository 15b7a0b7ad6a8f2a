"""When refused records are more than single odd ones: those of one company park it, those of many stop the stage.

Counted per company over its recent records. A company over its share is *parked*: the rest of the run that took it
over its share waits among the dead letters, unread, in order, for a replay; all other companies flow. A later run of
it, and records that are put through again, are tried: once one of them is taken in and none refused, the company is
released, so a corrected source needs nobody. What waits, goes on waiting for the replay, with the rest of its run.

Nothing of this outlives the process: a company is tried anew by its successor. Records of one company are refused where
it is odd, records of many where we are: then the stage stops, a bad deploy must not drain a topic.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import NamedTuple

from core.clock import Clock
from core.dead_letters.letter import FIRST_SEEN
from core.errors import FatalError, InvalidRecordError
from core.log import get_logger
from core.topics import split_key

PARKED = "company-parked"

_LONGEST_ID = 200
_COMPANIES = 20_000
_RUNS = 100

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a company is over its share: `at_least` refused, and more than `share`, of its last `records` in `window_s`.

    A parked company's later run is tried until `again` of its records are refused. The stage stops when `companies`,
    and `of_active` of those with records in `window_s`, refuse more than `share`, each `again` records and all
    together `at_least`.
    """

    records: int = 1_000
    window_s: float = 3_600.0
    share: float = 0.2
    at_least: int = 50
    again: int = 5
    companies: int = 3
    of_active: float = 0.5


class Origin(NamedTuple):
    """Whose a record is, of which run, and whether it was put through again after a fix. Empty: it does not say."""

    company_id: str
    run_id: str
    replayed: bool


def origin_of(key: bytes | None, headers: Sequence[tuple[str, bytes | str | None]]) -> Origin:
    """By the key, else by the headers; never raises."""
    stated = dict(headers)
    return Origin(company_of(key, stated), bounded_id(stated.get("run_id")), FIRST_SEEN in stated)


def company_of(key: bytes | None, headers: Mapping[str, bytes | str | None]) -> str:
    """The company of a record; empty where neither its key nor its headers name one."""
    try:
        return bounded_id(split_key(key)[0])
    except InvalidRecordError:
        return bounded_id(headers.get("company_id"))


def parked_error() -> InvalidRecordError:
    """The reason of a record that waits."""
    return InvalidRecordError(
        "Too many records of this company were refused, so the rest of the run waits here: correct what was refused, "
        "then put it through with replay-dead-letters.",
        error_class=PARKED,
    )


@dataclass(slots=True)
class _Recent:
    """A company's last records: (when, seen, refused) by minute, the newest last."""

    parts: list[tuple[float, int, int]] = field(default_factory=list)

    def add(self, now: float, seen: int, refused: int, limits: Limits) -> None:
        # A large batch counts as a window with the same share, or it would hide what comes after it.
        kept = min(seen, limits.records)
        refused = refused * kept // max(seen, 1)
        if self.parts and now - self.parts[-1][0] < limits.window_s / 60:
            at, seen_before, refused_before = self.parts.pop()
            self.parts.append((at, seen_before + kept, refused_before + refused))
        else:
            self.parts.append((now, kept, refused))
        while len(self.parts) > 1 and sum(part[1] for part in self.parts[1:]) >= limits.records:
            self.parts.pop(0)

    def totals(self, now: float, limits: Limits) -> tuple[int, int]:
        recent = [part for part in self.parts if now - part[0] < limits.window_s]
        return sum(part[1] for part in recent), sum(part[2] for part in recent)


class DeadLetterShare:
    """The recent records of all companies of a process. Thread-safe; each batch is counted by a `BatchShare`."""

    def __init__(
        self, clock: Clock, *, limits: Limits | None = None, on_parked: Callable[[int], object] = lambda _: None
    ) -> None:
        """`on_parked` is told how many companies are parked whenever that changes."""
        self.limits = limits or Limits()
        self._clock = clock
        self._on_parked = on_parked
        self._recent: OrderedDict[str, _Recent] = OrderedDict()
        # Runs whose records wait, the parked companies' incident by reference, and refusals of their later runs.
        self._waiting: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        self._parked: dict[str, str] = {}
        self._strikes: Counter[tuple[str, str]] = Counter()
        self._lock = Lock()

    def batch(self, seen: Mapping[str, int]) -> BatchShare:
        """Counts a batch with so many records of each company; nothing of it stays unless it is committed."""
        with self._lock:
            now = self._clock.monotonic()
            waiting = {company: frozenset(runs) for company in seen if (runs := self._waiting.get(company))}
            return BatchShare(
                self, self.limits, Counter(seen), waiting, {company for company in seen if company in self._parked}, now
            )

    def totals(self, company_id: str, now: float) -> tuple[int, int]:
        """(seen, refused) of a company in its window."""
        with self._lock:
            recent = self._recent.get(company_id)
            return (0, 0) if recent is None else recent.totals(now, self.limits)

    def strikes(self, company_id: str, run_id: str) -> int:
        """How many records of a run were refused while its company was parked."""
        with self._lock:
            return self._strikes[company_id, run_id]

    def active(self, now: float) -> dict[str, tuple[int, int]]:
        """(seen, refused) of each company with records in the window."""
        with self._lock:
            found = {company: recent.totals(now, self.limits) for company, recent in self._recent.items()}
        return {company: totals for company, totals in found.items() if totals[0]}

    def commit(self, batch: BatchShare) -> None:
        """See BatchShare.commit."""
        with self._lock:
            for company, seen in batch.seen.items():
                tried = seen - batch.waited[company]
                if company and tried > 0:
                    self._count(company, tried, batch)
            for company, runs in batch.parked_runs.items():
                self._park(company, runs)
            if len(self._strikes) > _COMPANIES:
                self._strikes.clear()
            self._strikes.update(batch.strikes)
            parked = len(self._parked)
        self._on_parked(parked)

    def _count(self, company: str, tried: int, batch: BatchShare) -> None:
        recent = self._recent.pop(company, None) or _Recent()
        self._recent[company] = recent
        recent.add(batch.now, tried, batch.refused_of[company], self.limits)
        if len(self._recent) > _COMPANIES:
            self._recent.popitem(last=False)
        if company in self._parked and company not in batch.troubled:
            log.info("company_released", company_id=company, reference=self._parked.pop(company))
            recent.parts.clear()
            self._strikes = Counter({key: n for key, n in self._strikes.items() if key[0] != company})

    def _park(self, company: str, runs: Iterable[str]) -> None:
        waiting = self._waiting.setdefault(company, OrderedDict())
        waiting.update(dict.fromkeys(runs))
        while len(waiting) > _RUNS:
            waiting.popitem(last=False)
        if len(self._waiting) > _COMPANIES:
            self._waiting.popitem(last=False)
        reference = self._parked.setdefault(company, uuid.uuid4().hex[:12])
        log.error(
            "company_parked",
            see="docs/runbooks/company-parked.md",
            company_id=company,
            reference=reference,
            runs=sorted(runs),
        )


@dataclass(slots=True)
class BatchShare:
    """The counts of one batch until it is committed; one thread at a time."""

    share: DeadLetterShare
    limits: Limits
    seen: Counter[str]
    waiting: dict[str, frozenset[str]]
    parked: set[str]
    now: float
    refused_of: Counter[str] = field(default_factory=Counter)
    waited: Counter[str] = field(default_factory=Counter)
    strikes: Counter[tuple[str, str]] = field(default_factory=Counter)
    parked_runs: dict[str, set[str]] = field(default_factory=dict)
    # Companies of which a record was refused, those put through again included.
    troubled: set[str] = field(default_factory=set)
    _active: dict[str, tuple[int, int]] | None = None

    def waits(self, origin: Origin) -> bool:
        """Whether the record must wait, unread, because its company is parked; counts it if so."""
        if origin.replayed or origin.run_id not in self.waiting.get(origin.company_id, ()):
            return False
        self.waited[origin.company_id] += 1
        return True

    def refused(self, origin: Origin) -> None:
        """Count a record that can never be taken in; call it before its dead letter is sent.

        FatalError when records of many companies are refused: then nothing of this batch may be moved.
        """
        company = origin.company_id
        self.troubled.add(company)
        # What is put through again and still refused was counted when it was first refused; what names no company
        # can park none.
        if origin.replayed or not company:
            return
        self.refused_of[company] += 1
        if company in self.parked:
            self.strikes[company, origin.run_id] += 1
            before = self.share.strikes(company, origin.run_id)
            if before + self.strikes[company, origin.run_id] >= self.limits.again:
                self._park(origin)
        elif self._is_over(self._totals(company), self.limits.at_least):
            self._park(origin)
        self._stop_if_many(company)

    def forget(self) -> None:
        """Count nothing of the batch: it was counted before."""
        self.seen.clear()

    def commit(self) -> None:
        """Count the batch for good, now that all that follows from it is safe."""
        self.share.commit(self)

    def _park(self, origin: Origin) -> None:
        self.parked.add(origin.company_id)
        self.parked_runs.setdefault(origin.company_id, set()).add(origin.run_id)
        known = self.waiting.get(origin.company_id, frozenset())
        self.waiting[origin.company_id] = known | {origin.run_id}

    def _totals(self, company: str) -> tuple[int, int]:
        seen, refused = self.share.totals(company, self.now)
        return seen + self.seen[company] - self.waited[company], refused + self.refused_of[company]

    def _is_over(self, totals: tuple[int, int], at_least: int) -> bool:
        seen, refused = totals
        return refused >= at_least and refused > self.limits.share * seen

    def _stop_if_many(self, company: str) -> None:
        # Looking through all companies is dear; a few refusals more or less decide nothing.
        if self.refused_of.total() % self.limits.again or not self._is_over(self._totals(company), self.limits.again):
            return
        if self._active is None:
            self._active = self.share.active(self.now)
        active = self._active | {each: self._totals(each) for each in self.seen if each}
        over = {each: totals for each, totals in active.items() if self._is_over(totals, self.limits.again)}
        refused = sum(totals[1] for totals in over.values())
        many = len(over) >= self.limits.companies and len(over) >= self.limits.of_active * len(active)
        if many and refused >= self.limits.at_least:
            raise FatalError(
                f"{refused} recent records of {len(over)} of {len(active)} companies are refused: this stops rather "
                "than dead-letter the topics. Nothing of this batch was moved. Look at the reasons in the log, deploy "
                "a fix, start again."
            )


def bounded_id(stated: bytes | str | None) -> str:
    """An id for counting: one that is too long to be ours is told apart by its hash."""
    text = stated.decode("utf-8", "replace") if isinstance(stated, bytes) else stated or ""
    return text if len(text) <= _LONGEST_ID else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
