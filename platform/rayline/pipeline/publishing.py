"""Write the package and the report, keep settings and curves in MLflow, register the version."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib import metadata
from typing import Any

import polars as pl

from rayline.core import files
from rayline.core.columns import Signature, ValueKind
from rayline.core.errors import NotFoundError, StorageError
from rayline.core.names import CHALLENGER, CHAMPION
from rayline.evaluate.selection import default_metric
from rayline.pipeline.cleaned import cleaned_types, inputs_of, raw, raw_rows
from rayline.pipeline.collected import Collected
from rayline.pipeline.events import Stages
from rayline.pipeline.folder import RunFolder
from rayline.pipeline.judging import Judged
from rayline.pipeline.result import RunResult
from rayline.pipeline.split_record import FILE as SPLIT_FILE
from rayline.pipeline.split_record import record
from rayline.pipeline.training import Trained
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION
from rayline.profile.profile import Profile
from rayline.profile.reference import Reference
from rayline.registry import card, golden, package, signature, tracking
from rayline.registry.models import Entry, Registry
from rayline.registry.predictor import Predictor
from rayline.report import page
from rayline.report.data import ReportData
from rayline.spec import render
from rayline.spec.document import redacted

REPORT_TAG = "rayline.report"
REPORT = "report.html"
PACKAGE = "package"


@dataclass(frozen=True)
class SearchRecord:
    """The search that led to a spec: its leaderboard and what it optimised."""

    metric: str
    entries: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Registered:
    version: str = ""
    aliases: tuple[str, ...] = ()
    uri: str = ""
    succession: str = ""


def publish(
    folder: RunFolder,
    stages: Stages,
    collected: Collected,
    trained: Trained,
    judged: Judged,
    *,
    search: SearchRecord | None,
    registers: bool,
) -> RunResult:
    """Package and, if `registers`, a new version; the report; last the alias. Returns what the run gives back.

    Settings, curves and test metrics are kept in MLflow either way.
    """
    spec = collected.spec
    run = tracking.start(spec.model_name, folder.id, storage=spec.storage, tags={"rayline.run": folder.uri})
    with _closed(run), tempfile.TemporaryDirectory(prefix="rayline-") as scratch:
        written = f"{scratch}/{PACKAGE}"
        with stages.stage("package") as summary:
            digest = _write_package(written, collected, trained, judged)
            summary.text = f"digest {digest[:12]}"
        with stages.stage("register") as summary:
            _log(run, collected, trained, judged)
            if registers:
                entry = _register(run, written, folder, collected, judged)
                alias, succession = spec.registration.alias, judged.succession.detail
                if alias == CHAMPION and not judged.succession.succeeds:
                    alias = CHALLENGER
                    succession += f". To replace it: rayline models promote {entry.name}/{entry.version}"
                registered = _Registered(str(entry.version), (alias,) if alias else (), entry.uri, succession)
                summary.text = f"{spec.model_name} version {registered.version}" + (f" as {alias}" if alias else "")
            else:
                files.copy_folder(written, folder.path(PACKAGE))
                registered = _Registered(uri=folder.path(PACKAGE))
                summary.text = "not registered: gates failed"
        with stages.stage("report") as summary:
            data = _report(collected, trained, judged, search, stages, registered, digest)
            files.write_bytes(folder.path(REPORT), page.render(data).encode())
            summary.text = folder.path(REPORT)
        # an alias moves when all else is done: who follows it finds a whole version
        for alias in registered.aliases:
            Registry().promote(spec.model_name, int(registered.version), alias)
    return _result(folder, stages, collected, judged, search, registered)


def _result(
    folder: RunFolder,
    stages: Stages,
    collected: Collected,
    judged: Judged,
    search: SearchRecord | None,
    registered: _Registered,
) -> RunResult:
    spec, metrics = collected.spec, judged.judgement.metrics
    return RunResult(
        model=spec.model_name,
        version=registered.version,
        aliases=registered.aliases,
        metrics={name: {"value": e.value, "low": e.low, "high": e.high} for name, e in metrics.items()},
        stages=dict(stages.seconds),
        package=registered.uri,
        report=folder.path(REPORT),
        run=folder.uri,
        confidence=spec.evaluate.confidence,
        gates=[asdict(gate) for gate in judged.gates],
        succession=registered.succession,
        quarantined=collected.set_aside,
        leaderboard=search.entries if search else [],
        search_metric=search.metric if search else None,
    )


def _kinds(training: Profile) -> dict[str, ValueKind]:
    kinds: dict[str, ValueKind] = {}
    for name, column in training.columns.items():
        if column.kind in ("number", "text", "boolean", "date"):
            kinds[name] = column.kind
    return kinds


def _write_package(written: str, collected: Collected, trained: Trained, judged: Judged) -> str:
    spec, training = collected.spec, collected.training
    private = training.private
    scored = judged.scored
    # held-out rows say what the model answers for rows like training's; training rows would flatter it
    answers = scored.labels() if collected.target.task.is_classification else scored.prediction
    read = trained.preparation.features
    place = {name: place for place, name in enumerate(raw(collected.source).schema().names)}
    inputs = sorted(inputs_of(read, collected.source), key=lambda column: place[column.name])
    described = signature.build(
        inputs,
        collected.target,
        expect=spec.data.expect,
        private=private,
        required=trained.preparation.required,
        kinds=_kinds(training),
        cleaned=cleaned_types(collected.source, training),
        threshold=judged.threshold,
    )
    metrics = {"test": judged.judgement.to_json(), "gates": [asdict(gate) for gate in judged.gates]}
    rows = raw_rows(collected.source, judged.sample.head(golden.ROWS))
    # live rows are counted as the model reads them: corrected, with what is derived, without what selection left out
    reference = Reference.build(training, read, predictions=answers, target=collected.target)
    return package.write(
        written,
        network=trained.network,
        preparation=trained.preparation,
        spec_yaml=render(spec),
        signature=described,
        profile=training,
        reference=reference,
        metrics=metrics,
        golden=rows,
        card=card.render(
            spec=spec,
            signature=described,
            metrics={
                name: (e.value, e.low, e.high) for name, e in judged.judgement.metrics.items() if e.value is not None
            },
            rows=_rows(collected),
            private=private,
            example=_example(trained, described, rows, reference),
        ),
        extras={SPLIT_FILE: record(collected)},
    )


def _example(trained: Trained, described: Signature, rows: pl.DataFrame, reference: Reference) -> dict[str, Any]:
    asked = Predictor(
        signature=described, preparation=trained.preparation, network=trained.network, folder="", digest=""
    )
    return asked.example_of(golden.choose(rows, described), reference)


@contextmanager
def _closed(run: tracking.Run) -> Iterator[None]:
    """End the run in MLflow, as failed if the block fails, as killed by Ctrl-C or SIGTERM."""
    try:
        yield
    except BaseException as error:
        with suppress(StorageError):
            run.finish("KILLED" if isinstance(error, KeyboardInterrupt | SystemExit) else "FAILED")
        raise
    run.finish()


def _log(run: tracking.Run, collected: Collected, trained: Trained, judged: Judged) -> None:
    run.log_params(redacted(collected.spec))
    run.log_history([asdict(epoch) for epoch in trained.fit.history])
    run.log_metrics({f"test.{name}": value for name, value in judged.judgement.values().items()})


def _register(run: tracking.Run, written: str, folder: RunFolder, collected: Collected, judged: Judged) -> Entry:
    spec = collected.spec
    return Registry().publish(
        written,
        spec.model_name,
        run=run,
        metrics=judged.judgement.values(),
        tags={**spec.registration.tags, REPORT_TAG: folder.path(REPORT)},
        description=judged.succession.detail,
        storage=spec.storage,
    )


def _rows(collected: Collected) -> dict[str, int]:
    counted = {
        "train": collected.rows(0),
        "validation": collected.rows(VALIDATION),
        "test": collected.rows(TEST),
        "duplicates dropped": collected.rows(DROPPED),
    }
    return {part: rows for part, rows in counted.items() if rows}


def _report(
    collected: Collected,
    trained: Trained,
    judged: Judged,
    search: SearchRecord | None,
    stages: Stages,
    registered: _Registered,
    digest: str,
) -> ReportData:
    spec = collected.spec
    return ReportData(
        name=spec.model_name,
        target=collected.target,
        judgement=judged.judgement,
        spec=render(spec),
        version=registered.version or None,
        aliases=registered.aliases,
        created=f"{datetime.now():%Y-%m-%d %H:%M}",
        rows=_rows(collected),
        gates=judged.gates,
        history=[asdict(epoch) for epoch in trained.fit.history],
        best_epoch=trained.fit.best_epoch,
        importances=judged.importances,
        importance_metric=default_metric(collected.target.task),
        worst=judged.worst,
        profile=collected.training,
        decisions=collected.reasons,
        private=collected.training.private,
        preparation=trained.preparation.explain(collected.training.private),
        stages=stages.seconds,
        package=registered.uri,
        digest=digest,
        environment={name: metadata.version(name) for name in ("ray", "torch", "polars")},
        leaderboard=search.entries if search else [],
        search_metric=search.metric if search else "",
    )


def report_uri(model: str) -> str:
    """Where the report of a registered version lies.

    Raises:
        NotFoundError: no such model, or its report was deleted.
    """
    entry = Registry().resolve(model)
    uri = entry.tags.get(REPORT_TAG, "")
    if not uri or not files.exists(uri):
        raise NotFoundError(
            f"{entry.name} version {entry.version} has no report at {uri or 'any place'}; was it deleted?"
        )
    return uri
