"""What Label Studio is given: tasks to import, and the labelling configuration that fits them.

Names of columns that it would take for something else get another name in a task's data, and keep theirs on the screen:

- a variable is `$` and ASCII letters, digits and underscores; `.` and `[` lead into values, and a space ends it;
- its flat exports (JSON-MIN) write `id`, `annotator` and the like of their own over the data's, and leave data of the
  control's name in place where an annotator gave no label.

Nothing is null in a task: an import with one is refused. Checked against Label Studio 1.23.2. Reference:
https://labelstud.io/guide/tasks and https://labelstud.io/tags.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import quoteattr

from rayline.core.category_text import category_text

VARIABLE = re.compile(r"[A-Za-z0-9_]+")
OWN = frozenset(
    ("id", "annotator", "annotation_id", "annotations", "predictions", "drafts", "meta", "data", "agreement",
     "created_at", "updated_at", "lead_time")
)  # fmt: skip
"""Fields that Label Studio writes itself."""
KEY_FIELD = "rayline_key"
"""Where the key stands in the data, if its column's name is one of Label Studio's own."""

Shown = Literal["Text", "Image", "Audio"]


@dataclass(frozen=True)
class Control:
    """What an annotator fills in."""

    name: str = "label"
    classes: tuple[str, ...] = ()
    """To choose one of; without, a number or a text is typed."""
    number: bool = False


def fields(columns: Sequence[str], key: str, label: str) -> dict[str, str]:
    """Column to its name in a task's data."""
    named: dict[str, str] = {}
    for place, column in enumerate(columns):
        if column == key:
            named[column] = KEY_FIELD if key in OWN else key
        elif VARIABLE.fullmatch(column) and column not in (*OWN, label, KEY_FIELD):
            named[column] = column
        else:
            # the place makes it unlike any other, and a column that is called so already is unlikely, not impossible
            name = f"column_{place}_" + re.sub(r"[^A-Za-z0-9_]", "_", column)
            named[column] = name if name not in columns else f"{name}_"
    return named


def tasks(rows: Iterable[Mapping[str, Any]], key: str, named: Mapping[str, str]) -> list[dict[str, Any]]:
    """Tasks to import, one a row; `key` is the column that names it."""
    return [
        {
            "data": {named[name]: _key(value) if name == key else _plain(value) for name, value in row.items()},
            "meta": {"key": _key(row[key])},
        }
        for row in rows
    ]


def config(shown: Mapping[str, Shown], named: Mapping[str, str], control: Control) -> str:
    """The labelling configuration: what is shown of a row, each column below its name, and what is filled in.

    Args:
        shown: column to the tag that shows it; the key, where nothing else can be shown.
        named: column to its name in a task's data.
        control: what is filled in.
    """
    lines = ["<View>"]
    for place, (column, tag) in enumerate(shown.items()):
        if len(shown) > 1:
            lines.append(f'  <Header value={quoteattr(column.replace("$", ""))} size="6"/>')
        lines.append(f'  <{tag} name="shown_{place}" value={quoteattr("$" + named[column])}/>')
    to = f'name={quoteattr(control.name)} toName="shown_0"'
    if control.classes:
        lines.append(f'  <Choices {to} choice="single" showInLine="true">')
        lines += [f"    <Choice value={quoteattr(name)}/>" for name in control.classes]
        lines.append("  </Choices>")
    elif control.number:
        lines.append(f"  <Number {to}/>")
    else:
        lines.append(f'  <TextArea {to} maxSubmissions="1" rows="1" editable="true"/>')
    return "\n".join([*lines, "</View>", ""])


def _key(value: Any) -> Any:
    """A key as joins spell it."""
    return value if isinstance(value, int | str) else category_text(value)


def _plain(value: Any) -> Any:
    """A value as JSON and Label Studio hold it."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, dt.date | dt.datetime) else value
