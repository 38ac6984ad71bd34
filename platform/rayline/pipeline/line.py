"""A run under way: what every command that works on a spec's data begins with, and what it tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from rayline.cluster.connect import Connection, connect
from rayline.cluster.storage import prove
from rayline.core.catalog import describe as describe_plugin
from rayline.core.columns import Task
from rayline.core.errors import DataError, InputError, RunError, SpecError, StorageError, listing
from rayline.core.home import ensure_home
from rayline.core.shown import counted
from rayline.evaluate import gates
from rayline.evaluate.selection import metrics_for
from rayline.pipeline import folder as folders
from rayline.pipeline import sensitive
from rayline.pipeline.cleaned import raw
from rayline.pipeline.collect import LEARNT, collect
from rayline.pipeline.collected import Collected
from rayline.pipeline.events import Silent, Stages, Watcher
from rayline.pipeline.expect import expect, remember
from rayline.pipeline.expect import prove as prove_expected
from rayline.pipeline.folder import RunFolder
from rayline.pipeline.frames import keep_frame
from rayline.pipeline.opening import open_source
from rayline.pipeline.warm import warm
from rayline.prepare.choose import choose
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION
from rayline.sources import on_ray
from rayline.spec import Spec, load
from rayline.spec.document import refuse_beside, to_dict, validate

EXPECTED = "expected_rows"
"""In a run's state: the rows that `data.expect` let in, where it says anything."""


@dataclass(frozen=True)
class Line:
    """A run under way: its folder, its cluster, its clock."""

    folder: RunFolder
    stages: Stages
    cluster: Connection
    opened: Any
    """The source and its schema."""

    def collect(self, spec: Spec, *, folds: int = 1, repeats: int = 1) -> Collected:
        """Hold the data against its expectations, then scan it.

        Raises:
            DataError: as `collect`, or an expectation that stops the run is broken.
        """
        expected = expect(spec, self.opened[0], on_ray.scan, self.folder)
        for text in expected.lines:
            self.stages.watcher.note(text)
        if expected.rows is not None:
            self.folder.update(**{EXPECTED: expected.rows})
        return collect(
            spec, on_ray.scan, folds=folds, repeats=repeats, opened=self.opened, set_aside=expected.quarantined
        )

    def tell(self, collected: Collected, *, arrays: bool = False) -> None:
        """Tell what was inferred, and of which groups too few rows are there.

        Args:
            collected: what is known of the data.
            arrays: texts, images, sounds and sequences become inputs too.

        Raises:
            SpecError: a column of `data.sensitive` that makes no groups.
        """
        warnings = (*collected.warnings, *sensitive.few(sensitive.groups(collected)))
        for text in (*in_short(collected, arrays=arrays), *(f"warning: {w}" for w in warnings)):
            self.stages.watcher.note(text)

    def done(self, spec: Spec, result: dict[str, Any]) -> None:
        """The run ended well: mark it so, and have later runs compare their number of rows with its own."""
        rows = self.folder.state().get(EXPECTED)
        if rows is not None:
            remember(spec, self.folder, rows)
        self.folder.update(status="done", result=result, stages=self.stages.seconds)


def read_spec(spec: Any, sets: Iterable[str] = ()) -> Spec:
    """Load a spec and prove what can be proven without touching data: names, gates, metrics.

    Raises:
        SpecError: as `spec.load`, or a gate or metric that is none, or data that lies beside the spec's file alone.
    """
    loaded = load(keep_frame(spec), sets)
    refuse_beside(spec, loaded)
    gates.parse_all(loaded.evaluate.gates)
    if loaded.data.task != "auto":
        _require_task(loaded, loaded.data.task)
    return loaded


def _require_task(spec: Spec, task: Task) -> None:
    gates.parse_all(spec.evaluate.gates, task)
    metrics_for(task, spec.evaluate.metrics)
    if spec.tune.metric != "auto":
        metrics_for(task, [spec.tune.metric])
    if isinstance(spec.evaluate.threshold, str) and task is not Task.BINARY:
        raise SpecError(f"evaluate.threshold: {spec.evaluate.threshold!r} is for binary tasks; this one is {task}.")


