"""`rayline predict`: score a whole data set on the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from rayline.cluster.connect import connect
from rayline.core.errors import listing
from rayline.pipeline.given import as_config
from rayline.pipeline.packages import package_uri
from rayline.registry import package
from rayline.registry.on_ray import predict_dataset
from rayline.registry.outputs import open_output
from rayline.registry.past import Past
from rayline.registry.predictor import read_signature
from rayline.registry.validate import Validator
from rayline.sources._source import Source
from rayline.spec.sections import as_source


def predict(
    model: str, data: Any, output: str, *, address: str | None = None, tell: Callable[[str], None] | None = None
) -> int:
    """Score the rows of `data` (path, URL, `sklearn:NAME`, or source mapping, in YAML too) and write them to `output`.

    Returns the number of rows. The output is written whole or not at all. Features that the model's source made of
    earlier rows (`history`) are made of those of `data`, where it lacks them; `tell` is told which.

    Raises:
        NotFoundError: no such model.
        SpecError: nothing reads such data.
        DataError: the data cannot be read.
        SignatureError: it lacks columns the model reads, they are of other types, or no row has a value in any.
        InputError: `output` is no place for predictions, or is a folder that is not empty.
    """
    uri = package_uri(model)
    config = as_config(data) if isinstance(data, str) else as_source(data)
    folder = package.fetch(uri)
    signature, past = read_signature(folder), Past.read(folder)
    features = [column.name for column in signature.inputs]
    config, made = past.over(config, features)
    source = cast(Source, cast(Any, config).build())
    Validator(signature, past).check_names(source.schema().names)
    open_output(output)
    if made and tell is not None:
        tell(f"made of earlier rows, as in training: {listing(made)}. Rows whose past is not in the data lack them.")
    with connect(address):
        return predict_dataset(uri, source, output)
