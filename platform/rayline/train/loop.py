"""The training loop: seeded batches, one flat vector of weights, exact resume, the same for one worker or many."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from rayline.core import seeds
from rayline.core.errors import DataError, RunError
from rayline.core.prepared import Rows
from rayline.models.network import PREDICT_ROWS, Network, evaluating
from rayline.spec.sections import Train
from rayline.train import precision
from rayline.train.batches import Batch, batches, order, share, steps_per_epoch, take
from rayline.train.group import Alone, Group
from rayline.train.record import Epoch, Fit, OnEpoch, OnProgress, Progress
from rayline.train.weights import FlatWeights, digest

PROGRESS_S = 0.2
"""Seconds between two calls of `on_progress`; each costs a look at the loss."""


def fit(
    network: Network,
    train_rows: Rows,
    validation_rows: Rows | None,
    settings: Train,
    *,
    checkpoint_folder: str | None = None,
    on_epoch: OnEpoch | None = None,
    on_progress: OnProgress | None = None,
    group: Group | None = None,
    device: torch.device | str = "cpu",
) -> Fit:
    """Train `network` in place and return what happened; its weights are those of `Fit.best_epoch`.

    Raises:
        DataError: no training rows.
        RunError: the loss is no longer finite, or workers' weights have come apart.
    """
    if len(train_rows) == 0:
        raise DataError(
            "no training rows are left after the split. Give more data, or smaller validation and test shares."
        )
    device = torch.device(device)
    run = _Run(network.to(device), train_rows, validation_rows, settings, group or Alone(), device)
    with _own_randomness(device):
        try:
            return run.fit(on_epoch, on_progress)
        finally:
            run.weights.release()


@contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield


class _Run:
    """The state of one training: everything a checkpoint holds, and what it is made from."""

    def __init__(
        self,
        network: Network,
        train: Rows,
        validation: Rows | None,
        settings: Train,
        group: Group,
        device: torch.device,
    ) -> None:
        self.network = network
        self.train = train
        self.validation = validation if validation is not None and len(validation) else None
        self.settings = settings
        self.group = group
        self.device = device
        network.learn(train)
        self.precision = precision.resolve(settings.precision, device)
        self.weights = FlatWeights(network)
        self.optimizer = settings.optimizer.build([self.weights.vector_P])  # type: ignore[attr-defined]
        self.peak_lr: float = self.optimizer.param_groups[0]["lr"]
        self.steps = steps_per_epoch(len(train), settings.batch_size)
        self.multiplier = settings.schedule.build(self.steps * settings.epochs)  # type: ignore[attr-defined]
        self.step_seed = seeds.derive(settings.seed, "step", group.rank)
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        self.history: list[Epoch] = []
        self.best_epoch = 0
        self.best_state: dict[str, Tensor] | None = None

    def fit(self, on_epoch: OnEpoch | None, on_progress: OnProgress | None) -> Fit:
        started = time.perf_counter()
        while len(self.history) < self.settings.epochs and not self._stalled():
            epoch = self._epoch(on_progress)
            self.history.append(epoch)
            self._remember_best()
            if on_epoch is not None:
                on_epoch(epoch)
        if self.best_state is not None:
            self.network.load_state_dict(self.best_state)
        state = {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}
        return Fit(self.history, self.best_epoch, state, None, time.perf_counter() - started)

    def _epoch(self, on_progress: OnProgress | None) -> Epoch:
        number = len(self.history)
        started = shown = time.perf_counter()
        self.network.train()
        self.loss_sum.zero_()
        rows = 0
        for batch in batches(
            self.train,
            order(len(self.train), self.settings.seed, number),
            self.settings.batch_size,
            rank=self.group.rank,
            size=self.group.size,
            device=self.device,
        ):
            done = number * self.steps + batch.step
            rate = self._step(batch, done)
            rows += batch.rows
            now = time.perf_counter()
            if on_progress is not None and now - shown > PROGRESS_S:
                shown = now
                on_progress(self._progress(done + 1, rows, now - started))
        train_loss = self._mean_over_workers(self.loss_sum, len(self.train))
        seconds = time.perf_counter() - started
        if not math.isfinite(train_loss):
            raise RunError(
                f"the training loss is {train_loss} in epoch {number + 1}: training diverged. Lower "
                f"train.optimizer.lr (now {self.peak_lr:g}), set train.clip_norm, or scale the number columns."
            )
        return Epoch(
            epoch=number,
            train_loss=train_loss,
            validation_loss=self._validate(),
            rows_per_s=len(self.train) / seconds,
            seconds=seconds,
            learning_rate=rate,
            digest=self._agreed_digest(number),
        )

    def _step(self, batch: Batch, done: int) -> float:
        # seeded for each step, so that a resumed run draws the same dropout masks without stored states
        _seed(self.device, (self.step_seed + done) & 0x7FFF_FFFF_FFFF_FFFF)
        if len(batch.target):
            with precision.autocast(self.precision, self.device):
                outputs = self.network(batch.numbers, batch.categories)
            loss = self.network.head.loss(outputs, batch.target).sum()
            # divided by the whole batch's rows: the sum over workers is then the gradient of one worker alone
            (loss / batch.rows).backward()
            self.loss_sum += loss.detach()
        self.group.sum_(self.weights.grad_P)
        if self.settings.clip_norm is not None:
            self.weights.clip(self.settings.clip_norm)
        rate = self.peak_lr * self.multiplier(done)
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        self.weights.grad_P.zero_()
        return rate

    def _progress(self, done: int, rows: int, seconds: float) -> Progress:
        total = self.steps * self.settings.epochs
        rate = rows / seconds
        seconds_left = (total - done) * self.settings.batch_size / rate
        mine = max(rows // self.group.size, 1)
        return Progress(
            len(self.history), self.settings.epochs, done, total, rate, float(self.loss_sum) / mine, seconds_left
        )

    def _validate(self) -> float | None:
        """Mean loss a validation row; each worker takes its share of the rows."""
        if self.validation is None:
            return None
        part = share(len(self.validation), self.group.rank, self.group.size)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        with evaluating(self.network), torch.inference_mode():
            for start in range(part.start, part.stop, PREDICT_ROWS):
                ids = torch.arange(start, min(start + PREDICT_ROWS, part.stop)).numpy()
                numbers, categories, target = take(self.validation, ids, self.device)
                with precision.autocast(self.precision, self.device):
                    outputs = self.network(numbers, categories)
                total += self.network.head.loss(outputs, target).sum()
        return self._mean_over_workers(total, len(self.validation))

    def _mean_over_workers(self, total: Tensor, rows: int) -> float:
        total = total.clone()
        self.group.sum_(total)
        return float(total) / rows

    def _agreed_digest(self, epoch: int) -> str:
        """The digest of the weights, proven the same on every worker."""
        own = digest(self.network.state_dict())
        if self.group.size > 1:
            words = torch.frombuffer(bytearray.fromhex(own), dtype=torch.int64).to(self.device)
            different = [r for r, other in enumerate(self.group.gather(words)) if not torch.equal(other, words)]
            if different:
                raise RunError(
                    f"workers' weights differ after epoch {epoch + 1}: ranks {different} from rank {self.group.rank}. "
                    "Do all nodes run the same versions on the same kind of device?"
                )
        return own

    def _remember_best(self) -> None:
        losses = [epoch.validation_loss for epoch in self.history]
        if self.settings.early_stopping is None or losses[-1] is None:
            self.best_epoch = len(self.history) - 1
        elif losses[-1] < min((x for x in losses[:-1] if x is not None), default=math.inf):
            self.best_epoch = len(self.history) - 1
            self.best_state = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def _stalled(self) -> bool:
        patience = self.settings.early_stopping
        return patience is not None and len(self.history) - 1 - self.best_epoch >= patience


def _seed(device: torch.device, seed: int) -> None:
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    else:
        torch.default_generator.manual_seed(seed)
