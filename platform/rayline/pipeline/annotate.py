"""`rayline annotate export`: the rows that people are to label, as CSV or for Label Studio."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import orjson
import polars as pl
import pyarrow as pa

from rayline.core import files
from rayline.core.category_text import category_text
from rayline.core.columns import ROW
from rayline.core.errors import DataError, InputError, SpecError, listing
from rayline.pipeline.keyed_rows import lacks, lowest, refuse_keys, require_columns, source_of
from rayline.pipeline.suspected import Seen, suspected_rows
from rayline.prepare import label_studio_tasks
from rayline.prepare.annotation import ANNOTATOR, LABEL
from rayline.prepare.label_studio_tasks import OWN, Control, Shown
from rayline.sources._media import FilesFragment
from rayline.sources._source import Fragment, Source
from rayline.sources.scan import scan

Form = Literal["csv", "label-studio"]
POSITION = "row"
"""The key where none is named: a row's position in its source, unless the data has a column of that name."""


@dataclass(frozen=True)
class Exported:
    rows: int
    """Written."""
    found: int
    """That could have been: all, or those that lack the target."""
    every: int
    """Rows of the data."""
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    """Columns that no file for people holds: bytes, and private ones."""
    config: str | None = None
    """Where Label Studio's labelling configuration was written, beside its tasks."""


def export(
    data: str,
    output: str,
    *,
    key: str = POSITION,
    only_missing: str | None = None,
    sample: int | None = None,
    seed: int = 0,
    form: Form = "csv",
    columns: Sequence[str] = (),
    private: Sequence[str] = (),
    label: str = LABEL,
    url_prefix: str = "",
    suspects: str | None = None,
    classes: Sequence[str] = (),
) -> Exported:
    """Write the rows that are to be labelled.

    Args:
        data: any source.
        output: a file, written whole or not at all: `.csv`, for Label Studio `.json`, or without an ending.
        key: the column that names each row; without, its position (`row`).
        only_missing: take rows alone that lack this column.
        sample: take this many rows, drawn by the hashes of their keys; all without.
        seed: of the draw.
        form: `csv`: with the empty columns `label` and `annotator`; `label-studio`: the JSON that it imports.
        columns: what annotators see; all without.
        private: columns that are written in no case.
        label: the empty column of a CSV file, or the control in Label Studio.
        url_prefix: what stands before the paths of images or sounds below their folder; without, where they are.
        suspects: take the rows, or `sample` worst, whose label in this column looks wrong; it does not go out.
        classes: what people choose from in Label Studio; default: what the target holds; else they type it.

    Raises:
        SpecError: a column is not there, or a private one is asked for, or options do not go together.
        InputError: `output` ends as another kind of file.
        DataError: the data cannot be read, or two rows have one key.
        StorageError: a file cannot be written.
    """
    _refuse_options(only_missing, suspects, private, form, classes)
    _refuse_ending(output, form)
    source = source_of(data)
    target = only_missing or suspects
    plan = _plan(source, key, columns, private, target, url_prefix)
    require_columns("--only-missing" if only_missing else "--suspects", [target] if target else [], plan.every)
    config = config_place(output) if form == "label-studio" else None
    for place in (output, *([config] if config else [])):
        files.prove_writable(place)
    wanted = None if suspects is None else suspected_rows(source, data, suspects, private=private, most=sample)
    rows, found, every, seen = _gather(
        source, plan, only_missing is not None, wanted, None if suspects else sample, seed
    )
    if not rows.height:
        raise DataError(f"{data}: there is nothing to label" + (f", no row lacks {target!r}." if only_missing else "."))
    refuse_keys(rows[plan.key], plan.key, data)
    if config is None:
        files.write_bytes(output, _csv(rows, label))
    else:
        control = _control(label, classes, seen if target not in private else None)
        tasks, described = _label_studio(rows, plan, control)
        files.write_bytes(output, tasks)
        files.write_bytes(config, described)
    out = [name for name in (*plan.bytes, *private) if name not in rows.columns]
    return Exported(rows.height, found, every, tuple(rows.columns), tuple(dict.fromkeys(out)), config)


