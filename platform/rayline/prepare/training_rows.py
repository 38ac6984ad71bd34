"""The rows that training goes through: prepared training rows, some repeated, left out or made up.

    rows     the shards, memory-mapped          made     rows made up for scarce classes, after them
    places   which of both an epoch takes: a map, no copy; `None`: each once

n rows · m places
"""

from __future__ import annotations

from functools import cached_property
from typing import cast

import numpy as np
import numpy.typing as npt
import orjson

from rayline.core import files, seeds
from rayline.core.catalog import PluginConfig, describe
from rayline.core.columns import Target
from rayline.core.errors import RunError
from rayline.core.prepared import Layout, Rows, read_shards, write_shard
from rayline.prepare.balance._balancer import BalanceConfig, Balancer, FloatArray, IntArray, Labels

MADE_FOLDER = "made"
"""Beside `train/`: rows made up for scarce classes."""


class TrainingRows:
    """What `fit` learns from; without a balancer each row once an epoch."""

    def __init__(
        self,
        rows: Rows,
        *,
        made: Rows | None = None,
        balance: PluginConfig | None = None,
        target: Target | None = None,
        seed: int = 0,
    ) -> None:
        self.rows = rows
        self.made = made
        self._config = cast(BalanceConfig | None, balance)
        self._balancer: Balancer | None = None if balance is None else self._config.build()  # type: ignore[union-attr]
        self._seed = seed
        self._target = target
        self._drawn: tuple[int, IntArray | None] | None = None
        self._copies: tuple[int, IntArray] | None = None
        self._length: int | None = None

    @property
    def parts(self) -> tuple[Rows, ...]:
        """What ids count through: the rows, then those made up."""
        return (self.rows,) if self.made is None else (self.rows, self.made)

    def __len__(self) -> int:
        """Rows an epoch goes through."""
        if self._length is None:
            places = self._places(0)
            self._length = sum(map(len, self.parts)) if places is None else len(places)
        return self._length

    @property
    def changed(self) -> bool:
        """Whether an epoch is anything but each row once, all of one weight."""
        return self._balancer is not None

    def ids(self, order: IntArray, epoch: int) -> IntArray:
        """Rows in the order of an epoch: what stands at the places `order` of it."""
        places = self._places(epoch)
        return order if places is None else places[order]

    def copies(self, order: IntArray, epoch: int) -> IntArray | None:
        """Which repetition of its row each is, from 0; `None` where none is repeated."""
        places = self._places(epoch)
        if places is None:
            return None
        place = self._epoch(epoch)
        if self._copies is None or self._copies[0] != place:
            self._copies = (place, repetitions(places))
        return self._copies[1][order]

    @property
    def class_weights(self) -> FloatArray | None:
        """What a row of each class counts in the loss [K]; `None` for all alike."""
        return None if self._balancer is None else self._balancer.class_weights(self._labels)

    def targets(self) -> npt.NDArray[np.float32] | npt.NDArray[np.int64]:
        """Targets of the rows of the first epoch [m]."""
        every = self._labels.values
        places = self._places(0)
        # an own copy: shards are mapped for reading only
        return every.copy() if places is None else every[places]

    def describe(self) -> str:
        """All that decides which rows an epoch takes beside the rows themselves, as text."""
        if self._config is None:
            return ""
        return orjson.dumps({"seed": self._seed, "balance": describe(self._config)}).decode()

    def _epoch(self, epoch: int) -> int:
        return epoch if self._config is not None and self._config.redraws else 0

    def _places(self, epoch: int) -> IntArray | None:
        if self._balancer is None:
            return None
        epoch = self._epoch(epoch)
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = (epoch, self._balancer.places(self._labels, seeds.derive(self._seed, "balance", epoch)))
        return self._drawn[1]

    @cached_property
    def _labels(self) -> Labels:
        assert self._target is not None
        if self.made is None:
            return Labels(self.rows.target, self.rows.row, self._target)
        targets, keys = ([getattr(part, name) for part in self.parts] for name in ("target", "row"))
        return Labels(np.concatenate(targets), np.concatenate(keys), self._target)


def repetitions(places: IntArray) -> IntArray:
    """How often each place was there before [m]: 0 at its first."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] - 1)) if len(ordered) else np.zeros(0, np.int64)
    counted = np.arange(len(places)) - np.repeat(starts, np.diff(starts, append=len(places)))
    found = np.empty(len(places), np.int64)
    found[order] = counted
    return found


def check(balance: PluginConfig | None, layout: Layout, target: Target) -> None:
    """Raise where `prepare.balance` cannot work on such inputs or targets.

    Raises:
        SpecError: it cannot.
    """
    if balance is not None:
        cast(BalanceConfig, balance).check(layout, target)


def balanced(
    rows: Rows, balance: PluginConfig | None, layout: Layout, target: Target, *, seed: int, made: Rows | None = None
) -> TrainingRows:
    """Training rows as `prepare.balance` declares.

    Args:
        rows: prepared training rows.
        balance: the plug-in, if any.
        layout: of the rows.
        target: what is predicted.
        seed: `train.seed`.
        made: rows made up before (see `write_made`); without, they are made here.

    Raises:
        SpecError: it cannot work on such inputs or targets.
        DataError: a class has too few rows.
    """
    check(balance, layout, target)
    if made is None:
        made = _made(rows, balance, layout, target, seed)
    return TrainingRows(rows, made=made, balance=balance, target=target, seed=seed)


def write_made(shards: str, balance: PluginConfig | None, layout: Layout, target: Target, *, seed: int) -> int:
    """Make up rows for `SHARDS/train`, once, as one shard in `SHARDS/made`; how many there are.

    Raises:
        SpecError, DataError: as `balanced`.
    """
    check(balance, layout, target)
    if balance is None or not cast(BalanceConfig, balance).makes:
        return 0
    made = _made(read_shards(files.join(shards, "train")), balance, layout, target, seed)
    if made is None:
        return 0
    write_shard(files.join(shards, MADE_FOLDER, "part-00000.arrow"), made)
    return len(made)


def read_made(shards: str) -> Rows | None:
    """The rows made up for `SHARDS/train`, if any."""
    folder = files.join(shards, MADE_FOLDER)
    return read_shards(folder) if files.list_names(folder) else None


def _made(rows: Rows, balance: PluginConfig | None, layout: Layout, target: Target, seed: int) -> Rows | None:
    if balance is None or not cast(BalanceConfig, balance).makes:
        return None
    config = cast(BalanceConfig, balance)
    if (rows.row < 0).any():
        raise RunError("rows are made up among rows that were made up before; prepare the data anew.")
    return config.build().made(rows, layout, target, seeds.derive(seed, "made"))
