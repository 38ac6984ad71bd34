"""Generated rows with a signal, settings, and two real worker processes joined by gloo."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from rayline.core.columns import Target, Task
from rayline.core.prepared import Layout, Prepared, Rows
from rayline.models.network import Network
from rayline.models.networks.mlp import Config
from rayline.spec.sections import Train

LAYOUT = Layout(("a", "b", "c"), ("d", "e"), (5, 9))
BINARY = Target("y", Task.BINARY, ("no", "yes"), "yes")
MULTICLASS = Target("y", Task.MULTICLASS, ("p", "q", "r"))
REGRESSION = Target("y", Task.REGRESSION)


def made(n: int, seed: int = 0, target: Target = BINARY) -> Rows:
    """`n` rows whose target depends on numbers and categories."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 3)).astype(np.float32)
    categories = np.stack([rng.integers(0, size, n) for size in LAYOUT.sizes], axis=1).astype(np.int32)
    score = np.sin(2 * numbers[:, 0]) + numbers[:, 1] + 0.5 * (categories[:, 0] - 2) + rng.normal(size=n) / 2
    if target.task is Task.BINARY:
        values: Any = (score > 0).astype(np.float32)
    elif target.task is Task.MULTICLASS:
        values = np.digitize(score, [-1, 1]).astype(np.int64)
    else:
        values = (1000 + 50 * score).astype(np.float32)
    return Rows(Prepared(numbers, categories), values, np.arange(n))


def network(seed: int = 0, target: Target = BINARY, **options: Any) -> Network:
    return Config(hidden=(16, 8), **options).build(LAYOUT, target, seed=seed)


def plain(**options: Any) -> Train:
    """SGD and nothing else that could differ between one worker and many."""
    return Train(**{"epochs": 2, "batch_size": 32, "optimizer": "sgd", "clip_norm": None, **options})


class KilledError(Exception):
    """Stands for a process that dies at this point: nothing after it runs, no state is tidied up on purpose."""


def two_workers(folder: Path, work: Callable[[], Any]) -> list[Any]:
    """What `work()` returns on rank 0 and on rank 1, run in two processes joined by gloo."""
    context = multiprocessing.get_context("spawn")
    answers = [folder / f"answer-{rank}" for rank in range(2)]
    meeting = folder / f"meeting-{os.urandom(4).hex()}"
    processes = [
        context.Process(target=_join, args=(rank, str(meeting), work, answer)) for rank, answer in enumerate(answers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
        assert process.exitcode == 0
    return [pickle.loads(answer.read_bytes()) for answer in answers]


def _join(rank: int, meeting: str, work: Callable[[], Any], answer: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    try:
        answer.write_bytes(pickle.dumps(work()))
    finally:
        dist.destroy_process_group()
