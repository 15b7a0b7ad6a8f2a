"""What settling a connection's open commands works on: pure. See producers.commands.types for what each type does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from control.commands import OpenCommand

COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"
_READABLE = ("connecting", "connected")


@dataclass(frozen=True, slots=True)
class ConnectionSummary:
    """What of a connection decides about its commands; `stopped_by_fault`: no sign-in until the credentials change."""

    state: str
    message: str | None = None
    fault: str | None = None
    known: bool = True
    stopped_by_fault: bool = False
    paused_by: str | None = None
    paused_reason: str | None = None

    @property
    def readable(self) -> bool:
        return self.state in _READABLE

    @property
    def why_not(self) -> str:
        """Why nothing is read, in a sentence."""
        if self.state == "paused":
            reason = f": {self.paused_reason}" if self.paused_reason else ""
            return f"Reading is paused by {self.paused_by or 'somebody'}{reason}. Resume it first."
        if self.state == "disconnected":
            return "The company is disconnected. Connect it again first."
        return self.message or f"The connection is {self.state}."

    def paused(self, *, by: str, reason: str | None) -> ConnectionSummary:
        return replace(self, state="paused", paused_by=by, paused_reason=reason)

    def resumed(self) -> ConnectionSummary:
        state = "needs-attention" if self.stopped_by_fault else "connected" if self.known else "connecting"
        return replace(self, state=state, paused_by=None, paused_reason=None)

    def disconnected(self) -> ConnectionSummary:
        return replace(self, state="disconnected", paused_by=None, paused_reason=None)


@dataclass(frozen=True, slots=True)
class Answered:
    """A command's end: the type of its final event and its sentence."""

    command: OpenCommand
    outcome: str
    message: str
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result: the connection afterwards, answers, whether the open run ends, and the commands still to be done."""

    connection: ConnectionSummary
    answers: Sequence[Answered] = ()
    ends_run: bool = False
    disconnects: bool = False
    resumes: bool = False
    reading: Sequence[OpenCommand] = ()
    replays: Sequence[OpenCommand] = ()

    @property
    def changes_anything(self) -> bool:
        return bool(self.answers) or self.ends_run


class Lookup(Protocol):
    """Finds another command of the company."""

    def __call__(self, command_id: str) -> str | None:
        """What became of it in a word (the type of its answer, or `open`); None if there is no such command."""


@dataclass(slots=True)
class Settling:
    """A settlement in the making: each command in its order changes it. `in_run`: ids that the open run is for."""

    connection: ConnectionSummary
    in_run: Collection[str]
    has_run: bool
    look_up: Lookup
    answers: list[Answered] = field(default_factory=list)
    waiting: list[OpenCommand] = field(default_factory=list)
    replays: list[OpenCommand] = field(default_factory=list)
    ends_run: bool = False
    disconnects: bool = False
    resumes: bool = False

    def settlement(self) -> Settlement:
        return Settlement(
            self.connection,
            tuple(self.answers),
            self.ends_run,
            self.disconnects,
            self.resumes,
            tuple(self.waiting),
            tuple(self.replays),
        )

    def answer(self, command: OpenCommand, outcome: str, message: str, *, fault: str | None = None) -> None:
        self.answers.append(Answered(command, outcome, message, fault))

    def end_waiting(self, message: str) -> int:
        """Cancel all commands that wait for a read; how many."""
        ended = len(self.waiting)
        for one in self.waiting:
            self.answer(one, CANCELLED, message)
        self.waiting.clear()
        return ended

    def end_run(self) -> bool:
        """End the open run, if there is one; whether there was."""
        ends = self.has_run
        self.ends_run = self.ends_run or ends
        self.has_run = False
        return ends

    def end_one(self, target: str, message: str) -> bool:
        """Cancel one that waits, and the open run if that was for it alone; false if it does not wait."""
        found = next((one for one in self.waiting if one.command_id.lower() == target.lower()), None)
        if found is None:
            return False
        self.waiting.remove(found)
        self.answer(found, CANCELLED, message)
        # The read goes on for those that joined it.
        if found.command_id in self.in_run and not any(one.command_id in self.in_run for one in self.waiting):
            self.end_run()
        return True

    def became(self, target: str) -> str | None:
        """See Lookup; commands that were answered in this settlement included."""
        ended = next((one.outcome for one in self.answers if one.command.command_id.lower() == target.lower()), None)
        return ended or self.look_up(target)
