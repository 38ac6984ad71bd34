"""cluster.yaml's node types under Ray's real autoscaler, on fake machines: what asks for GPUs brings them up.

The machines are raylets of this computer with as many logical CPUs and GPUs as the node type says; the autoscaler
(v2, as `ray up` runs it), the scheduler, Ray Train and the run are real. There is no CUDA, so the workers compute on
the CPU and are connected by gloo.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from ray_head import Head, free_ports, running_head

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]
HEAD_ID = "f" * 51 + "00000"
HEAD_TYPE = "ray.head.default"  # the fake provider's name for it
IDLE_S = 5

RUN = """
import functools, json, sys
import ray
from ray.train.torch import TorchConfig, TorchTrainer
import rayline
from rayline.cluster.connect import connect
from rayline.train import on_ray


def on_cpu(job, shards, checkpoints, cpus, board):  # travels whole to the workers, whose own `_work` is as it was
    import torch
    from rayline.train import on_ray

    on_ray.get_device = lambda: torch.device("cpu")
    return on_ray._work(job, shards, checkpoints, cpus, board)


on_ray._work = on_cpu
on_ray.TorchTrainer = functools.partial(TorchTrainer, torch_config=TorchConfig(backend="gloo"))
with connect():
    result = rayline.run("spec.yaml")
print(json.dumps(result.to_json(), default=str))
"""

SPEC = {
    "name": "two-gpus",
    "data": {"source": "sklearn:iris", "target": "target"},
    "train": {"workers": 2, "epochs": 2, "batch_size": 32},
    "evaluate": {"bootstrap": 0},
    "explain": {"importance_repeats": 0},
}


def autoscaling_config(port: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A whole launcher configuration with the node types of cluster.yaml on fake machines; and the head's type."""
    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
    kinds = config["available_node_types"]
    head = kinds.pop(config["head_node_type"])
    for kind in kinds.values():
        kind["node_config"] = {}
        for key in ("docker", "worker_setup_commands"):
            kind.pop(key, None)
        if "idle_timeout_s" in kind:
            kind["idle_timeout_s"] = IDLE_S
    fake = {
        "type": "external",
        "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
        "use_node_id_as_ip": True,
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
        "launch_multiple": True,
        "gcs_address": f"127.0.0.1:{port}",
        "head_node_id": HEAD_ID,
    }
    nothing: list[str] = []
    config |= {
        "cluster_name": "fake",
        "provider": fake,
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "cluster_synced_files": nothing,
        "rsync_exclude": nothing,
        "rsync_filter": nothing,
        "file_mounts_sync_continuously": False,
        "head_node_type": HEAD_TYPE,
        "available_node_types": kinds | {HEAD_TYPE: head | {"node_config": {}, "min_workers": 0, "max_workers": 0}},
        "idle_timeout_minutes": IDLE_S / 60,
    }
    steps = ("initialization", "setup", "head_setup", "worker_setup", "head_start_ray", "worker_start_ray")
    config |= {f"{step}_commands": nothing for step in steps}
    return config, head


class Machines:
    """The fake machines that are up, by node type, as the cluster tells them."""

    def __init__(self, head: Head) -> None:
        self.head = head

    def up(self) -> dict[str, int]:
        reply = requests.get(
            f"{self.head.dashboard}/api/v0/nodes",
            headers={"Authorization": f"Bearer {self.head.environment['RAY_AUTH_TOKEN']}"},
            timeout=30,
        )
        nodes = [n["resources_total"] for n in reply.json()["data"]["result"]["result"] if n["state"] == "ALIVE"]
        gpu = sum(bool(node.get("GPU")) for node in nodes)
        return {"gpu": gpu, "cpu": sum(bool(node.get("CPU")) for node in nodes) - gpu}

    def wait(self, wanted: dict[str, int], timeout_s: float) -> float:
        began = time.monotonic()
        while (now := self.up()) != wanted:
            assert time.monotonic() - began < timeout_s, f"{now} and not {wanted} after {timeout_s} s"
            time.sleep(0.5)
        return time.monotonic() - began


def environment(head: Head) -> dict[str, str]:
    return os.environ | head.environment | {"RAY_ADDRESS": head.address}


def test_two_gpu_workers_bring_two_gpu_machines_up_and_idleness_takes_them_down(tmp_path: Path) -> None:
    [port] = free_ports(1)
    config, head_type = autoscaling_config(port)
    (tmp_path / "autoscaling.json").write_text(json.dumps(config))
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(SPEC | {"storage": str(tmp_path / "storage")}))
    variables = {
        "RAY_FAKE_CLUSTER": "1",
        "RAY_enable_autoscaler_v2": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_CLOUD_INSTANCE_ID": HEAD_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD_ID,
        "RAY_OVERRIDE_LABELS": json.dumps(head_type["labels"]),  # as `ray up` passes them
        "RAY_enable_worker_prestart": "0",  # a fake machine of 8 CPUs has two cores to start 8 workers on
        "RAY_prestart_worker_first_driver": "0",
    }
    options = [f"--autoscaling-config={tmp_path}/autoscaling.json"]
    with running_head(port, cpus=head_type["resources"]["CPU"], options=options, environment=variables) as head:
        machines = Machines(head)
        machines.wait({"gpu": 0, "cpu": config["available_node_types"]["cpu"]["min_workers"]}, 30)
        began = time.monotonic()
        run = subprocess.Popen(
            [sys.executable, "-c", RUN], cwd=tmp_path, env=environment(head),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            told: list[tuple[float, dict[str, int]]] = [(0.0, machines.up())]
            while run.poll() is None and time.monotonic() - began < 120:
                if (now := machines.up()) != told[-1][1]:
                    told.append((time.monotonic() - began, now))
                time.sleep(0.2)
            output, _ = run.communicate(timeout=5)
        finally:
            run.kill()
        print(f"the run took {time.monotonic() - began:.1f} s;", *(f"{at:.1f} s: {up}" for at, up in told))
        assert run.returncode == 0, output
        assert json.loads(output[output.index('{"model"') :])["version"] == "1"
        assert told[0][1] == {"gpu": 0, "cpu": 1}
        assert max(up["gpu"] for _, up in told) == 2
        machines.wait({"gpu": 0, "cpu": 1}, 40)
