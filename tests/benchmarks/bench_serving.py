"""Requests a second, one row a request, beside the same network without us.

    python tests/benchmarks/bench_serving.py --data adult.csv --mlserver-python /path/to/venv/bin/python

PATH is a CSV file with a header; its last column is the target. Four endpoints answer from one network:

    rayline     everything on: validation, preparation, batching, metrics, access log, windows to a monitor
    (a) default  the network alone in a Ray Serve replica, prepared numbers in, Ray Serve's own proxy
    (b) haproxy  the same, HAProxy mode
    (c) mlserver the same in MLServer 1.7.1 (`python -m venv V; V/bin/pip install mlserver==1.7.1`); left out without
                 --mlserver-python

Rayline, (b) and (c) stand side by side and are asked in turn, (a) needs a Ray of its own; medians of `--repeats`. Needs
wrk. Leave the machine alone meanwhile: it has two cores, and wrk takes one of them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
CONNECTIONS = (1, 16, 64)
WARM_UP_S = 2
GOALS = {("default", 16): 8.0, ("haproxy", 16): 0.7, ("mlserver", 16): 1.5, ("haproxy", 1): 0.5}
PORTS = {"rayline": 8731, "mlserver": 8732, "default": 8733}
MLSERVER_RUNTIME = """
import sys
sys.path.append({packages!r})
sys.path.append({source!r})
import numpy as np
import torch
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
from rayline.registry import predictor


class Network(MLModel):
    async def load(self):
        torch.set_num_threads(1)
        self.network = predictor.load({package!r}).network
        return True

    async def predict(self, payload):
        given = {{tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}}
        numbers = torch.from_numpy(given["numbers"].astype(np.float32))
        categories = torch.from_numpy(given["categories"].astype(np.int32))
        with torch.inference_mode():
            answer = self.network.head.predict(self.network(numbers, categories)).numpy()
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("probability", answer)])
"""


def bare_application(package: str) -> Any:
    """The network alone: numbers and category ids as JSON in, its answer as JSON out."""
    import torch
    from ray import serve
    from starlette.requests import Request

    @serve.deployment(name="bare", max_ongoing_requests=1000)
    class Bare:
        def __init__(self) -> None:
            from rayline.registry import predictor

            torch.set_num_threads(1)
            self.network = predictor.load(package).network

        async def __call__(self, request: Request) -> dict[str, Any]:
            body = await request.json()
            numbers = torch.tensor(body["numbers"], dtype=torch.float32)
            categories = torch.tensor(body["categories"], dtype=torch.int32)
            with torch.inference_mode():
                answer = self.network.head.predict(self.network(numbers, categories))
            return {"probability": answer.tolist()}

    return Bare.bind()


@contextmanager
def haproxy(work: Path) -> Iterator[dict[str, str]]:
    """Rayline, and the bare network beside it, on one Ray in HAProxy mode: what to ask where."""
    from ray import serve

    from rayline.cluster.connect import connect
    from rayline.monitor import service
    from rayline.serve import on_ray, state

    entry = {"versions": {"1": str(work / "package")}, "aliases": {"champion": "1"}}
    desired = state.parse({"models": {"bench": entry}})
    with connect("local", serve=True, cpus=4):
        monitor = service.start(port=0)
        try:
            url = on_ray.start(port=PORTS["rayline"], monitor=monitor.url, desired=desired)
            serve.run(bare_application(str(work / "package")), name="bare", route_prefix="/bare")
            yield {"rayline": f"{url}/models/bench/predict", "haproxy": f"{url}/bare"}
        finally:
            serve.shutdown()
            monitor.stop()


@contextmanager
def default(work: Path) -> Iterator[dict[str, str]]:
    """The bare network behind Ray Serve's own proxy."""
    from ray import serve

    from rayline.cluster.connect import connect

    with connect("local", cpus=4):
        serve.start(http_options={"host": "127.0.0.1", "port": PORTS["default"]})
        serve.run(bare_application(str(work / "package")), name="bare", route_prefix="/bare")
        yield {"default": f"http://127.0.0.1:{PORTS['default']}/bare"}
        serve.shutdown()


