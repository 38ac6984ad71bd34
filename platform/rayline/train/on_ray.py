"""Training through Ray Train: in this process for one CPU worker, data-parallel workers otherwise.

A worker group costs 10 s or more of start and stop, and each `ray.train.report` about a second, so nothing is
reported: progress goes through a small actor, weights and history through the last checkpoint. Ray Train places
the workers, connects them, and starts them again when one is lost; they resume from the checkpoints.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import ray
import ray.train
from ray.exceptions import RayActorError
from ray.train.torch import TorchTrainer, get_device
from ray.train.v2.api.config import LoggingConfig

from rayline.core import files
from rayline.core.catalog import PluginConfig
from rayline.core.columns import Target
from rayline.core.errors import DataError, RaylineError, RunError
from rayline.core.prepared import Layout, Rows, read_shards
from rayline.models.network import Network
from rayline.prepare.augmentation import Augmentation
from rayline.prepare.training_rows import TrainingRows, balanced, read_made
from rayline.spec.sections import Train
from rayline.train.board import Board
from rayline.train.group import Distributed
from rayline.train.loop import fit
from rayline.train.record import Epoch, Fit, OnEpoch, OnProgress, Progress
from rayline.train.state import outcome

RELAY_S = 0.5
"""Seconds between two looks at what remote workers have told."""
POLL_S = "0.5"
"""Seconds between Ray Train's looks at its workers; its own 2 s are waited out at start and end."""
LOST = "WorkerHealthCheckFailedError"
"""What Ray Train calls the failure of a worker whose process is gone; the class is private."""


@dataclass(frozen=True)
class TrainJob:
    """What is trained, in a form that travels to workers. First weights are drawn from `settings.seed`."""

    model: PluginConfig
    layout: Layout
    target: Target
    settings: Train
    augmentation: Augmentation | None = None
    balance: PluginConfig | None = None

    def build(self) -> Network:
        return cast(Network, cast(Any, self.model).build(self.layout, self.target, seed=self.settings.seed))


def fit_on_ray(
    job: TrainJob,
    shards: str,
    *,
    workers: int,
    use_gpu: bool,
    checkpoints: str,
    cpus_per_worker: int = 1,
    on_epoch: OnEpoch | None = None,
    on_progress: OnProgress | None = None,
) -> Fit:
    """Train on the prepared shards `SHARDS/train` and `SHARDS/made` (and `SHARDS/validation`, where there are any).

    Args:
        shards: folder of prepared shards; with several workers, a URI that every node reads.
        workers: data-parallel workers; one without a GPU trains in this process, through Ray Train's local mode.
        checkpoints: folder for checkpoints, a URI that every node writes; see `loop.fit` for when training resumes.
        cpus_per_worker: CPUs that Ray sets aside for a remote worker, and the threads it may use.
        on_epoch: called here after each epoch, from a thread of its own for remote workers; an epoch that is
            trained again after a worker was lost is told again.
        on_progress: called here about twice a second at most, likewise.

    Raises:
        DataError: no training rows.
        RunError: training diverged, or workers were lost more often than `settings.max_failures`.
    """
    shards, checkpoints = _absolute(shards), _absolute(checkpoints)
    if workers == 1 and not use_gpu:
        return _fit_here(job, shards, checkpoints, on_epoch, on_progress)
    folder = files.join(checkpoints, "ray")
    filesystem, path = files.locate(folder)
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", POLL_S)
    with _board(on_epoch, on_progress) as board, _interruptible():
        trainer = TorchTrainer(
            partial(_work, job, shards, checkpoints, cpus_per_worker, board),
            scaling_config=ray.train.ScalingConfig(
                num_workers=workers,
                use_gpu=use_gpu,
                resources_per_worker={"CPU": cpus_per_worker, **({"GPU": 1} if use_gpu else {})},
            ),
            run_config=ray.train.RunConfig(
                name=uuid.uuid4().hex[:12],  # a name used before would resume Ray's own state
                storage_path=path,
                storage_filesystem=filesystem,
                failure_config=ray.train.FailureConfig(max_failures=job.settings.max_failures),
                logging_config=LoggingConfig(log_level="WARNING"),
            ),
        )
        try:
            told = trainer.fit().return_value
        except (ray.train.TrainingFailedError, RayActorError) as error:
            raise _translated(error, job.settings.max_failures) from error
    if files.exists(folder):  # Ray Train's own notes
        filesystem.delete_dir(path)
    if isinstance(told, RaylineError):
        raise told
    return outcome(told["checkpoint"], resumed_from=told["resumed_from"], seconds=told["seconds"])


