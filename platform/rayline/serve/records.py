"""The people's protocol: `{"records": [{…}]}` in, `{"predictions": [{"label" or "value", …}]}` out."""

from __future__ import annotations

from typing import Any

import orjson

from rayline.core.errors import RequestError, SignatureError
from rayline.serve.answers import Answers
from rayline.serve.intake import Columns
from rayline.serve.table import Served


def parse_json(body: bytes) -> Any:
    """The value of a JSON body.

    Raises:
        RequestError: it is not JSON; the message tells where.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            raise RequestError("the body is empty; send JSON.") from None
        hint = " JSON has no NaN or Infinity; send null." if b"NaN" in body or b"Infinity" in body else ""
        raise RequestError(f"the body is not JSON: {error}.{hint}") from None


def decode(served: Served, body: bytes) -> tuple[Columns, int]:
    """Columns and rows of a request.

    Raises:
        RequestError: not JSON.
        SignatureError: JSON that the model does not take.
    """
    document = parse_json(body)
    if type(document) is not dict or "records" not in document:
        raise SignatureError('send {"records": [{…}]}, an object a row.')
    return served.intake.from_records(document["records"])


def encode(served: Served, answers: Answers, request_id: str) -> bytes:
    """The answer's JSON."""
    return orjson.dumps(
        {
            "model": served.model,
            "version": served.version,
            "id": request_id,
            "predictions": predictions(served, answers),
        }
    )


def predictions(served: Served, answers: Answers) -> list[dict[str, Any]]:
    """One object a row: `label` with the probability of each class, or `value`."""
    if answers.labels is None:
        return [{"value": value} for value in answers.numbers]
    classes = served.signature.classes
    return [
        {"label": label, "probabilities": dict(zip(classes, row, strict=True))}
        for label, row in zip(answers.labels, answers.numbers, strict=True)
    ]
