"""The streams process: starts the Faust app on its own event loop and ends cleanly when it is asked to."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import uvloop

from core.clock import SystemClock
from core.dead_letters.share import DeadLetterShare
from core.errors import ConfigurationError, FatalError, FencedError, StoppedError
from core.kafka.groups import STREAMS_GROUP
from core.log import configure_logging, get_logger
from core.metrics import MetricsServer
from core.process import search_garbage_rarely, stop_event
from core.settings import Settings
from schemas.registry import ConfluentRegistry
from streams import metrics
from streams.consumer import StreamsApp, build_app, subscribe
from streams.partitions import Partitions, process_deliveries
from streams.rebuild import DEFAULT_OPTIONS, RebuildOptions, rebuild
from streams.records import Codecs
from streams.startup import StageOpener, prepare
from streams.watchdog import ReadableLag, Sample, watch

# State consists of millions of objects that live long.
_NEW_OBJECTS = 50_000
_EXIT_UNFORESEEN = 70
_EXIT_FATAL = 71
_EXIT_FENCED = 72

log = get_logger(__name__)


def run(settings: Settings, *, group_id: str = STREAMS_GROUP) -> None:
    """Publish canonical records until SIGTERM or SIGINT. Call it in the main thread.

    Raises ConfigurationError for what must be corrected, FatalError when a broker or the registry stays unavailable at
    the start. After the start, an unrecoverable error ends the process at once with exit code 70 to 72: no offset of
    unfinished batches may be committed. Two consumer groups must not publish to one Kafka.
    """
    settings.require("kafka_bootstrap_servers", "schema_registry_url")
    configure_logging(settings, process="streams")
    _silence_libraries(settings)
    search_garbage_rarely(_NEW_OBJECTS)
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    with temporary_folder() as folder, asyncio.Runner() as runner:
        runner.run(_Process(settings, group_id, Path(folder)).serve())
        # Otherwise the interpreter would search the whole state for garbage once more before it ends, for seconds.
        gc.freeze()


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for Faust's own files, none of ours; ConfigurationError where none can be created."""
    try:
        return tempfile.TemporaryDirectory(prefix="streams-")
    except OSError as exc:
        raise ConfigurationError(
            "Streams need a temporary folder that they may write to, of a few kilobytes: set TMPDIR to one (with a "
            f"read-only container, a tmpfs). {exc.strerror or exc}."
        ) from exc


def run_rebuild(
    settings: Settings, *, group_id: str = STREAMS_GROUP, options: RebuildOptions = DEFAULT_OPTIONS
) -> dict[str, int]:
    """Rebuild the canonical topics from the raw ones, while no streams run; see `streams.rebuild`."""
    settings.require("kafka_bootstrap_servers", "schema_registry_url")
    with closing(ConfluentRegistry(settings)) as registry:
        return dict(rebuild(settings, registry, SystemClock(), stop_event(), group_id=group_id, options=options))


class _Process:
    """One run of the process with all its parts."""

    def __init__(self, settings: Settings, group_id: str, data_dir: Path) -> None:
        self._settings = settings
        self._group_id = group_id
        self._data_dir = data_dir
        self._clock = SystemClock()
        self._stop = threading.Event()
        self._partitions: Partitions | None = None
        self._waits = 0

    async def serve(self) -> None:
        asked_to_stop = self._listen_to_signals()
        server = MetricsServer(self._settings.metrics_port, ready=self._ready, host=self._settings.metrics_host)
        try:
            log.info("streams_started", metrics_port=server.port)
            await self._work(asked_to_stop)
            log.info("streams_ended")
        except StoppedError:
            log.info("streams_ended_before_start")
        finally:
            server.close()

    async def _work(self, asked_to_stop: asyncio.Event) -> None:
        with closing(ConfluentRegistry(self._settings)) as registry:
            codecs = await asyncio.to_thread(prepare, self._settings, registry, self._clock, self._stop)
            await self._run_app(codecs, asked_to_stop)

    async def _run_app(self, codecs: Codecs, asked_to_stop: asyncio.Event) -> None:
        share = DeadLetterShare(self._clock, on_parked=metrics.PARKED.set)
        opener = StageOpener(self._settings, self._group_id, codecs, share, self._clock, on_wait=self._note_wait)
        partitions = self._partitions = Partitions(opener, on_error=end_process)
        app = build_app(self._settings, group_id=self._group_id, data_dir=self._data_dir)
        _follow_assignments(app, partitions)
        queues = subscribe(app)
        tasks = [
            asyncio.create_task(process_deliveries(queue, entity, partitions, app, end_process))
            for entity, queue in queues.items()
        ]
        lag = ReadableLag(self._settings)
        watch(
            lambda: self._sample(app, partitions, lag, waiting=any(queue.qsize() for queue in queues.values())),
            self._clock,
            self._stop,
            on_error=end_process,
        )
        await app.start()
        await app.wait(asked_to_stop.wait())
        if app.crashed:
            end_process(app.crash_reason or FatalError("Faust crashed."))
        await _end(app, partitions, tasks)

    def _listen_to_signals(self) -> asyncio.Event:
        asked_to_stop = asyncio.Event()

        def stop() -> None:
            self._stop.set()
            asked_to_stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        return asked_to_stop

    def _ready(self) -> bool:
        return self._partitions is not None and self._partitions.ready

    def _note_wait(self) -> None:
        self._waits += 1

    def _sample(self, app: StreamsApp, partitions: Partitions, lag: ReadableLag, *, waiting: bool) -> Sample:
        positions = app.positions()
        left = lag.of(positions) or 0
        metrics.LAG.set(left)
        progress = (partitions.batches, self._waits, positions, app.committed_offsets())
        return Sample(work=left > 0 or waiting or partitions.busy or app.uncommitted(), progress=progress)


def end_process(error: BaseException) -> None:
    """Log the reason and end at once, with a non-zero exit code, before Faust can commit anything more."""
    if isinstance(error, FencedError):
        log.critical("streams_fenced", reason=str(error))
        code = _EXIT_FENCED
    elif isinstance(error, FatalError):
        log.critical("streams_failed", reason=str(error))
        code = _EXIT_FATAL
    else:
        log.critical("streams_crashed", exc_info=error)
        code = _EXIT_UNFORESEEN
    logging.shutdown()
    os._exit(code)


def _follow_assignments(app: StreamsApp, partitions: Partitions) -> None:
    async def on_assigned(_app: Any, /, *args: Any, **_: Any) -> None:
        (assigned,) = args
        await partitions.assigned({tp.partition for tp in assigned})

    async def on_revoked(*_: Any, **__: Any) -> None:
        await partitions.revoked()

    app.on_partitions_assigned.connect(on_assigned, weak=False)
    app.on_partitions_revoked.connect(on_revoked, weak=False)


async def _end(app: StreamsApp, partitions: Partitions, tasks: list[asyncio.Task[None]]) -> None:
    """Finish the batches that are being processed, commit them, leave the group."""
    await partitions.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await app.stop()


def _silence_libraries(settings: Settings) -> None:
    """Faust and its client log every step of a rebalance at INFO, also under our module that extends them."""
    if settings.log_level != "DEBUG":
        for name in ("faust", "mode", "aiokafka", "streams.consumer"):
            logging.getLogger(name).setLevel(logging.WARNING)