@contextmanager
def mlserver(work: Path, python: str) -> Iterator[dict[str, str]]:
    """The bare network in MLServer, in its own process with an environment of its own."""
    import torch

    folder = work / "mlserver"
    folder.mkdir()
    packages = str(Path(torch.__file__).parents[1])
    source = str(Path(__file__).parents[2] / "platform")
    runtime = MLSERVER_RUNTIME.format(packages=packages, source=source, package=str(work / "package"))
    (folder / "runtime.py").write_text(runtime)
    (folder / "model-settings.json").write_text(json.dumps({"name": "bench", "implementation": "runtime.Network"}))
    settings = {
        "http_port": PORTS["mlserver"],
        "grpc_port": PORTS["mlserver"] + 10,
        "metrics_port": PORTS["mlserver"] + 20,
        "host": "127.0.0.1",
        "parallel_workers": 0,  # in process; with uvloop 0.23 the worker processes of 1.7.1 do not start
        "debug": False,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    with (folder / "log").open("w") as log:
        command = [python, "-c", "from mlserver.cli import main; main()", "start", "."]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{PORTS['mlserver']}/v2/models/bench"
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{url}/ready").close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        yield {"mlserver": f"{url}/infer"}
    finally:
        process.terminate()
        process.wait()


def prepare(work: Path, data: str) -> None:
    """A package, and one request for each kind of endpoint."""
    import polars as pl
    from served_packages import make

    from rayline.registry import predictor

    frame = pl.read_csv(data, infer_schema_length=None).head(20_000)
    package = make(work / "package", frame=frame, target=frame.columns[-1], hidden=(128, 64))
    loaded = predictor.load(package)
    row = frame.select([column.name for column in loaded.signature.inputs]).row(0, named=True)
    prepared = loaded.preparation.apply(frame.head(1))
    numbers, categories = prepared.numbers.tolist(), prepared.categories.tolist()
    tensors = [
        {"name": "numbers", "datatype": "FP32", "shape": list(prepared.numbers.shape), "data": numbers[0]},
        {"name": "categories", "datatype": "INT32", "shape": list(prepared.categories.shape), "data": categories[0]},
    ]
    bare = {"numbers": numbers, "categories": categories}
    for name, body in {
        "rayline": {"records": [row]},
        "haproxy": bare,
        "default": bare,
        "mlserver": {"inputs": tensors},
    }.items():
        script = 'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        script += f"wrk.body = [==[{json.dumps(body)}]==]\n"
        (work / f"{name}.lua").write_text(script)


def wrk(work: Path, name: str, url: str, connections: int, seconds: int) -> tuple[float, str]:
    """Requests a second and the 99th percentile of latency; every answer must be 200."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(work / f"{name}.lua"), url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in told, told
    rate, late = re.search(r"Requests/sec:\s+([\d.]+)", told), re.search(r"99%\s+(\S+)", told)
    assert rate is not None, told
    assert late is not None, told
    return float(rate[1]), late[1]


def measure(work: Path, urls: dict[str, str], repeats: int, seconds: int) -> dict[str, dict[int, list[float]]]:
    """Rates by endpoint and connections, the endpoints in turn."""
    rates: dict[str, dict[int, list[float]]] = {name: {c: [] for c in CONNECTIONS} for name in urls}
    for name, url in urls.items():
        wrk(work, name, url, 16, WARM_UP_S)
    for connections in CONNECTIONS:
        for _ in range(repeats):
            for name, url in urls.items():
                rate, late = wrk(work, name, url, connections, seconds)
                rates[name][connections].append(rate)
                print(f"  {name:9} {connections:3} connections {rate:8.0f}/s   99% within {late}", file=sys.stderr)
    return rates


def phase(options: argparse.Namespace) -> None:
    work = Path(options.work)
    with haproxy(work) if options.phase == "haproxy" else default(work) as urls:
        if options.phase == "haproxy" and options.mlserver_python:
            with mlserver(work, options.mlserver_python) as more:
                rates = measure(work, {**urls, **more}, options.repeats, options.seconds)
        else:
            rates = measure(work, urls, options.repeats, options.seconds)
    (work / f"{options.phase}.json").write_text(json.dumps(rates))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--mlserver-python")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--phase", choices=["haproxy", "default"], help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.phase:
        phase(options)
        return
    assert shutil.which("wrk"), "install wrk: apt-get install wrk"
    with tempfile.TemporaryDirectory(prefix="rayline-bench-") as folder:
        work = Path(folder)
        prepare(work, options.data)
        rates: dict[str, dict[str, list[float]]] = {}
        for each in ("haproxy", "default"):
            environment = os.environ | {"OMP_NUM_THREADS": "1", "RAYLINE_HOME": str(work / "home")}
            environment |= {"RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0"}
            subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--phase", each, "--work", folder],
                env=environment,
                check=True,
            )
            rates |= json.loads((work / f"{each}.json").read_text())
    show({name: {int(c): statistics.median(r) for c, r in by.items()} for name, by in rates.items()})


def show(medians: dict[str, dict[int, float]]) -> None:
    print(f"{'requests/s, medians':22}" + "".join(f"{c:>4} connections" for c in CONNECTIONS))
    for name, by in medians.items():
        print(f"{name:22}" + "".join(f"{by[c]:16.0f}" for c in CONNECTIONS))
    for name in ("default", "haproxy", "mlserver"):
        if name in medians:
            shares = {c: medians["rayline"][c] / medians[name][c] for c in CONNECTIONS}
            goals = ", ".join(f"{GOALS[name, c]:g} wanted at {c}" for c in CONNECTIONS if (name, c) in GOALS)
            print(f"rayline / {name:12}" + "".join(f"{shares[c]:16.2f}" for c in CONNECTIONS) + f"   ({goals})")


if __name__ == "__main__":
    main()
