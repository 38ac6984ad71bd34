"""`rayline.run`: one spec, from raw data to a registered model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rayline.pipeline.collected import Collected
from rayline.pipeline.events import Watcher
from rayline.pipeline.judging import judge_model
from rayline.pipeline.line import Line, begin, describe, read_spec, require_fit
from rayline.pipeline.publishing import publish
from rayline.pipeline.result import FailedGatesError, RunResult
from rayline.pipeline.training import prepare_and_train


def run(
    spec: Any,
    *,
    sets: Iterable[str] = (),
    resume: bool = False,
    address: str | None = None,
    watcher: Watcher | None = None,
) -> RunResult:
    """Collect, profile, split, prepare, train, judge, register.

    Args:
        spec: a spec file's path, a mapping (whose `data.source` may be a pandas, Polars or Arrow frame), or a `Spec`.
        sets: overrides, `KEY.KEY=VALUE`.
        resume: continue the latest unfinished run of this very spec.
        address: a running Ray cluster; default: `RAY_ADDRESS`, else Ray is started here and stopped at the end.
        watcher: told of stages and progress.

    Raises:
        InputError: the spec, data or surroundings are wrong; nothing was started (exit code 2).
        GateError: the model did not pass its gates and was not registered (exit code 1).
        RunError: a stage failed (exit code 1).
    """
    loaded = read_spec(spec, sets)
    with begin(loaded, "run", resume=resume, address=address, watcher=watcher) as line:
        with line.stages.stage("profile") as summary:
            collected = line.collect(loaded)
            require_fit(collected)
            summary.text = describe(collected)
        line.tell(collected)
        return complete(line, collected)


def complete(line: Line, collected: Collected, search: Any = None) -> RunResult:
    """From collected data to a registered model; `search` is the leaderboard that led to this spec."""
    trained = prepare_and_train(line.folder, line.stages, collected)
    judged = judge_model(line.stages, collected, trained)
    failed = [gate for gate in judged.gates if not gate.passed]
    result = publish(line.folder, line.stages, collected, trained, judged, search=search, registers=not failed)
    if failed:
        line.folder.update(result=result.to_json())
        lines = "\n".join(f"  {g.metric} {g.condition}: {g.detail}" for g in failed)
        raise FailedGatesError(f"not registered: gates failed\n{lines}\nreport: {result.report}", result)
    line.done(collected.spec, result.to_json())
    return result
