"""Values that are read once for everybody who looks: however many pages are open, one reading a moment serves all."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from console.metrics import READ_SECONDS
from core.clock import Clock

T = TypeVar("T")
_MOST_KEPT = 256
_LONGEST_S = 2.0


@dataclass(slots=True)
class _Place(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: T | None = None
    serves_until: float = float("-inf")


class SharedReads(Generic[T]):
    """`get` reads anew what is older than `fresh_s`, or than `share` times what reading it took, at most 2 s."""

    def __init__(self, clock: Clock, *, fresh_s: float = 0.4, share: float = 4.0) -> None:
        self._clock = clock
        self._fresh_s = fresh_s
        self._share = share
        self._places: OrderedDict[str, _Place[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, read: Callable[[], T]) -> T:
        """The value of `key`; raises what `read` raises. Whoever comes during a reading waits for its result."""
        place = self._place(key)
        with place.lock:
            began = self._clock.monotonic()
            if place.value is None or began >= place.serves_until:
                place.value = read()
                ended = self._clock.monotonic()
                READ_SECONDS.observe(ended - began)
                place.serves_until = ended + min(_LONGEST_S, max(self._fresh_s, self._share * (ended - began)))
            return place.value

    def forget(self, key: str) -> None:
        """Something changed here: the next `get` reads. Of what nobody looks at nothing is kept, nor put out for it."""
        with self._lock:
            place = self._places.get(key)
        if place is not None:
            place.serves_until = float("-inf")

    def _place(self, key: str) -> _Place[T]:
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            while len(self._places) > _MOST_KEPT:
                self._places.popitem(last=False)
            return place
