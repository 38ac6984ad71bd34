"""`rayline prepare`: a spec's data, clean, split and turned into arrays, and an account of what was done to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from rayline.core import files
from rayline.core.category_text import category_text
from rayline.core.prepared import Layout
from rayline.pipeline import fitting, sensitive
from rayline.pipeline.collected import Collected
from rayline.pipeline.events import Watcher
from rayline.pipeline.line import begin, describe, read_spec
from rayline.prepare import on_ray as preparing
from rayline.prepare import target as targets
from rayline.prepare import training_rows
from rayline.prepare.preparation import Preparation
from rayline.prepare.profile_columns import category_column
from rayline.prepare.shards import Form
from rayline.prepare.split._parts import DROPPED, TEST, VALIDATION
from rayline.prepare.training_account import account
from rayline.profile.coverage import Coverage
from rayline.registry.outputs import FolderOutput
from rayline.sources import on_ray
from rayline.sources._source import Fragment

LAYOUT_FILE = "layout.json"


@dataclass(frozen=True)
class PrepareResult:
    """What became of a spec's data."""

    rows: dict[str, int]
    """Rows by part (train, validation, test), and those left out (outliers of training, duplicates, quarantined)."""
    layout: Layout
    recipe: dict[str, Any] | None
    """Corrections and derived columns, as declared."""
    learnt: list[dict[str, Any]]
    """Each column: its type, rows missing, and what each step learnt."""
    training: dict[str, Any]
    """What becomes of training rows: rules of duplicates; balancing and augmenting, which happen in training and not in
    what is written (see `training_account`)."""
    aside: dict[str, str]
    """Columns that become no input, with the reason."""
    groups: list[Coverage]
    """Training rows by the columns of `data.sensitive`."""
    warnings: tuple[str, ...]
    stages: dict[str, float]
    output: str | None
    """Where the arrays are."""

    def to_json(self) -> dict[str, Any]:
        """The object `--json` prints."""
        return asdict(self) | {"layout": self.layout.to_json(), "warnings": list(self.warnings)}


def prepare(
    spec: Any,
    output: str | None = None,
    *,
    form: Form = "arrow",
    look: Callable[[Collected, Preparation], None] | None = None,
    sets: Iterable[str] = (),
    address: str | None = None,
    watcher: Watcher | None = None,
) -> PrepareResult:
    """Collect, clean, split and fit; and write what a model would read.

    Args:
        spec: as for `rayline.run`.
        output: a folder (path or URI) that is not there yet, or empty: `train/`, `validation/` and `test/` are written
            into it, beside `prepare.json` and `prepare.safetensors` (what was learnt) and `layout.json`; without, only
            the account is given.
        form: `arrow`: shards that training reads; `parquet`: a column an input, for other tools.
        look: called with what was collected and fitted, before anything is written; see
            `augment_samples.page_writer`.
        sets, address, watcher: as for `rayline.run`.

    Raises:
        InputError: the spec, data or output folder are wrong; nothing was written.
        RunError: a stage failed.
    """
    loaded = read_spec(spec, sets)
    place = None if output is None else FolderOutput(output, instead="")
    with begin(loaded, "prepare", address=address, watcher=watcher) as line:
        if place is not None and not line.cluster.started:
            place.prove()
        with line.stages.stage("profile") as summary:
            collected = line.collect(loaded)
            summary.text = describe(collected, arrays=True)
        line.tell(collected, arrays=True)
        with line.stages.stage("prepare") as summary:
            fitted = _fit(collected, line.stages.watcher.note)
            if look is not None:
                look(collected, fitted)
            rows = _planned(collected, fitted) if place is None else _write(collected, fitted, place, form)
            summary.text = _inputs(fitted.layout)
        result = PrepareResult(
            rows=rows | _left_out(collected, rows),
            layout=fitted.layout,
            recipe=None if fitted.recipe is None else fitted.recipe.to_json(),
            learnt=fitted.explain(collected.training.private),
            training=_in_training(collected, fitted),
            aside=_aside(collected),
            groups=sensitive.groups(collected),
            warnings=collected.warnings,
            stages=dict(line.stages.seconds),
            output=output,
        )
        line.done(loaded, result.to_json())
    return result


