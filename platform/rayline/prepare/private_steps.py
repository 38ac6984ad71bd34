"""Steps of private columns: none of them keeps values, or rows, of training in the package.

A step of the type (`prepare.numbers`) that would keep them gives way to the type's default for the private columns,
and `rayline prepare --explain` says so. One that names the private column itself is refused: it cannot be done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rayline.core.errors import SpecError
from rayline.prepare.choose import Steps
from rayline.prepare.impute._joint import JointImputeConfig
from rayline.spec.sections import ColumnSteps, NumberSteps, Prepare

IN_PLACE = "since it is private, in place of"
"""What the account of a step says beside the name of the step that gave way."""

GaveWay = Mapping[str, Mapping[str, str]]
"""Column to step (`impute`, `scale`) to the name of the plug-in that gave way."""


def without_kept_values(
    prepare: Prepare, steps: Mapping[str, Steps], private: Sequence[str]
) -> tuple[dict[str, Steps], GaveWay]:
    """`steps`, where those of private columns keep no value, and what gave way.

    Raises:
        SpecError: a private column is given such a step by its name.
    """
    kept = dict(steps)
    gave_way: dict[str, dict[str, str]] = {}
    for name in private:
        for step, used in _keeping(kept[name]).items() if name in kept else ():
            plugin = type(used).plugin_name
            default = getattr(NumberSteps(), step)
            if step in prepare.columns.get(name, ColumnSteps()).model_fields_set:
                raise SpecError(
                    f"prepare.columns.{name}.{step}: {plugin} keeps values of training rows in the package, and "
                    f"{name!r} is private. Use another, or leave it out: {type(default).plugin_name} then takes its "
                    "place."
                )
            if step == "impute":
                default = default.model_copy(update={"indicator": used.indicator})
            kept[name] = replace(kept[name], **{step: default})
            gave_way.setdefault(name, {})[step] = plugin
    return kept, gave_way


def _keeping(steps: Steps) -> dict[str, Any]:
    """The steps of a column that would keep values."""
    found: dict[str, Any] = {}
    if isinstance(steps.impute, JointImputeConfig) and steps.impute.keeps_rows:
        found["impute"] = steps.impute
    if steps.scale is not None and steps.scale.keeps_values:
        found["scale"] = steps.scale
    return found
