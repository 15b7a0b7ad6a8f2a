"""What a password of the console must be: long, and not one that whoever knows the user or lists of passwords tries."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

SHORTEST, LONGEST = 12, 1000
_COMMON = Path(__file__).parent / "common_passwords.txt"
_OURS = ("protiv", "buildertrend", "integration", "console", "payroll", "bonus")
_SHORTEST_WORD, _LONGEST_WORD = 4, 40
_LOOKED_AT = 128
# A common word adds little to what has to be guessed, a year or a run of neighbours one thing, other signs one each.
_WORTH_OF_WORD, _ENOUGH = 2, 7
_LOOKS = str.maketrans("013457@$!", "oieastasi")
_RUNS = ("0123456789", "9876543210", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_ADVICE = (
    "use a few words that do not belong together, without your name, your e-mail, Protiv or Buildertrend, "
    "or let a password manager make one."
)


def password_problem(password: str, *, known: tuple[str, ...] = ()) -> str:
    """What is wrong with a password, as a sentence; empty if nothing. `known`: the user's e-mail, name and company."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"The password must have {SHORTEST} to {LONGEST} characters."
    if "\0" in password:
        return "The password holds a character that nobody can type."
    words = _known_words(known)
    if any(word in password.lower() for word in words) or _worth(password.lower()[:_LOOKED_AT], words) < _ENOUGH:
        return f"The password is too easy to guess: {_ADVICE}"
    return ""


def _known_words(known: tuple[str, ...]) -> frozenset[str]:
    """The product's words, and those of the user's own that a password must not hold; hosts of mail are anybody's."""
    texts = [text.rpartition("@")[0] or text for text in known]
    found = {word for text in texts for word in re.split(r"[^a-z0-9]+", text.lower()) if len(word) >= _SHORTEST_WORD}
    whole = {text.lower() for text in texts if len(text) >= _SHORTEST_WORD}
    return frozenset({*_OURS, *found, *whole})


def _worth(text: str, words: frozenset[str]) -> int:
    """Roughly how many independent things have to be guessed, read from the left; what comes again counts once."""
    seen: set[str] = set()
    at = 0
    while at < len(text):
        piece = _piece(text, at, words)
        seen.add(piece)
        at += len(piece)
        if sum(_WORTH_OF_WORD if len(one) >= _SHORTEST_WORD else 1 for one in seen) >= _ENOUGH:
            return _ENOUGH
    return sum(1 if _YEAR.fullmatch(one) or len(one) < _SHORTEST_WORD else _WORTH_OF_WORD for one in seen)


def _piece(text: str, at: int, words: frozenset[str]) -> str:
    """The longest common word at a place, also written with look-alikes; else a run of neighbours, else one sign."""
    looks = text.translate(_LOOKS)
    for end in range(min(len(text), at + _LONGEST_WORD), at + _SHORTEST_WORD - 1, -1):
        for candidate in (text[at:end], looks[at:end]):
            if candidate in words or candidate in _common():
                return text[at:end]
    run = _run(text, at)
    return text[at : at + run] if run >= 3 else text[at]


def _run(text: str, at: int) -> int:
    """How many signs from here on are neighbours on a keyboard or in the alphabet, or the same."""
    best = 1
    while at + best < len(text) and text[at + best] == text[at]:
        best += 1
    for line in _RUNS:
        start, length = line.find(text[at]), 0
        while start >= 0 and text[at : at + length + 1] == line[start : start + length + 1] and at + length < len(text):
            length += 1
        best = max(best, length)
    return best


@cache
def _common() -> frozenset[str]:
    """Ten thousand passwords that people choose most (see NOTICE)."""
    return frozenset(_COMMON.read_text().split("\n"))
