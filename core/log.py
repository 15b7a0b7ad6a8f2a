"""Structured logs on stderr: an event's name with fields, as text for people or as JSON lines for machines.

What a line quotes from outside cannot steer a terminal or look like another line: control characters are escaped, and
the further lines of a trace or of a library's message are set in.
"""

from __future__ import annotations

import logging
import sys
import threading
from io import StringIO
from types import TracebackType
from typing import TextIO

import structlog

from core.secrets_in_logs import RedactingFormatter, Redaction
from core.settings import Settings
from core.visible import visible_lines

_SET_IN = "    "


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
        # The default formatter of exceptions prints local variables, and so records and secrets.
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
    return {_set_in(key): _set_in(value) if isinstance(value, str) else value for key, value in event.items()}


def _trace_as_text(out: TextIO, raised: structlog.typing.ExcInfo) -> None:
    """A trace without local values, which may be records or secrets; its message may quote anything."""
    plain = StringIO()
    structlog.dev.plain_traceback(plain, raised)
    out.write("\n" + _SET_IN + _set_in(plain.getvalue().strip("\n")))


def _set_in(text: str) -> str:
    return visible_lines(text).replace("\n", f"\n{_SET_IN}")


def _log_what_ends_a_thread() -> None:
    """An exception that nobody catches goes the way of every other line, instead of to stderr as it is."""
    # A test runner has put a hook of its own there, which stays.
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
