"""Label Studio's JSON: tasks that it imports, and the annotations it exports.

Import: `[{"data": {column: value}, "meta": {"key": key}}]`. Export ("JSON"): the same tasks with `annotations`, each by
one annotator, with results of `type: choices`. Export "JSON-MIN" is flat, a row an annotation. Reference:
https://labelstud.io/guide/tasks and https://labelstud.io/guide/export.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from rayline.core.category_text import category_text
from rayline.core.errors import DataError, listing, nearest

SINGLE = {"choices": "choices", "rating": "rating", "number": "number"}
"""Kinds of results that are one label, and where it stands."""


class Given(NamedTuple):
    """One label as it was exported."""

    key: str
    annotator: str
    label: str


def tasks(rows: Iterable[Mapping[str, Any]], key: str) -> list[dict[str, Any]]:
    """Tasks to import, one a row; `key` is the column that names it."""
    return [
        {"data": {name: _plain(value) for name, value in row.items()}, "meta": {"key": _plain(row[key])}}
        for row in rows
    ]


def read(document: Any, key: str, label: str | None, annotator: str | None, where: str) -> tuple[list[Given], int]:
    """The labels of an export, and how many annotations hold none (skipped or empty).

    Args:
        document: the parsed file.
        key: the name of the data field that names a row, where `meta` does not.
        label: the control to read, where the project has several.
        annotator: who gave labels that name nobody.
        where: the file, for messages.

    Raises:
        DataError: another document, or a task without a key or with more than one choice.
    """
    if not isinstance(document, list) or not all(isinstance(task, dict) for task in document):
        raise DataError(f"{where} is no export of Label Studio: a list of tasks is needed. Export as JSON or JSON-MIN.")
    found: list[Given] = []
    empty = 0
    names = _controls(document)
    if label is None and len(names) > 1:
        raise DataError(f"{where} holds labels of several controls. Name one with --label: {listing(sorted(names))}.")
    if label is not None and names and label not in names:
        raise DataError(
            f"{where}: no control is called {label!r}.{nearest(label, names)} Controls: {listing(sorted(names))}."
        )
    for place, task in enumerate(document):
        at = f"{where}, task {place + 1}"
        name = _key(task, key, at)
        if "annotations" not in task:
            field = label or "label"
            value = _flat(task, field, at)
            if value is None:
                empty += 1
            else:
                found.append(Given(name, _who(task.get("annotator"), annotator), value))
            continue
        for annotation in task["annotations"]:
            values = [] if annotation.get("was_cancelled") else list(_labels(annotation, label, at))
            if len(values) > 1:
                raise DataError(f"{at} (row {name!r}) has {len(values)} labels of one annotator, and one is needed.")
            if values:
                found.append(Given(name, _who(annotation.get("completed_by"), annotator), values[0]))
            else:
                empty += 1
    return found, empty


def _controls(document: list[dict[str, Any]]) -> set[str]:
    return {
        str(result.get("from_name"))
        for task in document
        for annotation in task.get("annotations", ())
        for result in annotation.get("result", ())
        if result.get("type") in SINGLE
    }


def _labels(annotation: Mapping[str, Any], label: str | None, at: str) -> Iterator[str]:
    for result in annotation.get("result", ()):
        kind = result.get("type")
        if kind not in SINGLE or (label is not None and result.get("from_name") != label):
            continue
        value = result.get("value", {}).get(SINGLE[kind])
        for one in value if isinstance(value, list) else [value]:
            text = _text(one, at)
            if text is not None:
                yield text


def _flat(task: Mapping[str, Any], field: str, at: str) -> str | None:
    value = task.get(field)
    if isinstance(value, Mapping):
        value = value.get("choices")
    if isinstance(value, list):
        raise DataError(f"{at} has {len(value)} choices, and one is needed.")
    return _text(value, at)


def _text(value: Any, at: str) -> str | None:
    try:
        return category_text(value)
    except DataError:
        raise DataError(f"{at}: a label is {type(value).__name__}, and a text or a number is needed.") from None


def _key(task: Mapping[str, Any], key: str, at: str) -> str:
    data = task.get("data", task)
    value = data.get(key) if isinstance(data, Mapping) else None
    if value is None and isinstance(task.get("meta"), Mapping):
        value = task["meta"].get("key")
    text = None if isinstance(value, list | dict) else category_text(value)
    if text is None:
        raise DataError(f"{at} has no {key!r} in its data, nor a key in its meta. Name the column with --key.")
    return text


def _who(value: Any, otherwise: str | None) -> str:
    if isinstance(value, Mapping):  # exports of some versions describe the person
        value = value.get("email") or value.get("username") or value.get("id")
    return str(value) if value is not None else otherwise or "unknown"


def _plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else value
