"""What becomes of a connection's open commands before anything is read: pure, in the order in which they came.

Pause, resume, cancel and disconnect take effect here; what they end is answered with them. What is left are the
commands that wait for a read, and those that replay dead letters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from control.commands import OpenCommand
from schemas.command_types import TYPES

COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"
_READABLE = ("connecting", "connected")


@dataclass(frozen=True, slots=True)
class Standing:
    """How the connection stands; `stopped_by_fault`: sign-ins are stopped until the credentials change."""

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


@dataclass(frozen=True, slots=True)
class Answered:
    """A command's end: the type of its final event and its sentence."""

    command: OpenCommand
    outcome: str
    message: str
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What follows: the standing afterwards, answers, whether the open run ends, and what is left to do."""

    standing: Standing
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


def settle(
    standing: Standing,
    commands: Sequence[OpenCommand],
    *,
    in_run: Collection[str] = (),
    has_run: bool = False,
    look_up: Lookup = lambda _: None,
) -> Settlement:
    """Take the commands in their order. `in_run`: ids of those that the open run is for."""
    work = _Settling(standing, frozenset(in_run), has_run, look_up)
    for command in commands:
        work.take(command)
    return work.settlement()


@dataclass(slots=True)
class _Settling:
    standing: Standing
    in_run: frozenset[str]
    has_run: bool
    look_up: Lookup
    answers: list[Answered] = field(default_factory=list)
    waiting: list[OpenCommand] = field(default_factory=list)
    replays: list[OpenCommand] = field(default_factory=list)
    ends_run: bool = False
    disconnects: bool = False
    resumes: bool = False

    def take(self, command: OpenCommand) -> None:
        step: dict[str, Callable[[OpenCommand], None]] = {
            "pause": self._pause,
            "resume": self._resume,
            "cancel": self._cancel,
            "disconnect": self._disconnect,
            "replay-dead-letters": self.replays.append,
        }
        step.get(command.type, self._read)(command)

    def settlement(self) -> Settlement:
        return Settlement(
            self.standing,
            tuple(self.answers),
            self.ends_run,
            self.disconnects,
            self.resumes,
            tuple(self.waiting),
            tuple(self.replays),
        )

    def _read(self, command: OpenCommand) -> None:
        if command.type in TYPES and self.standing.readable:
            self.waiting.append(command)
        else:
            self._answer(command, FAILED, self.standing.why_not, fault=self.standing.fault)

    def _pause(self, command: OpenCommand) -> None:
        by, reason = command.body["requested_by"], command.body.get("reason")
        if self.standing.state == "disconnected":
            self._answer(command, FAILED, self.standing.why_not)
            return
        already = self.standing.state == "paused"
        self.standing = replace(self.standing, state="paused", paused_by=by, paused_reason=reason)
        self._end_waiting(f"Paused by {by}{_because(reason)}. What was read is kept; the read goes on when resumed.")
        said = "It was paused already; the reason is this one now." if already else "Paused."
        self._answer(command, COMPLETED, said)

    def _resume(self, command: OpenCommand) -> None:
        if self.standing.state != "paused":
            outcome = COMPLETED if self.standing.readable else FAILED
            said = "It was not paused." if self.standing.readable else self.standing.why_not
            self._answer(command, outcome, said)
            return
        state = "needs-attention" if self.standing.stopped_by_fault else _read_state(self.standing)
        self.standing = replace(self.standing, state=state, paused_by=None, paused_reason=None)
        self.resumes = True
        said = "Resumed; a read begins now." if self.standing.readable else f"Resumed. {self.standing.why_not}"
        self._answer(command, COMPLETED, said)

    def _cancel(self, command: OpenCommand) -> None:
        target = command.body.get("target_id")
        if target is not None:
            self._cancel_one(command, target)
            return
        ended = self._end_waiting(f"Cancelled by {command.body['requested_by']}.")
        run = self._end_run()
        if not ended and not run:
            self._answer(command, COMPLETED, "Nothing was under way.")
        else:
            self._answer(command, COMPLETED, f"Cancelled {_told(ended, run=run)}.")

    def _cancel_one(self, command: OpenCommand, target: str) -> None:
        found = next((one for one in self.waiting if one.command_id.lower() == target.lower()), None)
        if found is None:
            self._answer_missing(command, target)
            return
        self.waiting.remove(found)
        self._answer(found, CANCELLED, f"Cancelled by {command.body['requested_by']}.")
        # The read goes on for those that joined it.
        if found.command_id in self.in_run and not self._somebody_waits_for_run():
            self._end_run()
        self._answer(command, COMPLETED, "Cancelled.")

    def _answer_missing(self, command: OpenCommand, target: str) -> None:
        ended = next((a.outcome for a in self.answers if a.command.command_id.lower() == target.lower()), None)
        became = ended or self.look_up(target)
        if became is None:
            self._answer(command, FAILED, f"target_id: there is no command {target} of this company.")
        elif became == "open":
            self._answer(command, FAILED, "target_id: this command cannot be cancelled.")
        else:
            self._answer(command, COMPLETED, f"It had ended already ({became}).")

    def _disconnect(self, command: OpenCommand) -> None:
        by = command.body["requested_by"]
        self._end_waiting(f"The company was disconnected by {by}.")
        self._end_run()
        already = self.standing.state == "disconnected"
        self.standing = replace(self.standing, state="disconnected", paused_by=None, paused_reason=None)
        self.disconnects = True
        said = "It was disconnected already." if already else "Disconnected. The password is forgotten; the data stays."
        self._answer(command, COMPLETED, said)

    def _end_waiting(self, message: str) -> int:
        ended = len(self.waiting)
        for one in self.waiting:
            self._answer(one, CANCELLED, message)
        self.waiting.clear()
        return ended

    def _end_run(self) -> bool:
        ends = self.has_run
        self.ends_run = self.ends_run or ends
        self.has_run = False
        return ends

    def _somebody_waits_for_run(self) -> bool:
        return any(one.command_id in self.in_run for one in self.waiting)

    def _answer(self, command: OpenCommand, outcome: str, message: str, *, fault: str | None = None) -> None:
        self.answers.append(Answered(command, outcome, message, fault))


def _read_state(standing: Standing) -> str:
    return "connected" if standing.known else "connecting"


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _told(commands: int, *, run: bool) -> str:
    parts = [f"{commands} command{'s' if commands > 1 else ''}"] if commands else []
    return " and ".join([*parts, *(["the read under way"] if run else [])])
