"""Batches what waits, adds no latency, and lets no request fail its neighbours."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from rayline.core.errors import OverloadedError
from rayline.serve.answers import Answers
from rayline.serve.batcher import Batcher, Pass


class Model:
    """Answers each x with x, after `seconds`; refuses negative ones."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.sizes: list[int] = []
        self.threads: set[str] = set()
        self.passes: list[Pass] = []
        self.running = 0
        self.most_running = 0
        self.batcher = Batcher(
            lambda columns: columns,
            self.predict,
            lambda raw: Answers(None, raw.tolist()),
            max_rows=8,
            max_waiting_rows=64,
            executor=ThreadPoolExecutor(2, thread_name_prefix="aside"),
            on_pass=self.passes.append,
        )

    def predict(self, columns: Mapping[str, Sequence[Any]]) -> Any:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.sizes.append(len(columns["x"]))
        self.threads.add(threading.current_thread().name.split("_")[0])
        time.sleep(self.seconds)
        self.running -= 1
        if min(columns["x"]) < 0:
            raise ValueError("negative")
        return np.array(columns["x"])

    async def ask(self, *values: int) -> list[Any]:
        return (await self.batcher.submit({"x": list(values)}, len(values))).numbers


def test_requests_of_one_turn_are_one_pass() -> None:
    model = Model()

    async def run() -> list[list[Any]]:
        return await asyncio.gather(*(model.ask(n) for n in range(6)))

    assert asyncio.run(run()) == [[n] for n in range(6)]
    assert model.sizes == [6]
    assert model.threads == {"MainThread"}


def test_a_lone_request_waits_for_nobody() -> None:
    model = Model()

    async def run() -> int:
        turns = 0
        task = asyncio.ensure_future(model.ask(1))
        while not task.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(run()) <= 4


def test_what_arrives_during_a_long_pass_is_the_next_batch() -> None:
    model = Model(seconds=0.05)
    model.batcher.observe(1, 0.05)

    async def run() -> None:
        first = asyncio.ensure_future(model.ask(0))
        await asyncio.sleep(0.01)
        ticks = 0
        rest = asyncio.gather(*(model.ask(n) for n in range(1, 6)))
        while not first.done():
            await asyncio.sleep(0.001)
            ticks += 1
        assert ticks > 5, "the loop went on while the model ran"
        assert await rest == [[n] for n in range(1, 6)]

    asyncio.run(run())
    assert model.sizes == [1, 5]
    assert model.threads == {"aside", "MainThread"}  # five rows had not been met before: tried on the loop
    assert model.most_running == 1


def test_passes_are_no_larger_than_allowed_and_large_requests_are_cut() -> None:
    model = Model()

    async def run() -> list[list[Any]]:
        return await asyncio.gather(model.ask(*range(5)), model.ask(*range(5)), model.ask(*range(20)))

    assert asyncio.run(run()) == [list(range(5)), list(range(5)), list(range(20))]
    assert model.sizes == [5, 5, 8, 8, 4]
    assert [len(done.raw) for done in model.passes] == model.sizes


def test_one_bad_request_fails_alone() -> None:
    model = Model()

    async def run() -> list[Any]:
        return await asyncio.gather(*(model.ask(n) for n in (1, -1, 2)), return_exceptions=True)

    first, bad, last = asyncio.run(run())
    assert (first, last) == ([1], [2])
    assert isinstance(bad, ValueError)
    assert sum(len(done.raw) for done in model.passes) == 2


def test_a_client_that_left_costs_nothing() -> None:
    model = Model()

    async def run() -> None:
        gone = asyncio.ensure_future(model.ask(1))
        stays = asyncio.ensure_future(model.ask(2))
        await asyncio.sleep(0)
        gone.cancel()
        assert await stays == [2]

    asyncio.run(run())
    assert sum(model.sizes) <= 2


def test_too_much_waiting_is_refused() -> None:
    model = Model()

    async def run() -> None:
        waiting = [asyncio.ensure_future(model.ask(*range(8))) for _ in range(8)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match=r"^64 rows of other requests wait for this model\. Try again"):
            await model.ask(1)
        await asyncio.gather(*waiting)
        assert await model.ask(1) == [1]

    model.batcher.observe(8, 0.05)
    asyncio.run(run())
