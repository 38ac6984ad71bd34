"""Numbers as JSON shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import orjson


def shortest(values: npt.NDArray[Any]) -> Any:
    """An array as nested lists of the shortest decimals that stand for its numbers: 0.1, not 0.10000000149011612.

    >>> shortest(np.array([0.1, 0.25], dtype=np.float32))
    [0.1, 0.25]
    """
    return orjson.loads(orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY))
