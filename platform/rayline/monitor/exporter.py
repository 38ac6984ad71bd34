"""The monitor's own metrics, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rayline.monitor.reports import VersionReport
from rayline.monitor.watch import Watch

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
VERSION = ["model", "version"]
FEATURE = [*VERSION, "feature"]
LABEL = [*VERSION, "label"]


def registry(watch: Watch) -> CollectorRegistry:
    """A registry of what `watch` knows at the moment of a scrape, and of this process' own resources."""
    found = CollectorRegistry()
    found.register(_WatchCollector(watch))
    ProcessCollector(registry=found)
    return found


def render(found: CollectorRegistry) -> bytes:
    """The text of one scrape."""
    return generate_latest(found)


class _WatchCollector(Collector):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        reports = self._watch.report()
        yield from _drift(reports)
        yield from _predictions(reports)
        yield from _monitor(self._watch, reports)


def _gauge(name: str, text: str, labels: list[str]) -> Any:
    return GaugeMetricFamily(name, text, labels=labels)


def _drift(reports: list[VersionReport]) -> Iterator[Metric]:
    tests = sorted({report.test for report in reports}) or ["psi"]
    statistics = {
        test: _gauge(f"rayline_drift_{test}", f"Drift of live rows from training by the test {test}.", FEATURE)
        for test in tests
    }
    limits = _gauge("rayline_drift_threshold", "The drift above which an alarm is raised, at this many rows.", FEATURE)
    alarms = _gauge("rayline_drift_alarm", "1 where a feature has drifted beyond its threshold, else 0.", FEATURE)
    missing = _gauge("rayline_feature_missing_share", "Share of live rows in which the feature is missing.", FEATURE)
    rows = _gauge("rayline_drift_rows", "Live rows in the window that is compared with training.", VERSION)
    window = _gauge("rayline_drift_window_seconds", "Length of that window.", VERSION)
    for report in reports:
        version = [report.model, report.version]
        rows.add_metric(version, report.rows)
        window.add_metric(version, report.window_s)
        for compared in (*report.features, report.predictions):
            labels = [*version, compared.name]
            if compared is not report.predictions:
                missing.add_metric(labels, compared.missing_share)
            if compared.drift is None:
                continue
            statistics[report.test].add_metric(labels, compared.drift.statistic)
            alarms.add_metric(labels, float(compared.drift.alarm))
            if compared.drift.enough_rows:
                limits.add_metric(labels, compared.drift.limit)
    yield from (*statistics.values(), limits, alarms, missing, rows, window)


def _predictions(reports: list[VersionReport]) -> Iterator[Metric]:
    live = _gauge("rayline_prediction_share", "Share of live rows answered with this label, or in this bin.", LABEL)
    training = _gauge("rayline_prediction_training_share", "The same share in training.", LABEL)
    for report in reports:
        for shares, counts in ((live, report.predictions.observed), (training, report.predictions.expected)):
            total = sum(counts)
            for label, rows in zip(report.predictions.bins, counts, strict=bool(counts)):
                shares.add_metric([report.model, report.version, label], rows / total if total else 0.0)
    yield from (live, training)


def _monitor(watch: Watch, reports: list[VersionReport]) -> Iterator[Metric]:
    records = CounterMetricFamily(
        "rayline_monitor_records", "Records received, by what became of them.", labels=["outcome"]
    )
    for outcome, number in sorted(watch.outcomes.items()):
        records.add_metric([outcome], number)
    last = _gauge("rayline_monitor_last_record_timestamp_seconds", "When the newest record ended.", VERSION)
    for report in reports:
        last.add_metric([report.model, report.version], report.last_record)
    yield records
    yield last
    yield CounterMetricFamily(
        "rayline_monitor_failed_saves", "Times the windows could not be written to disk.", value=watch.failed_saves
    )
