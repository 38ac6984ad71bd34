"""The files of a preparation: `prepare.json` for names and texts, `prepare.safetensors` for numbers to the last bit."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import safetensors.numpy
from safetensors import SafetensorError

from rayline.core import files
from rayline.core.errors import PackageError
from rayline.prepare.fitted import Affine, Clip, Vocabulary
from rayline.prepare.state import CategoryState, NumberState, State

JSON_FILE = "prepare.json"
ARRAYS_FILE = "prepare.safetensors"
FORMAT = 1


def save(folder: str | os.PathLike[str], states: Sequence[State], document: dict[str, Any]) -> None:
    """Write both files into `folder` (path or URI); `document` is stored beside the columns."""
    numbers = [s for s in states if isinstance(s, NumberState)]
    arrays = {
        "fill": np.array([math.nan if s.fill is None else s.fill for s in numbers], dtype=np.float64),
        "low": np.array([s.clip.low for s in numbers], dtype=np.float64),
        "high": np.array([s.clip.high for s in numbers], dtype=np.float64),
        "offset": np.array([s.affine.offset for s in numbers], dtype=np.float64),
        "factor": np.array([s.affine.factor for s in numbers], dtype=np.float64),
    }
    place = os.fspath(folder)
    columns = [_to_json(state) for state in states]
    files.write_bytes(files.join(place, ARRAYS_FILE), safetensors.numpy.save(arrays))
    files.write_json(files.join(place, JSON_FILE), {"format": FORMAT, "columns": columns, **document})


def load(folder: str | os.PathLike[str]) -> tuple[list[State], dict[str, Any]]:
    """What `save` wrote: the states, and the document.

    Raises:
        FileNotFoundError: there is no such file.
        PackageError: another format, or files that do not belong together.
    """
    place = os.fspath(folder)
    try:
        document = files.read_json(files.join(place, JSON_FILE))
        arrays = safetensors.numpy.load(files.read_bytes(files.join(place, ARRAYS_FILE)))
        if document.pop("format") != FORMAT:
            raise PackageError(f"{JSON_FILE} in {place} is of another format; this Rayline reads {FORMAT}.")
        rows = zip(*(arrays[name].tolist() for name in ("fill", "low", "high", "offset", "factor")), strict=True)
        states = [_from_json(column, rows) for column in document.pop("columns")]
    except (orjson.JSONDecodeError, SafetensorError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise PackageError(f"the preparation in {place} cannot be read: {error!r}. Train the model again.") from None
    return states, document


def _to_json(state: State) -> dict[str, Any]:
    if isinstance(state, NumberState):
        return {"name": state.name, "type": "number", "indicator": state.indicator}
    return {
        "name": state.name,
        "type": "category",
        "indicator": state.indicator,
        "fill": state.fill,
        "form": state.vocabulary.form,
        "missing": state.vocabulary.missing,
        "values": list(state.vocabulary.values),
        "key": state.vocabulary.key,
    }


def _from_json(value: dict[str, Any], rows: Any) -> State:
    if value["type"] == "number":
        fill, low, high, offset, factor = next(rows)
        fill = None if math.isnan(fill) else fill
        return NumberState(value["name"], fill, Clip(low, high), Affine(offset, factor), value["indicator"])
    vocabulary = Vocabulary(tuple(value["values"]), value["form"], value["missing"], value["key"])
    return CategoryState(value["name"], vocabulary, value["fill"], value["indicator"])
