"""The rolling window: what falls out of it, what is counted twice, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from census import draw_people, make_record

from rayline.core.records import WindowRecord
from rayline.monitor.window import REORDERED, REPLICAS, SLOTS, MismatchError, RollingWindow
from rayline.profile.reference import Reference

NOW = 1_800_000_000.0
HOUR = 3600.0


@pytest.fixture
def uri(package: Callable[..., str]) -> str:
    return package()


@pytest.fixture
def window(uri: str) -> RollingWindow:
    return RollingWindow(Reference.load(f"{uri}/profile"), HOUR)


def test_records_add_up(uri: str, window: RollingWindow) -> None:
    frames = [draw_people(50, seed) for seed in range(4)]
    for sequence, frame in enumerate(frames):
        assert window.add(make_record(uri, frame, ended=NOW + 300 * sequence), NOW + 300 * sequence)
    total = window.total(NOW + 900)
    assert total["rows"] == 200
    assert total["predictions"] == {"<=50K": 160, ">50K": 40}
    expected = [window.reference.count(frame) for frame in frames]
    assert total["features"]["age"] == [sum(counts) for counts in zip(*(e["age"] for e in expected), strict=True)]


def test_what_is_older_than_the_window_leaves_it_and_takes_no_memory(uri: str, window: RollingWindow) -> None:
    record = make_record(uri, draw_people(10, 0), ended=NOW)
    for minute in range(600):
        now = NOW + 60 * minute
        window.add(record.model_copy(update={"ended": now}), now)
        assert len(window.to_json()["slots"]) <= SLOTS
    assert window.total(now)["rows"] == 600
    assert window.total(now + HOUR / 2)["rows"] in (290, 300, 310)
    assert window.total(now + HOUR + 60)["rows"] == 0


def test_a_record_from_before_the_window_is_late(uri: str, window: RollingWindow) -> None:
    assert not window.add(make_record(uri, draw_people(10, 0), ended=NOW - HOUR), NOW)
    assert window.total(NOW)["rows"] == 0


def test_a_sender_whose_clock_is_ahead_counts_now(uri: str, window: RollingWindow) -> None:
    window.add(make_record(uri, draw_people(10, 0), ended=NOW + 10 * HOUR), NOW)
    assert window.total(NOW)["rows"] == 10
    assert window.total(NOW + HOUR + 60)["rows"] == 0


def test_each_number_of_a_sender_counts_once_in_any_order(uri: str, window: RollingWindow) -> None:
    record = make_record(uri, draw_people(1, 0), ended=NOW)

    def repeat(sequence: int, replica: str = "r1") -> bool:
        return window.is_repeat(record.model_copy(update={"sequence": sequence, "replica": replica}))

    assert [repeat(n) for n in (0, 0, 2, 1, 1, 2, 70, 69, 70, 6)] == [
        False, True, False, False, True, True, False, False, True, True,
    ]  # fmt: skip
    assert repeat(70 - REORDERED)
    assert not repeat(0, "r2")
    assert not repeat(10**15)
    assert repeat(10**15)


def test_senders_are_forgotten_beyond_a_number(uri: str, window: RollingWindow) -> None:
    record = make_record(uri, draw_people(1, 0), ended=NOW)
    for number in range(REPLICAS * 2):
        window.is_repeat(record.model_copy(update={"replica": f"r{number}"}))
    assert len(window.to_json()["senders"]) == REPLICAS


def spoilt(record: WindowRecord) -> dict[str, WindowRecord]:
    ages = record.features["age"]

    def changed(**update: object) -> WindowRecord:
        return record.model_copy(update=update)

    def aged(counts: list[int]) -> WindowRecord:
        return changed(features={**record.features, "age": counts})

    return {
        "a feature the reference lacks": changed(features={"height": [1]}),
        "other bins": aged(ages[1:]),
        "rows that do not add up": changed(rows=record.rows + 1),
        "a negative count": aged([-1, ages[0] + ages[1] + 1, *ages[2:]]),
        "no bins": aged([]),
        "an answer the model does not give": changed(predictions={"maybe": 1}),
        "more answers than rows": changed(predictions={">50K": record.rows + 1}),
        "rows beyond counting": changed(rows=1 << 70, features={}),
        "a time that is none": changed(ended=float("nan")),
        "a negative number": changed(sequence=-1),
    }


@pytest.mark.parametrize("what", list(spoilt(WindowRecord(
    model="m", version="1", package="", replica="r", sequence=0, started=0, ended=0, rows=2, features={"age": [1, 1]}
))))  # fmt: skip
def test_counts_that_do_not_fit_the_reference_are_refused(uri: str, window: RollingWindow, what: str) -> None:
    record = make_record(uri, draw_people(20, 0), ended=NOW)
    window.check(record)
    with pytest.raises(MismatchError):
        window.check(spoilt(record)[what])
