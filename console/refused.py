"""Follows `integration.dead-letters` and knows which records of each company are refused and not put through again.

Held in memory and bounded: what is beyond the bound is counted, not listed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from core.clock import Clock
from core.errors import IntegrationError, RetriableError
from core.kafka.config import consumer_config
from core.kafka.errors import Meaning, meaning_of
from core.kafka.read import starts_since
from core.log import get_logger
from core.settings import Settings
from core.topics import DEAD_LETTERS
from reports.dead_letters import DeadLetter, dead_letters, parse, replayed_offset

log = get_logger(__name__)
_KEPT = timedelta(days=30)
_TIMEOUT_S = 10
_PAUSE_S = 2.0
# What was read no longer says what is there: a broker that stays away, and offsets that retention took meanwhile.
_GONE = frozenset({Meaning.OFFSET_LOST, Meaning.FINAL})
MOST_LISTED = 100_000
# So that one company with many refused records leaves room for the others'.
MOST_OF_A_COMPANY = 5_000

Record = tuple[str, str]
"""Entity and id."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A company's refused records with the newest version that was refused of each; `more` were counted alone."""

    versions: Mapping[Record, int | None]
    more: int = 0


class OpenLetters:
    """What the records read so far come to; used by one thread at a time."""

    def __init__(self, most: int = MOST_LISTED, *, of_a_company: int = MOST_OF_A_COMPANY) -> None:
        self._most = most
        self._most_of_a_company = of_a_company
        self._listed: dict[tuple[int, int], DeadLetter] = {}
        self._by_company: dict[str, dict[tuple[int, int], DeadLetter]] = {}
        self._more: Counter[str] = Counter()

    def take(self, message: Message) -> None:
        """A dead letter or a receipt; anything else changes nothing."""
        letter, done = parse(message), replayed_offset(message)
        place = (letter.place.partition, letter.place.offset if done is None else done)
        if done is not None:
            self._drop(letter, place)
        elif letter.entity and letter.company_id:
            self._add(place, letter)

    def of(self, company_id: str) -> Refused:
        versions: dict[Record, int | None] = {}
        for letter in self._by_company.get(company_id, {}).values():
            record = (letter.entity, letter.entity_id)
            versions[record] = _newest(versions.get(record, -1), letter.version)
        return Refused(versions, self._more[company_id])

    def _add(self, place: tuple[int, int], letter: DeadLetter) -> None:
        own = self._by_company.setdefault(letter.company_id, {})
        if len(self._listed) >= self._most or len(own) >= self._most_of_a_company:
            self._more[letter.company_id] += 1
            return
        self._listed[place] = own[place] = letter

    def _drop(self, receipt: DeadLetter, place: tuple[int, int]) -> None:
        """A receipt counts for a letter of its own key alone: whoever may write there could forge one."""
        letter = self._listed.get(place)
        if letter is None:
            self._more[receipt.company_id] -= self._more[receipt.company_id] > 0
        elif (letter.company_id, letter.entity_id) == (receipt.company_id, receipt.entity_id):
            del self._listed[place]
            del self._by_company[letter.company_id][place]


class RefusedRecords:
    """Runs in a thread of its own; pages ask from theirs."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._letters = OpenLetters()
        self._is_known = False

    def of(self, company_id: str) -> Refused | None:
        """The company's refused records; None while they are not known, because Kafka is away or still being read."""
        with self._lock:
            return self._letters.of(company_id) if self._is_known else None

    def run(self, stop: threading.Event) -> None:
        """Blocks until `stop` is set; waits every outage out."""
        while not stop.is_set():
            try:
                self._follow(stop)
            except (IntegrationError, KafkaException) as exc:
                log.warning("dead_letters_cannot_be_followed", reason=str(exc))
                self._clock.wait(_PAUSE_S, stop)
            finally:
                with self._lock:
                    self._is_known, self._letters = False, OpenLetters()

    def _follow(self, stop: threading.Event) -> None:
        config = consumer_config(self._settings, "protiv-console-letters") | {"enable.partition.eof": True}
        with closing(Consumer(config)) as consumer:
            starts = self._starts(consumer)
            consumer.assign(starts)
            unread = {start.partition for start in starts}
            while not stop.is_set():
                for message in consumer.consume(1000, timeout=0.5):
                    self._take(message, unread)

    def _take(self, message: Message, unread: set[int]) -> None:
        error = message.error()
        if error is None:
            with self._lock:
                self._letters.take(message)
        elif (meaning := meaning_of(error)) is Meaning.END_OF_PARTITION:
            unread.discard(message.partition() or 0)
            with self._lock:
                self._is_known = not unread
        elif meaning in _GONE or error.code() == KafkaError._ALL_BROKERS_DOWN:
            raise RetriableError(f"Dead letters cannot be read now ({error.name()}).")

    def _starts(self, consumer: Consumer) -> list[TopicPartition]:
        topic = consumer.list_topics(DEAD_LETTERS, timeout=_TIMEOUT_S).topics[DEAD_LETTERS]
        if not topic.partitions:
            raise RetriableError("There is no topic integration.dead-letters yet.")
        places = [TopicPartition(DEAD_LETTERS, number) for number in topic.partitions]
        return starts_since(consumer, places, self._clock.now() - _KEPT)


def _newest(known: int | None, version: int | None) -> int | None:
    """The higher version; None, which nothing supersedes, wins over all."""
    return None if known is None or version is None else max(known, version)


_KEPT_DAYS = 30
MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class Letters:
    """What was read: the newest MOST_LISTED, and how many there are by company, stage and kind of error."""

    total: int
    groups: tuple[tuple[tuple[str, str, str], int], ...]
    newest: tuple[DeadLetter, ...]


def read_letters(settings: Settings, clock: Clock, company_id: str) -> Letters:
    """Of a company (empty: of all). Blocks for as long as reading the topic takes; RetriableError for an outage."""
    groups: Counter[tuple[str, str, str]] = Counter()
    found: list[DeadLetter] = []
    for letter in dead_letters(settings, company_id, since=clock.now() - timedelta(days=_KEPT_DAYS)):
        groups[(letter.company_id, letter.stage, letter.error_class)] += 1
        found.append(letter)
        if len(found) > 20 * MOST_LISTED:
            found = _newest_letters(found)
    return Letters(sum(groups.values()), tuple(groups.most_common()), tuple(_newest_letters(found)))


def _newest_letters(found: list[DeadLetter]) -> list[DeadLetter]:
    return sorted(found, key=lambda letter: letter.place.at, reverse=True)[:MOST_LISTED]
