"""Errors of the control API, each with a sentence for the person who asked."""

from __future__ import annotations


class SandboxError(Exception):
    """The request was not carried out; the text says why."""


class NotFoundError(SandboxError):
    """There is no such company or record."""


class RefusedError(SandboxError):
    """The request contradicts itself or the company's records."""
