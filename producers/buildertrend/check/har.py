"""Reads a HAR file as Chrome's developer tools export it, one exchange at a time; whatever is in it, nothing is raised
but `NotHarError`.

The file is mapped, not loaded: of all that it holds one answer at a time is in memory.
"""

from __future__ import annotations

import base64
import binascii
import json
import mmap
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from core.errors import ConfigurationError
from producers.buildertrend.check.exchange import Exchange, endpoint_of
from producers.buildertrend.client import MOST_ANSWER_BYTES, as_utf8

_MOST_BYTES = 2**30
_MOST_MENDED = 2**28
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
_NO_BODY = frozenset({204, 304})
_KEPT_HEADERS = frozenset({"location", "set-cookie", "content-type", "retry-after"})
NOT_KEPT = "the recording does not have the answer's text"
NOT_READABLE = "the answer's text cannot be unpacked"
TOO_LONG = "the answer is longer than the adapter reads"
NO_ANSWER = "no answer came"


class NotHarError(ConfigurationError):
    """The file is no recording that can be read."""


class _Head(msgspec.Struct):
    method: str
    url: str


class _Peek(msgspec.Struct):
    request: _Head


class _Log(msgspec.Struct):
    entries: list[msgspec.Raw]


class _Har(msgspec.Struct):
    log: _Log


_HAR = msgspec.json.Decoder(_Har)
_PEEK = msgspec.json.Decoder(_Peek)
_ENTRY = msgspec.json.Decoder()


@dataclass(slots=True)
class Har:
    """A recording. `others`: exchanges that are not Buildertrend's data; `damaged`: entries without the known form."""

    path: Path
    others: int = 0
    damaged: int = 0
    entries: int = 0

    def exchanges(self) -> Iterator[Exchange]:
        """Those that are Buildertrend's data, in order. NotHarError if the file is no recording."""
        with _mapped(self.path) as text:
            for raw in _entries(text):
                self.entries += 1
                exchange = self._exchange(raw)
                if exchange is not None:
                    yield exchange

    def _exchange(self, raw: msgspec.Raw) -> Exchange | None:
        try:
            peek = _PEEK.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            peek = None
        if peek is not None and endpoint_of(peek.request.method, peek.request.url) is None:
            self.others += 1
            return None
        try:
            found = _exchange_of(_entry(raw))
        except (_OddEntryError, RecursionError):
            self.damaged += 1
            return None
        if endpoint_of(found.method, found.url) is None:
            self.others += 1
            return None
        return found


class _OddEntryError(ValueError):
    """An entry does not have the known form."""


class _Mapped:
    """The file's bytes, without a copy in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def __enter__(self) -> mmap.mmap:
        return self._map

    def __exit__(self, *_: object) -> None:
        # Not unmapped by hand: entries that somebody still holds are views of it.
        self._file.close()


def _mapped(path: Path) -> _Mapped:
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise NotHarError(f"{path} is no file.")
        if not size:
            raise NotHarError(f"{path} is empty: export the recording again (Export HAR).")
        if size > _MOST_BYTES:
            raise NotHarError(f"{path} is over 1 GB: record only the pages that this is about.")
        return _Mapped(path)
    except OSError as exc:
        raise NotHarError(f"{path} cannot be read: {exc.strerror or 'unknown error'}.") from None


def _entries(text: mmap.mmap) -> list[msgspec.Raw]:
    begin = 3 if text[:3] == b"\xef\xbb\xbf" else 0
    try:
        return _listed(memoryview(text)[begin:])
    except NotHarError:
        if len(text) > _MOST_MENDED:
            raise
        mended = _ESCAPES.sub(_without_half, text[begin:])
        return _listed(memoryview(mended))


def _listed(text: memoryview) -> list[msgspec.Raw]:
    try:
        return _HAR.decode(text).log.entries
    except msgspec.ValidationError:
        raise NotHarError("The file is JSON, but no recording of a browser: it has no log.entries.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotHarError(
            "The file is no HAR recording, or is cut off: export it again (Export HAR) and wait until it is saved."
        ) from None
    except RecursionError:
        raise NotHarError("The file is no HAR recording: it nests deeper than any.") from None


def _without_half(escape: re.Match[bytes]) -> bytes:
    """A text that was cut in the middle of an emoji ends in half a pair of escapes, which no strict reader takes."""
    return b"?" if escape["half"] else escape[0]


def _entry(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        found = _ENTRY.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Bytes that are no UTF-8.
        try:
            found = json.loads(bytes(raw).decode("utf-8", "replace"))
        except ValueError:
            raise _OddEntryError from None
    if not isinstance(found, dict):
        raise _OddEntryError
    return found


def _exchange_of(entry: dict[str, Any]) -> Exchange:
    request, response = _part(entry, "request"), _part(entry, "response")
    method, url, status = request.get("method"), request.get("url"), response.get("status")
    if not isinstance(method, str) or not isinstance(url, str):
        raise _OddEntryError
    post = request.get("postData")
    asked = post.get("text") if isinstance(post, dict) else None
    status = status if type(status) is int and 0 <= status <= 999 else 0
    body, trouble = _body(response.get("content"), status)
    headers = _headers(response)
    return Exchange(method, url, _bytes(asked) if isinstance(asked, str) else b"", status, headers, body, trouble)


def _part(entry: dict[str, Any], name: str) -> dict[str, Any]:
    found = entry.get(name)
    if not isinstance(found, dict):
        raise _OddEntryError
    return found


def _headers(response: Mapping[str, Any]) -> dict[str, str]:
    """Those that the adapter looks at; of a cookie only that one was set."""
    listed = response.get("headers")
    found: dict[str, str] = {}
    for one in listed if isinstance(listed, list) else ():
        name, value = (one.get("name"), one.get("value")) if isinstance(one, dict) else (None, None)
        if isinstance(name, str) and isinstance(value, str) and name.lower() in _KEPT_HEADERS:
            found[name.title()] = "set=1" if name.lower() == "set-cookie" else value[:2_000]
    redirect = response.get("redirectURL")
    if isinstance(redirect, str) and redirect:
        found.setdefault("Location", redirect[:2_000])
    return found


def _body(content: Any, status: int) -> tuple[bytes, str]:
    """(the answer's text, why it cannot be read)."""
    if status == 0:
        return b"", NO_ANSWER
    stated = content if isinstance(content, dict) else {}
    text = stated.get("text")
    if not isinstance(text, str) or (not text and status == 200):
        return b"", NOT_KEPT if status in {200, *_NO_BODY} else ""
    body: bytes | None = _bytes(text)
    if stated.get("encoding") == "base64":
        try:
            body = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return b"", NOT_READABLE
    if body is not None and body.startswith(_GZIP):
        body = _unpacked(body)
    if body is None:
        return b"", NOT_READABLE
    if len(body) > MOST_ANSWER_BYTES:
        return b"", TOO_LONG
    return as_utf8(body, ""), ""


def _unpacked(body: bytes) -> bytes | None:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        return unpacker.decompress(body, MOST_ANSWER_BYTES + 1)
    except zlib.error:
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
