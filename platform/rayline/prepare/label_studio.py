"""What people answered in Label Studio: the labels of its exports.

"JSON" holds the tasks with their `annotations`, each by one annotator, with results by control; skipped ones
(`was_cancelled`), drafts and predictions are no labels. "JSON-MIN" and "CSV" are flat, a row an annotation, with what
is no plain choice or text as JSON within. Reference: https://labelstud.io/guide/export; what it writes was recorded
with Label Studio 1.23.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from rayline.core.category_text import category_text
from rayline.core.errors import DataError, listing, nearest
from rayline.prepare.label_studio_tasks import KEY_FIELD, OWN

SINGLE = {"choices": "choices", "rating": "rating", "number": "number", "textarea": "text"}
"""Kinds of results that are one label, and where it stands."""
TABLE = frozenset({"annotation_id", "annotator", "lead_time"})
"""Columns by which a CSV file is known as Label Studio's."""


class Given(NamedTuple):
    """One label as it was exported."""

    key: str
    annotator: str
    label: str


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
    _refuse_controls(document, label, where)
    found: list[Given] = []
    empty = 0
    for place, task in enumerate(document):
        at = f"{where}, task {place + 1}"
        name = _key(task, key, at)
        for person, values in _answers(task, label, at):
            if len(values) > 1:
                raise DataError(
                    f"{at} (row {name!r}) has {len(values)} labels of one annotator, and one is needed: "
                    'set choice="single" in the labelling configuration.'
                )
            if values:
                found.append(Given(name, _who(person, annotator), values[0]))
            else:
                empty += 1
    return found, empty


def cell(text: str, at: str) -> str | None:
    """The label in a cell of Label Studio's CSV, which holds JSON where it is no plain choice or text.

    Raises:
        DataError: several labels, or what is none.
    """
    if not text.startswith(("[{", '{"')):
        return text
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text  # somebody's own words
    values = [one for one in _flat(value, at) if one is not None]
    if len(values) > 1:
        raise DataError(f"{at} has {len(values)} labels of one annotator, and one is needed.")
    return values[0] if values else None


def key_column(columns: list[str], key: str) -> str:
    """The column of Label Studio's CSV that holds the keys."""
    return KEY_FIELD if key in OWN and KEY_FIELD in columns else key


def _answers(task: Mapping[str, Any], label: str | None, at: str) -> Iterator[tuple[Any, list[str]]]:
    """Who annotated a task, and the labels each gave."""
    if "annotations" in task:
        for annotation in _annotations(task, at):
            skipped = annotation.get("was_cancelled")
            yield annotation.get("completed_by"), [] if skipped else list(_labels(annotation, label, at))
    elif task.get("annotation_id", 0) is not None:  # of a task that nobody annotated, JSON-MIN has a row too
        values = [one for one in _flat(task.get(label or "label"), at) if one is not None]
        yield task.get("annotator"), values


def _annotations(task: Mapping[str, Any], at: str) -> list[dict[str, Any]]:
    found = task.get("annotations", [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise DataError(f"{at}: its annotations are no list of objects. Export as JSON, with the annotations in full.")
    for one in found:
        results = one.setdefault("result", [])
        if not isinstance(results, list) or not all(
            isinstance(result, dict) and isinstance(result.get("value", {}), dict) for result in results
        ):
            raise DataError(f"{at}: the result of an annotation is no list of objects with a value. Export as JSON.")
    return found


def _refuse_controls(document: list[dict[str, Any]], label: str | None, where: str) -> None:
    """Raises:
    DataError: it is not said which control to read, or there is none.
    """
    results = [
        result
        for place, task in enumerate(document)
        for annotation in _annotations(task, f"{where}, task {place + 1}")
        for result in annotation["result"]
    ]
    names = {str(result.get("from_name")) for result in results if result.get("type") in SINGLE}
    if label is None and len(names) > 1:
        raise DataError(f"{where} holds labels of several controls. Name one with --label: {listing(sorted(names))}.")
    if label is not None and names and label not in names:
        raise DataError(
            f"{where}: no control is called {label!r}.{nearest(label, names)} Controls: {listing(sorted(names))}."
        )
    if results and not names:
        kinds = sorted({str(result.get("type")) for result in results})
        raise DataError(
            f"{where} holds results of kind {listing(kinds)} alone, which are no one label of a row. Read are "
            f"{listing(sorted(SINGLE))}."
        )
    flat = [task for task in document if "annotations" not in task]
    if flat and not results and not any((label or "label") in task for task in flat):
        others = sorted({name for task in flat for name in task} - OWN - {KEY_FIELD})
        raise DataError(
            f"{where}: no task has a field {label or 'label'!r}. Name the control with --label. Fields: "
            f"{listing(others, 40)}."
        )


def _labels(annotation: Mapping[str, Any], label: str | None, at: str) -> Iterator[str]:
    for result in annotation["result"]:
        kind = result.get("type")
        if kind not in SINGLE or (label is not None and result.get("from_name") != label):
            continue
        value = result.get("value", {}).get(SINGLE[kind])
        for one in value if isinstance(value, list) else [value]:
            text = _text(one, at)
            if text is not None:
                yield text


def _flat(value: Any, at: str) -> Iterator[str | None]:
    """The labels of a flat form's value: `"a"`, `{"choices": ["a", "b"]}`, `[{"number": 2.5}]`, `[{"rating": 4}]`."""
    if isinstance(value, list):
        for one in value:
            yield from _flat(one, at)
    elif isinstance(value, Mapping):
        places = [name for name in SINGLE.values() if name in value]
        if not places:
            raise DataError(f"{at} holds {listing(sorted(value), 5)}, and a choice, a number or a text is needed.")
        yield from _flat(value[places[0]], at)
    else:
        yield _text(value, at)


def _text(value: Any, at: str) -> str | None:
    try:
        return category_text(value)
    except DataError:
        raise DataError(f"{at}: a label is {type(value).__name__}, and a text or a number is needed.") from None


def _key(task: Mapping[str, Any], key: str, at: str) -> str:
    data = task.get("data", task)
    flat = "data" not in task
    if flat and key in OWN and KEY_FIELD not in task:
        raise DataError(f"{at}: JSON-MIN holds Label Studio's own {key!r}, and not the data's. Export as JSON.")
    name = KEY_FIELD if key in OWN and isinstance(data, Mapping) and KEY_FIELD in data else key
    value = data.get(name) if isinstance(data, Mapping) else None
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
