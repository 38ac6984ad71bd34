"""The training loop: seeded batches, one flat vector of weights, exact resume, the same for one worker or many."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from rayline.core import files, seeds
from rayline.core.errors import DataError, RunError
from rayline.core.prepared import Rows
from rayline.models.network import PREDICT_ROWS, Network, evaluating
from rayline.prepare.augmentation import Augmentation
from rayline.prepare.training_rows import TrainingRows
from rayline.spec.sections import Train
from rayline.train import checkpoints, precision, randomness
from rayline.train.batches import Batch, batches, order, share, steps_per_epoch, take
from rayline.train.checkpoints import Store, fingerprint
from rayline.train.group import Alone, Group
from rayline.train.record import Epoch, Fit, OnEpoch, OnProgress, Progress
from rayline.train.state import State
from rayline.train.threads import threads_for
from rayline.train.weights import digest

PROGRESS_S = 0.2
"""Seconds between two calls of `on_progress`; each costs a look at the loss."""


def fit(
    network: Network,
    train_rows: Rows | TrainingRows,
    validation_rows: Rows | None,
    settings: Train,
    *,
    augmentation: Augmentation | None = None,
    checkpoint_folder: str | None = None,
    on_epoch: OnEpoch | None = None,
    on_progress: OnProgress | None = None,
    group: Group | None = None,
    device: torch.device | str = "cpu",
    cpus: int | None = None,
) -> Fit:
    """Train `network` in place; its weights are then those of `Fit.best_epoch`.

    Args:
        network: with first weights; what it learns from rows directly (scales, bins) is set here.
        train_rows: what is learnt from; as `TrainingRows`, balanced.
        validation_rows: what the validation loss is of, as they are: never balanced, augmented or weighed.
        augmentation: what is done to training rows on the fly.
        checkpoint_folder: a URI. A training that was begun there with the same settings, data, network and first
            weights goes on where its last checkpoint left it, bit for bit as if it had not stopped (one worker;
            with another number of workers, up to the order of float sums).
        on_epoch: called after each epoch, on every worker.
        on_progress: called a few times a second, on every worker.
        group: the workers that share each batch; every worker calls `fit` with the same rows and settings.
        cpus: cores this worker may use; default: torch's number of threads.

    Raises:
        DataError: no training rows.
        RunError: the loss is no longer finite, or workers' weights have come apart.
        StorageError: a checkpoint cannot be written.
    """
    training = train_rows if isinstance(train_rows, TrainingRows) else TrainingRows(train_rows)
    if len(training) == 0:
        raise DataError("no training rows are left after the split. Give more rows, or smaller shares to hold out.")
    if validation_rows is not None and len(validation_rows) == 0:
        validation_rows = None
    group = group or Alone()
    device = torch.device(device)
    network.learn(training.rows)
    weights = training.class_weights
    weights_K = None if weights is None else torch.from_numpy(weights).float()
    if training.changed:
        network.head.learn(torch.from_numpy(training.targets()), weights_K)
    store = None
    if checkpoint_folder is not None:
        store = Store(checkpoint_folder, _fingerprint(network, training, validation_rows, settings, augmentation))
    class_weights = None if weights_K is None else weights_K.to(device)
    run = _Run(
        network.to(device), training, validation_rows, settings, group, device, store, augmentation, class_weights
    )
    try:
        with randomness.kept(device), threads_for(network, settings.batch_size // group.size, cpus):
            return run.fit(on_epoch, on_progress)
    finally:
        run.state.weights.release()


def _fingerprint(
    network: Network,
    train: TrainingRows,
    validation: Rows | None,
    settings: Train,
    augmentation: Augmentation | None,
) -> str:
    also = train.describe() + ("" if augmentation is None else augmentation.describe())
    return fingerprint(network, train.rows, validation, settings, train.made, also)


class _Run:
    """One call of `fit`: what does not change, and the `State` that does."""

    def __init__(
        self,
        network: Network,
        train: TrainingRows,
        validation: Rows | None,
        settings: Train,
        group: Group,
        device: torch.device,
        store: Store | None,
        augmentation: Augmentation | None,
        class_weights: Tensor | None,
    ) -> None:
        self.network = network
        self.train = train
        self.validation = validation
        self.settings = settings
        self.group = group
        self.device = device
        self.store = store
        self.augmentation = augmentation
        self.class_weights = class_weights
        self.precision = precision.resolve(settings.precision, device)
        self.state = State(network, settings, device)
        self.peak_rate: float = settings.optimizer.lr  # type: ignore[attr-defined]
        self.epoch_steps = steps_per_epoch(len(train), settings.batch_size)
        self.steps = self.epoch_steps * settings.epochs
        self.multiplier: Callable[[int], float] = settings.schedule.build(self.steps)  # type: ignore[attr-defined]
        self.step_seed = seeds.derive(settings.seed, "step", group.rank)

    def fit(self, on_epoch: OnEpoch | None, on_progress: OnProgress | None) -> Fit:
        started = time.perf_counter()
        resumed_from = self._resume()
        while not self.state.finished:
            epoch = self._epoch(on_progress)
            self.state.end_epoch(epoch)
            if self.state.finished or self._checkpoint_due():
                self._write_checkpoint(0.0)
            if on_epoch is not None:
                on_epoch(epoch)
        if self.state.best is not None:
            self.network.load_state_dict(self.state.best)
        return Fit(
            history=self.state.history,
            best_epoch=self.state.best_epoch,
            state_dict={name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()},
            resumed_from=resumed_from,
            seconds=time.perf_counter() - started,
            checkpoint=self.store.uri(self.state.step) if self.store is not None else None,
        )

    def _resume(self) -> int | None:
        """Take over the newest checkpoint that rank 0 finds; the step it was written after, `None` without one."""
        if self.store is None:
            return None
        checkpoint = self.store.latest() if self.group.rank == 0 else None
        own = torch.tensor([checkpoint.step if checkpoint else -1], device=self.device)
        step = int(self.group.gather(own)[0])
        if step < 0:
            return None
        uri = self.store.uri(step)
        if checkpoint is None and files.exists(uri):
            checkpoint = checkpoints.read(uri)
        # every worker must learn of it: one that stopped alone would leave the others waiting
        seen = self.group.gather(torch.tensor([int(checkpoint is not None)], device=self.device))
        if checkpoint is None or not all(seen):
            blind = [rank for rank, sees in enumerate(seen) if not sees]
            raise RunError(
                f"workers {blind} do not see {uri}, which worker 0 wrote. "
                "Set storage: to a URI that every node can read and write."
            )
        self.state.restore(checkpoint, rank=self.group.rank)
        return step

    def _epoch(self, on_progress: OnProgress | None) -> Epoch:
        state = self.state
        number = len(state.history)
        started = shown = time.perf_counter()
        rate = 0.0
        fresh_rows = 0
        self.network.train()
        for batch in self._batches(number, state.step - number * self.epoch_steps):
            rate = self._step(batch)
            fresh_rows += batch.rows
            now = time.perf_counter()
            if self._checkpoint_due() and state.step % self.epoch_steps:  # at an epoch's end: once it is recorded
                self._write_checkpoint(state.epoch_seconds + now - started)
            if on_progress is not None and now - shown > PROGRESS_S:
                shown = now
                on_progress(self._progress(number, fresh_rows / (now - started)))
        loss = self._mean(state.loss_sum, len(self.train))
        seconds = state.epoch_seconds + time.perf_counter() - started
        if not math.isfinite(loss):
            raise RunError(
                f"the training loss is {loss} in epoch {number + 1}: training has diverged. Lower "
                f"train.optimizer.lr (now {self.peak_rate:g}), set train.clip_norm, impute and scale number columns."
            )
        return Epoch(
            epoch=number,
            train_loss=loss,
            validation_loss=self._validate(),
            rows_per_s=len(self.train) / seconds,
            seconds=seconds,
            learning_rate=rate,
            digest=self._agreed_digest(number),
        )

    def _batches(self, epoch: int, first_step: int) -> Iterator[Batch]:
        places = order(len(self.train), self.settings.seed, epoch)
        augmentation = self.augmentation
        return batches(
            self.train,
            self.train.ids(places, epoch),
            self.settings.batch_size,
            first_step=first_step,
            rank=self.group.rank,
            size=self.group.size,
            device=self.device,
            augment=None if augmentation is None else partial(augmentation, epoch=epoch),
            mixes=augmentation is not None and augmentation.mixes,
            copies=None if augmentation is None else self.train.copies(places, epoch),
        )

    def _step(self, batch: Batch) -> float:
        """One step on this worker's share of a batch; the learning rate it took."""
        state = self.state
        randomness.seed_step(self.device, self.step_seed, state.step)
        if len(batch.target):
            with precision.autocast(self.precision, self.device):
                outputs = self.network(batch.numbers, batch.categories, *batch.tensors)
            loss = self.network.head.loss(outputs, batch.target, self.class_weights).sum()
            # over the rows of the whole batch: summed over workers this is the gradient of one worker alone
            (loss / batch.rows).backward()  # type: ignore[no-untyped-call]
            state.loss_sum += loss.detach()
        self.group.sum_(state.weights.gradient)
        if self.settings.clip_norm is not None:
            state.weights.clip(self.settings.clip_norm)
        rate = self.peak_rate * self.multiplier(state.step)
        state.optimizer.step(state.weights.gradient, rate)
        state.weights.gradient.zero_()
        state.step += 1
        return rate

    def _progress(self, epoch: int, rows_per_s: float) -> Progress:
        done = self.state.step
        rows = (done - epoch * self.epoch_steps) * self.settings.batch_size
        own_rows = max(min(rows, len(self.train)) // self.group.size, 1)
        return Progress(
            epoch=epoch,
            epochs=self.settings.epochs,
            step=done,
            steps=self.steps,
            rows_per_s=rows_per_s,
            loss=float(self.state.loss_sum) / own_rows,
            seconds_left=(self.steps - done) / self.epoch_steps * len(self.train) / rows_per_s,
        )

    def _checkpoint_due(self) -> bool:
        return self.state.step % (self.settings.checkpoint_every or self.epoch_steps) == 0

    def _write_checkpoint(self, epoch_seconds: float) -> None:
        if self.store is None:
            return
        loss_sum = self._mean(self.state.loss_sum, 1)
        if self.group.rank == 0:
            self.store.write(self.state.snapshot(loss_sum, epoch_seconds))

    def _validate(self) -> float | None:
        """Mean loss a validation row; each worker takes its share of the rows."""
        if self.validation is None:
            return None
        part = share(len(self.validation), self.group.rank, self.group.size)
        total = torch.zeros_like(self.state.loss_sum)
        with evaluating(self.network), torch.inference_mode():
            for start in range(part.start, part.stop, PREDICT_ROWS):
                numbers, categories, target, tensors = take(
                    self.validation, np.arange(start, min(start + PREDICT_ROWS, part.stop)), self.device
                )
                with precision.autocast(self.precision, self.device):
                    outputs = self.network(numbers, categories, *tensors)
                total += self.network.head.loss(outputs, target).sum()
        return self._mean(total, len(self.validation))

    def _mean(self, total: Tensor, rows: int) -> float:
        """The sum of every worker's `total`, over `rows`; all workers must call it."""
        total = total.clone()
        self.group.sum_(total)
        return float(total) / rows

    def _agreed_digest(self, epoch: int) -> str:
        """The digest of the weights, proven the same on every worker."""
        own = digest(self.network.state_dict())
        words = torch.frombuffer(bytearray.fromhex(own), dtype=torch.int64).to(self.device)
        everyone = self.group.gather(words)
        if not all(torch.equal(other, everyone[0]) for other in everyone):
            raise RunError(
                f"the workers' weights differ after epoch {epoch + 1}. "
                "Run all workers on the same kind of device with the same versions of torch."
            )
        return own
