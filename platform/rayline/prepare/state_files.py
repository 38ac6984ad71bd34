"""The files of a preparation: `prepare.json` for names and texts, `prepare.safetensors` for numbers to the last bit."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import safetensors.numpy
from safetensors import SafetensorError

from rayline.core import catalog, files
from rayline.core.errors import PackageError
from rayline.prepare.fitted import Affine, Clip, Curve, Hashed, Knots, Numbers, Power, Vocabulary
from rayline.prepare.impute._joint import Filler, SomeColumns
from rayline.prepare.reduce._reducer import Projection
from rayline.prepare.state import CategoryState, ColumnState, NumberState, State, TensorState

JSON_FILE = "prepare.json"
ARRAYS_FILE = "prepare.safetensors"
FORMAT = 3
READS = (1, 2, 3)
"""Formats that load; the first has numbers and categories alone."""
CUTS_FILLS = (1, 2)
"""In these the one value that a column is filled with was cut to the column's limits, too."""


def save(folder: str | os.PathLike[str], state: State, document: dict[str, Any]) -> None:
    """Write both files into `folder` (path or URI); `document` is stored beside the columns."""
    place = os.fspath(folder)
    whole, arrays = contents(state, document)
    files.write_bytes(files.join(place, ARRAYS_FILE), arrays)
    files.write_json(files.join(place, JSON_FILE), whole)


