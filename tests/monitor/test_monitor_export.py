"""What `rayline monitor export` writes: valid to promtool, rules that fire and resolve, dashboards of what there is."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from rayline.core.errors import InputError, StorageError
from rayline.monitor.export import Exported, export
from rayline.serve.metrics import Metrics

HISTOGRAM_PARTS = ("_bucket", "_sum", "_count")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("ex port's") / "watching")


def promtool(*arguments: str | Path) -> str:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def alert_rules(exported: Exported) -> list[dict[str, Any]]:
    groups = yaml.safe_load((exported.folder / "rules" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboards(exported: Exported) -> list[dict[str, Any]]:
    found = sorted((exported.folder / "grafana" / "dashboards").glob("*.json"))
    return [orjson.loads(path.read_bytes()) for path in found]


def queries(exported: Exported) -> list[str]:
    """Every expression of rules and panels."""
    documents = [yaml.safe_load(path.read_text()) for path in (exported.folder / "rules").glob("*.yml")]
    rules = [rule["expr"] for document in documents for group in document["groups"] for rule in group["rules"]]
    panels = [
        t["expr"] for dashboard in dashboards(exported) for panel in dashboard["panels"] for t in panel["targets"]
    ]
    return rules + panels


def test_everything_is_written_and_named(exported: Exported) -> None:
    names = {str(path.relative_to(exported.folder)) for path in exported.paths}
    assert {"prometheus.yml", "rules/alerts.yml", "rules/recording.yml", "rules/objectives.yml"} <= names
    assert "grafana/provisioning/datasources/rayline.yml" in names
    assert all(path.is_file() for path in exported.paths)
    assert "[[" not in (exported.folder / "prometheus.yml").read_text()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ray_metrics": "10.0.0.1:8080, 10.0.0.2:8080", "monitor": "monitor.internal:9000", "scrape_interval_s": 1},
        {"ray_metrics": "/tmp/a folder/it's {here}.json", "scrape_interval_s": 0.5},
    ],
)
def test_prometheus_takes_the_configuration(tmp_path: Path, options: dict[str, Any]) -> None:
    folder = export(tmp_path, **options).folder
    promtool("check", "config", folder / "prometheus.yml")
    jobs = {job["job_name"]: job for job in yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]}
    assert set(jobs) == {"ray", "rayline-monitor"}
    assert jobs["rayline-monitor"]["static_configs"][0]["targets"] == [options.get("monitor", "127.0.0.1:8010")]
    if ":" in options.get("ray_metrics", ""):
        assert jobs["ray"]["static_configs"][0]["targets"] == ["10.0.0.1:8080", "10.0.0.2:8080"]


def test_rules_pass_every_lint(exported: Exported) -> None:
    files = sorted((exported.folder / "rules").glob("*.yml"))
    said = promtool("check", "rules", "--lint=all", *files)
    assert said.count("SUCCESS") == len(files) == 3


@pytest.mark.parametrize("name", ["service_test.yml", "watching_test.yml", "infrastructure_test.yml"])
def test_rules_behave_as_their_tests_say(exported: Exported, name: str) -> None:
    assert "SUCCESS" in promtool("test", "rules", exported.folder / "rules" / "tests" / name)


def test_every_alert_has_a_case_that_fires_then_resolves_and_one_that_stays_quiet(exported: Exported) -> None:
    fired: dict[str, set[str]] = {}
    for path in (exported.folder / "rules" / "tests").glob("*.yml"):
        for case in yaml.safe_load(path.read_text())["tests"]:
            for name in {check["alertname"] for check in case["alert_rule_test"]}:
                checks = [bool(c["exp_alerts"]) for c in case["alert_rule_test"] if c["alertname"] == name]
                seen = fired.setdefault(name, set())
                seen |= {"fires"} if True in checks else {"quiet case"}
                seen |= {"resolves"} if checks[-2:] == [True, False] else set()
                seen |= {"quiet before"} if checks[:1] == [False] else set()
    wanted = {rule["alert"] for rule in alert_rules(exported)}
    assert set(fired) == wanted
    for name, seen in fired.items():
        assert {"fires", "resolves"} <= seen, name
        assert seen & {"quiet before", "quiet case"}, name


def test_every_alert_says_what_is_wrong_and_what_to_do(exported: Exported) -> None:
    for rule in alert_rules(exported):
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning")


class _Names:
    """Takes the place of `ray.util.metrics` to learn the names."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def counter(self, name: str, description: str, tags: tuple[str, ...]) -> Any:
        self.found.add(f"ray_{name}")

    def gauge(self, name: str, description: str, tags: tuple[str, ...]) -> Any:
        self.found.add(f"ray_{name}")

    def histogram(self, name: str, description: str, boundaries: Sequence[float], tags: tuple[str, ...]) -> Any:
        self.found |= {f"ray_{name}{part}" for part in HISTOGRAM_PARTS}


