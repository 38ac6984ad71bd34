"""`/openapi.json`: what is served, as OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from rayline.core.columns import FeatureType, InputColumn, ValueType
from rayline.serve.table import Model, Served, Table

_ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}


def document(table: Table, release: str) -> dict[str, Any]:
    """The whole document for the models of `table`."""
    paths: dict[str, Any] = {
        "/v2": _get("Server metadata"),
        "/v2/health/live": _get("Whether the server runs"),
        "/v2/health/ready": _get("Whether every model can answer"),
        "/v2/repository/index": {"post": _operation("Every version and whether it is ready")},
        "/v2/models/stats": _get("Statistics of every version on the replica that answers"),
    }
    for model in table.models.values():
        for version in (None, *model.versions):
            served = model.versions.get(version or model.answering)
            if served is not None:
                paths.update(_model_paths(model, served, f"/versions/{version}" if version else ""))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rayline endpoint", "version": release},
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def record_schema(served: Served) -> dict[str, Any]:
    """The JSON Schema of one record that the version takes."""
    columns = served.signature.inputs
    schema: dict[str, Any] = {
        "type": "object",
        "required": [column.name for column in columns],
        "properties": {column.name: _column_schema(column) for column in columns},
        "examples": [served.example],
    }
    conditions = [c.text for c in served.signature.conditions if not (c.cleaned or c.warns)]
    if conditions:
        schema["description"] = "Of every record holds: " + "; ".join(conditions)
    return schema


_TYPES: dict[FeatureType, list[str]] = {
    FeatureType.NUMBER: ["number"],
    FeatureType.CATEGORY: ["string", "number", "boolean"],
    FeatureType.SEQUENCE: ["array"],
}
_VALUE_TYPES: dict[ValueType, list[str]] = {
    "integer": ["integer", "string"],
    "number": ["number", "string"],
    "boolean": ["boolean", "string"],
    "date": ["string"],
    "text": ["string"],
}


def _column_schema(column: InputColumn) -> dict[str, Any]:
    types = _TYPES.get(column.type, ["string"])
    if column.value_type is not None:  # a category may be written as a text
        types = [name for name in _VALUE_TYPES[column.value_type] if name in ("integer", *types)]
    schema: dict[str, Any] = {"type": types + (["null"] if column.nullable else [])}
    if column.type is FeatureType.SEQUENCE:
        schema["items"] = {"type": ["number", "null"]}
    if column.type in (FeatureType.IMAGE, FeatureType.AUDIO):
        schema["contentEncoding"] = "base64"
    if column.minimum is not None:
        schema["minimum"] = column.minimum
    if column.maximum is not None:
        schema["maximum"] = column.maximum
    if column.allowed is not None:
        schema["enum"] = [*column.allowed, *([None] if column.nullable else [])]
    if column.pattern is not None:
        schema["pattern"] = f"^(?:{column.pattern})$"
    if column.value_type == "date" or column.dates:
        schema["description"] = "A date of ISO form, with or without a time: 2024-01-31, 2024-01-31T18:00:00Z"
    if column.dates:
        schema["description"] += f"; {column.dates}"
    return schema


def _model_paths(model: Model, served: Served, at: str) -> dict[str, Any]:
    people, v2 = f"/models/{model.name}{at}", f"/v2/models/{model.name}{at}"
    request = {
        "type": "object",
        "required": ["records"],
        "properties": {"records": {"type": "array", "minItems": 1, "items": record_schema(served)}},
    }
    return {
        f"{people}/predict": {"post": _operation(f"Answers of {served}", request, _answer_schema(served))},
        v2: _get(f"Metadata of {served}"),
        f"{v2}/ready": _get(f"Whether {served} can answer"),
        f"{v2}/infer": {"post": _operation(f"Open Inference Protocol inference by {served}", {"type": "object"})},
        f"{v2}/stats": _get(f"Statistics of {served} on the replica that answers"),
    }


def _answer_schema(served: Served) -> dict[str, Any]:
    classes = served.signature.classes
    if classes:
        probability = {"type": "number", "minimum": 0, "maximum": 1}
        row: dict[str, Any] = {
            "label": {"enum": list(classes)},
            "probabilities": {"type": "object", "properties": dict.fromkeys(classes, probability)},
        }
    else:
        row = {"value": {"type": "number"}}
    names = {name: {"type": "string"} for name in ("model", "version", "id")}
    return {
        "type": "object",
        "properties": {**names, "predictions": {"type": "array", "items": {"type": "object", "properties": row}}},
    }


def _operation(
    summary: str, request: dict[str, Any] | None = None, answer: dict[str, Any] | None = None
) -> dict[str, Any]:
    fault = {
        "description": "An error",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": answer or {}}}},
            "default": fault,
        },
    }
    if request is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": request}}}
    return operation


def _get(summary: str) -> dict[str, Any]:
    return {"get": _operation(summary)}
