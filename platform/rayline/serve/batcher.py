"""Batches what waits, and waits for nothing.

Requests that reached us in one turn of the event loop, or while the model was busy, are answered by one pass. A lone
request is answered at the end of its turn, so batching costs no latency. The model runs on the event loop while its
passes are short: a hop to a thread and back takes longer than a small network. Passes that are long run in a thread
(torch lets go of the interpreter), and the loop goes on taking requests, which make the next batch.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

from polars.exceptions import PanicException

from rayline.core.errors import OverloadedError
from rayline.core.shown import counted
from rayline.serve.answers import Answers, Raw, joined
from rayline.serve.intake import Columns

LONGEST_INLINE_S = 0.002
"""A pass that takes longer than this runs in a thread: beyond it, the loop's other requests would feel it."""
_UNKNOWN_INLINE_ROWS = 64
"""Rows up to which a pass of a size not met before is tried on the loop."""
_MEMORY = 0.2
"""Weight of the newest pass in the running mean of its size's duration."""


class Waiting(NamedTuple):
    columns: Columns
    rows: int
    future: asyncio.Future[Answers]


class Pass(NamedTuple):
    """One call of the model."""

    columns: Mapping[str, Sequence[Any]]
    """As the model read them: corrected, and with those derived."""
    raw: Raw
    seconds: float


class Ran(NamedTuple):
    """What became of a batch."""

    outcome: Sequence[Answers | Exception]
    """For each of its requests, the answers or why there are none."""
    passes: Sequence[Pass]
    seconds: float


class Batcher:
    """Answers rows by one model version. Lives on one event loop.

    Args:
        clean: a request's columns of n values to those that `predict` reads. Like it, called by one thread at a time.
        predict: columns of n values to n answers.
        present: the predictor's numbers as answers.
        max_rows: rows of a pass. A request with more is answered in several.
        max_waiting_rows: rows that may wait.
        executor: runs long passes.
        on_pass: called on the loop with each pass that succeeded.
    """

    def __init__(
        self,
        clean: Callable[[Columns], Mapping[str, Sequence[Any]]],
        predict: Callable[[Mapping[str, Sequence[Any]]], Raw],
        present: Callable[[Raw], Answers],
        *,
        max_rows: int,
        max_waiting_rows: int,
        executor: Executor,
        on_pass: Callable[[Pass], None],
    ) -> None:
        self.max_rows = max_rows
        self.max_waiting_rows = max_waiting_rows
        self._clean = clean
        self._predict = predict
        self._present = present
        self._executor = executor
        self._on_pass = on_pass
        self._waiting: deque[Waiting] = deque()
        self._waiting_rows = 0
        self._due = False
        self._durations: dict[int, float] = {}

    def submit(self, columns: Columns, rows: int) -> asyncio.Future[Answers]:
        """The answers to n rows, once they are there.

        Raises:
            OverloadedError: too many rows wait already.
        """
        if self._waiting_rows and self._waiting_rows + rows > self.max_waiting_rows:
            raise OverloadedError(
                f"{counted(self._waiting_rows)} of other requests wait for this model. Try again in a second."
            )
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answers] = loop.create_future()
        self._waiting.append(Waiting(columns, rows, future))
        self._waiting_rows += rows
        if not self._due:
            self._due = True
            loop.call_soon(self._flush)
        return future

    def observe(self, rows: int, seconds: float) -> None:
        """Remember how long a pass of so many rows took; sizes within a factor of two are one."""
        size = rows.bit_length()
        known = self._durations.get(size)
        self._durations[size] = seconds if known is None else known + _MEMORY * (seconds - known)

    def _flush(self) -> None:
        batch = self._take()
        rows = sum(item.rows for item in batch)
        if not batch:
            self._due = False
        elif self._is_short(rows):
            self._landed(batch, rows, self._run(batch))
        else:
            running = asyncio.get_running_loop().run_in_executor(self._executor, self._run, batch)
            running.add_done_callback(lambda done: self._landed(batch, rows, _result(done, batch)))

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        rows = 0
        while self._waiting and (not batch or rows + self._waiting[0].rows <= self.max_rows):
            item = self._waiting.popleft()
            self._waiting_rows -= item.rows
            if not item.future.done():  # else its client went away
                batch.append(item)
                rows += item.rows
        return batch

    def _is_short(self, rows: int) -> bool:
        known = self._durations.get(rows.bit_length())
        return rows <= _UNKNOWN_INLINE_ROWS if known is None else known <= LONGEST_INLINE_S

    def _landed(self, batch: Sequence[Waiting], rows: int, ran: Ran) -> None:
        self.observe(rows, ran.seconds)
        for done in ran.passes:
            self._on_pass(done)
        for item, answers in zip(batch, ran.outcome, strict=True):
            if item.future.done():  # its client went away while the model ran
                continue
            if isinstance(answers, Exception):
                item.future.set_exception(answers)
            else:
                item.future.set_result(answers)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        else:
            self._due = False

    def _run(self, batch: Sequence[Waiting]) -> Ran:
        """Answer a batch; one that fails is tried again a request at a time, so that none fails its neighbours."""
        started = time.perf_counter()
        passes: list[Pass] = []
        try:
            answers = self._pass(batch[0].columns if len(batch) == 1 else _columns(batch), passes)
            outcome: list[Answers | Exception] = [answers] if len(batch) == 1 else _parts(answers, batch)
        except (Exception, PanicException) as error:  # noqa: BLE001 - the boundary to the model: each request's answer
            outcome = [error if isinstance(error, Exception) else RuntimeError(str(error))]
            if len(batch) > 1:
                ran = [self._run([item]) for item in batch]
                outcome = [one.outcome[0] for one in ran]
                passes = [done for one in ran for done in one.passes]
        return Ran(outcome, passes, time.perf_counter() - started)

    def _pass(self, columns: Columns, passes: list[Pass]) -> Answers:
        rows = max(map(len, columns.values()))
        raws = []
        started = time.perf_counter()
        clean = self._clean(columns)  # of the whole, so that a refusal counts rows as its client does
        for start in range(0, rows, self.max_rows):
            part = clean
            if rows > self.max_rows:
                part = {name: values[start : start + self.max_rows] for name, values in clean.items()}
            raw = self._predict(part)
            ended = time.perf_counter()
            passes.append(Pass(part, raw, ended - started))
            raws.append(raw)
            started = ended
        return self._present(joined(raws))


def _result(done: asyncio.Future[Ran], batch: Sequence[Waiting]) -> Ran:
    if done.cancelled() or done.exception() is not None:  # the executor was shut down under us
        return Ran([OverloadedError("this replica is stopping. Try again.")] * len(batch), [], 0.0)
    return done.result()


def _columns(batch: Sequence[Waiting]) -> Columns:
    names = batch[0].columns
    if all(item.rows == 1 for item in batch):
        return {name: [item.columns[name][0] for item in batch] for name in names}
    return {name: [value for item in batch for value in item.columns[name]] for name in names}


def _parts(answers: Answers, batch: Sequence[Waiting]) -> list[Answers | Exception]:
    parts: list[Answers | Exception] = []
    start = 0
    for item in batch:
        parts.append(answers.part(start, start + item.rows))
        start += item.rows
    return parts
