"""The target column as what a model is trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.category_text import category_text, category_texts
from rayline.core.columns import Target, Task
from rayline.core.errors import DataError, listing, nearest
from rayline.core.shown import counted
from rayline.prepare.number_value import to_floats


def encode(series: pl.Series, target: Target) -> npt.NDArray[np.float32] | npt.NDArray[np.int64]:
    """Targets of n rows: float32 values (regression), float32 1.0 where positive (binary), int64 class places.

    Of a private target no message tells a value or a class.

    Raises:
        DataError: a missing value, a number that is none, or a class that `target` does not know.
    """
    if target.task is Task.REGRESSION:
        values = to_floats(series, private=target.private)
        _refuse_missing(series.name, int(np.isnan(values).sum()))
        return values.astype(np.float32)
    texts, codes = category_texts(series)
    _refuse_missing(series.name, int(np.count_nonzero(codes == len(texts) - 1)))
    place = {category_text(name): n for n, name in enumerate(target.classes)}
    unknown = [text for text in texts[:-1] if text not in place]
    if unknown and target.private:
        rows = int(np.isin(codes, [place for place, text in enumerate(texts[:-1]) if text in set(unknown)]).sum())
        raise DataError(
            f"target {series.name!r} has in {counted(rows)} a value that is no class of the model. Correct or leave "
            "out such rows; where the data changed while it was read, run again."
        )
    if unknown:
        raise DataError(
            f"target {series.name!r} has the value {unknown[0]!r}, which is no class of the model."
            f"{nearest(str(unknown[0]), target.classes)} Classes: {listing(target.classes)}."
        )
    places = np.array([place.get(text, -1) for text in texts], dtype=np.int64)[codes]
    return places.astype(np.float32) if target.task is Task.BINARY else places


def _refuse_missing(name: str, rows: int) -> None:
    if rows:
        raise DataError(f"target {name!r} is missing in {counted(rows)}. Fill it, or take such rows out of the data.")
