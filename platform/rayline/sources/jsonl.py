"""JSON lines: one object a line, its keys the columns; plain or compressed (.gz, .bz2, .zst).

Choose it for what services and loggers write. Objects within objects are flattened: `{"user": {"age": 3}}` is column
`user.age`. A key that a line lacks is missing there. Types are decided once, as those of CSV; texts that are all ISO
dates or times become dates; numbers among texts become text. Lists of numbers are sequences; other lists are
refused, unless `columns` leaves them out. For large data prefer Parquet. Reference: https://jsonlines.org
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson
from pydantic import Field

from rayline.core.errors import DataError, listing
from rayline.sources import _files, _guessed, _json_lines, _json_text, _pieces
from rayline.sources._columns import Kind, unknown_column
from rayline.sources._guessed import GuessedSource
from rayline.sources._json_lines import Form, MisfitError
from rayline.sources._path_config import PathConfig
from rayline.sources._source import Fragment, Source

PLAIN = (".jsonl", ".ndjson")
SUFFIXES = PLAIN + tuple(plain + packed for plain in PLAIN for packed in (".gz", ".bz2", ".zst"))
BLOCK_BYTES = 8 << 20

Path = tuple[str, ...]


class Config(PathConfig):
    suffixes = SUFFIXES

    columns: tuple[str, ...] | None = None
    """Columns to read, such as `user.age`; `null` for all."""
    types: dict[str, Kind] = Field(default={})
    """Types that override the inferred ones: integer, number, text, boolean, date, time."""

    def build(self) -> Source:
        return JsonLinesSource(self)


class JsonLinesSource(GuessedSource):
    """Files may lack each other's columns."""

    same_columns = False

    def __init__(self, config: Config) -> None:
        super().__init__(config.path, SUFFIXES, config.types)
        self.columns = config.columns
        self._paths: dict[str, Path] = {}
        self._met: dict[str, str] = {}
        """Where a value of each column was met first."""

    def _cut(self, whole: Fragment) -> list[Fragment]:
        if not _pieces.divisible(whole):
            return [whole]
        return _pieces.fragments(whole, quote=None, delimiter=",", header=False)

    def _infer(self, fragment: Fragment) -> tuple[dict[str, pa.DataType], int]:
        head = None if self.settled else _guessed.HEAD_BYTES
        guesses, rows = _json_lines.guess(_json_text.objects(fragment, head))
        kinds: dict[str, pa.DataType] = {}
        for path, guess in guesses.items():
            name = ".".join(path)
            if self.columns is not None and name not in self.columns:
                continue
            if self._paths.setdefault(name, path) != path:
                raise DataError(
                    f"{fragment.label} has the column {name!r} twice: as a key with a dot in it, and as keys within "
                    "keys. Rename one, or leave both out by data.source: {…, columns: […]}."
                )
            kinds[name] = _json_lines.kind(guess, fragment.label, name)
            if guess.forms:
                form, line = next(iter(guess.forms.items()))
                self._met.setdefault(name, f"{form} on line {line} of {fragment.label}")
        return kinds, rows

    def _decide(self) -> pa.Schema:
        schema = super()._decide()
        inner = {path[:depth]: name for name, path in self._paths.items() for depth in range(1, len(path))}
        kept = []
        for field in schema:
            below = inner.get(self._paths[field.name])
            if below is None:
                kept.append(field)
            elif not pa.types.is_null(field.type):  # else: an object that is null in some lines
                raise DataError(
                    f"{self.name}: {field.name!r} is {self._met[field.name]} and an object elsewhere, with {below!r} "
                    "in it. Correct it, or name the columns to read in data.source: {…, columns: […]}."
                )
        schema = pa.schema(kept)
        for column in self.columns or ():
            if column not in schema.names:
                raise unknown_column(self.name, column, schema.names)
        if self.columns:
            schema = pa.schema([schema.field(column) for column in self.columns])
        if not schema.names:
            raise DataError(f"{self.name} holds empty objects alone. Give lines with keys.")
        return schema

    def _read(self, fragment: Fragment, names: list[str]) -> pa.Table:
        wanted = names or [self._schema.names[0]]  # one column at least: it counts the rows
        kinds = {name: self._schema.field(name).type for name in wanted}
        # a key met late must not be lost; where columns are chosen, or all lines were seen, it cannot be
        complete = len(wanted) == len(self._schema) and self.columns is None and not self.settled
        table = self._fast(fragment, kinds, complete=complete)
        if table is None:
            table = self._slow(fragment, kinds, complete=complete)
        if fragment.parts and table.num_rows > fragment.parts[3]:
            _pieces.check_count(fragment, table.num_rows, header=False)
        return table

    def _fast(self, fragment: Fragment, kinds: Mapping[str, pa.DataType], *, complete: bool) -> pa.Table | None:
        """By Arrow's reader; `None` where it refuses something, and each line has to be looked at."""
        paths = {name: self._paths[name] for name in kinds}
        try:
            with _pieces.open_bytes(fragment) as stream:
                found = pajson.read_json(
                    stream,
                    pajson.ReadOptions(block_size=BLOCK_BYTES),
                    pajson.ParseOptions(
                        explicit_schema=pa.schema(_nested(paths, kinds)),
                        unexpected_field_behavior="error" if complete else "ignore",
                    ),
                )
            found.validate(full=True)  # it takes text that is not UTF-8
            return pa.table({name: _column(found, paths[name], kind) for name, kind in kinds.items()})
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
        except OSError as error:
            raise _files.unreadable(fragment.path, error) from None

    def _slow(self, fragment: Fragment, kinds: Mapping[str, pa.DataType], *, complete: bool) -> pa.Table:
        paths = {name: self._paths[name] for name in kinds}
        rows = _json_text.objects(fragment)
        if complete:
            rows = self._known(rows, fragment)
        try:
            made = [row for _, row in _json_lines.columns(rows, paths, kinds)]
        except MisfitError as misfit:
            wider = self._wider(misfit.column, _json_lines.KINDS.get(frozenset({misfit.form}), pa.string()))
            if wider is not None:
                raise self._refused(fragment, misfit.column, wider) from None
            kind, advice = kinds[misfit.column], f"types: {{{misfit.column}: text}}"
            if misfit.form in (Form.LIST, Form.NUMBERS, Form.NESTED):
                advice = "columns: […], without it"
            raise DataError(
                f"{fragment.label} line {misfit.line}: column {misfit.column!r} holds {misfit.form}, which cannot be "
                f"read as {kind}. Correct it, or give data.source: {{…, {advice}}}."
            ) from None
        return _json_lines.table(made, kinds)

    def _known(self, rows: _json_lines.Rows, fragment: Fragment) -> _json_lines.Rows:
        """The rows, refusing keys that nothing was known of when columns were decided."""
        known = set(self._paths.values())
        for line, row in rows:
            for path, value in _json_lines.flatten(row):
                if path not in known and value is not None:
                    raise DataError(
                        f"{fragment.label} line {line} has a key {'.'.join(path)!r} that the first megabytes do not "
                        "have. Name the columns to read in data.source: {…, columns: […]}; so far: "
                        f"{listing(self._schema.names)}."
                    )
            yield line, row


def _nested(paths: Mapping[str, Path], kinds: Mapping[str, pa.DataType], depth: int = 0) -> list[pa.Field]:
    """The fields that paths share a level of, as objects hold them. Dates come as text, and are cast."""
    levels: dict[str, list[str]] = {}
    for name, path in paths.items():
        levels.setdefault(path[depth], []).append(name)
    fields = []
    for key, names in levels.items():
        if len(paths[names[0]]) == depth + 1:
            kind = kinds[names[0]]
            fields.append(pa.field(key, pa.string() if pa.types.is_temporal(kind) else kind))
        else:
            inner = _nested({name: paths[name] for name in names}, kinds, depth + 1)
            fields.append(pa.field(key, pa.struct(inner)))
    return fields


def _column(found: pa.Table, path: Path, kind: pa.DataType) -> pa.ChunkedArray:
    column = found.column(path[0])
    for key in path[1:]:
        column = pc.struct_field(column, key)
    return column.cast(kind) if pa.types.is_temporal(kind) else column