def _fit_here(
    job: TrainJob, shards: str, checkpoints: str, on_epoch: OnEpoch | None, on_progress: OnProgress | None
) -> Fit:
    def work() -> Fit:
        train, validation = _rows(job, shards)
        return fit(
            job.build(),
            train,
            validation,
            job.settings,
            augmentation=job.augmentation,
            checkpoint_folder=checkpoints,
            on_epoch=on_epoch,
            on_progress=on_progress,
        )

    logging.getLogger("ray.train.v2.api.config").setLevel(logging.WARNING)  # it announces local mode each time
    trainer = TorchTrainer(work, scaling_config=ray.train.ScalingConfig(num_workers=0))
    return cast(Fit, trainer.fit().return_value)


def _work(job: TrainJob, shards: str, checkpoints: str, cpus: int, board: Any) -> dict[str, Any] | RaylineError:
    """What each remote worker runs; the first worker's answer is the trainer's."""
    context = ray.train.get_context()
    first = context.get_world_rank() == 0
    tell = board.put.remote if first else None
    try:
        train, validation = _rows(job, shards)
        result = fit(
            job.build(),
            train,
            validation,
            job.settings,
            augmentation=job.augmentation,
            checkpoint_folder=checkpoints,
            on_epoch=tell,
            on_progress=tell,
            group=Distributed() if context.get_world_size() > 1 else None,
            device=get_device(),
            cpus=cpus,
        )
    except (DataError, RunError) as error:
        return error  # all workers meet it alike; raised, it would be taken for a lost worker and met again
    return {"checkpoint": result.checkpoint, "resumed_from": result.resumed_from, "seconds": result.seconds}


def _rows(job: TrainJob, shards: str) -> tuple[TrainingRows, Rows | None]:
    validation = files.join(shards, "validation")
    train, made = read_shards(files.join(shards, "train")), read_made(shards)
    return (
        balanced(train, job.balance, job.layout, job.target, seed=job.settings.seed, made=made),
        read_shards(validation) if files.list_names(validation) else None,
    )


def _absolute(uri: str) -> str:
    # Ray Train's workers run in folders of their own
    return uri if "://" in uri else os.path.abspath(uri)


@contextmanager
def _board(on_epoch: OnEpoch | None, on_progress: OnProgress | None) -> Iterator[Any]:
    """An actor that workers tell their progress, with a thread that passes it on to the callbacks."""
    board = ray.remote(num_cpus=0)(Board).remote()
    ended = threading.Event()

    def relay() -> None:
        while not ended.wait(RELAY_S):
            pass_on()

    def pass_on() -> None:
        for event in ray.get(board.drain.remote()):
            if isinstance(event, Epoch) and on_epoch is not None:
                on_epoch(event)
            elif isinstance(event, Progress) and on_progress is not None:
                on_progress(event)

    thread = threading.Thread(target=relay, daemon=True, name="training-progress")
    thread.start()
    try:
        yield board
        ended.set()
        thread.join()
        pass_on()
    finally:
        ended.set()
        thread.join()
        ray.kill(board)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends as `KeyboardInterrupt`: Ray Train puts a handler in place that exits with 0, and leaves it there."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _translated(error: Exception, max_failures: int) -> RaylineError:
    """Ray Train's error in our words: a worker's own, where it is one of ours."""
    failures = sorted(getattr(error, "worker_failures", {}).items())
    causes = {rank: getattr(failure, "_base_exc", failure) for rank, failure in failures}
    for cause in causes.values():
        if isinstance(cause, RaylineError):
            return cause
    # workers left alone fail too, when they next exchange gradients: the lost ones are the news
    lost = [str(rank) for rank, cause in causes.items() if type(cause).__name__ == LOST]
    if lost:
        what = f"the process of worker {', '.join(lost)} died (killed, out of memory, or its node went away)"
    else:
        rank, cause = next(iter(causes.items()), (0, error))
        what = (
            f"worker {rank} failed with {type(cause).__name__}: {(str(cause).strip() or 'no message').splitlines()[0]}"
        )
    return RunError(
        f"training stopped: {what}, and workers may be replaced {max_failures} times (train.max_failures). "
        "`rayline run --resume` goes on from the last checkpoint."
    )
