"""Prepared shards: one a fragment and part, the same bytes every time, in this process and on a cluster."""

import io
import pickle
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer

from rayline.core.columns import ROW, Feature, FeatureType, Target, Task
from rayline.core.errors import DataError
from rayline.core.prepared import read_shards
from rayline.prepare import on_ray, shards
from rayline.prepare.preparation import Preparation, fit
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION
from rayline.prepare.split.hash import Config
from rayline.prepare.tensors import UnusableValueError
from rayline.profile.profile import profile_frame
from rayline.sources import csv, parquet
from rayline.sources._source import Source
from rayline.spec.sections import Prepare

TARGET = Target("y", Task.BINARY, ("0", "1"), "1")
PIECE_ROWS = 150


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Four CSV files."""
    bunch = load_breast_cancer()
    frame = pl.DataFrame(bunch.data[:, :5], schema=[f"x{n}" for n in range(5)]).with_columns(y=bunch.target)
    folder = tmp_path_factory.mktemp("data")
    for n, start in enumerate(range(0, frame.height, PIECE_ROWS)):
        frame[start : start + PIECE_ROWS].write_csv(folder / f"part-{n}.csv")
    return csv.Config(path=str(folder)).build()


@pytest.fixture(scope="module")
def frame(source: Source) -> pl.DataFrame:
    return pl.concat([pl.DataFrame(source.read(fragment)) for fragment in source.fragments()])


@pytest.fixture(scope="module")
def assign(frame: pl.DataFrame) -> shards.Assign:
    splitter = Config().build()
    assignment = splitter.fit([splitter.index(frame, ROW, "y")], 3)
    return partial(assignment.parts, dropped=frame[ROW].to_numpy()[[5, 400]])


@pytest.fixture(scope="module")
def preparation(frame: pl.DataFrame) -> Preparation:
    features = [Feature(f"x{n}", FeatureType.NUMBER) for n in range(4)]
    return fit(Prepare(), features, profile_frame(frame, seed=0))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.arrow"))}


def test_every_row_is_in_its_part_once(
    source: Source, frame: pl.DataFrame, assign: shards.Assign, preparation: Preparation, tmp_path: Path
) -> None:
    counts = shards.write_shards(source, preparation, TARGET, assign, str(tmp_path))
    parts = assign(frame)
    expected = {"train": parts >= 0, "validation": parts == VALIDATION, "test": parts == TEST}
    for name, mask in expected.items():
        rows = read_shards(f"{tmp_path}/{name}")
        kept = frame.filter(pl.Series(mask))
        assert counts[name] == len(rows) == kept.height
        assert rows.row.tolist() == kept[ROW].to_list()
        assert rows.target.tolist() == kept["y"].to_list()
        assert rows.inputs.numbers.tobytes() == preparation.apply(kept).numbers.tobytes()
    assert sum(counts.values()) == frame.height - 2
    assert np.count_nonzero(parts == DROPPED) == 2
    assert "train/part-00003.arrow" in contents(tmp_path)


def test_only_what_is_needed_is_read(
    source: Source, assign: shards.Assign, preparation: Preparation, tmp_path: Path
) -> None:
    seen: list[list[str]] = []

    def note(frame: pl.DataFrame) -> np.ndarray:
        seen.append(frame.columns)
        return assign(frame)

    shards.write_shards(source, preparation, TARGET, note, str(tmp_path), columns=[ROW, "x0", "x4"])
    assert seen == [["x0", "x1", "x2", "x3", "y", "x4", ROW]] * 4


def test_a_value_that_no_array_is_made_of_is_refused_with_its_file_and_row(tmp_path: Path) -> None:
    """The row counts from 1 in its file, whatever part it is in."""
    packed = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(packed, "PNG")
    photos = [packed.getvalue()] * 60
    whole = pl.DataFrame({"photo": photos, "y": [n % 2 for n in range(60)]}).with_row_index(ROW).cast({ROW: pl.Int64})
    spec = Prepare.model_validate({"images": {"name": "pixels", "size": 8}})
    preparation = fit(spec, [Feature("photo", FeatureType.IMAGE)], profile_frame(whole, seed=0))
    photos[43] = photos[43][:50]
    data = pl.DataFrame({"photo": photos, "y": whole["y"]})
    data[:30].write_parquet(tmp_path / "a.parquet")
    data[30:].write_parquet(tmp_path / "b.parquet")
    source = parquet.Config(path=f"{tmp_path}/*.parquet").build()
    for part in (0, VALIDATION, TEST):
        with pytest.raises(DataError, match=r"^row 14 of b\.parquet, column 'photo': cannot be decoded as an image"):
            shards.write_shards(
                source, preparation, TARGET, lambda f, part=part: np.where(f[ROW] % 5, part, DROPPED), f"{tmp_path}/out"
            )
    later = pickle.loads(pickle.dumps(UnusableValueError("photo", 3, "is none.")))
    assert (str(later), later.place) == ("column 'photo' [3]: is none.", 3)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_the_cluster_writes_the_same_bytes(
    source: Source, assign: shards.Assign, preparation: Preparation, tmp_path: Path
) -> None:
    here = shards.write_shards(source, preparation, TARGET, assign, str(tmp_path / "here"))
    there = on_ray.write_shards(source, preparation, TARGET, assign, str(tmp_path / "there"))
    assert there == here
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_an_error_in_a_task_comes_back_as_itself(
    source: Source, assign: shards.Assign, preparation: Preparation, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="'1', which is no class of the model"):
        on_ray.write_shards(
            source, preparation, Target("y", Task.MULTICLASS, ("0", "2")), assign, str(tmp_path / "out")
        )
