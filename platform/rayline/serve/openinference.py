"""The Open Inference Protocol v2 in JSON: one tensor a column in, `label` and `probabilities`, or `value`, out.

Categories are BYTES (BOOL and integers are read as their text), numbers any of the number types; shapes are [n] or
[n, 1]. `null` stands for a missing value. Binary tensors are not offered: answers are JSON whatever a client asks.
"""

from __future__ import annotations

from itertools import chain
from typing import Any, NamedTuple

import orjson

from rayline.core.columns import FeatureType
from rayline.core.errors import RequestError, SignatureError, listing, nearest
from rayline.core.shown import counted
from rayline.serve.answers import Answers
from rayline.serve.intake import Columns
from rayline.serve.records import parse_json
from rayline.serve.table import Model, Served, Table

NUMBER_TYPES = frozenset(
    {"FP64", "FP32", "FP16", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8", "BOOL"}
)
CATEGORY_TYPES = NUMBER_TYPES | {"BYTES"}


SERVER = "rayline"


class Asked(NamedTuple):
    """What an inference request says beside its inputs."""

    id: str | None
    outputs: tuple[str, ...]
    """Names of the outputs to answer with, in this order."""


def server_metadata(version: str) -> dict[str, Any]:
    return {"name": SERVER, "version": version, "extensions": ["model_repository", "statistics"]}


def model_metadata(model: Model, served: Served) -> dict[str, Any]:
    inputs = [{"name": c.name, "datatype": _datatype(c.type), "shape": [-1]} for c in served.signature.inputs]
    return {
        "name": model.name,
        "versions": sorted(model.versions, key=lambda v: (len(v), v)),
        "platform": SERVER,
        "inputs": inputs,
        "outputs": output_metadata(served),
        "parameters": {
            "version": served.version,
            "aliases": model.aliases_of(served.version),
            "target": served.signature.target,
        },
    }


def output_metadata(served: Served) -> list[dict[str, Any]]:
    classes = served.signature.classes
    if not classes:
        return [{"name": "value", "datatype": "FP64", "shape": [-1]}]
    return [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {
            "name": "probabilities",
            "datatype": "FP64",
            "shape": [-1, len(classes)],
            "parameters": {"classes": list(classes)},
        },
    ]


def repository_index(table: Table) -> list[dict[str, Any]]:
    index = []
    for model in table.models.values():
        index += [{"name": model.name, "version": v, "state": "READY", "reason": ""} for v in model.versions]
        index += [
            {"name": model.name, "version": v, "state": "UNAVAILABLE", "reason": reason}
            for v, reason in model.failures.items()
            if v not in model.versions
        ]
    return index


def statistics(served: Served) -> dict[str, Any]:
    """Counts of this replica since it loaded the version, in the statistics extension's form."""
    tally = served.tally

    def spent(count: int, seconds: float) -> dict[str, int]:
        return {"count": count, "ns": int(seconds * 1e9)}

    return {
        "name": served.model,
        "version": served.version,
        "last_inference": int(tally.last * 1000),
        "inference_count": tally.rows,
        "execution_count": tally.passes,
        "inference_stats": {
            "success": spent(tally.answered, tally.answered_s),
            "fail": spent(tally.refused, tally.refused_s),
            "compute_infer": spent(tally.passes, tally.model_s),
        },
    }


def decode(served: Served, body: bytes) -> tuple[Columns, int, Asked]:
    """Columns, rows and the rest of an inference request.

    Raises:
        RequestError: not JSON.
        SignatureError: JSON that is no inference request, or that the model does not take.
    """
    document = parse_json(body)
    if type(document) is not dict or type(document.get("inputs")) is not list:
        raise SignatureError('send {"inputs": [{"name", "shape", "datatype", "data"}, …]}, a tensor a column.')
    kinds = served.kinds
    given: Columns = {}
    for tensor in document["inputs"]:
        if type(tensor) is not dict or type(tensor.get("name")) is not str:
            raise SignatureError("each of 'inputs' must be an object with name, shape, datatype and data.")
        name = tensor["name"]
        if name in kinds:
            given[name] = _values(tensor, kinds[name])
    columns, rows = served.intake.from_columns(given)
    return columns, rows, _asked(served, document)


def encode(served: Served, answers: Answers, asked: Asked) -> bytes:
    """The answer's JSON."""
    rows = len(answers)
    if answers.labels is None:
        outputs = {"value": _tensor("value", "FP64", [rows], answers.numbers)}
    else:
        flat = list(chain.from_iterable(answers.numbers))
        outputs = {
            "label": _tensor("label", "BYTES", [rows], answers.labels),
            "probabilities": _tensor("probabilities", "FP64", [rows, len(served.signature.classes)], flat),
        }
    reply: dict[str, Any] = {"model_name": served.model, "model_version": served.version}
    if asked.id is not None:
        reply["id"] = asked.id
    reply["outputs"] = [outputs[name] for name in asked.outputs or outputs]
    return orjson.dumps(reply)


def _values(tensor: dict[str, Any], kind: FeatureType) -> list[Any]:
    name, shape, data = tensor["name"], tensor.get("shape"), tensor.get("data")
    allowed = NUMBER_TYPES if kind is FeatureType.NUMBER else CATEGORY_TYPES
    if tensor.get("datatype") not in allowed:
        raise SignatureError(
            f"input {name!r} is a {kind} and has datatype {tensor.get('datatype')!r}. "
            f"Allowed: {listing(sorted(allowed))}."
        )
    if type(data) is not list:
        if "binary_data_size" in (tensor.get("parameters") or {}):
            raise SignatureError(f"input {name!r} is sent as binary data; this server takes JSON (binary_data=False).")
        raise SignatureError(f"input {name!r} needs 'data', a list of its values.")
    if data and type(data[0]) is list:
        data = list(chain.from_iterable(row if type(row) is list else [row] for row in data))
    rows = len(data)
    if shape not in ([rows], [rows, 1]):
        raise SignatureError(
            f"input {name!r} has shape {shape!r} and {counted(rows, 'value')}. Send shape [{rows}] or [{rows}, 1]."
        )
    return data


def _asked(served: Served, document: dict[str, Any]) -> Asked:
    request_id = document.get("id")
    if request_id is not None and type(request_id) is not str:
        raise RequestError("'id' must be text.")
    outputs = document.get("outputs")
    if not outputs:
        return Asked(request_id or None, ())
    known = [output["name"] for output in output_metadata(served)]
    if type(outputs) is not list:
        raise SignatureError("'outputs' must be a list of {\"name\": …}.")
    names = [str(output.get("name") if type(output) is dict else output) for output in outputs]
    for name in names:
        if name not in known:
            raise SignatureError(f"no output is called {name!r}.{nearest(name, known)} Outputs: {listing(known)}.")
    return Asked(request_id or None, tuple(names))


def _datatype(kind: FeatureType) -> str:
    return "FP64" if kind is FeatureType.NUMBER else "BYTES"


def _tensor(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}
