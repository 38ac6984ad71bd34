"""Several processes on one table: every batch once, numbers without gaps, nobody's work undone."""

from __future__ import annotations

from pathlib import Path

import pytest
from lake_parts import BATCH_ROWS, Children, append, between, content, create, places, rows

from rayline.core.errors import DataError, InputError
from rayline.lake import compact as compaction
from rayline.lake.columns import parse
from rayline.lake.lake import Lake
from rayline.lake.place import Place
from rayline.lake.snapshot import State

WHOLE = list(range(BATCH_ROWS))


def test_processes_that_append_at_once_all_come_in(uri: str, children: Children) -> None:
    create(uri)
    count = 6 if "://" in uri else 30
    waiting = [children.start("append", uri, batch) for batch in range(count)]
    for pid in waiting:
        assert children.wait(pid) == 0
    table = Lake(uri).open("people")
    assert places(table) == dict.fromkeys(range(count), WHOLE)
    history = table.latest().history
    assert [summary.number for summary in history] == list(range(count + 1))
    assert {summary.batch for summary in history[1:]} == {str(batch) for batch in range(count)}


def test_processes_with_the_same_batch_count_once(uri: str, children: Children) -> None:
    create(uri)
    waiting = [children.start("append", uri, 5) for _ in range(4)]
    for pid in waiting:
        assert children.wait(pid) == 0
    table = Lake(uri).open("people")
    assert places(table) == {5: WHOLE}
    assert table.latest().number == 1
    assert len(Place(uri).tree("raw/people/data")) == 2  # what came too late took its files away


def test_columns_that_two_bring_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = str(tmp_path)
    table = create(uri)
    numbers = rows(0).append_column("rank", rows(0).column("place"))
    names = rows(1).append_column("rank", rows(0).column("city"))
    other = rows(2).append_column("colour", rows(0).column("city"))

    def others() -> None:
        Lake(uri).open("people").append(numbers.schema, [numbers])

    between(monkeypatch, others)
    table.append(other.schema, [other])
    assert [column.name for column in table.latest().columns][-2:] == ["rank", "colour"]
    assert {row["batch"]: row["rank"] for row in content(table)} == {0: 5, 2: None}

    second = Lake(uri).create("second", columns=parse("batch:int64, place:int64, city:string, share:float64"))
    between(monkeypatch, lambda: Lake(uri).open("second").append(numbers.schema, [numbers]))
    with pytest.raises(DataError, match="brought column 'rank' as int64, and here it is string"):
        second.append(names.schema, [names])
    assert second.latest().last.rows == BATCH_ROWS
    assert len(list((tmp_path / "raw" / "second" / "data").iterdir())) == 1


def test_an_append_during_a_compaction_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = str(tmp_path)
    table = create(uri)
    for batch in range(3):
        append(uri, batch)
    fits = compaction._fits
    calls = []

    def later(state: State, change: object) -> bool:
        if not calls:
            calls.append(append(uri, 3))
        return fits(state, change)  # type: ignore[arg-type]

    monkeypatch.setattr(compaction, "_fits", later)
    done = compaction.compact(table)
    assert done.before == 8
    assert done.after == 4
    assert places(Lake(uri).open("people")) == dict.fromkeys(range(4), WHOLE)


def test_of_two_compactions_one_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = str(tmp_path)
    table = create(uri)
    for batch in range(3):
        append(uri, batch)
    before = content(table)
    runs = compaction._runs
    calls = []

    def later(state: State) -> object:
        found = list(runs(state))
        if not calls:
            calls.append(None)
            compaction.compact(Lake(uri).open("people"))
        return found

    monkeypatch.setattr(compaction, "_runs", later)
    done = compaction.compact(table)
    assert done.before == done.after == 2
    assert content(Lake(uri).open("people")) == before
    assert len(list((tmp_path / "raw" / "people" / "data").rglob("*.parquet"))) == 8


def test_a_name_is_made_once(uri: str) -> None:
    create(uri)
    with pytest.raises(InputError, match="already"):
        create(uri)


def test_appends_compaction_expiry_and_readers_at_once(uri: str, children: Children) -> None:
    create(uri)
    append(uri, 0)
    rounds = 3 if "://" in uri else 15
    writers = [children.start("append several", uri, first * 100 + rounds) for first in range(1, 5)]
    others = [children.start(action, uri, rounds) for action in ("compact several", "expire several", "read several")]
    for pid in (*writers, *others):
        assert children.wait(pid) == 0
    table = Lake(uri).open("people")
    expected = {first * 100 + n for first in range(1, 5) for n in range(rounds)} | {0}
    assert places(table) == dict.fromkeys(sorted(expected), WHOLE)
    history = table.latest().history
    assert [summary.number for summary in history] == list(range(history[0].number, history[-1].number + 1))
