"""`rayline render` and `rayline init`: what is inferred from the data, before anything is trained.

Both look at the data in this process, without a cluster.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterable
from typing import Any

from rayline.core.columns import FeatureType
from rayline.core.errors import DataError
from rayline.pipeline.collect import collect
from rayline.pipeline.collected import Collected
from rayline.pipeline.expect import Expected, expect
from rayline.pipeline.given import given_source
from rayline.pipeline.opening import open_source
from rayline.sources._source import Source
from rayline.sources.scan import scan
from rayline.spec import Spec, load, render
from rayline.spec.document import refuse_beside, validate
from rayline.spec.sections import as_source
from rayline.spec.yaml_text import write_yaml

_WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def render_resolved(spec: Any, sets: Iterable[str] = ()) -> tuple[str, list[str]]:
    """The spec as YAML with all defaults and all that is inferred; and the inferences in words.

    Raises:
        SpecError, DataError: as a run would.
    """
    given, spec = spec, load(spec, sets)
    refuse_beside(given, spec)
    opened = open_source(spec)
    expected = expect(spec, opened[0], scan)
    collected = collect(spec, scan, opened=opened, set_aside=expected.quarantined, stop=False)
    return render(collected.spec), [*expected.lines, *collected.decisions, *collected.warnings]


def write_spec(data: str, target: str, name: str | None = None) -> str:
    """A commented spec for `data`, as short as it can be and with every inference spelled out.

    Raises:
        SpecError, DataError: the data cannot be read, or the target is none.
    """
    source = given_source(data)
    name = name or model_name(data if isinstance(source, str) else str(source.get("path") or source.get("name")))
    minimal: dict[str, Any] = {"name": name, "data": {"source": source, "target": target}}
    # proven to be a spec first, so that a wrong path is answered in its own words
    as_source(source)
    spec = validate(minimal)
    opened = open_source(spec)
    known = {target: {"nullable": False, "on": "quarantine"}}
    expected = _held(validate({**minimal, "data": {**minimal["data"], "expect": known}}), target, opened[0])
    collected = collect(spec, scan, opened=opened, set_aside=expected.quarantined, stop=False)
    return _document(collected, source, expected)


def _held(spec: Spec, target: str, source: Source) -> Expected:
    """The rows that lack the target; none where it is no column, or is known nowhere: `collect` tells more of that."""
    if target not in source.schema().names:
        return Expected()
    try:
        return expect(spec, source, scan)
    except DataError:
        return Expected()


def model_name(path: str) -> str:
    """A name a model may have, from that of a file, folder, URL or set."""
    stem = re.split(r"[/:]", path.rstrip("/*"))[-1].split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:200].rstrip("-_") or "model"


def _document(collected: Collected, source: Any, expected: Expected) -> str:
    spec, target = collected.spec, collected.target
    learnt = [f.name for f in collected.features]
    aside = {n: t for n, t in spec.data.features.items() if n not in learnt}
    place = source if isinstance(source, str) else "DATA"
    lines = [
        f"# Written by: rayline init {shlex.join([place, '--target', target.name])}",
        "# Every key left out has a default: rayline render THIS_FILE prints them all.",
        f"name: {spec.name}",
        "data:",
        *textwrap.wrap(f"  source: {_scalar(source)}", 110, subsequent_indent="    ", **_WHOLE_WORDS),
        f"  target: {_scalar(target.name)}",
        f"  task: {target.task}",
    ]
    if target.positive is not None:
        lines.append(f"  positive: {_scalar(target.positive)}   # the other class: {_scalar(target.classes[0])}")
    if len(expected.quarantined):
        aside_rows = f"{len(expected.quarantined):,} of {len(expected.quarantined) + (expected.rows or 0):,} rows"
        known = _scalar({target.name: {"nullable": False, "on": "quarantine"}})
        lines.append(f"  expect: {known}   # {aside_rows} have no target: they are set aside")
    split = "stratified" if target.task.is_classification else "hash"
    lines += [
        f"  split: {{name: {split}, validation: 0.1, test: 0.2, seed: 0}}",
        "  # private: []   # columns kept out of reports, samples and logs",
        "  # sensitive: []   # columns whose groups are counted among the training rows and told",
        "  features:   # number and category are learnt from; text, date, id and drop are set aside",
    ]
    reasons = dict(line.split(": ", 1) for line in collected.decisions if ": " in line)
    for column, kind in spec.data.features.items():
        why = reasons.get(column, "")
        inner = why[why.find("(") + 1 : -1] if "(" in why else ""
        note = f"   # {inner}" if column in aside and inner else ""
        lines.append(f"    {_scalar(column)}: {kind}{note}")
    numbers = any(f.type is FeatureType.NUMBER for f in collected.features)
    categories = any(f.type is FeatureType.CATEGORY for f in collected.features)
    lines.append("prepare:")
    if numbers:
        lines.append(
            "  numbers: {impute: median, scale: standard}   # impute: mean, knn, iterative, …; outliers: iqr, …"
        )
    if categories:
        lines.append("  categories: {encode: ids}   # ids (embedded), onehot, target, hash, …")
    metric = {"binary": "roc_auc", "multiclass": "accuracy", "regression": "r2"}[str(target.task)]
    low = {"roc_auc": "0.5", "accuracy": "0.5", "r2": "0.0"}[metric]
    lines += [
        "model: {name: mlp, hidden: [128, 64], dropout: 0.1}",
        "train: {epochs: 10, batch_size: 256, optimizer: adamw}",
        "tune:   # rayline tune THIS_FILE",
        "  trials: 16",
        "  folds: 3",
        "  space:",
        "    train.optimizer.lr: {low: 3e-4, high: 1e-2, log: true}",
        "    model.dropout: [0.0, 0.1, 0.3]",
        "evaluate:",
        f'  gates: {{{metric}: ">= {low}"}}   # a model that misses them is not registered',
    ]
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    """A value in YAML on one line, quoted where it must be."""
    return write_yaml(value, inline=True)
