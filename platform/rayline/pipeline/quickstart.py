"""`rayline quickstart`: the whole line on real data that comes with a dependency, then requests to the endpoint.

scikit-learn's breast_cancer: 569 biopsies, 30 measurements of cell nuclei each, benign or malignant (UCI, Wolberg
et al., 1995).
"""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from rayline.cluster.connect import connect
from rayline.core import files
from rayline.core.columns import ROW
from rayline.core.home import ensure_home
from rayline.monitor.export import export
from rayline.pipeline.events import Stages, Watcher
from rayline.pipeline.result import RunResult
from rayline.pipeline.search import search
from rayline.pipeline.serving import free_port, serving
from rayline.pipeline.understand import profile_data
from rayline.report import profile_page
from rayline.sources.scan import scan
from rayline.spec import load

SPEC = """\
# The spec that `rayline quickstart` ran. Try: rayline run {path} --set train.epochs=30
name: quickstart
data:
  source: sklearn:breast_cancer
  target: target
  positive: malignant
  split: {{name: stratified, validation: 0.1, test: 0.2, seed: 0}}
train: {{epochs: 15, batch_size: 32, optimizer: {{lr: 0.01}}}}
tune:
  trials: 6
  folds: 3
  space:
    train.optimizer.lr: {{low: 1e-3, high: 3e-2, log: true}}
    model.dropout: [0.0, 0.2]
evaluate:
  gates: {{roc_auc: ">= 0.9"}}
"""
ROWS_ASKED = 3


@dataclass(frozen=True)
class Answered:
    """One request to the endpoint and its answer."""

    method: str
    path: str
    answer: Any


@dataclass(frozen=True)
class Quickstart:
    """What was made, for the page of paths at the end."""

    result: RunResult
    spec: Path
    profile: Path
    dashboards: Path


def quickstart(watcher: Watcher, shown: Callable[[Answered], None]) -> Quickstart:
    """Profile, search, train, judge, register, deploy, ask over HTTP; stop whatever was started.

    Args:
        watcher: told of stages and progress.
        shown: called with each answer as it comes.

    Raises:
        InputError: `RAYLINE_HOME` cannot be written, or a port Ray needs is taken.
    """
    folder = ensure_home() / "quickstart"
    spec, profile = folder / "spec.yaml", folder / "profile.html"
    files.write_bytes(str(spec), SPEC.format(path=os.path.relpath(spec)).encode())
    stages = Stages(watcher)
    # nobody else's requests are in hand here, so nothing is gained by draining for half a minute
    os.environ.setdefault("RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S", "0")
    with connect("local", serve=True):
        with stages.stage("look") as summary:
            files.write_bytes(str(profile), profile_page.render(profile_data("sklearn:breast_cancer")).encode())
            summary.text = str(profile)
        result = search(str(spec), watcher=watcher)
        with ExitStack() as endpoint_stack:
            with stages.stage("serve") as summary:
                endpoint = endpoint_stack.enter_context(serving([result.model], port=free_port(), monitor_port=0))
                summary.text = f"{endpoint.url}/models/{result.model}"
            for request in _requests(result.model, str(spec)):
                shown(ask(endpoint.url, *request))
        with stages.stage("dashboards") as summary:
            dashboards = export(folder / "watch").folder
            summary.text = str(dashboards)
    return Quickstart(result, spec, profile, dashboards)


def ask(url: str, method: str, path: str, body: Any = None) -> Answered:
    """One HTTP request with a JSON answer."""
    data = None if body is None else orjson.dumps(body)
    request = urllib.request.Request(f"{url}{path}", data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        return Answered(method, path, orjson.loads(response.read()))


def _requests(model: str, spec: str) -> list[tuple[Any, ...]]:
    loaded = load(spec)
    source = loaded.data.source.build()  # type: ignore[attr-defined]
    frame = scan(source, lambda frame, fragment: frame.head(ROWS_ASKED))[0].drop(ROW, loaded.data.target)  # noqa: ARG005
    one = {name: {"name": name, "shape": [1], "datatype": "FP64", "data": [frame[name][0]]} for name in frame.columns}
    return [
        ("GET", f"/v2/models/{model}/ready"),
        ("POST", f"/models/{model}/predict", {"records": frame.to_dicts()}),
        ("POST", f"/v2/models/{model}/infer", {"id": "one", "inputs": list(one.values())}),
    ]