def config_place(output: str) -> str:
    """Where the labelling configuration goes: beside the tasks."""
    stem, suffix = os.path.splitext(output)
    return f"{stem}.xml" if suffix != ".xml" else f"{output}.xml"


@dataclass(frozen=True)
class _Plan:
    """What is read and written of each row."""

    key: str
    position: bool
    """Whether the key is the row's position, and no column."""
    shown: tuple[str, ...]
    media: str | None
    """The column of images or sounds of which the places of their files are written."""
    bytes: tuple[str, ...]
    target: str | None
    read: tuple[str, ...]
    prefix: str
    every: tuple[str, ...]

    def rows(self, frame: pl.DataFrame, fragment: Fragment) -> pl.DataFrame:
        """What goes out of a frame: the key, what is shown, and ROW."""
        frame = frame.with_columns(pl.col(ROW).alias(self.key)) if self.position else frame
        if self.media is not None and isinstance(fragment, FilesFragment):
            frame = frame.with_columns(_places(frame, fragment, self.prefix).alias(self.media))
        media = [self.media] if self.media is not None and self.media in frame.columns else []
        return frame.select(list(dict.fromkeys([self.key, *self.shown, *media, ROW])))


def _refuse_options(
    only_missing: str | None, suspects: str | None, private: Sequence[str], form: Form, classes: Sequence[str]
) -> None:
    """Raises:
    SpecError: options that do not go together.
    """
    if only_missing and suspects:
        raise SpecError("--only-missing takes rows without a label and --suspects rows with one: give one of them.")
    if suspects in private:
        raise SpecError(f"--suspects {suspects!r} is private too, and its odd rows would tell of it.")
    if classes and form == "csv":
        raise SpecError("--classes are what annotators choose from in Label Studio: give --format label-studio too.")
    if len({category_text(name) for name in classes} - {None}) < len(classes):
        raise SpecError(f"--classes {listing(classes)}: one of them is blank or there twice.")


def _refuse_ending(output: str, form: Form) -> None:
    """Raises:
    InputError: the name says that another kind of file is meant.
    """
    wanted, other, instead = {
        "csv": (".csv", ".json", "--format label-studio"),
        "label-studio": (".json", ".csv", "--format csv"),
    }[form]
    ending = os.path.splitext(output.partition("?")[0])[1].lower()
    if ending not in (wanted, ""):
        more = f", or {instead} too" if ending == other else ""
        raise InputError(f"cannot write {output!r} as --format {form}: give OUT{wanted}{more}.")


def _plan(
    source: Source, key: str, columns: Sequence[str], private: Sequence[str], target: str | None, prefix: str
) -> _Plan:
    """Raises:
    SpecError: a column is not there, or a private one is asked for.
    """
    schema = source.schema()
    every = schema.names
    position = key == POSITION and key not in every
    asked = [("--key", [] if position else [key]), ("--columns", columns), ("--private", private)]
    for option, names in asked:
        require_columns(option, names, every)
    if key in private:
        raise SpecError(f"{key!r} is private and cannot be the key that goes out. Name another column with --key.")
    hidden = [name for name in columns if name in private]
    if hidden:
        raise SpecError(f"{hidden[0]!r} is private and is never exported. Leave it out of --columns.")
    chosen = [name for name in columns or every if name not in (*private, target, key)]
    bytes_ = [name for name in chosen if pa.types.is_binary(schema.field(name).type)]
    shown = [name for name in chosen if name not in bytes_]
    places = bool(bytes_) and "path" in every and "path" not in private
    read = [*shown, *([] if position else [key]), *(["path"] if places else []), *([target] if target else [])]
    return _Plan(
        key, position, tuple(shown), bytes_[0] if places else None, tuple(bytes_), target,
        tuple(dict.fromkeys(read)), prefix, tuple(every),
    )  # fmt: skip


