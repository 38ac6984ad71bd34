"""Scans and datasets on a real Ray cluster: the same results as in this process, and errors of ours as themselves."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ray.exceptions import RayTaskError

from rayline.cluster.passes import plain_errors
from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.profile.profile import Profile, merge, profile_frame
from rayline.sources import _guessed, on_ray, scan
from rayline.sources._source import Fragment, Source
from rayline.sources.csv import Config

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Thirty files of unequal length."""
    for number in range(30):
        rows = "".join(f"{number},{place},{'xyz'[place % 3]}\n" for place in range(1 + number % 7))
        (tmp_path / f"{number:02}.csv").write_text("file,place,kind\n" + rows)
    return Config(path=str(tmp_path)).build()


def test_results_are_those_of_this_process_in_fragment_order(source: Source) -> None:
    def rows(frame: pl.DataFrame, fragment: Fragment) -> tuple[int, str, list[int]]:
        return fragment.index, fragment.label, frame[ROW].to_list()

    assert on_ray.scan(source, rows) == scan.scan(source, rows)


def test_columns_are_pruned(source: Source) -> None:
    assert set(on_ray.scan(source, lambda frame, _: tuple(frame.columns), columns=["kind"])) == {("kind", ROW)}


def test_a_profile_is_the_same_as_without_a_cluster(source: Source) -> None:
    def profile(frame: pl.DataFrame, _: Fragment) -> Profile:
        return profile_frame(frame, seed=3)

    there, here = merge(on_ray.scan(source, profile)), merge(scan.scan(source, profile))
    assert there.to_json() == here.to_json()
    assert there.sample.equals(here.sample)


def test_an_error_in_reading_is_ours_and_the_first_fragments(source: Source, tmp_path: Path) -> None:
    source.schema()
    for name in ("20.csv", "07.csv"):
        size = (tmp_path / name).stat().st_size
        (tmp_path / name).write_text("file,place,kind\n1,2".ljust(size - 1, "0") + "\n")
    with pytest.raises(DataError, match=r"^07\.csv line 2: 2 values, and the header has 3 columns"):
        on_ray.scan(source, lambda frame, _: frame.height)


def test_what_reading_left_out_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("n,s\n1,x\n2\n3,y\n")
    source = Config(path=str(tmp_path), ragged="skip").build()
    assert on_ray.scan(source, lambda frame, _: frame.height) == [2, 2]
    notes = [f"{name}.csv: 1 row was skipped, not of the header's 2 values (line 3)." for name in ("a", "b")]
    assert list(source.notes.values()) == notes
    assert caplog.messages == notes


def test_an_error_raised_by_the_function_is_ours(source: Source) -> None:
    def refuse(frame: pl.DataFrame, fragment: Fragment) -> None:
        raise DataError(f"{fragment.label} is refused")

    with pytest.raises(DataError, match=r"^00\.csv is refused$"):
        on_ray.scan(source, refuse)


def test_a_mistake_in_the_function_is_rays(source: Source) -> None:
    with pytest.raises(RayTaskError, match="ZeroDivisionError"):
        on_ray.scan(source, lambda frame, _: frame.height // 0)


def test_types_are_widened_for_all_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_guessed, "WHOLE_BYTES", 10)
    monkeypatch.setattr(_guessed, "HEAD_BYTES", 40)
    for name, last in (("a", "1"), ("b", "2.5"), ("c", "3")):
        (tmp_path / f"{name}.csv").write_text("n,s\n" + "1,x\n" * 30 + f"{last},y\n")
    source = Config(path=str(tmp_path)).build()
    assert on_ray.scan(source, lambda frame, _: str(frame.schema["n"])) == ["Float64"] * 3
    assert source.settled
    fresh = Config(path=str(tmp_path)).build()
    with plain_errors():
        blocks = list(on_ray.dataset(fresh).iter_batches(batch_size=None, batch_format="pyarrow"))
    assert {str(block.schema.field("n").type) for block in blocks} == {"double"}


def test_a_dataset_streams_all_rows_in_order(tmp_path: Path) -> None:
    for number in range(5):
        table = pa.table({"n": list(range(number * 100, number * 100 + 100)), "s": ["x"] * 100})
        pq.write_table(table, tmp_path / f"{number}.parquet")
    from rayline.sources.parquet import Config as Parquet

    with plain_errors():
        blocks = list(
            on_ray.dataset(Parquet(path=str(tmp_path)).build(), ["n"]).iter_batches(
                batch_size=None, batch_format="pyarrow"
            )
        )
    rows = pa.concat_tables(blocks)
    assert rows.column_names == ["n", ROW]
    assert rows.column("n").to_pylist() == list(range(500))


def test_an_error_within_a_dataset_is_ours(source: Source, capfd: pytest.CaptureFixture[str]) -> None:
    def refuse(batch: pa.Table) -> pa.Table:
        raise DataError("00.csv line 3 is refused")

    with pytest.raises(DataError, match=r"^00\.csv line 3 is refused$"), plain_errors():
        on_ray.dataset(source).map_batches(refuse, batch_format="pyarrow").materialize()
    assert "Traceback" not in capfd.readouterr().err
