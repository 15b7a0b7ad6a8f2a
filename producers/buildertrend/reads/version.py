"""Tells one way of reading rows from another: bytes that were read by an older version are read once more."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from producers.buildertrend import decoding
from producers.buildertrend.reads import extras, rows

READER_VERSION = blake2b(
    b"".join(Path(module.__file__ or "").read_bytes() for module in (rows, extras, decoding)), digest_size=16
).digest()
"""Changes with every change of the rows' rules, so that nobody has to remember to raise a number."""
