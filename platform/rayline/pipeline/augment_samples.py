"""Some training rows of a spec before and after augmentation and balancing, for `report.augment_page`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import torch

from rayline.core import files
from rayline.core.catalog import PluginConfig, describe
from rayline.core.columns import ROW
from rayline.core.errors import DataError, SpecError
from rayline.core.prepared import Prepared
from rayline.core.seeds import derive, hash_keys
from rayline.pipeline.balance_samples import balance_samples, owners
from rayline.pipeline.collected import Collected
from rayline.pipeline.shown_rows import FRAGMENT, called, training_frames
from rayline.prepare import target as targets
from rayline.prepare.augment._augmenter import Examples
from rayline.prepare.augmentation import augmentation_for, keys
from rayline.prepare.preparation import Preparation
from rayline.report import augment_page
from rayline.report.augment_page import Arrays, Samples


def page_writer(uri: str) -> Callable[[Collected, Preparation], None]:
    """For `preparing.prepare`: writes a page of training rows before and after augmentation and balancing to `uri`.

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
        epochs: in how many versions; none where `prepare.augment` declares nothing.

    Raises:
        SpecError: nothing is declared under `prepare.augment` or `prepare.balance`, or it does not fit.
        DataError: rows that cannot be read or prepared.
    """
    spec, target = collected.spec, collected.target
    augmentation = augmentation_for(fitted, spec.prepare.augment, target, seed=spec.train.seed)
    balance = balance_samples(collected, fitted)
    if augmentation is None and balance is None:
        raise SpecError(
            "neither prepare.augment nor prepare.balance declares anything to show. Give a list of augmenters, such "
            "as [flip, crop], or a balancer, such as smotenc."
        )
    frame = _drawn(collected, fitted, rows)
    inputs = fitted.apply(frame.drop(FRAGMENT), training=True)
    encoded = targets.encode(frame[target.name], target)
    examples = _examples(inputs, encoded, frame[ROW].to_numpy())
    state, private = fitted.state, collected.training.private
    declared = [] if spec.prepare.balance is None else [spec.prepare.balance]
    return Samples(
        layout=fitted.layout,
        rows=called(collected, frame),
        before=_arrays(examples),
        after=() if augmentation is None else tuple(_arrays(augmentation(examples, epoch)) for epoch in range(epochs)),
        steps=tuple(_in_words(step, private=target.name in private) for step in (*declared, *spec.prepare.augment)),
        target=target.name,
        classes=target.classes,
        levels={tensor.name: tensor.step.levels for tensor in state.tensors},
        words={t.name: tuple(t.step.to_json()["known"]) for t in state.tensors if t.step.ids},
        private=private,
        owners=owners(state),
        balance=balance,
    )


def _drawn(collected: Collected, fitted: Preparation, rows: int) -> pl.DataFrame:
    """Training rows, of each class in turn, by the hashes of their positions."""
    found = [_in_turn(frame, collected, rows) for frame in training_frames(collected, fitted)]
    if not any(part.height for part in found):
        raise DataError("no training row was found to show.")
    return _in_turn(pl.concat(found), collected, rows)


def _in_turn(frame: pl.DataFrame, collected: Collected, rows: int) -> pl.DataFrame:
    hashes = pl.Series("__hash__", hash_keys(frame[ROW], derive(collected.spec.train.seed, "shown")))
    frame = frame.with_columns(hashes).sort("__hash__")
    told = collected.target.name not in collected.training.private  # the turn tells a row's class
    if collected.target.task.is_classification and told:
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


def _in_words(step: PluginConfig, *, private: bool) -> str:
    """A step and its options; where the target is private, those that name its classes are left out."""
    options = {key: value for key, value in describe(step).items() if key != "name" and value not in (None, [], "")}
    told = {key: value for key, value in options.items() if not (private and isinstance(value, Mapping))}
    listed = ", ".join(f"{key} {_value(value)}" for key, value in told.items())
    return f"{type(step).plugin_name} ({listed})" if listed else type(step).plugin_name


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return " to ".join(map(_value, value)) if len(value) == 2 else ", ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()
