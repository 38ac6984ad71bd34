"""`rayline submit` on a real cluster of two machines, each in a network namespace of its own."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from two_machines import Cluster, possible, two_machines

# left to `make test-all`, with a plain failure, where the machine does not allow namespaces
pytestmark = [pytest.mark.ray, *([] if possible() else [pytest.mark.slow])]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    assert possible(), "this needs root, iproute2 and util-linux: network namespaces stand for machines"
    with two_machines(tmp_path_factory.mktemp("two-nodes")) as both:
        yield both


def write_people(path: Path, rows: int = 1500) -> None:
    """Rows in the manner of a census, the target learnable from them."""
    draw = random.Random(7)
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["age", "hours", "job", "sector", "income"])
        for _ in range(rows):
            age, hours, job = draw.randint(17, 80), draw.randint(5, 70), draw.choice("abcde")
            rich = age * hours + 800 * "abcde".index(job) + draw.gauss(0, 300) > 2800
            writer.writerow([age, hours, job, draw.choice(["private", "state", ""]), ">50K" if rich else "<=50K"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_people(tmp_path / "people.csv")
    spec = {
        "name": "people",
        "data": {"source": "people.csv", "target": "income", "split": "stratified"},
        "train": {"workers": 2, "epochs": 3},
        "evaluate": {"bootstrap": 20},
        "explain": {"importance_repeats": 1},
    }
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec))
    return tmp_path


def test_two_workers_train_on_two_machines(cluster: Cluster, folder: Path) -> None:
    done = cluster.submit(folder, "spec.yaml", "--set", f"storage={cluster.storage}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "registered people version 1" in done.stdout
    assert cluster.trained_on() == sorted(cluster.addresses)


@pytest.mark.slow
def test_storage_that_the_machines_do_not_share_stops_it_before_it_starts(cluster: Cluster, folder: Path) -> None:
    done = cluster.submit(folder, "spec.yaml", "--set", "storage=/tmp/not-shared")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "does not see what machine" in done.stdout
    assert "storage:" in done.stdout