def contents(state: State, document: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """What the two files hold: names and texts, JSON-able, and the arrays."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "fill": np.array([math.nan if s.fill is None else s.fill for s in state.numbers], dtype=np.float64),
        "low": np.array([s.clip.low for s in state.numbers], dtype=np.float64),
        "high": np.array([s.clip.high for s in state.numbers], dtype=np.float64),
        "offset": np.array([s.affine.offset for s in state.numbers], dtype=np.float64),
        "factor": np.array([s.affine.factor for s in state.numbers], dtype=np.float64),
    }
    for number in state.numbers:
        if isinstance(number.curve, Power):
            arrays[f"power/{number.name}"] = np.array([number.curve.exponent])
        elif isinstance(number.curve, Knots):
            arrays[f"knots/{number.name}"] = np.array([number.curve.x, number.curve.y])
    for category in state.categories:
        known = category.vocabulary
        if isinstance(known, Vocabulary) and known.numbers is not None:
            arrays[f"numbers/{category.name}"] = np.array([known.numbers.table, *known.numbers.folds])
    for key, filler in state.fillers.items():
        arrays |= {f"filler/{key}/{name}": array for name, array in filler.arrays().items()}
    if state.projection is not None:
        arrays["projection/mean"] = state.projection.mean_W
        arrays["projection/components"] = state.projection.components_KW
    for tensor in state.tensors:
        arrays |= {f"tensor/{tensor.name}/{name}": array for name, array in tensor.step.arrays().items()}
    whole = {
        "format": FORMAT,
        "columns": [_to_json(column) for column in state.columns],
        "fillers": list(state.fillers),
        "kept": state.kept,
        "projection": _projection_json(state.projection),
        "seed": state.seed,
        **document,
    }
    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    return whole, safetensors.numpy.save(ordered)


def load(folder: str | os.PathLike[str]) -> tuple[State, dict[str, Any]]:
    """What `save` wrote: the state, and the document.

    Raises:
        FileNotFoundError: there is no such file.
        PackageError: another format, or files that do not belong together.
    """
    place = os.fspath(folder)
    try:
        document = files.read_json(files.join(place, JSON_FILE))
        arrays = safetensors.numpy.load(files.read_bytes(files.join(place, ARRAYS_FILE)))
        written = document.pop("format")
        if written not in READS:
            raise PackageError(f"{JSON_FILE} in {place} is of another format; this Rayline reads {READS}.")
        if written in CUTS_FILLS:
            _cut_fills(document["columns"], arrays)
        rows = zip(*(arrays[name].tolist() for name in ("fill", "low", "high", "offset", "factor")), strict=True)
        state = State(
            columns=tuple(_from_json(column, rows, arrays) for column in document.pop("columns")),
            fillers={key: _filler(key, arrays) for key in document.pop("fillers", ())},
            kept=None if (kept := document.pop("kept", None)) is None else tuple(kept),
            projection=_projection(document.pop("projection", None), arrays),
            seed=document.pop("seed", 0),
        )
    except (orjson.JSONDecodeError, SafetensorError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise PackageError(f"the preparation in {place} cannot be read: {error!r}. Train the model again.") from None
    return state, document


def _cut_fills(columns: list[dict[str, Any]], arrays: dict[str, npt.NDArray[Any]]) -> None:
    cut = [column.get("outliers", "clip") != "missing" for column in columns if column["type"] == "number"]
    arrays["fill"] = np.where(cut, np.clip(arrays["fill"], arrays["low"], arrays["high"]), arrays["fill"])


def _to_json(state: ColumnState) -> dict[str, Any]:
    if isinstance(state, TensorState):
        return {
            "name": state.name,
            "type": state.kind,
            "plugin": state.plugin,
            "state": state.step.to_json(),
        }
    if isinstance(state, NumberState):
        return {
            "name": state.name,
            "type": "number",
            "indicator": state.indicator,
            "outliers": state.clip.action,
            "joint": state.joint,
            "power": state.curve.method if isinstance(state.curve, Power) else None,
        }
    known = state.vocabulary
    common = {"name": state.name, "type": "category", "indicator": state.indicator, "fill": state.fill}
    if isinstance(known, Hashed):
        return common | {
            "form": known.form,
            "buckets": known.buckets,
            "seed": known.seed,
            "missing_id": known.missing_id,
        }
    return common | {
        "form": known.form,
        "missing": known.missing,
        "values": list(known.values),
        "key": known.key,
        "suffixes": list(known.numbers.suffixes) if known.numbers is not None else [],
    }


def _from_json(value: dict[str, Any], rows: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> ColumnState:
    name = value["name"]
    if value["type"] == "number":
        fill, low, high, offset, factor = next(rows)
        return NumberState(
            name,
            None if math.isnan(fill) else fill,
            Clip(low, high, value.get("outliers", "clip")),
            Affine(offset, factor),
            value["indicator"],
            _curve(name, value.get("power"), arrays),
            value.get("joint"),
        )
    if value["type"] != "category":
        config: Any = catalog.config_class(value["type"], value["plugin"])
        return TensorState(
            name, value["type"], value["plugin"], config.restore(value["state"], _below(f"tensor/{name}/", arrays))
        )
    known: Vocabulary | Hashed
    if "buckets" in value:
        known = Hashed(value["buckets"], value["form"], value["seed"], value["missing_id"])
    else:
        tables = arrays.get(f"numbers/{name}")
        numbers = None
        if tables is not None:
            table, *folds = (tuple(map(tuple, table)) for table in tables.tolist())
            numbers = Numbers(tuple(value["suffixes"]), table, tuple(folds))
        known = Vocabulary(tuple(value["values"]), value["form"], value["missing"], value["key"], numbers)
    return CategoryState(name, known, value["fill"], value["indicator"])


def _curve(name: str, method: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Curve | None:
    if method is not None:
        return Power(float(arrays[f"power/{name}"][0]), method)
    knots = arrays.get(f"knots/{name}")
    return None if knots is None else Knots(tuple(knots[0].tolist()), tuple(knots[1].tolist()))


def _filler(key: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Filler:
    config: Any = catalog.config_class("impute", key.partition("-")[0])
    own = _below(f"filler/{key}/", arrays)
    places = own.pop(SomeColumns.PLACES, None)
    filler: Filler = config.restore(own)
    return filler if places is None else SomeColumns(filler, places)


def _projection_json(projection: Projection | None) -> dict[str, Any] | None:
    return None if projection is None else {"names": projection.names, "explained": projection.explained}


def _projection(value: dict[str, Any] | None, arrays: Mapping[str, npt.NDArray[Any]]) -> Projection | None:
    if value is None:
        return None
    return Projection(
        tuple(value["names"]), arrays["projection/mean"], arrays["projection/components"], tuple(value["explained"])
    )


def _below(prefix: str, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
