"""The model card: what a person should know before using a version, after Mitchell et al., "Model Cards", 2019.

Everything in it comes from the spec, the signature and the judgement; nothing of private columns but their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import orjson

from rayline.core.catalog import PluginConfig
from rayline.core.columns import InputColumn, Signature, Task
from rayline.core.redact import redact
from rayline.spec.sections import Spec

Interval = tuple[float | None, float | None, float | None]
"""A value and the ends of its interval; `None` where it is undefined."""


def render(
    *,
    spec: Spec,
    signature: Signature,
    metrics: Mapping[str, Interval],
    rows: Mapping[str, int],
    private: Sequence[str] = (),
    importances: Mapping[str, float] | None = None,
    example: Mapping[str, Any] | None = None,
    made: datetime | None = None,
) -> str:
    """The card as Markdown.

    Args:
        spec: with the inferred values filled in.
        signature: what a request must hold.
        metrics: of the test rows, by name.
        rows: of each part (`train`, `validation`, `test`, …).
        private: columns that are named and of which nothing else is told.
        importances: feature to what the metric loses without it, if it was measured.
        example: a record of a request (`Predictor.example`).
        made: when; now, if not given.
    """
    parts = [
        f"# {_text(spec.model_name)}\n\n{_purpose(signature)}",
        _section("Data", _data(spec, rows)),
        _section("Inputs", "\n\n".join([_inputs(signature, private), *_corrections(spec), *_request(example)])),
        _section("How it was made", _making(spec)),
        _section("How well it does", _metrics(spec, metrics)),
    ]
    if importances:
        parts.append(_section("What it relies on", _importances(importances)))
    parts.append(_section("Limits", _limits(signature, private)))
    when = made or datetime.now(UTC)
    parts.append(f"*Made by Rayline on {when:%Y-%m-%d}; `spec.yaml` beside this card makes it again.*")
    return "\n\n".join(parts) + "\n"


def _purpose(signature: Signature) -> str:
    target = f"`{_text(signature.target)}`"
    if signature.task is Task.REGRESSION:
        return f"Predicts the value of {target} (regression)."
    classes = _names(signature.classes)
    if signature.task is Task.MULTICLASS:
        return f"Predicts which of {len(signature.classes)} classes {target} is: {classes}."
    positive = f"`{_text(signature.positive or '')}`"
    return (
        f"Predicts whether {target} is {positive} (of {classes}). "
        f"Rows with a probability from {signature.threshold:g} are answered {positive}."
    )


def _data(spec: Spec, rows: Mapping[str, int]) -> str:
    source, made_of_it = spec.data.source, ""
    while isinstance(inner := getattr(source, "source", None), PluginConfig):  # history, over another source
        made_of_it += _made_of_it(source)
        source = inner
    given = source.model_dump(mode="json")
    where = next((given[key] for key in ("path", "dataset", "url") if given.get(key)), type(source).plugin_name)
    table = f", table `{_text(given['table'])}`" if given.get("table") else ""
    counted = _table(("part", "rows"), ((part, f"{count:,}") for part, count in rows.items()))
    split = type(spec.data.split).plugin_name
    shown = f"`{_text(redact(str(where)))}`{table}"
    return f"Source: {shown}. {made_of_it}Split: `{split}`, obeyed by every statistic that was learnt.\n\n{counted}"


def _made_of_it(source: PluginConfig) -> str:
    """What a source that is over another adds to its rows, in a sentence."""
    options: Any = source
    by = f", by {_names(options.by)}," if options.by else ""
    made = _names([each.name for each in options.made])
    when = _names(options.time)
    return f"`{type(source).plugin_name}` adds what came before each row{by} in the order of {when}: {made}. "


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f"`{_text(name)}`" for name in columns)


def _inputs(signature: Signature, private: Sequence[str]) -> str:
    return _table(
        ("column", "type", "allowed"),
        (
            (f"`{_text(c.name)}`", str(c.type), "private" if c.name in private or c.private else _allowed(c))
            for c in signature.inputs
        ),
    )


def _corrections(spec: Spec) -> list[str]:
    """What is done to the columns of a request before the model reads them."""
    steps = [
        f"`{type(config).plugin_name}` of {', '.join(f'`{_text(name)}`' for name in config.reads)}"
        for config in cast(Any, spec.prepare.clean)
    ]
    steps += [f"`{_text(name)}` = `{_text(text)}`" for name, text in spec.prepare.derive.items()]
    if not steps:
        return []
    return [
        "A request gives columns as the source has them. Of each row by itself is made, in this order:\n\n"
        + "\n".join(f"{n}. {step}" for n, step in enumerate(steps, start=1))
    ]


def _request(example: Mapping[str, Any] | None) -> list[str]:
    if example is None:
        return []
    # as escapes of JSON, what could end the block or begin HTML is still what it is
    body = orjson.dumps({"records": [example]}).decode().replace("`", "\\u0060").replace("<", "\\u003c")
    return [f"A request that this model answers:\n\n```json\n{body}\n```"]


def _allowed(column: InputColumn) -> str:
    said = []
    if column.minimum is not None:
        said.append(f"at least {column.minimum:g}")
    if column.maximum is not None:
        said.append(f"at most {column.maximum:g}")
    if column.dates:
        said.append(column.dates)
    if column.allowed is not None:
        said.append("one of " + ", ".join(_text(value) for value in column.allowed))
    if not column.nullable:
        said.append("never missing")
    return "; ".join(said) or "anything, or missing"


def _making(spec: Spec) -> str:
    train = spec.train
    return (
        f"Model `{type(spec.model).plugin_name}`, {train.epochs} epochs of at most {train.batch_size} rows a step, "
        f"optimizer `{type(train.optimizer).plugin_name}`, seed {train.seed}. "
        "`spec.yaml` has every setting, `environment.txt` the versions, `prepare.json` what preparation learnt."
    )


def _metrics(spec: Spec, metrics: Mapping[str, Interval]) -> str:
    rows = ((name, _number(value), _span(low, high)) for name, (value, low, high) in metrics.items())
    told = f"On the test rows, which nothing was learnt from; intervals are {spec.evaluate.confidence:.0%} bootstrap."
    return f"{told}\n\n{_table(('metric', 'value', 'interval'), rows)}"


def _importances(importances: Mapping[str, float]) -> str:
    ranked = sorted(importances.items(), key=lambda item: -item[1])[:20]
    return "Loss of the metric when a column is shuffled among the test rows.\n\n" + _table(
        ("column", "loss"), ((f"`{_text(name)}`", f"{drop:.4f}") for name, drop in ranked)
    )


def _limits(signature: Signature, private: Sequence[str]) -> str:
    lines = [
        "The metrics hold for rows like the test rows; `profile/` says what these were like, and the monitor tells "
        "when live rows are not.",
        "An association the model has learnt need not be a cause, and a group that is rare in the data may be served "
        "worse than the whole: compare the slices in the report before it decides on people.",
    ]
    if signature.task.is_classification:
        lines.append("A class that was not met in training is never answered.")
    if private:
        names = _names(private)
        lines.append(f"Private columns, of which the package keeps no rows, only what preparation learnt: {names}.")
    return "\n".join(f"- {line}" for line in lines)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}" if abs(value) < 1e4 else f"{value:,.1f}"


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{_number(low)} to {_number(high)}"


def _text(value: str) -> str:
    """Text that cannot break out of a table cell, a code span or into HTML."""
    plain = value.replace("`", "'").replace("|", "¦").replace("\n", " ")
    return re.sub(r"<(?=[A-Za-z/!?])", "‹", plain)