def require_fit(collected: Collected) -> None:
    """Prove that what the spec asks for later can be had with this data, before anything is trained.

    Raises:
        SpecError: a metric, gate or threshold that is none of the task's; steps or expectations for a column that
            is not learnt from; early stopping or a tuned threshold without validation rows.
        DataError: no test rows.
    """
    spec = collected.spec
    _require_task(spec, collected.target.task)
    if not collected.features:
        kinds = listing([f"{f.name} ({f.type})" for f in collected.tensors])
        raise DataError(
            f"model {type(spec.model).plugin_name} reads numbers and categories, and there is none: {kinds}. "
            "`rayline prepare` writes what they become."
        )
    choose(spec.prepare, (*collected.features, *collected.tensors))
    if collected.rows(TEST) == 0:
        raise DataError("no test rows are left after the split. Give data.split a larger test share, or more data.")
    if collected.rows(VALIDATION) == 0:
        for key, asked in (
            ("train.early_stopping", spec.train.early_stopping is not None),
            (f"evaluate.threshold: {spec.evaluate.threshold}", isinstance(spec.evaluate.threshold, str)),
        ):
            if asked:
                raise SpecError(f"{key} needs validation rows, and there are none. Set data.split.validation above 0.")


@contextmanager
def begin(
    spec: Spec, command: folders.Command, *, resume: bool = False, address: str | None, watcher: Watcher | None
) -> Iterator[Line]:
    """Check the surroundings, open the run's folder, join or start the cluster; at the end say in the folder how it
    ended. A run that is refused before it did any work leaves nothing.
    """
    stages = Stages(watcher or Silent())
    with folders.nothing_left(spec), ExitStack() as meanwhile:
        with stages.stage("start") as summary:
            ensure_home()
            folder = folders.resume(spec, command) if resume else None
            opened = open_source(spec if folder is None else _with_kept_source(spec, folder))
            prove_expected(spec, opened[1])
            warm(trains=command != "prepare")
            folder = folder or folders.begin(spec, command)
            meanwhile.enter_context(_ended(folder, stages))
            kept = raw(opened[0]).kept
            if kept is not None:
                folder.update(source=describe_plugin(kept))
            summary.text = f"run {folder.id}" + (" (resumed)" if folder.resumed else "")
            cluster = meanwhile.enter_context(connect(address))
            if not cluster.started or spec.storage is not None:
                prove(folders.root(spec))
        yield Line(folder, stages, cluster, opened)


@contextmanager
def _ended(folder: RunFolder, stages: Stages) -> Iterator[None]:
    """Keep how the block ended; an input refused after work was done is a failure of the run."""
    try:
        yield
    except BaseException as error:
        worked = _worked(stages)
        with suppress(StorageError, FileNotFoundError):  # the error that stopped the run is the one to tell
            folder.end(error, worked=worked, seconds=stages.seconds)
        if worked and isinstance(error, InputError):
            raise RunError(f"{error}\nWhat was finished is kept; `--resume` continues it.") from error
        raise


def _with_kept_source(spec: Spec, folder: RunFolder) -> Spec:
    """The spec with the rows that the run began with, where its source may give others by now."""
    kept = folder.state().get("source")
    if kept is None:
        return spec
    document = to_dict(spec)
    document["data"]["source"] = kept
    return validate(document)


def _worked(stages: Stages) -> bool:
    """Whether anything worth keeping was done: rows prepared, or a search begun."""
    return "prepare" in stages.seconds or "search" in stages.begun


def describe(collected: Collected, *, arrays: bool = False) -> str:
    """One line on the data: rows by part, features, task."""
    target = collected.target
    dropped = collected.rows(DROPPED)
    parts = f"train {collected.rows(0):,}, validation {collected.rows(VALIDATION):,}, test {collected.rows(TEST):,}"
    out = (("duplicates", dropped), ("quarantined", collected.set_aside), ("in gaps", collected.left_out))
    told = "".join(f", {what} {rows:,}" for what, rows in out if rows)
    features = len(collected.features) + (len(collected.tensors) if arrays else 0)
    return f"{counted(collected.kept)} ({parts}{told}), {counted(features, 'feature')}, {target.task} {target.name}" + (
        f" = {target.positive}" if target.positive else ""
    )


def in_short(collected: Collected, *, arrays: bool = False) -> list[str]:
    """What was inferred, in a few lines: the target, the columns learnt from by type, those set aside with reasons."""
    lines = [f"target {collected.target.name}: {collected.target_reason}"]
    for kind in LEARNT:
        names = [feature.name for feature in collected.features if feature.type is kind]
        if names:
            lines.append(f"{counted(len(names), f'{kind} column')}: {listing(names, 12)}")
    made = collected.tensors if arrays else ()
    for array_kind in dict.fromkeys(feature.type for feature in made):
        names = [feature.name for feature in made if feature.type is array_kind]
        lines.append(f"{counted(len(names), f'{array_kind} column')}: {listing(names, 12)}")
    learnt = {feature.name for feature in (*collected.features, *made)}
    aside = [f"{n} ({kind}: {why})" for n, (kind, why) in collected.reasons.items() if n not in learnt]
    if aside:
        lines.append(f"not learnt from: {listing(aside, 12)}")
    return lines
