"""The page of augmentation and balancing: training rows as they are, and as single epochs learn from them.

n rows shown · E epochs
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

from rayline.core.prepared import FIRST_ID, MISSING_ID, UNKNOWN_ID, Layout, TensorInput
from rayline.report import balance_part
from rayline.report.balance_part import Balance
from rayline.report.notation import amount, number, percent
from rayline.report.template import fill

Levels = tuple[tuple[float, float], ...]
SIDE = 128
"""Pixels to which small images are enlarged, at least."""
POINTS = 400
"""Points of a curve, at most: longer ones are drawn by the ends of their stretches."""
WORDS = 40
NUMBERS = 12


class Arrays(NamedTuple):
    """Rows as a model reads them."""

    numbers: npt.NDArray[np.float32]
    tensors: tuple[npt.NDArray[Any], ...]
    target: npt.NDArray[Any]
    """[n], or [n, K] shares of classes."""


@dataclass(frozen=True)
class Samples:
    """What the page shows."""

    layout: Layout
    rows: tuple[str, ...]
    """What each row is called [n]."""
    before: Arrays
    after: tuple[Arrays, ...]
    """Of each epoch [E]; empty where nothing is augmented."""
    steps: tuple[str, ...]
    """What was declared, in words."""
    target: str
    classes: tuple[str, ...] = ()
    levels: Mapping[str, Levels] = field(default_factory=dict)
    """Of each image, what black and white are a channel."""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of each text, the words from id 2 on."""
    private: tuple[str, ...] = ()
    """Columns whose values are not shown."""
    owners: Mapping[str, str] = field(default_factory=dict)
    """Of number columns, the column that each is made of; without, each is its own."""
    balance: Balance | None = None


def render(samples: Samples, *, title: str = "Augmentation") -> str:
    """The page as HTML, one file without network or scripts.

    Private columns are named and not shown; a private target is left out.
    """
    inputs = [
        {"name": tensor.name, "kind": tensor.kind, "rows": _rows(samples, place, tensor)}
        for place, tensor in enumerate(samples.layout.tensors)
        if samples.after and tensor.name not in samples.private
    ]
    tables = _numbers(samples)
    return fill(
        "augment.html",
        title=title,
        headline=_headline(samples),
        steps=samples.steps,
        epochs=range(1, len(samples.after) + 1),
        inputs=inputs,
        numbers=tables,
        private=len(samples.private),
        targets=_targets(samples),
        target=samples.target,
        target_private=samples.target in samples.private,
        balance=None if samples.balance is None else balance_part.shown(samples.balance),
    )


def _headline(samples: Samples) -> str:
    if not samples.after:
        return "Training rows before and after balancing"
    return f"{amount(len(samples.rows))} training rows, as they are and as {len(samples.after)} epochs see them"


def _rows(samples: Samples, place: int, tensor: TensorInput) -> list[dict[str, Any]]:
    before = samples.before.tensors[place]
    rows = []
    for row, name in enumerate(samples.rows):
        cells = [_cell(samples, tensor, before[row], before[row])]
        cells += [_cell(samples, tensor, after.tensors[place][row], before[row]) for after in samples.after]
        rows.append({"name": name, "cells": cells})
    return rows


@dataclass(frozen=True)
class Cell:
    """What stands for one array."""

    same: bool
    """As it was."""
    image: str = ""
    curve: str = ""
    words: tuple[tuple[str, str], ...] = ()


def _cell(samples: Samples, tensor: TensorInput, array: npt.NDArray[Any], before: npt.NDArray[Any]) -> Cell:
    same = bool(np.array_equal(array, before))
    if tensor.kind == "image":
        return Cell(same, image=_png(_pixels(array, samples.levels.get(tensor.name, ()))))
    if tensor.kind == "audio" and array.ndim == 2:
        return Cell(same, image=_png(_heat(array, before)))
    if tensor.ids:
        return Cell(same, words=_words(array, samples.words.get(tensor.name, ())))
    return Cell(same, curve=_curve(array.reshape(-1), before.reshape(-1)))


def _pixels(image_CHW: npt.NDArray[Any], levels: Levels) -> npt.NDArray[np.uint8]:
    ends = np.array(levels or [(0.0, 1.0)] * len(image_CHW))[:, :, None, None]
    light = np.clip((image_CHW - ends[:, 0]) / (ends[:, 1] - ends[:, 0]), 0, 1)
    pixels: npt.NDArray[np.uint8] = np.round(light * 255).astype(np.uint8).transpose(1, 2, 0)
    return pixels


