"""Hugging Face's `datasets`: saved folders, folders laid out as sets, splits, labels, images and nested rows."""

from __future__ import annotations

import pickle
import socket
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, Sequence, Value

from rayline.core.columns import ROW
from rayline.core.errors import DataError, UnknownNameError
from rayline.sources import huggingface
from rayline.sources._source import Source
from rayline.sources.huggingface import Config
from rayline.sources.scan import scan
from rayline.spec.sections import as_source

PNG = b"\x89PNG\r\n\x1a\n"
FEATURES = Features(
    {
        "age": Value("int32"),
        "label": ClassLabel(names=["no", "yes"]),
        "picture": Image(),
        "signal": Sequence(Value("float32")),
        "home": {"city": Value("string"), "rooms": Value("float64")},
    }
)


def rows(first: int, count: int, folder: Path) -> Dataset:
    (folder / "picture.png").write_bytes(PNG + b"from a file")
    pictures = [{"bytes": PNG, "path": None}, {"bytes": None, "path": str(folder / "picture.png")}, None]
    return Dataset.from_dict(
        {
            "age": list(range(first, first + count)),
            "label": [None if n % 5 == 4 else n % 2 for n in range(count)],
            "picture": [pictures[n % 3] for n in range(count)],
            "signal": [[0.5, float(n)] for n in range(count)],
            "home": [{"city": f"c{n}", "rooms": None if n % 4 else 1.5} for n in range(count)],
        },
        features=FEATURES,
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A set of two splits, saved to a folder."""
    DatasetDict(train=rows(0, 7, tmp_path), test=rows(100, 3, tmp_path)).save_to_disk(tmp_path / "set")
    return tmp_path / "set"


def opened(place: Path, **options: Any) -> Source:
    return Config(dataset=str(place), **options).build()


def read(source: Source) -> pl.DataFrame:
    return pl.concat([pl.from_arrow(source.read(f)) for f in source.fragments()])  # type: ignore[misc]


def test_a_saved_set_is_claimed_and_read_split_after_split(saved: Path) -> None:
    config = as_source(str(saved))
    assert isinstance(config, Config)
    source = config.build()
    assert [f.label for f in source.fragments()] == [f"{saved} train", f"{saved} test"]
    found = read(source)
    assert found["age"].to_list() == [0, 1, 2, 3, 4, 5, 6, 100, 101, 102]
    assert found[ROW].to_list() == [*range(7), *((1 << 40) + n for n in range(3))]


def test_labels_are_names_and_objects_are_flattened(saved: Path) -> None:
    source = opened(saved, split="train")
    assert source.schema() == pa.schema(
        {
            "age": pa.int64(),
            "label": pa.string(),
            "picture": pa.binary(),
            "signal": pa.list_(pa.float64()),
            "home.city": pa.string(),
            "home.rooms": pa.float64(),
        }
    )
    found = read(source)
    assert found["label"].to_list() == ["no", "yes", "no", "yes", None, "yes", "no"]
    assert found["home.rooms"].to_list() == [1.5, None, None, None, 1.5, None, None]
    assert found["signal"].to_list()[1] == [0.5, 1.0]


def test_images_are_their_bytes_wherever_they_are_kept(saved: Path) -> None:
    assert read(opened(saved, split="test"))["picture"].to_list() == [PNG, PNG + b"from a file", None]


def test_an_image_whose_file_is_gone(tmp_path: Path) -> None:
    kept = [{"bytes": PNG, "path": None}, {"bytes": None, "path": str(tmp_path / "gone.png")}]
    column = pa.chunked_array([pa.array(kept, pa.struct({"bytes": pa.binary(), "path": pa.string()}))])
    with pytest.raises(DataError, match=r"there is no file .*gone\.png"):
        huggingface._encoded(column)


def test_splits_are_chosen_and_joined_in_the_order_asked_for(saved: Path) -> None:
    found = read(opened(saved, split="test+train", split_column="part"))
    assert found["age"].to_list()[:4] == [100, 101, 102, 0]
    assert found["part"].to_list() == ["test"] * 3 + ["train"] * 7
    with pytest.raises(UnknownNameError, match=r"no split 'trian'\. Did you mean 'train'\? Splits: train, test"):
        opened(saved, split="trian").schema()
    with pytest.raises(DataError, match="has a column 'age'. Give data.source.split_column"):
        opened(saved, split_column="age").schema()


def test_a_split_column_alone(saved: Path) -> None:
    source = opened(saved, split_column="part")
    assert scan(source, lambda frame, _: frame["part"].to_list(), columns=["part"]) == [["train"] * 7, ["test"] * 3]


def test_long_splits_are_read_in_runs(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface, "FRAGMENT_BYTES", 150)
    source = opened(saved)
    assert len(source.fragments()) > 4
    train = [fragment.label.partition(" rows ")[2] for fragment in source.fragments() if " train " in fragment.label]
    assert train[0].startswith("1 to ")
    assert train[-1].endswith(" to 7")
    found = read(source)
    assert found["age"].to_list() == [0, 1, 2, 3, 4, 5, 6, 100, 101, 102]
    assert found[ROW].is_unique().all()


def test_rows_that_were_shuffled_and_filtered_before_saving(tmp_path: Path) -> None:
    made = rows(0, 20, tmp_path).remove_columns("picture").shuffle(seed=1).filter(lambda row: row["age"] % 2 == 0)
    made.save_to_disk(tmp_path / "set")
    source = opened(tmp_path / "set")
    assert read(source)["age"].to_list() == list(made["age"])
    assert pickle.loads(pickle.dumps(source)).read(source.fragments()[0]).equals(source.read(source.fragments()[0]))


def test_columns_of_other_types_can_be_left_out(tmp_path: Path) -> None:
    Dataset.from_dict({"n": [1, 2], "tags": [["a"], []]}).save_to_disk(tmp_path / "set")
    with pytest.raises(DataError, match="column 'tags' holds list<"):
        opened(tmp_path / "set").schema()
    assert read(opened(tmp_path / "set", columns=("n",)))["n"].to_list() == [1, 2]


def test_a_folder_laid_out_as_a_set_is_read_and_kept_in_the_cache(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for split in ("train", "test"):
        pq.write_table(pa.table({"n": [1, 2], "s": [split, None]}), tmp_path / "set" / f"{split}.parquet")
    source = opened(tmp_path / "set", folder=str(tmp_path / "cache"), split="test")
    assert read(source)["s"].to_list() == ["test", None]
    assert list((tmp_path / "cache").rglob("*.arrow"))


def test_a_set_that_is_not_here_and_cannot_be_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        DataError, match=r"nobody/nothing cannot be read as a data set of Hugging Face: .* give a folder"
    ):
        as_source("hf:nobody/nothing").build().schema()  # type: ignore[attr-defined]


def test_without_a_network_the_library_does_not_ask_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asked for half a minute before it told."""
    from huggingface_hub import constants

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    began = time.monotonic()
    with pytest.raises(DataError, match="it is in no cache here, and http://127.0.0.1:.* cannot be reached. Check"):
        as_source("hf:nobody/none").build().schema()  # type: ignore[attr-defined]
    assert time.monotonic() - began < 5
    assert constants.HF_HUB_OFFLINE is False


def test_a_damaged_folder(saved: Path) -> None:
    file = next((saved / "train").glob("*.arrow"))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match="cannot be read as a data set of Hugging Face"):
        read(opened(saved))


def test_without_the_extra(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huggingface.load.cache_clear()
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install 'rayline\[huggingface\]'"):
        opened(saved).schema()