def _gather(
    source: Source, plan: _Plan, lacking: bool, wanted: pl.Series | None, sample: int | None, seed: int
) -> tuple[pl.DataFrame, int, int, Seen]:
    """The rows that go out, in the order of the data; how many there were to choose from, and in all; and the target's
    labels.
    """

    def take(frame: pl.DataFrame, fragment: Fragment) -> tuple[pl.DataFrame, int, int, Seen]:
        every = frame.height
        seen = Seen.of(frame[plan.target]) if plan.target is not None else Seen()
        if plan.target is not None and lacking:
            frame = frame.filter(lacks(frame, plan.target))
        if wanted is not None:
            frame = frame.filter(pl.col(ROW).is_in(wanted.implode()))
        rows = plan.rows(frame, fragment)
        return (rows if sample is None else lowest(rows, plan.key, sample, seed)), frame.height, every, seen

    parts = scan(source, take, columns=list(plan.read))
    rows = pl.concat([part[0] for part in parts])
    found, every = sum(part[1] for part in parts), sum(part[2] for part in parts)
    if sample is not None:
        rows = lowest(rows, plan.key, sample, seed)
    return rows.sort(ROW).drop(ROW), found, every, Seen.all([part[3] for part in parts])


def _places(frame: pl.DataFrame, fragment: FilesFragment, prefix: str) -> pl.Series:
    """Where each row's file is."""
    if prefix:
        return prefix + frame["path"]
    scheme = fragment.uri.partition("://")[0] + "://" if "://" in fragment.uri else ""
    where = dict(zip(fragment.table().column("path").to_pylist(), fragment.files, strict=True))
    return pl.Series([scheme + where[path] for path in frame["path"].to_list()], dtype=pl.String)


def _control(label: str, classes: Sequence[str], seen: Seen | None) -> Control:
    if label in OWN:
        raise SpecError(f"--label {label!r} is a field that Label Studio writes itself. Name another.")
    if classes:
        return Control(label, tuple(category_text(name) or "" for name in classes))
    return Control(label, *seen.choices()) if seen is not None else Control(label)


def _label_studio(rows: pl.DataFrame, plan: _Plan, control: Control) -> tuple[bytes, bytes]:
    """The tasks to import, and the labelling configuration."""
    if plan.key == control.name:
        raise SpecError(f"the key {plan.key!r} is called like what annotators fill in. Name that with --label.")
    named = label_studio_tasks.fields(rows.columns, plan.key, control.name)
    tasks = label_studio_tasks.tasks(rows.iter_rows(named=True), plan.key, named)
    shown: dict[str, Shown] = {
        name: "Text" for name in plan.shown if not rows.schema[name].is_nested() and name != "path"
    }
    if plan.media in rows.columns:
        shown = {plan.media: "Audio" if plan.media == "audio" else "Image", **shown}
    config = label_studio_tasks.config(shown or {plan.key: "Text"}, named, control)
    return orjson.dumps(tasks, option=orjson.OPT_INDENT_2) + b"\n", config.encode()


def _csv(rows: pl.DataFrame, label: str) -> bytes:
    for name in (label, ANNOTATOR):
        if name in rows.columns:
            raise SpecError(
                f"the data has a column {name!r}, which annotators are to fill. Leave it out with --columns or "
                "--private" + (", or name another with --label." if name == label else ".")
            )
    nested = [name for name, kind in rows.schema.items() if kind.is_nested()]
    if nested:
        raise InputError(
            f"CSV does not hold the columns {listing(nested, 5)}. Use --format label-studio, or --columns."
        )
    blank = pl.lit(None, pl.String)
    return rows.with_columns(blank.alias(label), blank.alias(ANNOTATOR)).write_csv().encode()
