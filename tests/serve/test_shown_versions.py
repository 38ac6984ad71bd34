"""The gauge of loaded versions: Ray forgets a gauge that is not set again, so every look sets it again."""

from __future__ import annotations

from serving_parts import Endpoint, Meters

from rayline.serve.metrics import Metrics


def test_a_loaded_version_is_shown_with_every_look_and_a_gone_one_once(endpoint: Endpoint) -> None:
    meters = Meters()
    metrics = Metrics(meters)
    seen = meters.made["rayline_model_loaded"].seen

    def shown() -> dict[str, float]:
        found = {tags["version"]: value for value, tags in seen}
        seen.clear()
        return found

    metrics.loaded(endpoint.replica.plane.table)
    assert shown() == {"3": 1.0, "4": 1.0}
    for _ in range(2):
        metrics.take([], [])
        assert shown() == {"3": 1.0, "4": 1.0}
    endpoint.serve({"adult": {"versions": {"4": "/pkg/4"}}})
    metrics.loaded(endpoint.replica.plane.table)
    assert shown() == {"3": 0.0, "4": 1.0}
    metrics.take([], [])
    assert shown() == {"4": 1.0}
