"""The files of `serve_configs/`: what Ray's schema takes, no key it would pass over in silence, states we can serve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rayline.serve import rollout, state

FOLDER = Path(__file__).parents[2] / "serve_configs"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))


def unknown_keys(document: dict[str, Any]) -> list[str]:
    """Keys that `ServeDeploySchema` does not have; it accepts them and does nothing."""
    from ray.serve.config import AutoscalingConfig
    from ray.serve.schema import (
        DeploymentSchema,
        HTTPOptionsSchema,
        RayActorOptionsSchema,
        ServeApplicationSchema,
        ServeDeploySchema,
    )

    def unknown(value: dict[str, Any], model: Any, at: str) -> list[str]:
        return [f"{at}{key}" for key in value if key not in model.model_fields]

    found = unknown(document, ServeDeploySchema, "")
    found += unknown(document.get("http_options", {}), HTTPOptionsSchema, "http_options.")
    for app in document["applications"]:
        found += unknown(app, ServeApplicationSchema, "applications.")
        for deployment in app["deployments"]:
            found += unknown(deployment, DeploymentSchema, "deployments.")
            found += unknown(deployment.get("autoscaling_config", {}), AutoscalingConfig, "autoscaling_config.")
            found += unknown(deployment.get("ray_actor_options", {}), RayActorOptionsSchema, "ray_actor_options.")
    return found


def test_there_are_an_example_and_one_for_production() -> None:
    assert FILES == ["example.yaml", "production.yaml"]


@pytest.mark.parametrize("name", FILES)
def test_config_is_valid_and_ours(name: str) -> None:
    from ray.serve.schema import ServeDeploySchema

    document = yaml.safe_load((FOLDER / name).read_text())
    assert unknown_keys(document) == []
    ServeDeploySchema.model_validate(document)
    (app,) = document["applications"]
    assert (app["name"], app["import_path"]) == (rollout.APP, rollout.IMPORT_PATH)
    (deployment,) = app["deployments"]
    assert deployment["name"] == rollout.DEPLOYMENT
    assert state.parse(deployment["user_config"]).models


def test_a_misspelt_key_is_found() -> None:
    document = yaml.safe_load((FOLDER / "production.yaml").read_text())
    document["proxy_locaton"] = "HeadOnly"
    document["applications"][0]["deployments"][0]["num_replica"] = 3
    assert unknown_keys(document) == ["proxy_locaton", "deployments.num_replica"]


def test_the_import_path_leads_to_the_deployment() -> None:
    from rayline.serve import on_ray

    assert on_ray.Endpoint.name == rollout.DEPLOYMENT
    assert on_ray.app is not None
