"""Some training rows of a spec before and after augmentation, for `report.augment_page`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import torch

from rayline.core import files
from rayline.core.catalog import PluginConfig, describe
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.core.prepared import Prepared
from rayline.core.seeds import derive, hash_keys
from rayline.pipeline.collected import Collected
from rayline.prepare import target as targets
from rayline.prepare.augment._augmenter import Examples
from rayline.prepare.augmentation import augmentation_for, keys
from rayline.prepare.preparation import Preparation
from rayline.report import augment_page
from rayline.report.augment_page import Arrays, Samples
from rayline.sources.scan import frame as read

FRAGMENTS = 12
"""Fragments that rows are taken from, at most, spread over the data."""


def page_writer(uri: str) -> Callable[[Collected, Preparation], None]:
    """For `preparing.prepare`: writes a page of training rows before and after `prepare.augment` to `uri`.

    Raises:
        StorageError: it cannot be written there.
    """
    files.prove_writable(uri)

    def write(collected: Collected, fitted: Preparation) -> None:
        page = augment_page.render(augment_samples(collected, fitted), title=collected.spec.name)
        files.write_bytes(uri, page.encode())

    return write


def augment_samples(collected: Collected, fitted: Preparation, *, rows: int = 6, epochs: int = 4) -> Samples:
    """Training rows as `fitted` prepares them, and as each of the first epochs would learn from them.

    Rows are drawn by hash, of each class in turn; where rows are mixed, the partners are among them.

    Args:
        collected: the data of a spec.
        fitted: with the tensors among its features, where they are to be shown.
        rows: how many are shown.
        epochs: in how many versions.

    Raises:
        SpecError: nothing is declared under `prepare.augment`, or it does not fit.
        DataError: rows that cannot be read or prepared.
    """
    spec, target = collected.spec, collected.target
    seed = spec.train.seed
    augmentation = augmentation_for(fitted, spec.prepare.augment, target, seed=seed)
    if augmentation is None:
        raise SpecError("prepare.augment declares nothing to show. Give a list, such as [flip, crop].")
    frame = _drawn(collected, fitted, rows)
    inputs = fitted.apply(frame, training=True)
    encoded = targets.encode(frame[target.name], target)
    examples = _examples(inputs, encoded, frame[ROW].to_numpy())
    state = fitted.state
    return Samples(
        layout=fitted.layout,
        rows=tuple(f"row {row}" for row in range(1, len(frame) + 1)),
        before=_arrays(examples),
        after=tuple(_arrays(augmentation(examples, epoch)) for epoch in range(epochs)),
        steps=tuple(_in_words(step) for step in spec.prepare.augment),
        target=target.name,
        classes=target.classes,
        levels={tensor.name: tensor.step.levels for tensor in state.tensors},
        words={t.name: tuple(t.step.to_json()["known"]) for t in state.tensors if t.step.ids},
        private=collected.training.private,
    )


def _drawn(collected: Collected, fitted: Preparation, rows: int) -> pl.DataFrame:
    """Training rows, of each class in turn, by the hashes of their positions."""
    found: list[pl.DataFrame] = []
    names = [*dict.fromkeys([*(f.name for f in fitted.features), collected.target.name, *collected.assign.columns])]
    for frame in _spread(collected, names):
        part = frame.filter(pl.Series(collected.assign(frame) >= 0))
        part = part.filter(pl.Series(fitted.in_training(part)))
        found.append(_in_turn(part, collected, rows))
    if not any(part.height for part in found):
        raise DataError("no training row was found to show.")
    return _in_turn(pl.concat(found), collected, rows)


def _spread(collected: Collected, names: list[str]) -> Iterator[pl.DataFrame]:
    fragments = collected.source.fragments()
    places = np.unique(np.linspace(0, len(fragments) - 1, min(FRAGMENTS, len(fragments))).round().astype(int))
    for place in places.tolist():
        yield read(collected.source, fragments[place], [name for name in names if name != ROW])


def _in_turn(frame: pl.DataFrame, collected: Collected, rows: int) -> pl.DataFrame:
    hashes = pl.Series("__hash__", hash_keys(frame[ROW], derive(collected.spec.train.seed, "shown")))
    frame = frame.with_columns(hashes).sort("__hash__")
    if collected.target.task.is_classification:
        turn = pl.int_range(pl.len()).over(collected.target.name).alias("__turn__")
        frame = frame.with_columns(turn).sort("__turn__", "__hash__").drop("__turn__")
    return frame.head(rows).drop("__hash__")


def _examples(inputs: Prepared, target: Any, rows: Any) -> Examples:
    return Examples(
        torch.from_numpy(inputs.numbers.copy()),
        torch.from_numpy(inputs.categories.copy()),
        tuple(torch.from_numpy(array.copy()) for array in inputs.tensors),
        torch.from_numpy(target.copy()),
        keys(torch.from_numpy(rows.copy())),
        torch.arange(len(rows) - 1, -1, -1),
    )


def _arrays(examples: Examples) -> Arrays:
    tensors = tuple(array.numpy() for array in examples.tensors)
    return Arrays(examples.numbers.numpy(), tensors, examples.target.numpy())


def _in_words(step: PluginConfig) -> str:
    options = {key: value for key, value in describe(step).items() if key != "name" and value not in (None, [], "")}
    return f"{type(step).plugin_name} ({', '.join(f'{key} {_value(value)}' for key, value in options.items())})"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(map(_value, value)) if len(value) == 2 else ", ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()
