"""The error for data of which no column is left to learn from: what each column is, why, and the line that helps."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from rayline.core.columns import FeatureType
from rayline.core.errors import DataError
from rayline.prepare.choose import TENSORS

MOST = 20
"""Columns that are named."""
STEPS = {
    FeatureType.TEXT: "tokens",
    FeatureType.IMAGE: "pixels",
    FeatureType.AUDIO: "spectrogram",
    FeatureType.SEQUENCE: "resample",
}
"""By type, a step that makes arrays of it."""
LIKELY = (*TENSORS, FeatureType.DATE, FeatureType.ID, FeatureType.DROP)
"""Types in the order in which a column of them is suggested."""


def no_feature(reasons: Mapping[str, tuple[FeatureType, str]], target: str, numbers: Sequence[str] = ()) -> DataError:
    """The error.

    Args:
        reasons: of every column but the target, its type and why it has it.
        target: what is predicted.
        numbers: advice on columns that may be numbers, which goes before any other.
    """
    if not reasons:
        return DataError(
            f"no feature is left to learn from: the data has no column but the target, {target!r}. Give data with "
            "columns that tell something of it."
        )
    lines = [f"\n  {name}: {kind}, {why}" for name, (kind, why) in list(reasons.items())[:MOST]]
    more = f"\n  and {len(reasons) - MOST:,} more" if len(reasons) > MOST else ""
    return DataError(
        f"no feature is left to learn from: of {len(reasons):,} column{'s' * (len(reasons) > 1)} beside the target "
        f"{target!r} none is learnt from." + "".join(lines) + more + f"\n{numbers[0] if numbers else _advice(reasons)}"
    )


def _advice(reasons: Mapping[str, tuple[FeatureType, str]]) -> str:
    name, (kind, _) = min(reasons.items(), key=lambda item: LIKELY.index(item[1][0]))
    shown = name if re.fullmatch(r"[A-Za-z_][\w-]*", name) else json.dumps(name, ensure_ascii=False)
    if kind in TENSORS:
        return f"Learn from it all the same, for example: prepare: {{{TENSORS[kind]}: {STEPS[kind]}}}."
    if kind is FeatureType.DATE:
        return f"Take its parts, for example: prepare: {{clean: {{name: dates, columns: [{shown}]}}}}."
    if kind is FeatureType.DROP:
        return "Give data with a column that has more than one value."
    return f"If one is no id, say what it is, for example: data: {{features: {{{shown}: category}}}}."
