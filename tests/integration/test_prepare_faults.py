"""What goes wrong while data is prepared ends in the same bytes, or in one clear error and nothing half-written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from PIL import Image

from messy_people import people, spec, tree, write
from rayline.cli.main import _guarded
from rayline.core import files
from rayline.core.errors import InputError
from rayline.core.prepared import Rows, read_shards
from rayline.pipeline import collect
from rayline.pipeline.events import Silent
from rayline.pipeline.preparing import prepare
from rayline.prepare import on_ray

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def plain(source: str, target: str = "answer", **more: Any) -> dict[str, Any]:
    return {"name": "faulty", "data": {"source": source, "target": target, "split": "stratified"}, **more}


def refused(
    capsys: pytest.CaptureFixture[str],
    home: Path,
    document: dict[str, Any],
    *more: str,
    code: int = 2,
    out: str = "out",
) -> str:
    """`rayline prepare` ends with one error, and neither the output nor a run is there; what it said."""
    Path("spec.yaml").write_text(yaml.safe_dump(document))
    before = sorted(Path(out).absolute().parent.iterdir())
    assert _guarded(["prepare", "spec.yaml", "-o", out, *more], debug=False) == code
    said = capsys.readouterr().err
    assert [line.startswith("error: ") for line in said.splitlines()].count(True) == 1  # Ray tells of its own beside it
    assert "Traceback" not in said
    assert "fault of Rayline" not in said
    assert sorted(Path(out).absolute().parent.iterdir()) == before
    if code == 2:
        assert not list(home.glob("runs/*/2*"))
    return said


def rows(folder: str = "out") -> Rows:
    parts = [read_shards(f"{folder}/{part}") for part in ("train", "validation", "test")]
    return max(parts, key=len)


# a worker that is killed


def killed_once(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, marker: Path, *, writing: bool = False
) -> None:
    """The first task that calls `module.name` on the cluster is killed: at once, or while it writes a file."""
    real = getattr(module, name)

    def dies(*words: Any, **options: Any) -> Any:  # a local function travels to the workers whole
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return real(*words, **options)
        if not writing:
            os.kill(os.getpid(), signal.SIGKILL)
        os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)  # the file is written, and not in its place yet
        return real(*words, **options)

    monkeypatch.setattr(module, name, dies)


@pytest.mark.parametrize(
    ("module", "name", "writing"),
    [
        (collect, "profile_parts", False),
        pytest.param(on_ray, "write_fragment", True, marks=pytest.mark.slow),
    ],
    ids=["profile", "in the middle of a shard"],
)
def test_a_worker_killed_in_mid_pass_changes_no_byte(
    work: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, writing: bool
) -> None:
    source = str(write(work / "people", people()))
    whole = prepare(spec(source), "whole")
    killed_once(monkeypatch, module, name, work / "killed", writing=writing)
    assert prepare(spec(source), "killed-once").rows == whole.rows
    assert (work / "killed").exists()
    assert tree("killed-once") == tree("whole")


def test_a_worker_that_dies_every_time_is_one_error(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rayline_home: Path
) -> None:
    real = on_ray.write_fragment

    def dies(source: Any, fragment: Any, *words: Any, **options: Any) -> Any:
        if fragment.index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(source, fragment, *words, **options)

    source = str(write(work / "people", people(600)))
    monkeypatch.setattr(on_ray, "write_fragment", dies)
    started = time.monotonic()
    said = refused(capsys, rayline_home, spec(source), code=1)
    assert "a process that worked on part-01.parquet died" in said
    assert time.monotonic() - started < 60
    (state,) = rayline_home.glob("runs/people/*/run.json")
    assert files.read_json(str(state))["status"] == "failed"


# a disk that fills


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    assert os.geteuid() == 0, "this needs root: a file system is mounted"
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


needs_root = [] if os.geteuid() == 0 else [pytest.mark.slow]


@pytest.mark.parametrize("form", ["arrow", pytest.param("parquet", marks=pytest.mark.slow)])
@pytest.mark.parametrize("mark", [pytest.param("", marks=needs_root)])
@pytest.mark.slow
def test_a_disk_that_fills_while_shards_are_written(
    work: Path, small_disk: Path, capsys: pytest.CaptureFixture[str], rayline_home: Path, form: str, mark: str
) -> None:
    rng = np.random.default_rng(0)
    columns = {f"n{place}": rng.normal(size=20_000) for place in range(40)}
    write(work / "wide", pl.DataFrame({**columns, "answer": rng.choice(["no", "yes"], 20_000)}), 2_000)
    said = refused(capsys, rayline_home, plain("wide"), "--format", form, out=str(small_disk / "out"))
    assert "No space left on device" in said
    assert str(small_disk) in said
    assert shutil.disk_usage(small_disk).used == 0


@pytest.mark.parametrize("mark", [pytest.param("", marks=needs_root)])
def test_a_disk_that_fills_while_rows_go_into_quarantine(
    work: Path, small_disk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    rng = np.random.default_rng(0)
    notes = [rng.bytes(100).hex() for _ in range(40_000)]
    frame = pl.DataFrame({"age": rng.normal(size=40_000), "notes": notes, "answer": rng.choice(["no", "yes"], 40_000)})
    write(work / "people", frame, 4_000)
    monkeypatch.setenv("RAYLINE_HOME", str(small_disk / "home"))
    document = plain("people")
    document["data"]["expect"] = {"age": {"min": 0.5, "on": "quarantine"}}
    said = refused(capsys, small_disk / "home", document)
    assert "No space left on device" in said
    assert "quarantine" in said
    assert not list(small_disk.rglob("*.parquet")) + list(small_disk.rglob("*.tmp"))


# a source that goes, or is damaged


class Then(Silent):
    """Does something once a stage has ended."""

    def __init__(self, stage: str, do: Callable[[], object]) -> None:
        self.stage, self.do = stage, do

    def end(self, stage: str, seconds: float, summary: str) -> None:
        if stage == self.stage:
            self.do()


@pytest.mark.parametrize("stage", ["start", "profile"])
@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_source_that_dies_half_way(work: Path, rayline_home: Path, kind: str, stage: str) -> None:
    folder = work / "people"
    write(folder, people())
    if kind == "csv":
        for path in folder.iterdir():
            pl.read_parquet(path).write_csv(path.with_suffix(".csv"))
            path.unlink()

    def cut() -> None:
        path = folder / f"part-04.{kind}"
        path.write_bytes(path.read_bytes()[:4_000])

    with pytest.raises(InputError, match=rf"part-04\.{kind}") as caught:
        prepare(spec(str(folder)), "out", watcher=Then(stage, cut))
    assert caught.value.exit_code == 2
    assert sorted(path.name for path in work.iterdir()) == ["people"]
    assert not list(rayline_home.glob("runs/*/2*"))


def test_a_corrupt_row_group(work: Path, capsys: pytest.CaptureFixture[str], rayline_home: Path) -> None:
    folder = write(work / "people", people())
    path = folder / "part-03.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=100, use_dictionary=False)
    chunk = pq.read_metadata(path).row_group(2).column(2)
    data = bytearray(path.read_bytes())
    middle = chunk.data_page_offset + chunk.total_compressed_size // 2
    data[middle : middle + 200] = np.random.default_rng(0).bytes(200)
    path.write_bytes(data)
    said = refused(capsys, rayline_home, spec(str(folder)))
    assert "part-03.parquet: row group 2 (rows 201 to 300), column 'job' cannot be read as Parquet" in said


def test_a_value_that_a_step_refuses_is_placed_in_its_file(
    work: Path, capsys: pytest.CaptureFixture[str], rayline_home: Path
) -> None:
    frame = people()
    places = pl.int_range(pl.len())
    tall = pl.when(places.is_in([777, 779])).then(pl.lit("six feet")).otherwise("height")
    write(work / "people", frame.with_columns(height=tall))
    said = refused(capsys, rayline_home, spec("people"))
    assert "part-02.parquet: column 'height' holds what is no number with a unit of cm, m in 2 of 300 rows" in said
    assert "first in row 178." in said
    assert "six feet" not in said


# pictures and sounds


def photos(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for place in range(40):
        pixels = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        kind = ("cat", "dog")[place % 2]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels // (1 + place % 2)).save(folder / kind / f"{place:02}.jpg")
    return folder


def sounds(folder: Path) -> Path:
    for place in range(40):
        kind = ("cat", "dog")[place % 2]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        wave = np.sin(np.arange(800) * (0.3 + 0.3 * (place % 2)) + place)
        soundfile.write(folder / kind / f"{place:02}.wav", wave, 8_000)
    return folder


@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_a_truncated_jpeg(work: Path, capsys: pytest.CaptureFixture[str], rayline_home: Path, share: float) -> None:
    photos(work / "photos")
    bad = work / "photos" / "dog" / "07.jpg"
    bad.write_bytes(bad.read_bytes()[: int(bad.stat().st_size * share)])
    assert "dog/07.jpg" in refused(capsys, rayline_home, plain("photos", "label"))
    skipped = prepare(plain({"name": "images", "path": "photos", "on_broken": "skip"}, "label"), "out")  # type: ignore[arg-type]
    assert sum(skipped.rows.values()) == 39
    assert rows().inputs.tensors[0].shape[1:] == (3, 64, 64)


@pytest.mark.parametrize("kind", ["photos", "sounds"])
def test_a_picture_or_sound_that_is_cut_while_the_run_goes_on(work: Path, rayline_home: Path, kind: str) -> None:
    folder = photos(work / "photos") if kind == "photos" else sounds(work / "sounds")
    (bad,) = folder.rglob("07.*")

    def cut() -> None:
        bad.write_bytes(bad.read_bytes()[:300])

    with pytest.raises(InputError, match=f"dog/{bad.name}") as caught:
        prepare(plain(kind, "label"), "out", watcher=Then("profile", cut))
    assert caught.value.exit_code == 2
    assert [path.name for path in work.iterdir()] == [kind]
    assert not list(rayline_home.glob("runs/*/2*"))


@pytest.mark.parametrize(
    "header",
    [b"", b"RIFF", b"junk" * 11, b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x00\x00"],
    ids=["empty", "cut", "junk", "no channels"],
)
def test_a_broken_sound_header(
    work: Path, capsys: pytest.CaptureFixture[str], rayline_home: Path, header: bytes
) -> None:
    bad = sounds(work / "sounds") / "dog" / "07.wav"
    bad.write_bytes((header + bad.read_bytes()[len(header) :]) if len(header) > 4 else header)
    assert "dog/07.wav" in refused(capsys, rayline_home, plain("sounds", "label"))


# text files


def test_mixed_encodings(work: Path, capsys: pytest.CaptureFixture[str], rayline_home: Path) -> None:
    lines = [f"{n},{('Köln', 'Jena')[n % 2]},{('no', 'yes')[n % 3 == 0]}\n".encode() for n in range(400)]
    lines[250] = lines[250].decode().encode("latin-1")
    (work / "towns.csv").write_bytes(b"n,town,answer\n" + b"".join(lines))
    said = refused(capsys, rayline_home, plain("towns.csv"))
    assert "towns.csv" in said
    assert "line 252" in said


def test_a_byte_order_mark_and_line_ends_within_values(work: Path) -> None:
    frame = pl.DataFrame(
        {
            "note": [('one "way"\r\nor, another', "two\n\nlines", "plain")[n % 3] for n in range(300)],
            "n": range(300),
            "answer": [("no", "yes")[n % 7 < 3] for n in range(300)],
        }
    )
    (work / "marked.csv").write_bytes(b"\xef\xbb\xbf" + frame.write_csv().encode())
    frame.write_parquet(work / "plain.parquet")
    columns = {"note": {"encode": "onehot"}}
    for source in ("marked.csv", "plain.parquet"):
        result = prepare(plain(source, prepare={"columns": columns}), source.split(".")[0])
        assert result.layout.numbers == ('note=one "way"\r\nor, another', "note=plain", "note=two\n\nlines")
        assert sum(result.rows.values()) == 300
    assert tree("marked") == tree("plain")


# as wide, and as varied, as it gets


@pytest.mark.slow
def test_ten_thousand_columns(work: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(rng.normal(size=(300, 10_000)), schema=[f"n{place}" for place in range(10_000)])
    frame = frame.with_columns(answer=pl.Series(np.where(rng.random(300) > 0.5, "yes", "no")))
    write(work / "wide", frame, 150)
    started = time.monotonic()
    result = prepare(plain("wide"), "out")
    assert time.monotonic() - started < 120
    assert len(result.layout.numbers) == 10_000
    assert rows().inputs.numbers.shape[1] == 10_000


@pytest.mark.slow
def test_five_million_categories(work: Path) -> None:
    count = 5_000_000
    frame = pl.select(pl.int_range(count).alias("n")).select(
        who="person " + pl.col("n").cast(pl.String), x=(pl.col("n") * 7919 % 104_729) / 1e5,
        answer=pl.when(pl.col("n") % 3 == 0).then(pl.lit("yes")).otherwise(pl.lit("no")),
    )  # fmt: skip
    write(work / "many", frame, 500_000)
    document = plain("many", prepare={"columns": {"who": {"encode": {"name": "hash", "buckets": 1024}}}})
    document["data"]["features"] = {"who": "category"}
    document["prepare"]["duplicates"] = "keep"
    result = prepare(document, "out")
    assert sum(result.rows.values()) == count
    assert result.layout.sizes == (1026,)
