"""Golden rows: a few test rows with the answers they had, replayed before a version takes traffic.

They catch what digests cannot: a library, a processor or a loader that computes something else. Private columns are
left out; when the rows are answered, they stand at 0 (numbers) or missing (categories), then as now.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.core.columns import FeatureType, Signature, Task
from rayline.core.errors import PackageError

if TYPE_CHECKING:
    from rayline.models.network import Network
    from rayline.prepare.preparation import Preparation

FILE = "golden.arrow"
ROWS = 32
TOLERANCE = 1e-5
"""Largest difference between answers on two machines, as a share of the largest answer (1 for probabilities)."""

_ANSWER = "__answer__"


@dataclass(frozen=True)
class Golden:
    """`rows`: the signature's columns without private ones; `answers`: [n], or [n, K] for K classes."""

    rows: pl.DataFrame
    answers: npt.NDArray[np.float32]


def choose(frame: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    """The first 32 rows of `frame`, in the signature's columns that are not private."""
    return frame.select([column.name for column in signature.inputs if not column.private]).head(ROWS)


def completed(rows: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    """Golden rows with something in place of the private columns, so that they can be answered."""
    absent = [column for column in signature.inputs if column.name not in rows.columns]
    return rows.with_columns(
        [
            (pl.lit(0.0) if column.type is FeatureType.NUMBER else pl.lit(None, pl.String)).alias(column.name)
            for column in absent
        ]
    )


def answer(
    rows: pl.DataFrame, signature: Signature, preparation: Preparation, network: Network
) -> npt.NDArray[np.float32]:
    """What the model answers for golden rows."""
    return network.predict(preparation.from_raw(completed(rows, signature)))


def write(folder: str, rows: pl.DataFrame, answers: npt.NDArray[np.float32]) -> None:
    """Write `golden.arrow` below a local folder."""
    answer_column = pl.Series(_ANSWER, answers.reshape(len(answers), -1).tolist(), dtype=pl.List(pl.Float32))
    rows.with_columns(answer_column).write_ipc(Path(folder, FILE))


def read(folder: str, signature: Signature) -> Golden:
    """Read `golden.arrow` of a local package.

    Raises:
        PackageError: it is not Arrow, or lacks the answers.
    """
    try:
        frame = pl.read_ipc(Path(folder, FILE).read_bytes())
        answers = np.array(frame[_ANSWER].to_list(), dtype=np.float32)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise PackageError(f"{folder}: {FILE} cannot be read: {error}. Publish the model again.") from None
    width = len(signature.classes) if signature.task is Task.MULTICLASS else None
    return Golden(frame.drop(_ANSWER), answers.reshape(len(frame), width) if width else answers.reshape(len(frame)))


def compare(expected: npt.NDArray[Any], got: npt.NDArray[Any], signature: Signature, where: str) -> None:
    """Raise unless the replayed answers are those of training.

    Raises:
        PackageError: they differ by more than rounding; the message says by how much.
    """
    if expected.size == 0 and got.size == 0:
        return
    scale = 1.0 if signature.task.is_classification else float(np.abs(expected).max())
    same_shape = expected.shape == got.shape
    worst = float(np.abs(expected - got).max()) if same_shape else float("inf")
    if not worst <= TOLERANCE * scale:  # a NaN is no pass
        raise PackageError(
            f"{where} does not answer its golden rows as in training: the largest difference is {worst:.3g}, "
            f"allowed is {TOLERANCE * scale:.3g}. Its files or the installed versions have changed "
            "(environment.txt); publish it again."
        )