def _heat(array_BT: npt.NDArray[Any], before: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    low, high = float(before.min()), float(before.max())
    light = np.clip((array_BT[::-1] - low) / ((high - low) or 1.0), 0, 1)  # low pitches at the bottom
    return np.round(light * 255).astype(np.uint8)[:, :, None]


def _png(pixels_HWC: npt.NDArray[np.uint8]) -> str:
    image = Image.fromarray(pixels_HWC[:, :, 0] if pixels_HWC.shape[2] == 1 else pixels_HWC)
    factor = -(-SIDE // max(image.size))
    if factor > 1:
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _words(ids: npt.NDArray[Any], known: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Each word and what it is: known, or unknown; those beyond what a page shows are dropped."""
    made = []
    for one in ids[ids != MISSING_ID][:WORDS].tolist():
        place = one - FIRST_ID
        text = known[place] if 0 <= place < len(known) else f"#{one}"
        made.append(("□", "unknown") if one == UNKNOWN_ID else (text, ""))
    return tuple(made)


def _curve(values: npt.NDArray[Any], before: npt.NDArray[Any]) -> Markup:
    """A curve over the one it was made of, in a box of 200 by 80."""
    both = np.concatenate([values, before])
    low, high = float(both.min()), float(both.max())
    span = (high - low) or 1.0

    def line(curve: npt.NDArray[Any], kind: str) -> str:
        drawn = _thinned(curve)
        x = np.linspace(2, 198, len(drawn)) if len(drawn) > 1 else np.full(1, 100.0)
        y = 76 - (drawn - low) / span * 72
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
        return f'<polyline class="{kind}" points="{points}"/>'

    was = "" if np.array_equal(values, before) else line(before, "was")
    return Markup(
        f'<svg class="wave" viewBox="0 0 200 80" role="img" aria-label="curve">{was}{line(values, "is")}</svg>'
    )


def _thinned(curve: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The lowest and highest of each stretch of a long curve."""
    values = curve.astype(np.float64)
    if len(values) <= POINTS:
        return values
    parts = np.array_split(values, POINTS // 2)
    return np.array([end for part in parts for end in (part.min(), part.max())])


def _numbers(samples: Samples) -> dict[str, Any] | None:
    """The number columns that change, a table a row."""
    hidden = set(samples.private)
    changed = np.zeros(len(samples.layout.numbers), bool)
    for after in samples.after:
        changed |= (after.numbers != samples.before.numbers).any(axis=0)
    names, columns = samples.layout.numbers, samples.layout.flag_of
    if not hidden.isdisjoint(samples.owners.values()) and not set(names) <= samples.owners.keys():
        return None  # components, of which each is made of all columns
    made_of = [{name, flag, samples.owners.get(name, name)} for name, flag in zip(names, columns, strict=True)]
    places = [place for place in np.flatnonzero(changed).tolist() if not made_of[place] & hidden]
    if not places:
        return None
    shown = places[:NUMBERS]
    rows = []
    for row, name in enumerate(samples.rows):
        lines = [[f"{samples.before.numbers[row, p]:.3f}" for p in shown]]
        lines += [[f"{after.numbers[row, p]:.3f}" for p in shown] for after in samples.after]
        rows.append({"name": name, "lines": lines})
    return {"names": [samples.layout.numbers[p] for p in shown], "rows": rows, "left": len(places) - len(shown)}


def _targets(samples: Samples) -> list[list[str]]:
    """What is to be answered for each row: as it is, then in each epoch; empty for a private target."""
    if samples.target in samples.private:
        return [[""] * (1 + len(samples.after)) for _ in samples.rows]
    every = (samples.before, *samples.after)
    return [[_target(arrays.target[row], samples.classes) for arrays in every] for row in range(len(samples.rows))]


def _target(value: Any, classes: Sequence[str]) -> str:
    if not classes:
        return number(float(value))
    if np.ndim(value):
        shares = np.asarray(value, float)
    elif len(classes) == 2:
        shares = np.array([1 - float(value), float(value)])
    else:
        return classes[int(value)]
    best = [place for place in np.argsort(-shares, kind="stable").tolist() if shares[place] > 0.0005]
    return classes[best[0]] if len(best) == 1 else ", ".join(f"{percent(shares[p])} {classes[p]}" for p in best)
