"""`rayline predict`: score a whole data set on the cluster."""

from __future__ import annotations

from typing import Any, cast

from rayline.cluster.connect import connect
from rayline.pipeline.lake import as_config
from rayline.pipeline.packages import package_uri
from rayline.registry.on_ray import predict_dataset
from rayline.sources._source import Source
from rayline.spec.sections import as_source


def predict(model: str, data: Any, output: str, *, address: str | None = None) -> int:
    """Score the rows of `data` (path, URL, `sklearn:NAME`, or source mapping, in YAML too) and write them to `output`.

    Returns the number of rows. The output is written whole or not at all.

    Raises:
        NotFoundError: no such model.
        SpecError: nothing reads such data.
        DataError: the data cannot be read.
        SignatureError: it lacks columns the model reads, or they are of other types.
    """
    uri = package_uri(model)
    config = as_config(data) if isinstance(data, str) else as_source(data)
    source = cast(Source, cast(Any, config).build())
    source.schema()
    with connect(address):
        return predict_dataset(uri, source, output)
