"""The bytes of an answer as UTF-8: one content coding undone within a bound, then byte order mark and charset."""

from __future__ import annotations

import codecs
import re
import zlib

CODINGS = "gzip, deflate"
"""What Accept-Encoding asks for: what `Body` undoes."""

_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    # Longer marks first: that of UTF-32 begins like that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# By these alone: the interpreter knows codecs that unpack, or whose time grows with the square of the text.
_CHARSETS = {
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,20})", re.ASCII)
_LONGEST_CONTENT_TYPE = 200


class TooLargeError(Exception):
    """More bytes than an answer may have, as sent or unpacked."""


class UnknownCodingError(Exception):
    """The answer is packed in a way that was not asked for, or in several."""


class DamagedError(Exception):
    """The packed bytes are no such thing, end too early or go on behind their end."""


class Body:
    """Collects the bytes of an answer piece by piece; neither what is sent nor what is unpacked exceeds `most`."""

    def __init__(self, coding: str, *, most: int) -> None:
        """`coding` is the answer's Content-Encoding, empty for none. UnknownCodingError for any but one of ours."""
        self._most = most
        self._sent = 0
        self._unpacked = bytearray()
        self._unpacker = _unpacker(coding.strip().lower())
        self._may_be_raw = coding.strip().lower() == "deflate"
        self._head = b""

    def take(self, piece: bytes) -> None:
        """The next bytes as they were sent. Raises TooLargeError and DamagedError."""
        self._sent += len(piece)
        if self._sent > self._most:
            raise TooLargeError
        self._unpacked += piece if self._unpacker is None else self._unpack(piece)
        if len(self._unpacked) > self._most:
            raise TooLargeError

    def whole(self) -> bytes:
        """All of it, once everything was taken. DamagedError if something is missing."""
        if self._unpacker is not None and self._sent and not self._unpacker.eof:
            raise DamagedError
        return bytes(self._unpacked)

    def _unpack(self, piece: bytes) -> bytes:
        assert self._unpacker is not None
        if self._may_be_raw:
            piece, self._head = self._head + piece, b""
            if len(piece) < 2:
                self._head = piece
                return b""
            # "deflate" means a zlib stream; some servers send what is inside of one.
            if not _begins_like_zlib(piece):
                self._unpacker = zlib.decompressobj(_RAW_DEFLATE)
            self._may_be_raw = False
        if self._unpacker.eof:
            raise DamagedError
        try:
            # One byte over the bound is enough to know that it is over.
            found = self._unpacker.decompress(piece, self._most - len(self._unpacked) + 1)
        except zlib.error as exc:
            raise DamagedError from exc
        if self._unpacker.unused_data:
            raise DamagedError
        return found


def as_utf8(body: bytes, content_type: str) -> bytes:
    """The same text in UTF-8 without a byte order mark; what is not what it says it is stays as it came."""
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return _recoded(body.removeprefix(mark), codec)
    stated = _CHARSET.search(content_type[:_LONGEST_CONTENT_TYPE])
    named = None if stated is None else _CHARSETS.get(stated[1].lower())
    return body if named is None else _recoded(body, named)


def _recoded(body: bytes, codec: str) -> bytes:
    if codec == "utf-8":
        return body
    try:
        return body.decode(codec).encode()
    except UnicodeError:
        return body


def _unpacker(coding: str) -> zlib._Decompress | None:
    match coding:
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(_GZIP)
        case "deflate":
            return zlib.decompressobj(_ZLIB)
        case _:
            raise UnknownCodingError


def _begins_like_zlib(head: bytes) -> bool:
    return head[0] & 0x0F == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0
