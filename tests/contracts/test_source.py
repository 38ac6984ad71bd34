"""What every source must do, whichever plug-in it is."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import lake_sources
import media_sources
import numpy as np
import open_sources
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import service_sources

from rayline.core import catalog
from rayline.core.catalog import PluginConfig
from rayline.core.columns import ROW
from rayline.core.errors import DataError
from rayline.sources._source import Source
from rayline.sources.frame import keep
from rayline.sources.scan import scan

EIGHT = {
    pa.int64(),
    pa.float64(),
    pa.bool_(),
    pa.string(),
    pa.date32(),
    pa.timestamp("us"),
    pa.binary(),
    pa.list_(pa.float64()),
}
TABLE = pa.table(
    {
        "count": pa.array([1, None, 3, 4, 5, 6]),
        "share": pa.array([0.5, 1.5, None, float("inf"), 2.5, 3.5]),
        "kind": pa.array(["a", "b", None, "a", "c", "d, e"]),
        "open": pa.array([True, False, None, True, True, False]),
    }
)


def _csv(folder: Path) -> PluginConfig:
    pacsv.write_csv(TABLE.slice(0, 4), folder / "a.csv")
    pacsv.write_csv(TABLE.slice(4), folder / "b.csv")
    return catalog.resolve("source", {"name": "csv", "path": str(folder)})


def _parquet(folder: Path) -> PluginConfig:
    pq.write_table(TABLE.slice(0, 4), folder / "a.parquet", row_group_size=2)
    pq.write_table(TABLE.slice(4), folder / "b.parquet")
    return catalog.resolve("source", {"name": "parquet", "path": str(folder)})


def _frame(folder: Path) -> PluginConfig:
    return keep(TABLE, folder)


def _jsonl(folder: Path) -> PluginConfig:
    for name, table in (("a", TABLE.slice(0, 4)), ("b", TABLE.slice(4))):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    return catalog.resolve("source", {"name": "jsonl", "path": str(folder)})


def _history(folder: Path) -> PluginConfig:
    _parquet(folder)
    options = {"by": "open", "time": "count", "lags": {"kind": 1}, "windows": {"share": {"last": 2, "of": "mean"}}}
    return catalog.resolve("source", {"name": "history", "source": str(folder), **options})


def _sklearn(folder: Path) -> PluginConfig:
    return catalog.resolve("source", {"name": "sklearn", "dataset": "wine"})


MAKE: dict[str, Callable[[Path], PluginConfig]] = {
    "csv": _csv,
    "parquet": _parquet,
    "frame": _frame,
    "history": _history,
    "jsonl": _jsonl,
    "lake": lambda folder: lake_sources.make(TABLE, folder),
    "sklearn": _sklearn,
    **media_sources.MAKE,
    **open_sources.MAKE,
    **service_sources.MAKE,
}


def test_every_source_has_a_case_here() -> None:
    assert {case.partition(" ")[0] for case in MAKE} == set(catalog.names("source"))


@pytest.fixture(params=sorted(MAKE))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Source:
    config = MAKE[request.param](tmp_path)
    return config.build()  # type: ignore[attr-defined, no-any-return]


def test_columns_come_in_eight_types(source: Source) -> None:
    assert set(source.schema().types) <= EIGHT
    assert ROW not in source.schema().names


def test_fragments_are_in_order_and_always_the_same(source: Source) -> None:
    fragments = source.fragments()
    assert [fragment.index for fragment in fragments] == list(range(len(fragments)))
    assert fragments == pickle.loads(pickle.dumps(source)).fragments()
    assert all(fragment.label for fragment in fragments)


def test_every_fragment_has_the_schema_and_then_its_rows_positions(source: Source) -> None:
    expected = pa.schema([*source.schema(), pa.field(ROW, pa.int64())])
    rows = []
    for fragment in source.fragments():
        table = source.read(fragment)
        assert table.schema.equals(expected)
        rows.extend(table.column(ROW).to_pylist())
    assert rows == sorted(set(rows))


def test_nothing_is_nan(source: Source) -> None:
    for fragment in source.fragments():
        frame = pl.from_arrow(source.read(fragment))
        assert not frame.select(pl.any_horizontal(pl.selectors.float().is_nan().any())).item()


def test_columns_come_in_the_order_asked_for(source: Source) -> None:
    names = source.schema().names
    fragment = source.fragments()[0]
    asked = [names[2], names[0]]
    table = source.read(fragment, asked)
    assert table.column_names == [*asked, ROW]
    assert table.equals(source.read(fragment).select([*asked, ROW]))


def test_no_columns_leave_the_positions(source: Source) -> None:
    for fragment in source.fragments():
        assert source.read(fragment, []).equals(source.read(fragment).select([ROW]))


def test_an_unknown_column_is_answered_with_the_nearest(source: Source) -> None:
    name = source.schema().names[0]
    with pytest.raises(DataError, match=f"has no column '{name}x'. Did you mean '{name}'"):
        source.read(source.fragments()[0], [name + "x"])


def test_a_pickled_source_reads_the_same(source: Source) -> None:
    copy = pickle.loads(pickle.dumps(source))
    for fragment in source.fragments():
        assert copy.read(pickle.loads(pickle.dumps(fragment))).equals(source.read(fragment))


def test_reading_a_fragment_again_gives_the_same_bytes(source: Source) -> None:
    for fragment in source.fragments():
        one, other = (_bytes(source.read(fragment)) for _ in range(2))
        assert one == other


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def test_a_file_that_goes_away_is_named(source: Source) -> None:
    source.schema()
    last = source.fragments()[-1]
    if not last.path:  # nothing of it is a file of its own, so that nothing can go away
        assert source.read(last).equals(source.read(last))
        return
    Path(last.path).unlink()
    with pytest.raises(DataError, match=re.escape(Path(last.path).name)):
        source.read(last)


ELSEWHERE = """
import os, pickle, sys
for line in sys.stdin:
    variables, source, fragment = pickle.loads(bytes.fromhex(line))
    os.environ.update(variables)  # where passwords are
    print(source.read(fragment).column("__row__").to_pylist(), flush=True)
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A process in another folder that reads what it is given, a line each: one for all sources."""
    process = subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE], cwd=tmp_path_factory.mktemp("elsewhere"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        yield process
        process.stdin.close()  # type: ignore[union-attr]


def test_another_process_in_another_folder_reads_the_same(source: Source, elsewhere: subprocess.Popen[str]) -> None:
    last = source.fragments()[-1]
    assert elsewhere.stdin is not None
    assert elsewhere.stdout is not None
    elsewhere.stdin.write(pickle.dumps((dict(os.environ), source, last)).hex() + "\n")
    elsewhere.stdin.flush()
    assert elsewhere.stdout.readline().strip() == str(source.read(last).column(ROW).to_pylist())


def test_a_scan_gives_results_in_fragment_order(source: Source) -> None:
    found = scan(source, lambda frame, fragment: (fragment.index, frame[ROW].to_list()))
    assert [index for index, _ in found] == list(range(len(source.fragments())))
    rows = [row for _, part in found for row in part]
    assert rows == sorted(rows)


def test_a_scan_reads_the_columns_asked_for(source: Source) -> None:
    name = source.schema().names[1]
    assert set(scan(source, lambda frame, _: tuple(frame.columns), columns=[name])) == {(name, ROW)}


@pytest.mark.parametrize("name", ["csv", "parquet", "frame", "jsonl"])
def test_files_keep_every_value(name: str, tmp_path: Path) -> None:
    source: Source = MAKE[name](tmp_path).build()  # type: ignore[attr-defined]
    frame = pl.concat([pl.from_arrow(source.read(fragment)) for fragment in source.fragments()])  # type: ignore[misc]
    assert frame.drop(ROW).equals(pl.from_arrow(TABLE))


@pytest.mark.parametrize("name", ["csv", "parquet", "frame", "jsonl"])
def test_a_files_name_is_claimed_by_its_own_source_alone(name: str, tmp_path: Path) -> None:
    MAKE[name](tmp_path)
    path = str(next(p for p in tmp_path.iterdir() if p.is_file()))
    claims = {kind: catalog.config_class("source", kind).from_text(path) for kind in catalog.names("source")}  # type: ignore[attr-defined]
    assert {kind for kind, claimed in claims.items() if claimed is not None} == {name}
    assert claims[name].build().fragments()


def test_positions_name_the_file_and_the_row(tmp_path: Path) -> None:
    source: Source = _parquet(tmp_path).build()  # type: ignore[attr-defined]
    rows = np.concatenate([source.read(f).column(ROW).to_numpy() for f in source.fragments()])
    assert rows.tolist() == [0, 1, 2, 3, 1 << 40, (1 << 40) + 1]
