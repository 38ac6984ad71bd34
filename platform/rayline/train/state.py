"""What changes while a network trains: weights, moments, place, history. A checkpoint is a picture of it."""

from __future__ import annotations

import math
from dataclasses import asdict

import torch
from torch import Tensor

from rayline.models.network import Network
from rayline.spec.sections import Train
from rayline.train.checkpoints import Checkpoint, below, prefixed, read
from rayline.train.optimizers._optimizer import Optimizer
from rayline.train.record import Epoch, Fit
from rayline.train.weights import FlatWeights


class State:
    """The state of one training, on one worker. Numbers of steps count over all epochs."""

    def __init__(self, network: Network, settings: Train, device: torch.device) -> None:
        self.network = network
        self.patience = settings.early_stopping
        self.epochs = settings.epochs
        self.weights = FlatWeights(network)
        self.optimizer: Optimizer = settings.optimizer.build(self.weights.vector)  # type: ignore[attr-defined]
        self.step = 0
        """Steps done."""
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        """Of the rows this worker has seen in the epoch that is under way."""
        self.epoch_seconds = 0.0
        """Spent in the epoch that is under way by runs before this one."""
        self.history: list[Epoch] = []
        self.best_epoch = 0
        self.best: dict[str, Tensor] | None = None
        """Weights of the best epoch, kept with early stopping only."""

    @property
    def finished(self) -> bool:
        """All epochs are done, or early stopping has run out of patience."""
        done = len(self.history)
        return done >= self.epochs or (self.patience is not None and done - 1 - self.best_epoch >= self.patience)

    def end_epoch(self, epoch: Epoch) -> None:
        """Record an epoch; with early stopping, remember its weights where it is the best so far."""
        losses = [e.validation_loss for e in self.history if e.validation_loss is not None]
        self.history.append(epoch)
        self.loss_sum.zero_()
        self.epoch_seconds = 0.0
        if self.patience is None or epoch.validation_loss is None:
            self.best_epoch = epoch.epoch
        elif epoch.validation_loss < min(losses, default=math.inf):
            self.best_epoch = epoch.epoch
            self.best = {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def snapshot(self, loss_sum: float, epoch_seconds: float) -> Checkpoint:
        """The state as a checkpoint; `loss_sum` is that of all workers."""
        return Checkpoint(
            step=self.step,
            state={
                "loss_sum": loss_sum,
                "epoch_seconds": epoch_seconds,
                "history": [asdict(epoch) for epoch in self.history],
                "best_epoch": self.best_epoch,
            },
            tensors={
                **prefixed("network", self.network.state_dict()),
                **prefixed("optimizer", self.optimizer.state),
                **prefixed("best", self.best or {}),
            },
        )

    def restore(self, checkpoint: Checkpoint, *, rank: int) -> None:
        """Take over a checkpoint's state; the epoch's loss so far goes to rank 0 alone, to be counted once."""
        self.step = checkpoint.step
        self.loss_sum.fill_(checkpoint.state["loss_sum"] if rank == 0 else 0.0)
        self.epoch_seconds = checkpoint.state["epoch_seconds"]
        self.history = [Epoch(**epoch) for epoch in checkpoint.state["history"]]
        self.best_epoch = checkpoint.state["best_epoch"]
        self.network.load_state_dict(below("network", checkpoint.tensors))
        for name, tensor in below("optimizer", checkpoint.tensors).items():
            self.optimizer.state[name].copy_(tensor)
        device = self.loss_sum.device
        self.best = {name: tensor.to(device) for name, tensor in below("best", checkpoint.tensors).items()} or None


def outcome(uri: str, *, resumed_from: int | None, seconds: float) -> Fit:
    """The `Fit` that the last checkpoint of a finished training stands for."""
    checkpoint = read(uri)
    return Fit(
        history=[Epoch(**epoch) for epoch in checkpoint.state["history"]],
        best_epoch=checkpoint.state["best_epoch"],
        state_dict=below("best", checkpoint.tensors) or below("network", checkpoint.tensors),
        resumed_from=resumed_from,
        seconds=seconds,
        checkpoint=uri,
    )
