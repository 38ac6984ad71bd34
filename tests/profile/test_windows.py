"""Windows: every row counted once, drained without loss, merged without rows, at the cost of microseconds."""

from __future__ import annotations

import threading
import timeit

import numpy as np
import pytest

from rayline.profile.bins import NumberBins, category_bins, class_bins, number_bins
from rayline.profile.reference import Reference
from rayline.profile.windows import Window, merge

NUMBERS = [f"n{i}" for i in range(8)]
CATEGORIES = [f"c{i}" for i in range(6)]
CLASSES = ("no", "yes")


@pytest.fixture
def reference() -> Reference:
    rng = np.random.default_rng(0)
    numbers = {name: number_bins(rng.normal(size=2000)) for name in NUMBERS}
    categories = {name: category_bins(rng.choice(list("abcdefgh"), 2000).tolist()) for name in CATEGORIES}
    return Reference({**numbers, **categories}, class_bins(CLASSES, rng.integers(0, 2, 2000)))


def rows(n: int, seed: int = 1) -> dict[str, list[object]]:
    rng = np.random.default_rng(seed)
    numbers = {name: [None if rng.random() < 0.1 else v for v in rng.normal(size=n).tolist()] for name in NUMBERS}
    categories = {name: rng.choice([*"abcdefghz"], n).tolist() for name in CATEGORIES}
    return {**numbers, **categories}


def test_rows_one_by_one_and_in_batches_count_as_the_reference_counts(reference: Reference) -> None:
    columns = rows(200)
    answers = np.random.default_rng(2).integers(0, 2, 200)
    singly, together = Window(reference), Window(reference)
    for row in range(200):
        singly.add({name: [values[row]] for name, values in columns.items()}, [CLASSES[answers[row]]])
    for start in range(0, 200, 7):
        part = {name: values[start : start + 7] for name, values in columns.items()}
        together.add(part, answers[start : start + 7])
    whole = Window(reference)
    whole.add({name: np.asarray(values, dtype=object) for name, values in columns.items()}, answers)
    expected = {
        "rows": 200,
        "features": reference.count(columns),
        "predictions": {"no": int((answers == 0).sum()), "yes": int((answers == 1).sum())},
    }
    assert singly.drain() == expected
    assert together.drain() == expected
    assert whole.drain() == expected


def test_drain_starts_anew(reference: Reference) -> None:
    window = Window(reference)
    window.add(rows(3), ["no"] * 3)
    assert window.drain()["rows"] == 3
    empty = window.drain()
    assert empty["rows"] == 0
    assert empty["predictions"] == {}
    assert all(sum(counts) == 0 for counts in empty["features"].values())


def test_features_a_request_does_not_give_count_as_missing_and_others_are_ignored(reference: Reference) -> None:
    for n in (1, 5):
        window = Window(reference)
        window.add({"n0": [0.0] * n, "surplus": ["x"] * n}, ["yes"] * n)
        counts = window.drain()["features"]
        assert "surplus" not in counts
        assert counts["c0"][-1] == n
        assert counts["n0"][-1] == 0


def test_deltas_merge_to_what_one_window_would_have_counted(reference: Reference) -> None:
    whole, parts = Window(reference), []
    for seed in range(5):
        part = Window(reference)
        for window in (whole, part):
            window.add(rows(20, seed), np.full(20, seed % 2))
        parts.append(part.drain())
    assert merge(parts) == whole.drain()
    assert merge(reversed(parts)) == merge(parts)


def test_regression_answers_are_counted_by_bin() -> None:
    reference = Reference({}, NumberBins((1.0, 2.0)))
    window = Window(reference)
    window.add({}, np.array([0.5, 1.5, 1.6, 9.0]))
    window.add({}, [1.7])
    assert window.drain()["predictions"] == {"0": 1, "1": 3, "2": 1}


def test_nothing_is_lost_when_another_thread_drains(reference: Reference) -> None:
    window, drained, done = Window(reference), [], threading.Event()

    def drain() -> None:
        while not done.is_set():
            drained.append(window.drain())

    thread = threading.Thread(target=drain)
    thread.start()
    one = rows(1)
    for _ in range(3000):
        window.add(one, ["no"])
    done.set()
    thread.join()
    total = merge([*drained, window.drain()])
    assert total["rows"] == 3000
    assert all(sum(counts) == 3000 for counts in total["features"].values())


def test_one_row_costs_microseconds(reference: Reference) -> None:
    window, one = Window(reference), rows(1)
    seconds = min(timeit.repeat(lambda: window.add(one, ["no"]), number=500, repeat=10)) / 500
    assert seconds < 30e-6, f"{seconds * 1e6:.1f} µs for one row of 14 features"
