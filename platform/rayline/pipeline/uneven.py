"""Parts of a split that are far from the shares declared: groups that are few or large, times that are equal."""

from __future__ import annotations

from typing import cast

from rayline.pipeline.collected import Collected
from rayline.prepare.split._parts import TEST, VALIDATION, SharesConfig, SplitConfig
from rayline.spec import Spec

FAR = 0.1
"""Of all rows, by which a part is off."""


def uneven_parts(spec: Spec, found: Collected) -> list[str]:
    """A line where training, validation or test rows are off by more than a tenth of all; else none."""
    split = cast(SplitConfig, spec.data.split)
    if not isinstance(split, SharesConfig):
        return []
    declared = [1.0 - split.validation - split.test, split.validation, split.test]
    rows = [found.rows(part) for part in (0, VALIDATION, TEST)]
    there = [count / max(sum(rows), 1) for count in rows]
    if max(abs(a - b) for a, b in zip(declared, there, strict=True)) <= FAR:
        return []
    return [
        f"data.split gives {_shares(there)} of the rows to training, validation and test, where {_shares(declared)} is "
        f"declared: {type(split).plugin_name} keeps together more rows than that leaves room for. Divide by a column "
        "of smaller groups, or declare what is wanted of these."
    ]


def _shares(shares: list[float]) -> str:
    return " / ".join(f"{share:.0%}" for share in shares)
