"""cluster.yaml says what Ray's launcher understands, and what Rayline needs of a cluster."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from rayline.cluster import environment
from rayline.cluster.resources import MAX_CPUS_LABEL, MAX_GPUS_LABEL

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "cluster.yaml").read_text()


@pytest.fixture
def config() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(TEXT)
    return loaded


def workers(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: kind for name, kind in config["available_node_types"].items() if name != config["head_node_type"]}


def starts(config: dict[str, Any]) -> list[str]:
    return [config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]]


def test_it_is_valid_by_ray_s_own_schema_and_by_its_launcher(config: dict[str, Any]) -> None:
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    faults = jsonschema.Draft7Validator(schema).iter_errors(config)
    assert [fault.message for fault in faults] == []
    prepared = prepare_config(config)
    validate_config(prepared)  # raises where the launcher would refuse it
    assert set(prepared["available_node_types"]) == set(config["available_node_types"])


def test_the_schema_would_refuse_a_typo(config: dict[str, Any]) -> None:
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    config["available_node_types"]["gpu"]["max_worker"] = 3
    with pytest.raises(jsonschema.ValidationError, match="max_worker"):
        jsonschema.validate(config, schema)


def test_the_head_is_on_demand_and_takes_no_work(config: dict[str, Any]) -> None:
    head = config["available_node_types"][config["head_node_type"]]
    assert head["resources"] == {"CPU": 0}
    assert "InstanceMarketOptions" not in head["node_config"]


def test_workers_are_spot_and_gpus_come_from_nothing_and_go_when_idle(config: dict[str, Any]) -> None:
    kinds = workers(config)
    assert all(kind["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"} for kind in kinds.values())
    assert all(kind["node_config"]["IamInstanceProfile"] for kind in kinds.values())
    gpu = [kind for kind in kinds.values() if kind["resources"].get("GPU")]
    assert [kind["min_workers"] for kind in gpu] == [0]
    assert all(0 < kind["idle_timeout_s"] <= 600 for kind in gpu)
    assert any(not kind["resources"].get("GPU") and kind["max_workers"] > 1 for kind in kinds.values())


def test_the_head_s_labels_are_what_the_workers_add_up_to(config: dict[str, Any]) -> None:
    labels = config["available_node_types"][config["head_node_type"]]["labels"]
    for label, resource in ((MAX_CPUS_LABEL, "CPU"), (MAX_GPUS_LABEL, "GPU")):
        most = sum(kind["max_workers"] * kind["resources"].get(resource, 0) for kind in workers(config).values())
        assert labels[label] == str(most)
    assert config["max_workers"] >= sum(kind["max_workers"] for kind in workers(config).values())


def test_every_machine_asks_for_the_token_and_serves_through_haproxy(config: dict[str, Any]) -> None:
    for command in starts(config):
        exports = shlex.split(command.partition(";")[0])
        assert exports[0] == "export"
        given = dict(word.split("=", 1) for word in exports[1:])
        assert given["RAY_AUTH_MODE"] == "token"
        assert given["RAYLINE_HOME"].startswith("/home/ray/")
        assert {name: given.get(name) for name in environment.serving(cores=4)} == environment.serving(cores=4)
        assert re.search(r"--metrics-export-port=\d+", command)
    assert "--dashboard-host=127.0.0.1" in starts(config)[0]
    assert config["file_mounts"]["/home/ray/.ray/auth_token"] == "~/.ray/auth_token"


def test_versions_are_those_of_this_project(config: dict[str, Any]) -> None:
    images = [config["docker"]["image"], config["available_node_types"]["gpu"]["docker"]["worker_image"]]
    assert all(image.startswith(f"rayproject/ray:{ray.__version__}-py311") for image in images)
    for command in [*config["setup_commands"], *config["available_node_types"]["gpu"]["worker_setup_commands"]]:
        assert "--constraint ~/rayline/requirements.lock" in command


def test_no_secret_is_written_down() -> None:
    assert not re.search(r"AKIA|aws_secret|AuthToken: *[0-9a-f]{16}|RAY_AUTH_TOKEN=\w", TEXT)
