"""What the poller does with each type of command: one class a type. Names and rules are in schemas.commands.

`settle` is pure: what becomes of a command before anything is read, in the order in which commands came. Pause, resume,
cancel and disconnect take effect there; commands that are done by reading wait for a read, replays for their turn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import assert_never

from control.commands import OpenCommand
from producers.commands.estimate import Estimates
from producers.commands.settlement import COMPLETED, FAILED, ConnectionSummary, Lookup, Settlement, Settling
from producers.sync_events import SyncEvent
from schemas.commands import UNKNOWN_TYPE, CommandType, command_type


@dataclass(frozen=True, slots=True)
class CommandStrategy(ABC):
    """What is done with one command."""

    command: OpenCommand

    @abstractmethod
    def settle(self, work: Settling) -> None:
        """Answer the command, or leave it to be done."""

    @abstractmethod
    def estimate(self, estimates: Estimates) -> SyncEvent | None:
        """The answer to a dry run. It reads the database and changes nothing; None where the work itself answers."""

    def done_without_read(self, held: Collection[str]) -> str | None:
        """Why no read is needed after all, in a sentence. `held`: entities with held deletions, or that look wrong."""
        del held
        return None


class Read(CommandStrategy):
    """sync, full-sync, backfill: waits for a read."""

    def settle(self, work: Settling) -> None:
        if work.connection.readable:
            work.waiting.append(self.command)
        else:
            work.answer(self.command, FAILED, work.connection.why_not, fault=work.connection.fault)

    def estimate(self, estimates: Estimates) -> SyncEvent | None:
        return estimates.read(self.command)


class ReleaseDeletions(Read):
    def estimate(self, estimates: Estimates) -> SyncEvent | None:
        return estimates.completed(estimates.releases(self.command))

    def done_without_read(self, held: Collection[str]) -> str | None:
        wanted = set(self.command.body["entities"]) or set(held)
        return None if wanted & set(held) else "No deletion is held."


class Pause(CommandStrategy):
    def settle(self, work: Settling) -> None:
        by, reason = self.command.body["requested_by"], self.command.body.get("reason")
        if work.connection.state == "disconnected":
            work.answer(self.command, FAILED, work.connection.why_not)
            return
        already = work.connection.state == "paused"
        work.connection = work.connection.paused(by=by, reason=reason)
        because = f": {reason}" if reason else ""
        work.end_waiting(f"Paused by {by}{because}. What was read is kept; the read goes on when resumed.")
        replaced = "It was paused already; the new reason replaces the old one."
        work.answer(self.command, COMPLETED, replaced if already else "Paused.")

    def estimate(self, estimates: Estimates) -> SyncEvent | None:
        return estimates.completed(f"Reading would be paused. {estimates.under_way()}")


class Resume(CommandStrategy):
    def settle(self, work: Settling) -> None:
        before = work.connection
        if before.state != "paused":
            message = "It was not paused." if before.readable else before.why_not
            work.answer(self.command, COMPLETED if before.readable else FAILED, message)
            return
        work.connection = after = before.resumed()
        work.resumes = True
        message = "Resumed; a read begins now." if after.readable else f"Resumed. {after.why_not}"
        work.answer(self.command, COMPLETED, message)

    def estimate(self, estimates: Estimates) -> SyncEvent | None:
        return estimates.completed(f"Reading would go on. {estimates.under_way()}")


class Cancel(CommandStrategy):
    """Ends one command, or all that wait and the read under way."""

    def settle(self, work: Settling) -> None:
        message = f"Cancelled by {self.command.body['requested_by']}."
        target = self.command.body.get("target_id")
        if target is None:
            done = _what_ended(work.end_waiting(message), run=work.end_run())
            work.answer(self.command, COMPLETED, f"Cancelled {done}." if done else "Nothing was under way.")
        elif work.end_one(target, message):
            work.answer(self.command, COMPLETED, "Cancelled.")
        else:
            self._not_waiting(work, target)

    def _not_waiting(self, work: Settling, target: str) -> None:
        became = work.became(target)
        if became is None:
            work.answer(self.command, FAILED, f"target_id: there is no command {target} of this company.")
        elif became == "open":
            work.answer(self.command, FAILED, "target_id: this command cannot be cancelled.")
        else:
            work.answer(self.command, COMPLETED, f"It had ended already ({became}).")

    def estimate(self, estimates: Estimates) -> SyncEvent | None:
        return estimates.completed(estimates.under_way())


class Disconnect(CommandStrategy):
    def settle(self, work: Settling) -> None:
        work.end_waiting(f"The company was disconnected by {self.command.body['requested_by']}.")
        work.end_run()
        already = work.connection.state == "disconnected"
        work.connection = work.connection.disconnected()
        work.disconnects = True
        done = "Disconnected. The password is forgotten; the data stays."
        work.answer(self.command, COMPLETED, "It was disconnected already." if already else done)

    def estimate(self, estimates: Estimates) -> SyncEvent | None:
        would = "The company would be disconnected and its password forgotten; the data stays."
        return estimates.completed(f"{would} {estimates.under_way()}")


class ReplayDeadLetters(CommandStrategy):
    """Needs no read: the connection's state does not matter. A dry run counts the letters (see producers.replay)."""

    def settle(self, work: Settling) -> None:
        work.replays.append(self.command)

    def estimate(self, _estimates: Estimates) -> SyncEvent | None:
        return None


class Unknown(CommandStrategy):
    """A type that this version does not know: a later version stored the command."""

    def settle(self, work: Settling) -> None:
        work.answer(self.command, FAILED, UNKNOWN_TYPE)

    def estimate(self, _estimates: Estimates) -> SyncEvent | None:
        return None


def strategy_of(command: OpenCommand) -> CommandStrategy:
    kind = command_type(command.type)
    return Unknown(command) if kind is None else _strategy(kind)(command)


def _strategy(kind: CommandType) -> type[CommandStrategy]:
    strategy: type[CommandStrategy]
    match kind:
        case CommandType.SYNC | CommandType.FULL_SYNC | CommandType.BACKFILL:
            strategy = Read
        case CommandType.RELEASE_DELETIONS:
            strategy = ReleaseDeletions
        case CommandType.PAUSE:
            strategy = Pause
        case CommandType.RESUME:
            strategy = Resume
        case CommandType.CANCEL:
            strategy = Cancel
        case CommandType.DISCONNECT:
            strategy = Disconnect
        case CommandType.REPLAY_DEAD_LETTERS:
            strategy = ReplayDeadLetters
        case _:
            assert_never(kind)
    return strategy


def settle(
    connection: ConnectionSummary,
    commands: Sequence[OpenCommand],
    *,
    in_run: Collection[str] = (),
    has_run: bool = False,
    look_up: Lookup = lambda _: None,
) -> Settlement:
    """Settle the commands in their order. `in_run`: ids of those that the open run is for."""
    work = Settling(connection, frozenset(in_run), has_run, look_up)
    for command in commands:
        strategy_of(command).settle(work)
    return work.settlement()


def _what_ended(commands: int, *, run: bool) -> str:
    parts = [f"{commands} command{'s' if commands > 1 else ''}"] if commands else []
    return " and ".join([*parts, *(["the read under way"] if run else [])])
