"""What balancing makes of the training rows of a spec, with some rows that it makes up, for `report.augment_page`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import ROW
from rayline.core.prepared import FIRST_ID, MISSING_ID, Layout, Prepared, Rows
from rayline.core.seeds import derive, hash_keys
from rayline.pipeline.collected import Collected
from rayline.pipeline.preparing import class_counts
from rayline.pipeline.shown_rows import called, training_frames
from rayline.prepare import target as targets
from rayline.prepare.balance._balancer import BalanceConfig
from rayline.prepare.balance._neighbours import FromNeighbours, MadeUp
from rayline.prepare.preparation import Preparation
from rayline.prepare.state import CategoryState, State, missing_name
from rayline.prepare.training_account import account
from rayline.report.balance_part import Balance, MadeRow
from rayline.report.notation import number

CLASSES = 3
"""Classes whose made-up rows are shown, those with the most."""
EACH = 3
"""Made-up rows of each."""
AMONG = 20_000
"""Rows of a class between which they are made, at most."""
FLOAT32 = 2.0**-22
"""How far a number that was scaled to float32 and back may be off, relatively."""

Show = Callable[[Prepared, int], str]
"""The cell of a row."""


def balance_samples(collected: Collected, fitted: Preparation) -> Balance | None:
    """Rows of each class before and after `prepare.balance`; `None` where nothing is declared.

    Of a private target neither classes nor rows are told, for a made-up row tells the class of those that it lies
    between; nor is any value of a private column.

    Raises:
        DataError: rows that cannot be read or prepared.
    """
    spec, target = collected.spec, collected.target
    if spec.prepare.balance is None:
        return None
    private = collected.training.private
    told = account(
        spec.prepare,
        target,
        class_counts(collected, fitted),
        seed=spec.train.seed,
        private=target.name in private,
    )["balance"]
    balancer = cast(BalanceConfig, spec.prepare.balance).build()
    if not isinstance(balancer, FromNeighbours) or "of_each" not in told:
        return Balance(told, target.name)
    made_K = np.array([told["of_each"][name]["made_up"] for name in target.classes])
    scarce = [k for k in np.argsort(-made_K, kind="stable")[:CLASSES].tolist() if made_K[k]]
    columns = shown_columns(fitted.state, fitted.layout, private)
    found = _made(collected, fitted, balancer, scarce, made_K) if columns else None
    if found is None:
        return Balance(told, target.name)
    made, rows, names = found
    return Balance(
        told, target.name, tuple(column.name for column in columns), _shown(made, rows, names, columns, target.classes)
    )


@dataclass(frozen=True)
class Column:
    """How a column that a model reads is shown to a person."""

    name: str
    show: Show


def shown_columns(state: State, layout: Layout, private: Sequence[str]) -> list[Column]:
    """The columns of numbers and categories, numbers in the data's own units where one map leads back to them.

    What is made of a private column is none of them.
    """
    owner = owners(state)
    if state.projection is not None and set(owner.values()) & set(private):
        return []
    numbers = {one.name: one for one in state.numbers}
    found: list[Column] = []
    groups: dict[str, list[int]] = {}
    for place, (name, flag) in enumerate(zip(layout.numbers, layout.flag_of, strict=True)):
        if owner.get(name, name) in private:
            continue
        if flag:
            groups.setdefault(flag, []).append(place)
        elif name in numbers and numbers[name].curve is None and numbers[name].affine.factor:
            affine = numbers[name].affine
            found.append(Column(name, _number(place, affine.offset, affine.factor)))
        else:
            found.append(Column(f"{name}, as a model reads it", _number(place, 0.0, 1.0)))
    found += [_flags(flag, places, layout) for flag, places in groups.items()]
    known = {one.name: one for one in state.categories}
    for place, name in enumerate(layout.categories):
        if name not in private:
            found.append(Column(name, _category(place, known[name])))
    return found


def owners(state: State) -> dict[str, str]:
    """The column that each number column is made of; those of a projection are made of all."""
    found = {name: one.name for one in state.categories for name in one.number_names}
    for column in state.columns:
        found |= {missing_name(column.name): column.name, column.name: column.name}
    return found


def _number(place: int, offset: float, factor: float) -> Show:
    def show(inputs: Prepared, row: int) -> str:
        value = float(inputs.numbers[row, place]) / factor - offset
        # what float32 did not keep is not shown: 0 rather than -5.04e-05
        largest = max(abs(offset), abs(value), 1e-30)
        return number(round(value, -math.ceil(math.log10(largest * FLOAT32))) + 0.0)

    return show


def _flags(of: str, places: list[int], layout: Layout) -> Column:
    if len(places) == 1:
        return Column(layout.numbers[places[0]], lambda inputs, row: "yes" if inputs.numbers[row, places[0]] else "no")

    def show(inputs: Prepared, row: int) -> str:
        on = [layout.numbers[place] for place in places if inputs.numbers[row, place]]
        return ", ".join(name.removeprefix(f"{of}=") for name in on) or "(unknown)"

    return Column(of, show)


def _category(place: int, state: CategoryState) -> Show:
    values = getattr(state.vocabulary, "values", ())

    def show(inputs: Prepared, row: int) -> str:
        one = int(inputs.categories[row, place])
        if one == MISSING_ID:
            return "(missing)"
        if not values:
            return f"bucket {one - FIRST_ID}"
        return values[one - FIRST_ID] if one >= FIRST_ID else "(unknown)"

    return show


def _made(
    collected: Collected,
    fitted: Preparation,
    balancer: FromNeighbours,
    scarce: list[int],
    made_K: npt.NDArray[np.int64],
) -> tuple[MadeUp, Prepared, tuple[str, ...]] | None:
    """Some made-up rows, and the real ones among which they are made with their names."""
    frame = _of_classes(collected, fitted, scarce)
    encoded = targets.encode(frame[collected.target.name], collected.target)
    counts_K = np.bincount(np.asarray(encoded, np.int64), minlength=len(made_K))
    few_K = np.zeros_like(made_K)
    few_K[scarce] = np.where(counts_K[scarce] > 1, np.minimum(made_K[scarce], EACH), 0)
    inputs = fitted.apply(frame, training=True)
    rows = Rows(inputs, encoded, frame[ROW].to_numpy())
    made = balancer.make(rows, fitted.layout, collected.target, few_K, derive(collected.spec.train.seed, "made"))
    if made is None:
        return None
    ends = np.concatenate([made.begin, made.end])
    names = dict(zip(ends.tolist(), called(collected, frame[ends]), strict=True))
    return made, inputs, tuple(names.get(place, "") for place in range(frame.height))


def _of_classes(collected: Collected, fitted: Preparation, classes: list[int]) -> pl.DataFrame:
    """Training rows of these classes; of those with very many the ones whose positions hash lowest."""
    target, seed = collected.target, derive(collected.spec.train.seed, "shown")
    kept: pl.DataFrame | None = None
    for frame in training_frames(collected, fitted):
        of = pl.Series("__class__", np.asarray(targets.encode(frame[target.name], target), np.int64))
        hashes = pl.Series("__hash__", hash_keys(frame[ROW], seed))
        part = frame.with_columns(of, hashes).filter(pl.col("__class__").is_in(classes))
        every = part if kept is None else pl.concat([kept, part])
        kept = every.filter(pl.col("__hash__").rank("ordinal").over("__class__") <= AMONG)
    assert kept is not None
    return kept.drop("__class__", "__hash__")


def _shown(
    made: MadeUp, inputs: Prepared, names: Sequence[str], columns: Sequence[Column], classes: Sequence[str]
) -> tuple[MadeRow, ...]:
    def cells(of: Prepared, row: int) -> tuple[str, ...]:
        return tuple(column.show(of, row) for column in columns)

    def shown(row: int) -> MadeRow:
        begin, end = int(made.begin[row]), int(made.end[row])
        return MadeRow(
            classes[int(cast(Any, made.rows.target)[row])],
            names=(names[begin], names[end]),
            begin=cells(inputs, begin),
            made=cells(made.rows.inputs, row),
            end=cells(inputs, end),
        )

    return tuple(shown(row) for row in range(len(made.rows)))
