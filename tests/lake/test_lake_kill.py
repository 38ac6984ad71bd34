"""A kill at any moment leaves each batch wholly in or wholly out, and the lake readable and writable."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest
from lake_parts import BATCH_ROWS, Children, act, append, content, create, places
from storage import Remote

from rayline.lake.lake import Lake
from rayline.lake.snapshot import EVERY

WHOLE = list(range(BATCH_ROWS))


def all_or_nothing(uri: str, batch: int) -> bool:
    """Whether `batch` is in; each batch that is in must be so whole, and no earlier one may have gone."""
    found = places(Lake(uri).open("people"))
    assert set(found) - {batch} == set(range(batch))
    assert all(place == WHOLE for place in found.values())
    return batch in found


def killed_at_lines(folder: Path, children: Children, before: int, step: int) -> list[bool]:
    """Whether the batch was in, for an append to a table of `before` batches killed at each `step`-th line."""
    start = folder / "start"
    create(str(start))
    for batch in range(before):
        append(str(start), batch)
    outcomes = []
    for line in range(1, 20_000, step):
        uri = str(folder / f"lake-{line}")
        shutil.copytree(start, uri)
        if not children.killed_at_line(line, "append", uri, before):
            return outcomes
        outcomes.append(all_or_nothing(uri, before))
        assert append(uri, before).repeated == outcomes[-1]
        assert all_or_nothing(uri, before)
        shutil.rmtree(uri)
    raise AssertionError("the append never ended")


@pytest.mark.parametrize(
    ("before", "step"),
    [
        pytest.param(1, 11, id="few"),
        pytest.param(EVERY - 1, 701, id="whole state written"),
        pytest.param(1, 1, id="every line", marks=pytest.mark.slow),
    ],
)
def test_an_append_killed_at_each_line_is_in_or_out_and_counts_once_when_repeated(
    tmp_path: Path, children: Children, before: int, step: int
) -> None:
    outcomes = killed_at_lines(tmp_path, children, before, step)
    assert outcomes.count(False) >= 4
    # once a line finds the batch in, no line after it takes it back
    assert outcomes == sorted(outcomes)
    assert outcomes[-1] or step > 10


@pytest.mark.parametrize("action", ["compact", "compact newest", "expire"])
def test_maintenance_killed_at_each_line_changes_no_row(tmp_path: Path, children: Children, action: str) -> None:
    start = tmp_path / "start"
    create(str(start))
    for batch in range(4):
        append(str(start), batch)
    before = content(Lake(str(start)).open("people"))
    for line in range(1, 20_000, 151):
        uri = str(tmp_path / f"lake-{line}")
        shutil.copytree(start, uri)
        killed = children.killed_at_line(line, action, uri)
        after = Lake(uri).open("people")
        assert content(after) == before
        for number in range(after.latest().oldest, after.latest().number + 1):
            assert len(content(after, after.at(number))) == min(number, 4) * BATCH_ROWS
        act(action, uri, 0)
        append(uri, 4)
        assert places(Lake(uri).open("people")) == dict.fromkeys(range(5), WHOLE)
        if not killed:
            return
    raise AssertionError("it never ended")


def test_a_disk_that_fills_leaves_the_table_as_it_was(tmp_path: Path, children: Children) -> None:
    uri = str(tmp_path)
    create(uri)
    append(uri, 0)
    assert children.wait(children.start("append beyond the disk", uri, 1)) == 0
    assert not all_or_nothing(uri, 1)
    assert len(list(tmp_path.rglob("*.parquet"))) == 2
    append(uri, 1)
    assert all_or_nothing(uri, 1)


def test_kills_at_random_moments_of_a_process_that_appends(tmp_path: Path, children: Children) -> None:
    uri = str(tmp_path / "lake")
    create(uri)
    chance = random.Random(0)
    done = 0
    for _ in range(15):
        with children.running("append for ever", uri, done):
            time.sleep(chance.uniform(0.02, 0.15))
        found = places(Lake(uri).open("people"))
        assert list(found) == list(range(len(found)))
        assert all(place == WHOLE for place in found.values())
        done = len(found)
    assert done > 15


@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
def test_in_an_object_store_a_kill_at_each_write_before_or_after_it_is_done(
    remote: Remote, children: Children, written: bool
) -> None:
    uri, store = remote.uri, remote.store
    create(uri)
    outcomes: list[bool] = []
    for batch in range(50):
        store.writes = 0
        pid = children.start("append", uri, batch)
        store.kill = (pid, batch + 1, written)
        killed = children.wait(pid)
        store.kill = None
        if not killed:
            break
        outcomes.append(all_or_nothing(uri, batch))
        append(uri, batch)
    # two partitions' files and the snapshot (a file may take two requests); only a snapshot brings the batch in
    assert len(outcomes) >= 3
    assert outcomes[:-1] == [False] * (len(outcomes) - 1)
    assert outcomes[-1] is written


@pytest.mark.slow
def test_in_an_object_store_kills_at_random_moments(remote: Remote, children: Children) -> None:
    uri = remote.uri
    create(uri)
    chance = random.Random(1)
    done = 0
    for _ in range(10):
        with children.running("append for ever", uri, done):
            time.sleep(chance.uniform(0.2, 1.0))
        found = places(Lake(uri).open("people"))
        assert list(found) == list(range(len(found)))
        assert all(place == WHOLE for place in found.values())
        done = len(found)
    assert done
