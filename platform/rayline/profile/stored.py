"""A profile as JSON for people and programs, and as the files of a folder that hold all of it.

    profile.json    what `to_json` says: every column's statistics, the strongest correlations
    counts.arrow    distinct values and their rows, sketches, vocabularies, what is within values
    gram.arrow      co-moments of the number columns
    sample.arrow    the sample of rows

Of a private column only its type and its counts of rows with and without a value are in any of them.
"""

from __future__ import annotations

import io
import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import polars as pl

from rayline.core import files
from rayline.core.columns import ROW
from rayline.core.errors import PackageError
from rayline.profile import texts
from rayline.profile.column import ColumnProfile
from rayline.profile.missing import Patterns
from rayline.profile.moments import Gram
from rayline.profile.sketch import LINES, WIDTH
from rayline.profile.values import Values

if TYPE_CHECKING:
    from rayline.profile.profile import Profile

FORMAT = 1
JSON, COUNTS, GRAM, SAMPLE = "profile.json", "counts.arrow", "gram.arrow", "sample.arrow"
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MOST_PAIRS = 100
MOST_NAMES = 20
MOST_TEXT = 200
"""Characters shown of one value."""


def describe(profile: Profile) -> dict[str, Any]:
    """The profile as plain JSON-able values, without anything of private columns but type and counts."""
    return {
        "format": FORMAT,
        "rows": profile.rows,
        "sample_rows": profile.sample.height,
        "seed": profile.seed,
        "private": list(profile.private),
        "columns": [_describe_column(profile, column) for column in profile.columns.values()],
        "correlations": _strongest(profile),
        **_together(profile),
    }


def _together(profile: Profile) -> dict[str, Any]:
    """Columns that are missing together, and rows that repeat."""
    told: dict[str, Any] = {}
    if profile.patterns is not None:
        told["complete_rows"] = profile.patterns.complete
        told["missing_together"] = [
            {"columns": list(names[:MOST_NAMES]), "of": len(names), "rows": rows}
            for names, rows in profile.missing_together()
        ]
    if profile.repeats is not None:
        told["repeats"] = asdict(profile.repeats.found(profile.rows))
    return told


def _describe_column(profile: Profile, column: ColumnProfile) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": column.name,
        "dtype": column.dtype,
        "kind": column.kind,
        "count": column.count,
        "missing": column.missing,
    }
    if column.name in profile.private:
        return {**plain, "private": True}
    plain |= {"infinite": column.infinite, "distinct": column.distinct, "truncated": column.truncated}
    if column.kind in ("number", "date"):
        plain |= {"minimum": column.minimum, "maximum": column.maximum}
    if column.kind == "number":
        quantiles, rows, edges = profile.outline(column.name, QUANTILES)
        plain |= {
            "mean": _finite(column.mean),
            "std": _finite(column.std),
            "variance": _finite(column.variance),
            "quantiles": {str(q): _finite(value) for q, value in zip(QUANTILES, quantiles.tolist(), strict=True)},
            "histogram": {"edges": edges.tolist(), "rows": rows.tolist()},
        }
    if column.kind not in ("binary", "sequence"):
        plain["top"] = [{"value": _cut(value), "rows": rows} for value, rows in profile.top(column.name)]
    if column.inner is not None:
        plain["inner"] = _describe_inner(profile, column, column.inner)
    return plain


def _describe_inner(profile: Profile, column: ColumnProfile, inner: dict[str, Any]) -> dict[str, Any]:
    if column.kind == "text":
        words = texts.vocabulary(inner, column.values)
        top = texts.top_words(inner, column.values, profile.sample[column.name])
        vocabulary: dict[str, Any] = {"distinct": words.distinct, "truncated": words.truncated}
        vocabulary["top"] = [{"word": _cut(word), "times": times} for word, times in top]
        return inner | {"vocabulary": vocabulary}
    return {key: value for key, value in inner.items() if key not in ("image", "audio")}


def _strongest(profile: Profile) -> list[dict[str, Any]]:
    columns, matrix_FF = profile.correlations()
    one, other = np.triu_indices(len(columns), k=1)
    strength = np.abs(matrix_FF[one, other])
    order = np.argsort(-np.nan_to_num(strength), kind="stable")[:MOST_PAIRS]
    return [
        {"columns": [columns[one[at]], columns[other[at]]], "value": float(matrix_FF[one[at], other[at]])}
        for at in order.tolist()
        if math.isfinite(strength[at])
    ]


def save(profile: Profile, folder: str) -> None:
    """Write the files to `folder` (path or URI).

    Raises:
        StorageError: it cannot be written.
    """
    shown = [column for column in profile.columns.values() if column.name not in profile.private]
    counts: dict[str, pl.Series] = {}
    for place, column in enumerate(shown):
        counts |= _pack(f"{place}.", column.values)
        if column.inner is not None:
            inner = dict(column.inner)
            words = inner.pop("vocabulary", None)
            counts[f"{place}.inner"] = pl.Series([orjson.dumps(inner).decode()])
            counts |= {} if words is None else _pack(f"{place}.words.", words)
    gram = profile.gram.select([c for c in profile.gram.columns if c not in profile.private])
    matrices = {
        "count": gram.count_FF, "mean": gram.mean_FF, "square": gram.square_FF, "comoment": gram.comoment_FF,
    }  # fmt: skip
    told = describe(replace(profile, repeats=None)) | {"gram": list(gram.columns)}
    if profile.patterns is not None:
        told["patterns"] = {"columns": list(profile.patterns.columns), "truncated": profile.patterns.truncated}
        counts["patterns.bits"] = pl.Series(
            [bits.tobytes() for bits in profile.patterns.bits], dtype=pl.Binary
        ).implode()
        counts["patterns.rows"] = pl.Series(profile.patterns.rows).implode()
    files.write_json(files.join(folder, JSON), told)
    frames = {
        COUNTS: pl.DataFrame(counts),
        GRAM: pl.DataFrame({name: matrix.reshape(-1) for name, matrix in matrices.items()}),
        SAMPLE: profile.sample.select(ROW, *(column.name for column in shown)),
    }
    for name, frame in frames.items():
        files.write_bytes(files.join(folder, name), to_ipc(frame))


