"""What a model answers rows with: its numbers, and the same as labels and decimals for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from rayline.core.columns import Signature

Raw = npt.NDArray[Any]
"""A predictor's answers to n rows: [n] (binary: the positive class' probability; regression: values), or [n, K]."""


class Answers:
    """Answers to n rows, made for a whole pass at once and handed to its requests in parts."""

    __slots__ = ("labels", "numbers")

    def __init__(self, labels: list[str] | None, numbers: list[Any]) -> None:
        self.labels = labels
        """The class of each row; `None` for regression."""
        self.numbers = numbers
        """For each row its value, or its probabilities in the order of the classes."""

    @classmethod
    def of(cls, signature: Signature, raw: Raw) -> Answers:
        classes = signature.classes
        if not classes:
            return cls(None, shortest(raw))
        return cls([classes[place] for place in decided(signature, raw).tolist()], shortest(probabilities(raw)))

    def part(self, start: int, stop: int) -> Answers:
        return Answers(None if self.labels is None else self.labels[start:stop], self.numbers[start:stop])

    def __len__(self) -> int:
        return len(self.numbers)


def decided(signature: Signature, raw: Raw) -> npt.NDArray[np.intp]:
    """The place in the classes that each of n rows is answered with."""
    if raw.ndim == 1:  # binary: the positive class comes second
        # as Python floats, hence as `registry.predictor` decides: in float32, 0.7 would be below 0.7
        return np.asarray(raw.astype(np.float64) >= signature.threshold, dtype=np.intp)
    return np.asarray(raw.argmax(axis=1), dtype=np.intp)


def probabilities(raw: Raw) -> Raw:
    """[n, K]: each row's probability of each class, in the signature's order."""
    if raw.ndim > 1:
        return raw
    both = np.empty((len(raw), 2), dtype=raw.dtype)
    both[:, 1] = raw
    both[:, 0] = 1.0 - raw.astype(np.float64)  # 1 - 0.3 in float32 is 0.70000005
    return both


def shortest(values: Raw) -> list[Any]:
    """An array as nested lists of the shortest decimals that stand for its numbers.

    >>> shortest(np.array([0.1, 0.25], dtype=np.float32))
    [0.1, 0.25]
    """
    lists: list[Any] = orjson.loads(orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY))
    return lists


def joined(parts: Sequence[Raw]) -> Raw:
    """Answers one after the other."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
