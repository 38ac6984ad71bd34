"""Heads: a network's last layer, its loss and its answer, one for each task.

Targets may be shares of classes, as rows that are mixed have them: from 0 to 1 (binary), or [B, K].

B rows · H features from the body · K classes
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from rayline.core.columns import Target, Task


class Head(nn.Module, ABC):
    """Body features [B, H] to outputs; outputs and targets to a loss a row; outputs to answers."""

    @abstractmethod
    def loss(self, outputs: Tensor, target_B: Tensor, weights_K: Tensor | None = None) -> Tensor:
        """The loss of each row [B], in float32; `weights` is what a row of each class counts, all alike without."""

    @abstractmethod
    def predict(self, outputs: Tensor) -> Tensor:
        """Binary: probability of the positive class [B]. Multi-class: probabilities [B, K]. Regression: values [B]."""

    @abstractmethod
    def learn(self, target_N: Tensor, weights_K: Tensor | None = None) -> None:
        """Start from what the training targets say (base rate, mean and spread), before training begins."""


class BinaryHead(Head):
    """One logit a row; targets are 0.0 or 1.0."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1)

    def forward(self, features_BH: Tensor) -> Tensor:
        logits_B1: Tensor = self.linear(features_BH)
        return logits_B1.squeeze(1)

    def loss(self, outputs: Tensor, target_B: Tensor, weights_K: Tensor | None = None) -> Tensor:
        if weights_K is None:
            return F.binary_cross_entropy_with_logits(outputs.float(), target_B, reduction="none")
        ratio = weights_K[1] / weights_K[0]
        loss = F.binary_cross_entropy_with_logits(outputs.float(), target_B, pos_weight=ratio, reduction="none")
        return loss * weights_K[0]

    def predict(self, outputs: Tensor) -> Tensor:
        return outputs.float().sigmoid()

    def learn(self, target_N: Tensor, weights_K: Tensor | None = None) -> None:
        rate = target_N.double().mean()
        if weights_K is not None:
            no, yes = weights_K.double()
            rate = rate * yes / (rate * yes + (1 - rate) * no)
        rate = rate.clamp(1e-4, 1 - 1e-4)
        with torch.no_grad():
            self.linear.bias.fill_(float(torch.logit(rate)))


class MulticlassHead(Head):
    """K logits a row; targets are class numbers (int64)."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, classes)

    def forward(self, features_BH: Tensor) -> Tensor:
        logits_BK: Tensor = self.linear(features_BH)
        return logits_BK

    def loss(self, outputs: Tensor, target_B: Tensor, weights_K: Tensor | None = None) -> Tensor:
        return F.cross_entropy(outputs.float(), target_B, weight=weights_K, reduction="none")

    def predict(self, outputs: Tensor) -> Tensor:
        return outputs.float().softmax(dim=1)

    def learn(self, target_N: Tensor, weights_K: Tensor | None = None) -> None:
        counts_K = torch.bincount(target_N, minlength=self.linear.out_features).double()
        if weights_K is not None:
            counts_K = counts_K * weights_K.double()
        with torch.no_grad():
            self.linear.bias.copy_(((counts_K + 1) / (counts_K + 1).sum()).log())


class RegressionHead(Head):
    """One standardised value a row. The loss is the squared error in units of the training targets' variance.

    `mean` and `std` are buffers: they are learnt from training rows and travel with the weights.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1)
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("std", torch.ones(()))

    def forward(self, features_BH: Tensor) -> Tensor:
        values_B1: Tensor = self.linear(features_BH)
        return values_B1.squeeze(1)

    def loss(self, outputs: Tensor, target_B: Tensor, weights_K: Tensor | None = None) -> Tensor:  # noqa: ARG002
        return (outputs.float() - (target_B - self.mean) / self.std).square()

    def predict(self, outputs: Tensor) -> Tensor:
        return outputs.float() * self.std + self.mean

    def learn(self, target_N: Tensor, weights_K: Tensor | None = None) -> None:  # noqa: ARG002
        values = target_N.double()
        self.mean.fill_(float(values.mean()))
        std = float(values.std(correction=0))
        self.std.fill_(std if std > 0 else 1.0)


def head_for(target: Target, features: int) -> Head:
    """The head of `target`'s task over `features` inputs."""
    if target.task is Task.BINARY:
        return BinaryHead(features)
    if target.task is Task.MULTICLASS:
        return MulticlassHead(features, len(target.classes))
    return RegressionHead(features)