def _fit(collected: Collected, tell: Callable[[str], object]) -> Preparation:
    """Learn the declared steps, and refuse what a run would refuse too, before anything is written."""
    spec = collected.spec
    features = (*collected.features, *collected.tensors)
    fitted = fitting.fit(collected, features, tell)
    if spec.prepare.augment:
        from rayline.prepare.augmentation import augmentation_for  # torch, which nothing else needs here

        augmentation_for(fitted, spec.prepare.augment, collected.target, seed=spec.train.seed)
    training_rows.check(spec.prepare.balance, fitted.layout, collected.target)
    return fitted


def _write(collected: Collected, fitted: Preparation, place: FolderOutput, form: Form) -> dict[str, int]:
    """Write every part, and what was learnt; rows by part."""
    with place.filling():
        written = preparing.write_shards(
            collected.source, fitted, collected.target, collected.assign, place.parts,
            columns=collected.assign.columns, form=form,
        )  # fmt: skip
        fitted.save(place.parts)
        files.write_json(files.join(place.parts, LAYOUT_FILE), fitted.layout.to_json())
    return written


def _in_training(collected: Collected, fitted: Preparation) -> dict[str, Any]:
    """The account of duplicates, balancing and augmenting; a balancer sees the training rows that outliers leave."""
    spec, target = collected.spec, collected.target
    rows: dict[str, int] = {}
    if spec.prepare.balance is not None:
        rows = class_counts(collected, fitted)
    private = target.name in collected.training.private
    return account(spec.prepare, target, rows, seed=spec.train.seed, private=private)


def class_counts(collected: Collected, fitted: Preparation) -> dict[str, int]:
    """Training rows of each class that outliers leave; of a number to predict, all of them under its name."""
    target, assign = collected.target, collected.assign
    dropping = [state.name for state in fitted.state.numbers if state.clip.action == "drop"]
    if not dropping:
        if not target.task.is_classification:
            return {target.name: collected.rows(0)}
        counted = category_column(collected.training, target.name).counts
        return {name: counted.get(str(category_text(name)), 0) for name in target.classes}

    def classes(frame: pl.DataFrame, fragment: Fragment) -> dict[str, int]:  # noqa: ARG001
        staying = frame.filter(pl.Series(fitted.in_training(frame) & (assign(frame) >= 0)))
        if not target.task.is_classification:
            return {target.name: staying.height}
        encoded = targets.encode(staying.get_column(target.name), target).astype(int)
        return {target.classes[place]: n for place, n in Counter(encoded.tolist()).items()}

    columns = list(dict.fromkeys([*dropping, target.name, *assign.columns]))
    found: Counter[str] = Counter()
    for counts in on_ray.scan(collected.source, classes, columns=columns):
        found.update(counts)
    return dict(found)


def _planned(collected: Collected, fitted: Preparation) -> dict[str, int]:
    """Rows by part, as they would be written."""
    dropping = [state.name for state in fitted.state.numbers if state.clip.action == "drop"]
    assign = collected.assign

    def staying(frame: pl.DataFrame, fragment: Fragment) -> int:  # noqa: ARG001
        return int((fitted.in_training(frame) & (assign(frame) >= 0)).sum())

    training = collected.rows(0)
    if dropping:
        columns = list(dict.fromkeys([*dropping, *assign.columns]))
        training = sum(on_ray.scan(collected.source, staying, columns=columns))
    return {"train": training, "validation": collected.rows(VALIDATION), "test": collected.rows(TEST)}


def _left_out(collected: Collected, rows: dict[str, int]) -> dict[str, int]:
    return {
        "outliers": collected.rows(0) - rows["train"],
        "duplicates": collected.rows(DROPPED),
        "quarantined": collected.set_aside,
        "in gaps": collected.left_out,
    }


def _aside(collected: Collected) -> dict[str, str]:
    read = {feature.name for feature in (*collected.features, *collected.tensors)}
    return {name: f"{kind}: {why}" for name, (kind, why) in collected.reasons.items() if name not in read}


def _inputs(layout: Layout) -> str:
    text = f"{len(layout.numbers)} number and {len(layout.categories)} category inputs"
    arrays = ", ".join(f"{t.name} {'×'.join(map(str, t.shape))}" for t in layout.tensors)
    return text + (f", {arrays}" if arrays else "")
