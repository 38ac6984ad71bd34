"""Prepared shards: one a fragment and part, the same bytes every time, in this process and on a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer

from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.core.prepared import read_shards
from rayline.prepare import on_ray, shards
from rayline.prepare.preparation import Preparation, fit
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION
from rayline.prepare.split.hash import Config, HashAssignment
from rayline.profile.profile import profile_frame
from rayline.spec.sections import Prepare

TARGET = Target("y", Task.BINARY, ("0", "1"), "1")
DUPLICATES = np.array([5, 100])


@dataclass(frozen=True)
class Piece:
    index: int
    start: int


class FrameSource:
    """A frame in pieces of 150 rows; notes which columns were asked for."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.asked: list[list[str]] = []

    def fragments(self) -> list[Piece]:
        return [Piece(n, start) for n, start in enumerate(range(0, self.frame.height, 150))]

    def read(self, fragment: Piece, columns: Sequence[str] | None = None) -> pa.Table:
        assert columns is not None
        self.asked.append(list(columns))
        return self.frame.select(*columns, ROW)[fragment.start : fragment.start + 150].to_arrow()


class Assign:
    """A picklable assignment with two duplicates dropped."""

    def __init__(self, assignment: HashAssignment) -> None:
        self.assignment = assignment

    def __call__(self, frame: pl.DataFrame) -> np.ndarray:
        return self.assignment.parts(frame, dropped=DUPLICATES)


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    bunch = load_breast_cancer()
    frame = pl.DataFrame(bunch.data[:, :5], schema=[f"x{n}" for n in range(5)])
    return frame.with_columns(pl.Series("y", bunch.target), pl.Series(ROW, np.arange(len(bunch.target))))


@pytest.fixture(scope="module")
def assignment(frame: pl.DataFrame) -> HashAssignment:
    splitter = Config().build()
    return splitter.fit([splitter.index(frame, ROW, "y")], 3)


@pytest.fixture(scope="module")
def preparation(frame: pl.DataFrame) -> Preparation:
    features = [Feature(f"x{n}", FeatureType.NUMBER) for n in range(4)]
    return fit(Prepare(), features, profile_frame(frame, seed=0))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.arrow"))}


def test_every_row_is_in_its_part_once(
    frame: pl.DataFrame, assignment: HashAssignment, preparation: Preparation, tmp_path: Path
) -> None:
    counts = shards.write_shards(FrameSource(frame), preparation, TARGET, Assign(assignment), str(tmp_path))
    parts = assignment.parts(frame, dropped=DUPLICATES)
    expected = {"train": parts >= 0, "validation": parts == VALIDATION, "test": parts == TEST}
    for name, mask in expected.items():
        rows = read_shards(f"{tmp_path}/{name}")
        assert counts[name] == len(rows) == mask.sum()
        assert rows.row.tolist() == frame[ROW].filter(pl.Series(mask)).to_list()
        assert rows.target.tolist() == frame["y"].filter(pl.Series(mask)).to_list()
        assert rows.inputs.numbers.tobytes() == preparation.apply(frame.filter(pl.Series(mask))).numbers.tobytes()
    assert sum(counts.values()) == frame.height - (parts == DROPPED).sum()
    assert "train/part-00003.arrow" in contents(tmp_path)


def test_only_what_is_needed_is_read(
    frame: pl.DataFrame, assignment: HashAssignment, preparation: Preparation, tmp_path: Path
) -> None:
    source = FrameSource(frame)
    shards.write_shards(source, preparation, TARGET, Assign(assignment), str(tmp_path), columns=[ROW, "x0", "x4"])
    assert source.asked == [["x0", "x1", "x2", "x3", "y", "x4"]] * 4


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_the_cluster_writes_the_same_bytes(
    frame: pl.DataFrame, assignment: HashAssignment, preparation: Preparation, tmp_path: Path
) -> None:
    source, assign = FrameSource(frame), Assign(assignment)
    here = shards.write_shards(source, preparation, TARGET, assign, str(tmp_path / "here"))
    there = on_ray.write_shards(source, preparation, TARGET, assign, str(tmp_path / "there"))
    assert there == here
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
