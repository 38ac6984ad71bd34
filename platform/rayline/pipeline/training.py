"""Preparation fitted and applied, a network trained: from collected data to weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from rayline.cluster.preflight import preflight
from rayline.cluster.resources import workers_for
from rayline.core import files
from rayline.core.errors import DataError
from rayline.core.prepared import Prepared, Rows, read_shards
from rayline.core.shown import counted
from rayline.models.network import Network
from rayline.pipeline import fitting
from rayline.pipeline.collected import Collected
from rayline.pipeline.events import Stages
from rayline.pipeline.folder import RunFolder
from rayline.pipeline.warm import warm_registry
from rayline.prepare import on_ray as preparing
from rayline.prepare import preparation, training_rows
from rayline.prepare.augmentation import augmentation_for
from rayline.train.on_ray import TrainJob, fit_on_ray
from rayline.train.record import Epoch, Fit, Progress, typical_rate


@dataclass(frozen=True)
class Trained:
    """A fitted preparation, a trained network, and the rows set aside from it."""

    preparation: preparation.Preparation
    network: Network
    fit: Fit
    validation: Rows
    test: Rows
    workers: int


def prepare_and_train(folder: RunFolder, stages: Stages, collected: Collected) -> Trained:
    """Fit preparation on the training profile, write shards once, train on them.

    Raises:
        DataError: nothing to learn from, or a test part without rows.
        RunError: training diverged or its workers could not be kept alive.
    """
    spec, target = collected.spec, collected.target
    shards = folder.path("shards")
    with stages.stage("prepare") as summary:
        fitted = fitting.fit(collected, collected.features, stages.watcher.note)
        layout, steps, seed = fitted.layout, spec.prepare, spec.train.seed
        augmentation = augmentation_for(fitted, steps.augment, target, seed=seed)
        training_rows.check(steps.balance, layout, target)
        warm_registry()
        done = folder.path("shards", "done.json")
        written = files.read_json(done) if folder.resumed and files.exists(done) else None
        if written is not None and written["data"] != collected.digest:
            raise DataError("the data has changed since this run began. Run without --resume.")
        if written is None:
            counts = preparing.write_shards(
                collected.source, fitted, target, collected.assign, shards, columns=collected.assign.columns
            )
            made = training_rows.write_made(shards, steps.balance, layout, target, seed=seed)
            files.write_json(done, {"data": collected.digest, "rows": counts, "made": made})
        summary.text = f"{len(layout.numbers)} number and {len(layout.categories)} category inputs"
    with stages.stage("train") as summary:
        workers, use_gpu = workers_for(spec.train)
        preflight(workers, use_gpu=use_gpu)
        result = fit_on_ray(
            TrainJob(spec.model, layout, target, spec.train, augmentation, steps.balance),
            shards,
            workers=workers,
            use_gpu=use_gpu,
            checkpoints=folder.path("checkpoints"),
            on_progress=lambda progress: stages.watcher.progress(_progress_line(progress)),
            on_epoch=lambda epoch: stages.watcher.progress(_epoch_line(epoch, spec.train.epochs), milestone=True),
        )
        network = cast(Network, cast(Any, spec.model).build(layout, target, seed=spec.train.seed))
        network.load_state_dict(result.state_dict)
        rate = typical_rate(epoch.rows_per_s for epoch in result.history) or 0.0
        summary.text = (
            f"{counted(len(result.history), 'epoch')}, {rate:,.0f} rows/s, "
            + counted(workers, f"{'GPU' if use_gpu else 'CPU'} worker")
            + (f", resumed at step {result.resumed_from}" if result.resumed_from is not None else "")
        )
    return Trained(
        preparation=fitted,
        network=network,
        fit=result,
        validation=_part(shards, "validation", layout.numbers, layout.categories),
        test=read_shards(files.join(shards, "test")),
        workers=workers,
    )


def _part(shards: str, part: str, numbers: tuple[str, ...], categories: tuple[str, ...]) -> Rows:
    if files.list_names(files.join(shards, part)):
        return read_shards(files.join(shards, part))
    inputs = Prepared(np.zeros((0, len(numbers)), np.float32), np.zeros((0, len(categories)), np.int32))
    return Rows(inputs, np.zeros(0, np.float32), np.zeros(0, np.int64))


def _progress_line(progress: Progress) -> str:
    return (
        f"epoch {progress.epoch + 1}/{progress.epochs}  {progress.rows_per_s:,.0f} rows/s  "
        f"loss {progress.loss:.4f}  {progress.seconds_left:.0f} s left"
    )


def _epoch_line(epoch: Epoch, epochs: int) -> str:
    validation = f"  validation {epoch.validation_loss:.4f}" if epoch.validation_loss is not None else ""
    return f"epoch {epoch.epoch + 1}/{epochs}  {epoch.rows_per_s:,.0f} rows/s  loss {epoch.train_loss:.4f}{validation}"