def test_replicas_give_the_metrics_that_rules_and_panels_ask_for(exported: Exported) -> None:
    names = _Names()
    Metrics(names)
    asked = {name for query in queries(exported) for name in re.findall(r"\bray_rayline_\w+", query)}
    assert asked
    assert asked <= names.found


def test_the_monitor_gives_the_metrics_that_rules_and_panels_ask_for(exported: Exported) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    from rayline.monitor import exporter
    from rayline.monitor.watch import Watch

    text = exporter.render(exporter.registry(Watch())).decode()
    given = {family.name for family in text_string_to_metric_families(text)}
    given |= {f"{name}_total" for name in given}
    asked = {name for query in queries(exported) for name in re.findall(r"(?<![:\w])rayline_\w+", query)}
    assert asked
    assert asked <= given


def test_recorded_series_that_are_asked_for_are_recorded(exported: Exported) -> None:
    documents = [yaml.safe_load(path.read_text()) for path in (exported.folder / "rules").glob("*.yml")]
    recorded = {r["record"] for d in documents for group in d["groups"] for r in group["rules"] if "record" in r}
    asked = {name for query in queries(exported) for name in re.findall(r"\b\w+:\w+:\w+", query)}
    assert asked
    assert asked <= recorded


def test_dashboards_are_whole(exported: Exported) -> None:
    found = dashboards(exported)
    assert {dashboard["uid"] for dashboard in found} == {"rayline-service", "rayline-drift", "rayline-infrastructure"}
    for dashboard in found:
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        variables = {f"${variable['name']}" for variable in dashboard["templating"]["list"]}
        for panel in panels:
            assert panel["title"]
            assert panel["description"]
            assert panel["datasource"]["uid"] == "${datasource}"
            for target in panel["targets"]:
                used = set(re.findall(r"\$[a-z]\w*", target["expr"])) - {"$__rate_interval"}
                assert used <= variables
        for one, other in combinations([panel["gridPos"] for panel in panels], 2):
            apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
            assert apart_x or apart_y
        assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_grafana_is_pointed_at_prometheus_and_the_dashboards(exported: Exported) -> None:
    provisioning = exported.folder / "grafana" / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "rayline.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((provisioning / "dashboards" / "rayline.yml").read_text())["providers"][0]
    assert (source["type"], source["url"]) == ("prometheus", "http://127.0.0.1:9090")
    assert Path(provider["options"]["path"]) == exported.folder / "grafana" / "dashboards"


def test_the_commands_it_names_are_quoted_for_a_shell(exported: Exported) -> None:
    (tests,) = [command for command in exported.commands if command.startswith("promtool test rules ")]
    listed = subprocess.run(tests.replace("promtool test rules", "ls"), shell=True, capture_output=True, check=True)
    assert listed.stdout.count(b"_test.yml") == 3


@pytest.mark.parametrize(
    "address", ["", "localhost", "host:port", ":80", "host:0", "host:70000", 'a"b:80', "http://h:80"]
)
def test_an_address_that_is_none_is_refused_and_nothing_written(tmp_path: Path, address: str) -> None:
    for options in ({"monitor": address}, {"ray_metrics": address}):
        with pytest.raises(InputError, match="HOST:PORT"):
            export(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        export(tmp_path / "file")


def test_exporting_again_replaces_what_is_there_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    export(tmp_path, scrape_interval_s=5)
    again = export(tmp_path, scrape_interval_s=1)
    assert "1000ms" in (tmp_path / "prometheus.yml").read_text()
    assert (tmp_path / "data").is_dir()
    assert sorted(again.paths) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