def load(folder: str) -> dict[str, Any]:
    """The fields of the profile saved in `folder`; of private columns nothing but type and counts.

    Raises:
        PackageError: a file is missing, broken, or of another format.
    """
    try:
        found = files.read_json(files.join(folder, JSON))
        if found["format"] != FORMAT:
            raise PackageError(f"{folder} holds a profile of format {found['format']!r}; this Rayline reads {FORMAT}.")
        counts, gram, sample = (from_ipc(files.read_bytes(files.join(folder, name))) for name in (COUNTS, GRAM, SAMPLE))
        names = tuple(found["gram"])
        square = (len(names), len(names))
        matrices = [gram[name].to_numpy().reshape(square) for name in ("count", "mean", "square", "comoment")]
        return {
            "rows": found["rows"],
            "columns": _columns(found["columns"], counts),
            "gram": Gram(names, *matrices),
            "kept": sample,
            "seed": found["seed"],
            "private": tuple(found["private"]),
            "patterns": _patterns(found, counts),
        }
    except FileNotFoundError as error:
        raise PackageError(f"{folder} holds no whole profile: {error}") from None
    except (KeyError, TypeError, ValueError, OSError, pl.exceptions.PolarsError) as error:
        if isinstance(error, PackageError):
            raise
        raise PackageError(f"{folder} holds a profile that cannot be read: {error!r}") from None


def _patterns(found: dict[str, Any], counts: pl.DataFrame) -> Patterns | None:
    if "patterns" not in found:
        return None
    columns = found["patterns"]["columns"]
    packed = b"".join(counts["patterns.bits"].explode().drop_nulls().to_list())
    bits = np.frombuffer(packed, np.uint8).reshape(-1, -(-len(columns) // 8)) if columns else np.zeros((0, 0), np.uint8)
    rows = counts["patterns.rows"].explode().drop_nulls().cast(pl.Int64).to_numpy()
    return Patterns(tuple(columns), found["complete_rows"], bits, rows, found["patterns"]["truncated"])


def _columns(described: list[dict[str, Any]], counts: pl.DataFrame) -> dict[str, ColumnProfile]:
    columns = {}
    place = 0
    for column in described:
        inner: dict[str, Any] | None = None
        if column.get("private"):
            values = Values(pl.Series("value", [], pl.String), np.zeros(0, np.int64))
        else:
            values = _unpack(f"{place}.", counts, truncated=column["truncated"])
            if f"{place}.inner" in counts.columns:
                inner = orjson.loads(counts[f"{place}.inner"][0])
                if column["kind"] == "text":
                    known = f"{place}.words.values" in counts.columns
                    told = column["inner"]["vocabulary"]["truncated"]
                    inner["vocabulary"] = _unpack(f"{place}.words.", counts, truncated=told) if known else None
            place += 1
        columns[column["name"]] = ColumnProfile(
            name=column["name"],
            dtype=column["dtype"],
            kind=column["kind"],
            count=column["count"],
            missing=column["missing"],
            infinite=column.get("infinite", 0),
            minimum=column.get("minimum"),
            maximum=column.get("maximum"),
            mean=column.get("mean"),
            variance=column.get("variance"),
            values=values,
            inner=inner,
        )
    return columns


def _pack(prefix: str, values: Values) -> dict[str, pl.Series]:
    """Distinct values as columns of one row."""
    packed = {f"{prefix}values": values.values.implode(), f"{prefix}rows": pl.Series(values.rows).implode()}
    if values.sketch is not None:
        packed[f"{prefix}sketch"] = pl.Series(values.sketch.reshape(-1).astype(np.int64)).implode()
    return packed


def _unpack(prefix: str, counts: pl.DataFrame, *, truncated: bool) -> Values:
    """The inverse of `_pack`; profiles of before there were sketches have none."""
    rows = counts[f"{prefix}rows"].explode().to_numpy()
    known = f"{prefix}sketch" in counts.columns
    sketch = counts[f"{prefix}sketch"].explode().to_numpy().reshape(LINES, WIDTH) if known else None
    return Values(counts[f"{prefix}values"].explode().alias("value"), rows, truncated, sketch)


def to_ipc(frame: pl.DataFrame) -> bytes:
    """A frame as a compressed Arrow file: a tenth of its size in memory."""
    sink = io.BytesIO()
    frame.write_ipc(sink, compression="zstd")
    return sink.getvalue()


def from_ipc(data: bytes) -> pl.DataFrame:
    """The inverse of `to_ipc`."""
    return pl.read_ipc(io.BytesIO(data))


def _cut(value: Any) -> Any:
    return value[: MOST_TEXT - 1] + "…" if isinstance(value, str) and len(value) > MOST_TEXT else value


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
