"""The watch: records to outcomes, windows to drift, and both over a restart."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from census import draw_people, make_record

from rayline.monitor.watch import MOST_VERSIONS, RETRY_S, Outcome, Watch

Package = Callable[..., str]


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_drift_shows_where_it_is_and_goes_when_the_window_has_moved_on(package: Package, clock: Clock) -> None:
    uri, watch = package(), Watch(clock=clock)
    watch.accept([make_record(uri, draw_people(2000, 1), ended=clock.now, sequence=0)])
    assert [f.name for f in watch.report()[0].features if f.drift is not None and f.drift.alarm] == []
    clock.now += 3700
    watch.accept([make_record(uri, draw_people(2000, 2, older_by=12), ended=clock.now, sequence=1)])
    (report,) = watch.report()
    assert [f.name for f in report.features if f.drift is not None and f.drift.alarm] == ["age"]
    assert (report.model, report.version, report.rows, report.test) == ("adult", "1", 2000, "psi")
    clock.now += 3700
    watch.accept([make_record(uri, draw_people(2000, 3), ended=clock.now, sequence=2)])
    assert not any(f.drift and f.drift.alarm for f in watch.report()[0].features)


def test_predictions_drift_too(package: Package, clock: Clock) -> None:
    uri, watch = package(), Watch(clock=clock)
    watch.accept([make_record(uri, draw_people(2000, 1), ended=clock.now, rich=0.6)])
    predictions = watch.report()[0].predictions
    assert predictions.bins == ("<=50K", ">50K")
    assert predictions.observed == (800, 1200)
    assert predictions.drift is not None
    assert predictions.drift.alarm


def test_replicas_and_versions_are_kept_apart_and_repeats_dropped(package: Package, clock: Clock) -> None:
    uri, watch = package(), Watch(clock=clock)
    records = [
        make_record(uri, draw_people(10, 1), ended=clock.now, replica=replica, version=version)
        for replica in ("r1", "r2")
        for version in ("1", "2")
    ]
    assert watch.accept([*records, *records]) == {Outcome.ACCEPTED: 4, Outcome.DUPLICATE: 4}
    assert [(r.version, r.rows) for r in watch.report()] == [("1", 20), ("2", 20)]


def test_the_spec_of_the_package_sets_window_and_test(package: Package, clock: Clock) -> None:
    uri = package("short", window_s=60, drift={"name": "psi", "minimum_rows": 5, "threshold": 5.0})
    watch = Watch(clock=clock)
    watch.accept([make_record(uri, draw_people(100, 1), ended=clock.now)])
    (report,) = watch.report()
    age = report.features[0].drift
    assert report.window_s == 60
    assert age is not None
    assert age.limit == 5.0
    clock.now += 61
    assert watch.report() == []


def test_a_package_that_cannot_be_read_is_left_alone_for_a_while(
    package: Package, clock: Clock, tmp_path: Path
) -> None:
    uri, watch = package(), Watch(clock=clock)
    record = make_record(uri, draw_people(10, 1), ended=clock.now)
    hidden = tmp_path / "elsewhere"
    Path(uri).rename(hidden)
    assert watch.accept([record]) == {Outcome.UNREADABLE: 1}
    hidden.rename(uri)
    assert watch.accept([record]) == {Outcome.UNREADABLE: 1}
    clock.now += RETRY_S + 1
    assert watch.accept([record]) == {Outcome.ACCEPTED: 1}


@pytest.mark.parametrize("name", ["profile/reference.json", "spec.yaml"])
def test_a_package_with_an_altered_byte_is_not_trusted(package: Package, clock: Clock, name: str) -> None:
    uri, watch = package(), Watch(clock=clock)
    record = make_record(uri, draw_people(10, 1), ended=clock.now)
    path = Path(uri, name)
    path.write_bytes(path.read_bytes() + b" ")
    assert watch.accept([record]) == {Outcome.UNREADABLE: 1}
    path.unlink()
    clock.now += RETRY_S + 1
    assert watch.accept([record]) == {Outcome.UNREADABLE: 1}


def test_another_package_under_the_same_version_starts_a_new_window(package: Package, clock: Clock) -> None:
    first, second = package("first"), package("second")
    watch = Watch(clock=clock)
    watch.accept([make_record(first, draw_people(10, 1), ended=clock.now, sequence=0)])
    watch.accept([make_record(second, draw_people(30, 1), ended=clock.now, sequence=0)])
    assert [(r.package, r.rows) for r in watch.report()] == [(second, 30)]


def test_versions_beyond_a_number_push_out_the_most_silent(package: Package, clock: Clock) -> None:
    uri, watch = package(), Watch(clock=clock)
    record = make_record(uri, draw_people(5, 1), ended=clock.now)
    watch.accept([record.model_copy(update={"version": f"{n:03}"}) for n in range(MOST_VERSIONS + 5)])
    versions = [report.version for report in watch.report()]
    assert len(versions) == MOST_VERSIONS
    assert versions[0] == "005"


def test_a_restart_keeps_windows_and_remembers_what_was_counted(package: Package, clock: Clock, tmp_path: Path) -> None:
    uri, state = package(), str(tmp_path / "serve" / "monitor.json")
    watch = Watch(state, clock=clock)
    records = [make_record(uri, draw_people(300, n), ended=clock.now, sequence=n) for n in range(3)]
    watch.accept(records)
    before = watch.report()
    watch.save()
    again = Watch(state, clock=clock)
    assert again.report() == before
    assert again.accept(records) == {Outcome.DUPLICATE: 3}
    clock.now += 3700
    assert again.report() == []


def test_a_restart_with_other_settings_starts_the_window_anew(package: Package, clock: Clock, tmp_path: Path) -> None:
    uri, state = package(), str(tmp_path / "monitor.json")
    watch = Watch(state, clock=clock)
    watch.accept([make_record(uri, draw_people(300, 1), ended=clock.now)])
    watch.save()
    package(window_s=120.0)
    (report,) = Watch(state, clock=clock).report()
    assert (report.rows, report.window_s) == (0, 120.0)
    assert all(feature.drift is None for feature in report.features)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99, "versions": []}', '{"format": 1, "versions": [{}]}'])
def test_a_spoilt_state_is_passed_over(tmp_path: Path, text: str) -> None:
    state = tmp_path / "monitor.json"
    state.write_text(text)
    assert Watch(str(state)).report() == []


def test_a_state_that_cannot_be_written_is_counted_and_tried_again(
    package: Package, clock: Clock, tmp_path: Path
) -> None:
    blocked = tmp_path / "serve"
    blocked.write_text("a file where a folder should be")
    watch = Watch(str(blocked / "monitor.json"), clock=clock)
    watch.accept([make_record(package(), draw_people(10, 1), ended=clock.now)])
    watch.save()
    assert watch.failed_saves == 1
    blocked.unlink()
    watch.save()
    assert watch.failed_saves == 1
    assert Watch(str(blocked / "monitor.json"), clock=clock).report()[0].rows == 10


def test_a_report_of_many_features_is_quick(package: Package, clock: Clock) -> None:
    uri, watch = package(), Watch(clock=clock)
    for n in range(60):
        clock.now += 59
        watch.accept([make_record(uri, draw_people(50, n), ended=clock.now, sequence=n)])
    started = time.perf_counter()
    assert watch.report()[0].rows > 2900
    assert time.perf_counter() - started < 0.25
