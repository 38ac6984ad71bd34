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

import numpy as np
import numpy.typing as npt

from rayline.core.errors import OverloadedError
from rayline.serve.intake import Columns

Answers = npt.NDArray[Any]
"""What a predictor answers n rows with: [n], or [n, K] for K classes."""

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


class Batcher:
    """Answers rows by one model version. Lives on one event loop.

    Args:
        predict: columns of n values to n answers; called by one thread at a time.
        max_rows: rows of a pass. A request with more is answered in several.
        max_waiting_rows: rows that may wait.
        executor: runs long passes.
        on_pass: called on the loop after each pass with the requests it answered, its rows and its seconds.
    """

    def __init__(
        self,
        predict: Callable[[Mapping[str, Sequence[Any]]], Answers],
        *,
        max_rows: int,
        max_waiting_rows: int,
        executor: Executor,
        on_pass: Callable[[list[tuple[Columns, Answers]], int, float], None],
    ) -> None:
        self._predict = predict
        self.max_rows = max_rows
        self.max_waiting_rows = max_waiting_rows
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
            raise OverloadedError(f"{self._waiting_rows} rows wait for this model already. Try again in a second.")
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
        if not batch:
            self._due = False
            return
        rows = sum(item.rows for item in batch)
        loop = asyncio.get_running_loop()
        if self._is_short(rows):
            self._settle(batch, rows, *_run(self._predict, batch, rows, self.max_rows))
            self._continue(loop)
        else:
            running = loop.run_in_executor(self._executor, _run, self._predict, batch, rows, self.max_rows)
            running.add_done_callback(lambda done: self._landed(batch, rows, done))

    def _landed(self, batch: list[Waiting], rows: int, done: asyncio.Future[tuple[Outcome, float]]) -> None:
        if done.cancelled() or done.exception() is not None:  # the executor was shut down under us
            error = OverloadedError("this replica is stopping. Try again.")
            self._settle(batch, rows, [error] * len(batch), 0.0)
        else:
            self._settle(batch, rows, *done.result())
        self._continue(asyncio.get_running_loop())

    def _continue(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiting:
            loop.call_soon(self._flush)
        else:
            self._due = False

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

    def _settle(self, batch: list[Waiting], rows: int, outcome: Outcome, seconds: float) -> None:
        self.observe(rows, seconds)
        answered = []
        for item, answers in zip(batch, outcome, strict=True):
            if not isinstance(answers, Exception):
                answered.append((item.columns, answers))
            if item.future.done():  # its client went away while the model ran
                continue
            if isinstance(answers, Exception):
                item.future.set_exception(answers)
            else:
                item.future.set_result(answers)
        self._on_pass(answered, rows, seconds)


Outcome = Sequence[Answers | Exception]
"""For each request of a batch, its answers or why it has none."""


def _run(
    predict: Callable[[Mapping[str, Sequence[Any]]], Answers], batch: Sequence[Waiting], rows: int, max_rows: int
) -> tuple[Outcome, float]:
    """One pass over a batch, and the seconds it took. A batch that fails is tried again a request at a time."""
    started = time.perf_counter()
    outcome: Outcome
    try:
        if len(batch) == 1:
            outcome = [_pass(predict, batch[0].columns, rows, max_rows)]
        else:
            answers = predict(_joined(batch))
            outcome = _split(answers, batch)
    except Exception as error:  # noqa: BLE001 - the boundary to the model; the error is each request's answer
        # one request must not fail those that happened to wait beside it
        alone = len(batch) == 1
        outcome = [error] if alone else [_run(predict, [item], item.rows, max_rows)[0][0] for item in batch]
    return outcome, time.perf_counter() - started


def _pass(
    predict: Callable[[Mapping[str, Sequence[Any]]], Answers], columns: Columns, rows: int, max_rows: int
) -> Answers:
    if rows <= max_rows:
        return predict(columns)
    starts = range(0, rows, max_rows)
    parts = [predict({name: values[s : s + max_rows] for name, values in columns.items()}) for s in starts]
    return np.concatenate(parts)


def _joined(batch: Sequence[Waiting]) -> Columns:
    first = batch[0].columns
    if all(item.rows == 1 for item in batch):
        return {name: [item.columns[name][0] for item in batch] for name in first}
    return {name: [value for item in batch for value in item.columns[name]] for name in first}


def _split(answers: Answers, batch: Sequence[Waiting]) -> list[Answers | Exception]:
    parts: list[Answers | Exception] = []
    start = 0
    for item in batch:
        parts.append(answers[start : start + item.rows])
        start += item.rows
    return parts
