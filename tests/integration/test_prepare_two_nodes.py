"""`rayline prepare` on two machines: they share the fragments, and write what one machine writes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import orjson
import pytest
import yaml
from ray.job_submission import JobStatus, JobSubmissionClient

from messy_people import people, spec, tree, write
from rayline.core import files
from rayline.registry.outputs import SUCCESS, FolderOutput
from two_machines import BUCKET, Cluster, possible, two_machines

pytestmark = [pytest.mark.ray, pytest.mark.slow]
FRAGMENTS = 12
JOB = """
import sys
import ray
from rayline.cli.main import main
from rayline.core import files
from rayline.prepare import on_ray

where, write_fragment = sys.argv.pop(1), on_ray.write_fragment

def noted(source, fragment, *words, **more):
    node = ray.get_runtime_context().get_node_id()
    files.write_bytes(files.join(where, str(fragment.index)), node.encode())
    return write_fragment(source, fragment, *words, **more)

on_ray.write_fragment = noted
main()
"""
"""`rayline`, with a note of the machine that wrote each fragment's shards."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    assert possible(), "this needs root, iproute2 and util-linux: network namespaces stand for machines"
    with two_machines(tmp_path_factory.mktemp("two-nodes")) as both:
        yield both


def place(cluster: Cluster, name: str) -> str:
    """`name` in the bucket that both machines see."""
    return cluster.storage.replace(f"{BUCKET}/rayline", f"{BUCKET}/{name}")


def bucket(cluster: Cluster) -> Any:
    endpoint = cluster.storage.partition("endpoint_override=")[2].partition("&")[0]
    return boto3.client(
        "s3", endpoint_url=f"http://{endpoint}", region_name="us-east-1",
        aws_access_key_id="testing", aws_secret_access_key="testing",
    )  # fmt: skip


def objects(cluster: Cluster, prefix: str) -> dict[str, bytes]:
    """The objects below a folder of the bucket; those of no bytes stand for folders."""
    client = bucket(cluster)
    found = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
    return {
        entry["Key"].removeprefix(f"{prefix}/"): client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
        for entry in found
        if entry["Size"]
    }


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Path:
    """A folder with the spec; its data is in the bucket."""
    folder = tmp_path_factory.mktemp("work")
    frame = people()
    for path in sorted(write(folder / "people", frame, -(-frame.height // FRAGMENTS)).iterdir()):
        bucket(cluster).upload_file(str(path), BUCKET, f"people/{path.name}")
    (folder / "job").mkdir()
    document = spec({"name": "parquet", "path": place(cluster, "people")}, storage=cluster.storage)
    (folder / "job" / "job.py").write_text(JOB)
    (folder / "job" / "spec.yaml").write_text(yaml.safe_dump(document))
    return folder


def on_both(cluster: Cluster, folder: Path, output: str) -> tuple[str, str]:
    """`rayline prepare` as a job of the cluster: how it ended, and what it said."""
    headers = {"Authorization": f"Bearer {cluster.environment['RAY_AUTH_TOKEN']}"}
    client = JobSubmissionClient(cluster.dashboard, headers=headers)
    command = f'"{sys.executable}" job.py "{place(cluster, "notes")}" prepare spec.yaml -o "{output}" --json'
    job = client.submit_job(entrypoint=command, runtime_env={"working_dir": str(folder / "job")})
    until = time.monotonic() + 120
    while not (status := client.get_job_status(job)).is_terminal():
        assert time.monotonic() < until, client.get_job_logs(job)
        time.sleep(0.3)
    return str(status), client.get_job_logs(job)


def test_two_machines_write_what_one_writes(cluster: Cluster, work: Path) -> None:
    status, said = on_both(cluster, work, place(cluster, "both"))
    assert status == JobStatus.SUCCEEDED, said
    notes = objects(cluster, "notes")
    assert sorted(map(int, notes)) == list(range(FRAGMENTS))
    nodes = Counter(node.decode() for node in notes.values())
    assert set(nodes) == {node["node_id"] for node in cluster.get("/api/v0/nodes")}
    assert min(nodes.values()) >= 2, nodes
    environment = cluster.environment | {"HOME": str(work), "RAYLINE_HOME": str(work / "home")}
    alone = subprocess.run(
        [sys.executable, "-m", "rayline.cli", "prepare", "spec.yaml", "-o", str(work / "alone"), "--json",
         "--address", "local"],
        cwd=work / "job", env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert alone.returncode == 0, alone.stderr
    written = objects(cluster, "both")
    assert len([name for name in written if name.startswith("train/")]) == FRAGMENTS
    assert written == tree(work / "alone")
    result = orjson.loads(alone.stdout)
    assert result["rows"] == orjson.loads(said[said.index("{\n") : said.rindex("}") + 1])["rows"]
    # the marker of a whole folder is an object of no bytes
    assert bucket(cluster).head_object(Bucket=BUCKET, Key=f"both/{SUCCESS}")["ContentLength"] == 0


def test_a_folder_that_the_machines_do_not_share_is_refused_before_anything_is_read(
    cluster: Cluster, work: Path
) -> None:
    status, said = on_both(cluster, work, "/tmp/not-shared")
    assert status == JobStatus.FAILED
    assert "error: /tmp/not-shared is not one folder for all machines of the cluster" in said
    assert "does not see what machine" in said
    assert "Give a storage URI (s3://…)." in said


def test_what_fails_half_way_leaves_nothing_in_the_bucket(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, cluster.environment[name])
    output = FolderOutput(place(cluster, "torn"))

    def fill() -> None:
        with output.filling():
            files.write_bytes(files.join(output.parts, "train", "part-00000.arrow"), b"rows")
            assert objects(cluster, "torn") == {"train/part-00000.arrow": b"rows"}
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fill()
    assert objects(cluster, "torn") == {}
    FolderOutput(place(cluster, "torn"))  # still a place to write into
