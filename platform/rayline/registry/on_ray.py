"""Batch prediction: the rows of a source through Ray Data, one predictor a worker process.

source → blocks of raw rows → tasks: check, prepare, answer → a file written in order by the driver,
                                                              or a folder of parts written by the tasks
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import ray.data

from rayline.cluster.begun import Begun
from rayline.cluster.passes import plain_errors
from rayline.cluster.resources import resources
from rayline.core import files
from rayline.core.columns import ROW, Signature, Task
from rayline.core.errors import SignatureError, listing
from rayline.registry import outputs, package
from rayline.registry.outputs import FileOutput, FolderOutput
from rayline.registry.predictor import Predictor, load, read_signature
from rayline.registry.validate import Validator
from rayline.sources._source import Source
from rayline.sources.on_ray import dataset

PART = ("name", "rows", "known")
"""What a task tells of a part that it wrote; `known`: whether any row has a value in any feature."""


def predict_dataset(uri: str, source: Source, output: str) -> int:
    """Answer every row of `source` with the package at `uri`; needs a connected Ray.

    Args:
        uri: the package: a local folder, or a storage URI that every node reaches.
        source: rows with the signature's columns; other columns pass through.
        output: `OUT.csv` or `OUT.parquet` for one file, in the source's order; any other name for a folder of Parquet
            files, whose name order is the source's order. Written whole or not at all.

    Returns:
        The number of rows.

    Raises:
        SignatureError: a feature lacks, or holds what the signature does not allow, or no row has a value in any.
        InputError: `output` is no place for predictions, or its folder is not empty.
        ClusterError: tasks on other machines could not write to that folder; nothing was read.
        StorageError: `output` cannot be written.
        PackageError: the package is not the one that was sealed.
        RunError: processes that answered a fragment died, each time it was begun anew; it is named.
    """
    place = outputs.open_output(output)
    if isinstance(place, FolderOutput) and len(resources().nodes) > 1:
        place.prove()
    signature = read_signature(package.fetch(uri))
    schema = source.schema()
    Validator(signature).check_names(schema.names)
    added = _added(signature, schema)
    whole = pa.schema([*schema, *added])
    begun = Begun()
    with plain_errors(lambda: [source.fragments()[index].label for index in begun.unfinished()]):
        if isinstance(place, FileOutput):
            answered = dataset(source, work=partial(_answer, uri=uri, schema=whole), begun=begun)
            answered.context.execution_options.preserve_order = True
            return place.write(_blocks(answered, signature), whole)
        written = partial(_write_part, uri=uri, schema=whole, folder=place.parts)
        return _write_folder(dataset(source, work=written, begun=begun), place, signature)


def _write_folder(written: ray.data.Dataset, place: FolderOutput, signature: Signature) -> int:
    with place.filling():
        parts = written.take_all()
        place.expect({part["name"] for part in parts})
        _refuse_unknown(signature, bool(parts) and not any(part["known"] for part in parts))
    return sum(part["rows"] for part in parts)


def _blocks(rows: ray.data.Dataset, signature: Signature) -> Iterator[pa.Table]:
    read = known = False
    for block in rows.iter_batches(batch_format="pyarrow", batch_size=None):
        read = read or block.num_rows > 0
        known = known or _knows(block, signature)
        yield block
    _refuse_unknown(signature, read and not known)


def _knows(block: pa.Table, signature: Signature) -> bool:
    """Whether any row of a block has a value in any feature."""
    given = (block.column(column.name) for column in signature.inputs)
    return any(pc.any(pc.invert(pc.is_null(values, nan_is_null=True))).as_py() for values in given)


def _refuse_unknown(signature: Signature, unknown: bool) -> None:
    """Raises:
    SignatureError: nothing is known of any row; each would be answered alike.
    """
    if unknown and signature.inputs:
        raise SignatureError(
            "no row has a value in any feature, so that all would be answered alike: "
            f"{listing(column.name for column in signature.inputs)}. Give rows with values in them.",
            reason="value",
        )


def _answer(block: pa.Table, uri: str, schema: pa.Schema) -> pa.Table:
    """The block without ROW, and the answers to it."""
    frame = pl.from_arrow(block)
    assert isinstance(frame, pl.DataFrame)
    predictor = _predictor(uri)
    predictor.validator.check_frame(frame)
    answers = predictor.answers(predictor.raw(frame)).to_arrow()
    given = block.drop_columns([ROW])
    return pa.Table.from_arrays([*given.columns, *answers.columns], names=schema.names).cast(schema)


def _write_part(block: pa.Table, uri: str, schema: pa.Schema, folder: str) -> pa.Table:
    if block.num_rows == 0:
        return pa.table([pa.array([], kind) for kind in (pa.string(), pa.int64(), pa.bool_())], names=list(PART))
    name = f"part-{block.column(ROW)[0].as_py():016x}.parquet"
    sink = pa.BufferOutputStream()
    pq.write_table(_answer(block, uri, schema), sink)
    files.write_bytes(files.join(folder, name), sink.getvalue().to_pybytes())
    known = _knows(block, _predictor(uri).signature)
    return pa.table([[name], [block.num_rows], [known]], names=list(PART))


@cache
def _predictor(uri: str) -> Predictor:
    return load(uri)


def _added(signature: Signature, schema: pa.Schema) -> list[pa.Field]:
    """The columns of the answers, renamed where the source has such a column already."""
    label = pa.float64() if signature.task is Task.REGRESSION else pa.string()
    fields = [pa.field("prediction", label)]
    fields += [pa.field(f"probability_{name}", pa.float32()) for name in signature.classes]
    return [field.with_name(f"rayline_{field.name}") if field.name in schema.names else field for field in fields]
