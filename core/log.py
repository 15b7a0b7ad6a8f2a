"""Structured logs on stderr: an event's name with fields, as text for people or as JSON lines for machines.

What a line quotes from outside cannot steer a terminal or look like another line: control characters are escaped, and
the further lines of a trace or of a library's message are indented. The secrets of the settings are taken out of every
line, whoever logs it: drivers and clients quote addresses, and a traceback quotes what an exception says.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from types import TracebackType
from typing import TextIO
from urllib.parse import quote, unquote

import structlog
from pydantic import SecretStr

from core.settings import Settings
from core.visible import visible_lines

_INDENT = "    "
_INSTEAD = "***"
# The user information of any address, ours or not, up to the last @ before the path.
_LOGIN = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/?#\"'<>]+@", re.IGNORECASE)
_PASSWORD = re.compile(r"\w+://[^:]*:(?P<password>.*)@[^@]*", re.DOTALL)


def configure_logging(settings: Settings, *, process: str) -> None:
    """Send this process's logs (ours and the libraries') to stderr at LOG_LEVEL, each line with the process's name."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.types.Processor
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer()
        shared.append(structlog.processors.format_exc_info)
    else:
        # The default formatter of exceptions prints local variables, which may be records and secrets.
        shared.append(_text_as_text)
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_trace_as_text)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler.setFormatter(RedactingFormatter(formatter, Redaction(settings)))
    _log_what_ends_a_thread()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # httpx logs each request with its full address at INFO; that is our own client's business to log.
    for noisy in ("httpx", "httpx2", "httpcore", "httpcore2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(process=process)


def _text_as_text(
    _logger: structlog.types.WrappedLogger, _name: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Every string of a line, ours and the libraries', before it is coloured; Python escapes other values itself."""
    return {_indented(key): _indented(value) if isinstance(value, str) else value for key, value in event.items()}


def _trace_as_text(out: TextIO, raised: structlog.typing.ExcInfo) -> None:
    """A trace without local values, which may be records or secrets; its message may quote anything."""
    plain = StringIO()
    structlog.dev.plain_traceback(plain, raised)
    out.write("\n" + _INDENT + _indented(plain.getvalue().strip("\n")))


def _indented(text: str) -> str:
    return visible_lines(text).replace("\n", f"\n{_INDENT}")


def _log_what_ends_a_thread() -> None:
    """Log an exception that nobody catches like every other line, instead of printing it to stderr as it is."""
    # A test runner has set a hook of its own, which stays.
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _ended
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _thread_ended


def _thread_ended(end: threading.ExceptHookArgs) -> None:
    if end.exc_value is not None:
        _ended(end.exc_type, end.exc_value, end.exc_traceback)


def _ended(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, (KeyboardInterrupt, SystemExit)):
        return
    logging.getLogger(__name__).critical("ended_by_an_exception", exc_info=(kind, exc, trace))


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A module's logger, `log`. An event is a constant snake_case name; values are fields, the cause is `reason`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


class Redaction:
    """The values that no line may contain, in every form in which they are written."""

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
            # CREDENTIAL_PRIVATE_KEYS: the key follows its id.
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
