"""The augmenters a spec declares, bound to the inputs they change: a function on batches of tensors.

augmentation(examples, epoch) → examples        what happens to a row follows from its key, the seed and the epoch
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import orjson
import torch
from torch import Tensor

from rayline.core import seeds
from rayline.core.catalog import PluginConfig, describe
from rayline.core.columns import Target, Task
from rayline.core.errors import SpecError, listing, nearest
from rayline.core.prepared import Layout, TensorInput
from rayline.prepare.augment._augmenter import AugmentConfig, Augmenter, ColumnsConfig, Examples, Inputs
from rayline.prepare.augment._draw import Draw
from rayline.prepare.augment._geometry import Levels
from rayline.prepare.preparation import Preparation

WORDS = {"image": "images", "audio": "sounds", "text": "texts of words", "sequence": "sequences", "number": "numbers"}
COPY = 0xD1B54A32D192ED03 - (1 << 64)
"""An odd constant that keeps the keys of a row's repetitions apart."""


@dataclass(frozen=True)
class Augmentation:
    """What is done to training rows; travels to workers as it is declared."""

    steps: tuple[AugmentConfig, ...]
    inputs: tuple[Inputs, ...]
    seed: int

    @classmethod
    def of(
        cls,
        declared: Sequence[PluginConfig],
        layout: Layout,
        target: Target,
        *,
        seed: int,
        levels: Mapping[str, Levels] | None = None,
    ) -> Augmentation | None:
        """The steps of `prepare.augment` over the inputs of `layout`; `None` where none is declared.

        Args:
            declared: in their order.
            layout: of prepared rows.
            target: what is predicted.
            seed: `train.seed`.
            levels: of each image input, what black and white are a channel.

        Raises:
            SpecError: nothing is there for a step to change, or it names a column that is not.
        """
        if not declared:
            return None
        classes = len(target.classes) if target.task is Task.MULTICLASS else 0
        steps = tuple(cast(AugmentConfig, step) for step in declared)
        return cls(steps, tuple(_bound(step, layout, levels or {}, classes) for step in steps), seed)

    @cached_property
    def _augmenters(self) -> list[Augmenter]:
        return [step.build() for step in self.steps]

    @property
    def mixes(self) -> bool:
        """Whether rows must be there with their partners."""
        return any(augmenter.mixes for augmenter in self._augmenters)

    @torch.no_grad()
    def __call__(self, examples: Examples, epoch: int) -> Examples:
        """The rows as epoch number `epoch` learns from them; what is given stays as it is."""
        for place, (augmenter, inputs) in enumerate(zip(self._augmenters, self.inputs, strict=True)):
            draw = Draw(examples.keys, seeds.derive(self.seed, "augment", epoch, place))
            examples = augmenter(examples, inputs, draw)
        return examples

    def describe(self) -> str:
        """All that decides what it does, as text."""
        return orjson.dumps(
            {
                "seed": self.seed,
                "steps": [describe(step) for step in self.steps],
                "inputs": [[*found] for found in self.inputs],
            }
        ).decode()


def augmentation_for(
    prepared: Preparation, declared: Sequence[PluginConfig], target: Target, *, seed: int
) -> Augmentation | None:
    """The steps of `prepare.augment` over what `prepared` gives; `None` where none is declared.

    Raises:
        SpecError: as `Augmentation.of`.
    """
    levels = {tensor.name: tensor.step.levels for tensor in prepared.state.tensors}
    return Augmentation.of(declared, prepared.layout, target, seed=seed, levels=levels)


def keys(rows: Tensor, copies: Tensor | None = None) -> Tensor:
    """Keys [B] of rows by their positions, and by which repetition of a row each is."""
    return rows if copies is None else rows + copies * COPY


def partners(rows: int) -> Iterator[int]:
    """The partner of each place of a batch of `rows` rows: they are in random order, so the first has the last."""
    return iter(range(rows - 1, -1, -1))


def _bound(step: AugmentConfig, layout: Layout, levels: Mapping[str, Levels], classes: int) -> Inputs:
    if step.kind == "any":
        return Inputs((), classes=classes)
    fit = [place for place, tensor in enumerate(layout.tensors) if _fits(step, tensor)]
    names = [layout.tensors[place].name for place in fit]
    if step.kind == "number":
        fit = list(range(len(layout.numbers)))
        names = list(layout.numbers)
    name = type(step).plugin_name
    asked = step.columns if isinstance(step, ColumnsConfig) else ()
    unknown = [column for column in asked if column not in names]
    if not fit or unknown:
        # the name of a one-hot column holds a value, which may be private
        numbers = list(dict.fromkeys(of or name for name, of in zip(layout.numbers, layout.flag_of, strict=True)))
        every = [*numbers, *(f"{t.name} ({t.kind} {'×'.join(map(str, t.shape))})" for t in layout.tensors)]
        what = WORDS[step.kind] + (f" of {step.ranks[0]} dimension{'s' * (step.ranks[0] > 1)}" if step.ranks else "")
        known = numbers if step.kind == "number" else names
        problem = f"{unknown[0]!r} is none.{nearest(unknown[0], known)}" if unknown else "there is none."
        raise SpecError(f"prepare.augment: {name} changes {what}, and {problem} Inputs: {listing(every) or 'none'}.")
    if asked:
        places = tuple(fit[names.index(column)] for column in asked)
    elif step.kind == "number":
        places = tuple(place for place, of in enumerate(layout.flag_of) if not of)
        if not places:
            raise SpecError(f"prepare.augment: {name} finds only columns of yes and no. Name them under its columns.")
    else:
        places = tuple(fit)
    found: tuple[Any, ...] = ()
    if step.kind == "image":
        found = tuple(tuple(levels.get(layout.tensors[place].name, ())) for place in places)
    return Inputs(places, found, classes)


def _fits(step: AugmentConfig, tensor: TensorInput) -> bool:
    if tensor.kind != step.kind or (step.kind == "text" and not tensor.ids):
        return False
    return not step.ranks or len(tensor.shape) in step.ranks
