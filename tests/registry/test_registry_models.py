"""The registry against real MLflow stores: SQLite under RAYLINE_HOME, and a tracking server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from rayline.core.errors import InputError, NotFoundError, PackageError, StorageError
from rayline.registry import manifest, store, tracking
from rayline.registry.models import Entry, Registry
from rayline.registry.store import ask


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh database, migrated once: seconds that most tests need not spend again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYLINE_HOME", str(tmp_path_factory.mktemp("made")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store.client()
        return Path(os.environ["RAYLINE_HOME"], "mlflow.db")


@pytest.fixture
def empty_home(rayline_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return rayline_home


@pytest.fixture
def home(empty_home: Path, database: Path) -> Path:
    empty_home.mkdir()
    shutil.copy(database, empty_home)
    return empty_home


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return make_package(tmp_path / "made")


def make_package(folder: Path, text: str = "weights") -> str:
    (folder / "profile").mkdir(parents=True)
    (folder / "model.safetensors").write_text(text)
    (folder / "profile" / "reference.json").write_text("{}")
    manifest.seal(str(folder))
    return str(folder)


def test_versions_aliases_and_archive(home: Path, folder: str) -> None:
    registry = Registry()
    first = registry.publish(
        folder, "adult", alias="champion", metrics={"roc_auc": 0.9, "pr_auc": None}, tags={"team": "a"}
    )
    second = registry.publish(folder, "adult", description="second")
    assert (first.version, second.version) == (1, 2)
    assert registry.resolve("adult") == registry.resolve("adult@champion") == registry.resolve("adult/1") == first
    assert first.metrics == {"roc_auc": 0.9}
    assert first.tags == {"team": "a"}
    assert manifest.verify(first.uri) == first.digest
    assert first.uri.startswith(str(home / "artifacts"))

    promoted = registry.promote("adult", 2)
    assert promoted == registry.resolve("adult") == registry.resolve("adult/2")
    assert (promoted.aliases, promoted.description) == (("champion",), "second")
    assert registry.resolve("adult/1").aliases == ()
    with pytest.raises(InputError, match="is the champion"):
        registry.archive("adult", 2)
    registry.promote("adult", 1, "challenger")
    assert registry.archive("adult", 1) == registry.resolve("adult/1")
    assert registry.list() == registry.list("adult") == [promoted]
    assert [entry.version for entry in registry.list(archived=True)] == [2, 1]
    with pytest.raises(NotFoundError, match="no alias 'challenger'"):
        registry.resolve("adult@challenger")
    assert registry.promote("adult", 1).archived is False
    assert [entry.version for entry in registry.list()] == [2, 1]
    assert registry.archive("adult", 1, force=True).aliases == ()
    assert registry.resolve("adult").version == 2


def test_asking_an_empty_home_makes_nothing(empty_home: Path) -> None:
    assert Registry().list() == []
    with pytest.raises(NotFoundError, match="Models: none yet"):
        Registry().resolve("adult@champion")
    assert not empty_home.exists()


def test_unknown_names_are_answered_with_the_nearest(home: Path, folder: str) -> None:
    registry = Registry()
    with pytest.raises(NotFoundError, match="Models: none yet"):
        registry.resolve("adult")
    registry.publish(folder, "adult", alias="champion")
    with pytest.raises(NotFoundError, match=r"no model 'adlut'\. Did you mean 'adult'\?"):
        registry.resolve("adlut@champion")
    with pytest.raises(NotFoundError, match=r"no alias 'champoin'\. Did you mean 'champion'\? Aliases: champion"):
        registry.resolve("adult@champoin")
    with pytest.raises(NotFoundError, match=r"no version 7\. Versions: 1"):
        registry.resolve("adult/7")
    with pytest.raises(NotFoundError):
        registry.list("nothing")
    with pytest.raises(NotFoundError):
        tracking.find("0" * 32)
    with pytest.raises(InputError, match="cannot name a model"):
        registry.publish(folder, "a b")
    with pytest.raises(InputError, match="cannot be an alias"):
        registry.publish(folder, "adult", alias="v1")
    assert [entry.version for entry in registry.list()] == [1]


def test_altered_package_is_not_published(home: Path, folder: str) -> None:
    Path(folder, "model.safetensors").write_text("other")
    with pytest.raises(PackageError, match=r"altered: model\.safetensors"):
        Registry().publish(folder, "adult")
    assert Registry().list() == []


def test_run_keeps_settings_curves_and_package_where_mlflow_shows_them(home: Path, folder: str, tmp_path: Path) -> None:
    run = tracking.start("adult", "adult-1", tags={"who": "me"})
    run.log_params(
        {"train": {"epochs": 3, "optimizer": {"name": "adamw"}}, "data": {"features": {}, "a>b": "x" * 7000}}
    )
    run.log_history(
        [{"epoch": e, "train_loss": 1 / (e + 1), "validation_loss": None, "digest": "x"} for e in range(1200)]
    )
    run.log_metrics({"test_roc_auc": 0.91})
    run.log_params({"storage": "s3://KEY:SECRET@bucket/runs"})
    entry = Registry().publish(folder, "adult", run=run)
    run.finish()

    assert entry.run == run.id
    assert tracking.find(run.id).artifact_uri == run.artifact_uri
    client = store.client()
    data = client.get_run(run.id)
    assert data.info.status == "FINISHED"
    assert data.data.params["train.optimizer.name"] == "adamw"
    assert len(data.data.params["data.a_b"]) == 6000
    assert data.data.params["storage"] == "s3://***@bucket/runs"
    assert data.data.metrics == {"train_loss": 1 / 1200, "test_roc_auc": 0.91}
    assert [m.step for m in client.get_metric_history(run.id, "train_loss")] == list(range(1200))
    assert {item.path for item in client.list_artifacts(run.id)} == {"package"}
    assert {item.path for item in client.list_artifacts(run.id, "package")} == {
        "package/manifest.json", "package/model.safetensors", "package/profile",
    }  # fmt: skip
    version = client.get_model_version("adult", "1")
    assert (version.run_id, version.source) == (run.id, f"{run.artifact_uri}/package")


def test_killed_between_upload_and_registration_leaves_no_version(home: Path, folder: str) -> None:
    script = (
        "import os, signal\n"
        "from rayline.registry import models\n"
        "def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        "models.writing = die\n"
        f"models.Registry().publish({folder!r}, 'adult', alias='champion')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert list(home.glob("artifacts/*/*/artifacts/package/manifest.json"))  # it had come that far
    registry = Registry()
    assert registry.list() == registry.list(archived=True) == []
    with pytest.raises(NotFoundError, match="no model 'adult'"):
        registry.resolve("adult")
    assert registry.publish(folder, "adult").version == 1


def test_two_processes_make_the_database_and_publish_at_once(empty_home: Path, folder: str) -> None:
    script = (
        "import sys\n"
        "from rayline.registry.models import Registry\n"
        "import mlflow\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"print([Registry().publish({folder!r}, 'adult').version for _ in range(6)])\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", script], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True)
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0, 0], answers
    versions = [version for out, _ in answers for version in json.loads(out)]
    assert sorted(versions) == list(range(1, 13))
    assert [entry.version for entry in Registry().list()] == list(range(12, 0, -1))
    assert all(err == "" for _, err in answers), "MLflow logs nothing of its own"


@pytest.mark.slow
def test_fresh_database_appears_whole_or_not_at_all(empty_home: Path) -> None:
    script = (
        "from rayline.registry import store\n"
        "import mlflow.store.tracking.sqlalchemy_store\n"
        "print('go', flush=True)\n"
        "store.client()\n"
    )
    for wait_s in (0.15, 0.4):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        time.sleep(wait_s)
        process.kill()
        process.wait()
    store.warm().result(timeout=60)
    assert Registry().list() == []
    with sqlite3.connect(empty_home / "mlflow.db") as made:
        assert made.execute("select count(*) from experiments").fetchone() == (1,)


def test_runs_of_other_storage_keep_their_files_there(home: Path, folder: str, tmp_path: Path) -> None:
    here = tracking.start("adult", "a")
    there = tracking.start("adult", "b", storage=str(tmp_path / "shared"))
    again = tracking.start("adult", "c", storage=str(tmp_path / "shared"))
    assert here.artifact_uri.startswith(str(home / "artifacts"))
    assert there.artifact_uri.startswith(str(tmp_path / "shared" / "artifacts"))
    assert Path(again.artifact_uri).parents[1] == Path(there.artifact_uri).parents[1]
    entry = Registry().publish(folder, "adult", storage=str(tmp_path / "shared"))
    assert entry.uri.startswith(str(tmp_path / "shared"))


def test_home_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAYLINE_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(StorageError, match="RAYLINE_HOME"):
        Registry().publish(folder, "adult")
    with pytest.raises(StorageError, match="RAYLINE_HOME"):
        store.warm().result(timeout=60)


def test_calls_on_an_open_store_are_quick(home: Path, folder: str) -> None:
    registry = Registry()
    registry.publish(folder, "adult", alias="champion")
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        registry.resolve("adult@champion")
        seconds.append(time.perf_counter() - began)
    assert sorted(seconds)[2] < 0.1


@pytest.fixture
def server(tmp_path: Path, database: Path) -> Iterator[str]:
    shutil.copy(database, tmp_path / "server.db")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--artifacts-destination", str(tmp_path / "server"),
    ]  # fmt: skip
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment = {**os.environ, **quiet}
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen(url + "/health", timeout=1):
                    break
            except OSError:
                assert process.poll() is None, (tmp_path / "server.log").read_text()
                assert time.monotonic() < deadline, (tmp_path / "server.log").read_text()
                time.sleep(0.2)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # the server and the worker it started: a group of its own
        process.wait(timeout=30)


def test_tracking_server_keeps_packages_and_hands_them_out(
    home: Path, folder: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    registry = Registry()
    published: Entry = registry.publish(folder, "adult", alias="champion")
    assert published.uri.startswith("mlflow-artifacts:")
    ask(lambda client: client.create_registered_model("theirs"))
    ask(lambda client: client.create_model_version("theirs", "s3://elsewhere/model"))
    assert [entry.name for entry in registry.list()] == ["adult"], "other people's models are not ours to list"
    found = registry.resolve("adult@champion")
    assert found.uri == str(home / "packages" / published.digest)
    assert manifest.verify(found.uri) == published.digest
    assert registry.resolve("adult").uri == found.uri
    assert [entry.uri for entry in registry.list()] == [published.uri], "listing fetches nothing"
