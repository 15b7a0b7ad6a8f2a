"""Takes the secrets of the settings out of every line that is logged, whoever logs it: drivers and clients quote
addresses, and a traceback quotes what an exception says.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

from pydantic import SecretStr

from core.settings import Settings

_INSTEAD = "***"
# The user information of any address, ours or not, up to the last @ before the path.
_LOGIN = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/?#\"'<>]+@", re.IGNORECASE)
_PASSWORD = re.compile(r"\w+://[^:]*:(?P<password>.*)@[^@]*", re.DOTALL)


class Redaction:
    """The values that no line may hold, in every form in which they are written."""

    def __init__(self, settings: Settings) -> None:
        forms = {form for secret in _secrets(settings) for form in _forms(secret)}
        # The longest first: one may be a part of another.
        ordered = sorted(forms, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def of(self, text: str) -> str:
        """The text with *** in place of each of them, and of what stands before the @ of any address."""
        if self._values is not None:
            text = self._values.sub(_INSTEAD, text)
        return _LOGIN.sub(rf"\g<scheme>{_INSTEAD}@", text) if "://" in text else text


class RedactingFormatter(logging.Formatter):
    """Another formatter's lines, redacted when they are whole: message, arguments, exception and stack."""

    def __init__(self, formatter: logging.Formatter, redaction: Redaction) -> None:
        super().__init__()
        self._formatter = formatter
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        return self._redaction.of(self._formatter.format(record))


def _secrets(settings: Settings) -> Iterator[str]:
    for _, value in settings:
        if isinstance(value, SecretStr) and (plain := value.get_secret_value()):
            yield plain
            # CREDENTIAL_PRIVATE_KEYS: the key is what stands behind its id.
            yield from (key.partition(":")[2].strip() for key in plain.split(",") if "://" not in plain)
            if (found := _PASSWORD.fullmatch(plain)) is not None:
                yield found["password"]


def _forms(secret: str) -> Iterator[str]:
    for plain in {secret, unquote(secret)} - {""}:
        # What is quoted by an exception is quoted again by the line that holds it.
        for quoted in (plain, quote(plain, safe=""), *_quoted(plain)):
            yield from (quoted, *_quoted(quoted))


def _quoted(text: str) -> tuple[str, str, str]:
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]
