"""Windows that overlap and frames of one video stay on one side; ids and texts are what their source says they are."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import av
import numpy as np
import polars as pl
import pytest
from PIL import Image

from rayline.core import catalog
from rayline.core.columns import ROW, Target, Task
from rayline.core.errors import SpecError
from rayline.core.prepared import Layout
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.pipeline.shared_rows import _meeting
from rayline.prepare.augmentation import Augmentation
from rayline.prepare.leakage import LeakageError
from rayline.prepare.split._parts import TEST, VALIDATION
from rayline.sources import _windows
from rayline.sources._source import Source
from rayline.sources.scan import scan
from rayline.spec import load

STEPS, DEVICES = 150, 6
BY_TIME = {"name": "time", "by": "t"}


def readings(folder: Path) -> str:
    """Six devices, a reading of two channels a minute; half of the devices are of the new kind."""
    rng = np.random.default_rng(4)
    rows = STEPS * DEVICES
    device = np.repeat(np.arange(DEVICES), STEPS)
    frame = pl.DataFrame(
        {
            "dev": [f"d{n}" for n in device],
            "n": np.tile(np.arange(STEPS), DEVICES),
            "t": [f"2024-05-01 {n // 60:02d}:{n % 60:02d}:00" for n in np.tile(np.arange(STEPS), DEVICES)],
            "s1": rng.normal(size=rows),
            "s2": rng.normal(size=rows),
            "half": np.where(np.tile(np.arange(STEPS), DEVICES) < 100, "train", "test"),
            "some": np.where(device < 4, "train", "test"),
            "state": np.where(rng.random(rows) < 0.5, "on", "off"),
        }
    )
    frame.sample(fraction=1, shuffle=True, seed=1).write_parquet(folder / "readings.parquet")
    return str(folder / "readings.parquet")


def look(folder: Path, split: Any, *, folds: int = 1, prepare: Any = None, **options: Any) -> Collected:
    given = {"id": "dev", "time": "t", "every": "1m", "length": 10, "columns": ["s1", "s2"], **options}
    given["keep"] = ["half", "some", "state"]
    source = {"name": "sequences", "path": readings(folder), **given}
    data = {"source": source, "target": "target" if "target" in given else "state", "split": split}
    data["features"] = {"half": "drop", "some": "drop", **({"state": "drop"} if "target" in given else {})}
    section = {"sequences": "resample", **(prepare or {})}
    return collect(load({"name": "windows", "data": data, "prepare": section}), scan, folds=folds)


def told(found: Collected) -> int:
    """Held-out windows with a reading that is in a training window, by their values: no two readings are equal."""
    rows = pl.concat(scan(found.source, lambda frame, _: frame))
    parts = found.assign(rows)
    learnt = set(rows.filter(pl.Series(parts >= 0))["s1"].explode().to_list())
    held = rows.filter(pl.Series(np.isin(parts, (TEST, VALIDATION))))
    assert learnt
    assert held.height
    values = [set(row["s1"]) | ({row["target"]} if "target" in row else set()) for row in held.iter_rows(named=True)]
    return sum(not learnt.isdisjoint(each) for each in values)


@pytest.mark.parametrize("split", ["hash", "random", "stratified", {"name": "predefined", "column": "half"}])
def test_overlapping_windows_on_both_sides_are_refused(tmp_path: Path, split: Any) -> None:
    with pytest.raises(LeakageError, match="held-out rows hold some of what training rows hold") as error:
        look(tmp_path, split)
    for way in ("{name: time, by: t, gap: 10min}", "{name: group, by: dev}", "data.source.step: 10."):
        assert way in str(error.value)
    ignored = look(tmp_path, split, prepare={"leakage": "ignore"})
    assert not [line for line in ignored.warnings if "leakage" in line]
    warned = look(tmp_path, split, prepare={"leakage": "warn"}).warnings
    (line,) = [line for line in warned if line.startswith("leakage (shared)")]
    assert str(error.value) == f"{line} Where that is meant, set prepare.leakage: warn."
    assert int(str(error.value).partition(": ")[2].split()[0]) == told(ignored) > 0


@pytest.mark.parametrize(
    ("split", "options"),
    [
        ({**BY_TIME, "gap": "10min"}, {}),
        ({"name": "group", "by": "dev"}, {}),
        ({"name": "predefined", "column": "some"}, {}),
        ("hash", {"step": 10}),
        ({**BY_TIME, "gap": "13min"}, {"target": "s1", "horizon": 3}),
        ("hash", {"target": "s1", "horizon": 3, "step": 13}),
        ({"name": "time", "by": "n", "gap": 10}, {"id": None, "time": "n", "every": None}),
    ],
)
def test_the_clean_twins_pass(tmp_path: Path, split: Any, options: dict[str, Any]) -> None:
    found = look(tmp_path, split, folds=1 if "column" in split else 2, **options)
    assert told(found) == 0
    assert not [line for line in found.warnings if "leakage" in line]


@pytest.mark.parametrize(
    ("split", "options", "way"),
    [
        ({**BY_TIME, "gap": "8min"}, {}, "gap: 10min"),
        ({**BY_TIME, "gap": "11min"}, {"target": "s1", "horizon": 3}, "gap: 13min"),
        ("hash", {"target": "s1", "horizon": 3, "step": 12}, "data.source.step: 13."),
        ({"name": "time", "by": "n", "gap": 3}, {"time": "n", "every": 1, "step": 2}, "group, by: dev"),
    ],
)
def test_a_gap_or_step_that_is_too_short_is_refused(tmp_path: Path, split: Any, options: Any, way: str) -> None:
    with pytest.raises(LeakageError) as error:
        look(tmp_path, split, **options)
    assert way in str(error.value)


def test_windows_of_many_fragments_meet_across_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = look(tmp_path, "hash", prepare={"leakage": "warn"})
    monkeypatch.setattr(_windows, "FRAGMENT_VALUES", 400)
    cut = look(tmp_path, "hash", prepare={"leakage": "warn"})
    assert len(cut.source.fragments()) > 20 > len(whole.source.fragments())
    assert (
        [line for line in cut.warnings if "leakage (shared)" in line]
        == [line for line in whole.warnings if "leakage (shared)" in line]
        != []
    )
    look(tmp_path, {**BY_TIME, "gap": "9min"})


def test_folds_are_looked_at_too(tmp_path: Path) -> None:
    assert told(look(tmp_path, {"name": "predefined", "column": "some"})) == 0
    with pytest.raises(LeakageError, match=r"held-out rows of fold 1 \(tune.folds\) hold some of what"):
        look(tmp_path, {"name": "predefined", "column": "some", "folds": "half"}, folds=2)


def test_spans_meet_where_they_share_something() -> None:
    rng = np.random.default_rng(0)
    start = rng.integers(0, 300, 60)
    rows = pl.DataFrame({ROW: range(60), "start": start, "end": start + rng.integers(1, 6, 60)})
    training = rng.random(60) < 0.5
    held = ~training
    found = set(_meeting(rows, training, held)[ROW])
    spans = [set(range(*row)) for row in rows.select("start", "end").iter_rows()]
    both = {n for n in np.flatnonzero(held) if any(spans[n] & spans[other] for other in np.flatnonzero(training))}
    assert found == both
    assert 0 < len(both) < held.sum()
    assert _meeting(rows, np.zeros(60, bool), held).height == 0


def test_a_source_in_a_task_tells_the_same_spans(tmp_path: Path) -> None:
    config: Any = catalog.resolve("source", {"name": "sequences", "path": readings(tmp_path), "time": "n", "length": 4})
    made: Source = config.build()
    (fragment,) = made.fragments()
    places = np.array([0, 7, 3])
    there: Source = pickle.loads(pickle.dumps(made))
    assert there.spans(fragment, places).tolist() == [[0, 4], [7, 11], [3, 7]] == made.spans(fragment, places).tolist()


def test_the_id_of_sequences_is_one(tmp_path: Path) -> None:
    found = look(tmp_path, {**BY_TIME, "gap": "10min"})
    assert found.reasons["dev"] == ("id", "data.source says so")
    assert "dev" not in [feature.name for feature in found.features]


def film(path: Path, level: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
        for n in range(6):
            picture = np.full((32, 32, 3), level + 3 * n, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode())


def films(folder: Path, split: Any, features: dict[str, str] | None = None, **options: Any) -> Collected:
    if not (folder / "films").exists():
        for n in range(12):
            film(folder / "films" / ("run" if n % 2 else "walk") / f"{n}.avi", 10 * n)
    source = {"name": "video", "path": str(folder / "films"), "every": 1, **options}
    data = {"source": source, "target": "label", "split": split, "features": features or {}}
    return collect(load({"name": "films", "data": data, "prepare": {"images": "pixels"}}), scan)


def test_frames_of_one_video_stay_together(tmp_path: Path) -> None:
    with pytest.raises(LeakageError, match=r"frames of one video are alike.*\{name: group, by: path\}"):
        films(tmp_path, "hash")
    found = films(tmp_path, {"name": "group", "by": "path"})
    aside = {name: found.reasons[name] for name in ("path", "frame", "second")}
    assert aside == {
        "path": ("id", "data.split goes by it"),
        "frame": ("id", "data.source says so"),
        "second": ("id", "data.source says so"),
    }
    assert [feature.name for feature in (*found.features, *found.tensors)] == ["image"]
    films(tmp_path, "stratified", every=None, count=1)  # a row a video


def test_what_the_user_types_is_what_he_says(tmp_path: Path) -> None:
    found = films(tmp_path, {"name": "group", "by": "path"}, {"second": "number"})
    assert [feature.name for feature in found.features] == ["second"]


def notes(folder: Path, before: str = "it was ", **prepare: Any) -> Collected:
    for n in range(24):
        path = folder / "notes" / ("good" if n % 2 else "bad") / f"{n % 12}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{before}{n % 5}")
    source = {"name": "texts", "path": str(folder / "notes")}
    return collect(load({"name": "notes", "data": {"source": source, "target": "label"}, "prepare": prepare}), scan)


def test_few_texts_are_texts_and_few_paths_are_ids(tmp_path: Path) -> None:
    found = notes(tmp_path, texts="tokens", leakage="ignore")
    assert found.rows(0) < 20
    assert found.reasons == {"path": ("id", "data.source says so"), "text": ("text", "data.source says so")}
    assert [feature.name for feature in found.tensors] == ["text"]
    assert not found.features


def test_a_text_that_a_step_makes_a_number_is_one(tmp_path: Path) -> None:
    found = notes(tmp_path, "", clean={"name": "cast", "columns": ["text"], "to": "number"}, leakage="ignore")
    assert found.reasons["text"] == ("number", "numbers")
    assert found.reasons["path"] == ("id", "data.source says so")


def test_an_augmentation_without_inputs_says_none() -> None:
    step: Any = catalog.resolve("augment", "token_deletion")
    with pytest.raises(SpecError, match=r"there is none\. Inputs: none\."):
        Augmentation.of([step], Layout((), (), ()), Target("label", Task.BINARY, ("a", "b"), "b"), seed=0)


def test_columns_of_a_manifest_that_name_files_are_ids(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    for n in range(24):
        for path in (tmp_path / f"{n}.png", tmp_path / "masks" / f"{n % 3}.png"):
            Image.new("L", (8, 8), 10 * n).save(path)
    rows = {"path": [f"{n}.png" for n in range(24)], "mask": [f"masks/{n % 3}.png" for n in range(24)]}
    more = {"kind": ["ab"[n % 2] for n in range(24)], "place": ["xyz"[n // 8] for n in range(24)]}
    pl.DataFrame(rows | more).write_csv(tmp_path / "manifest.csv")
    source = {"name": "images", "path": str(tmp_path / "manifest.csv")}
    document = {"name": "masked", "data": {"source": source, "target": "kind"}, "prepare": {"images": "pixels"}}
    found = collect(load(document), scan)
    assert {found.reasons[name] for name in ("path", "mask")} == {("id", "data.source says so")}
    assert [feature.name for feature in found.features] == ["place"]
