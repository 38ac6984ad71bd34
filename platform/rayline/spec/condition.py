"""What a gate's condition may say; `evaluate/gates.py` holds models against it.

">= 0.9", "> 0.9", "<= 0.3", "< 0.3"
"no worse than champion", "no worse than champion by 0.01", "better than champion"
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from rayline.core import catalog
from rayline.core.errors import SpecError
from rayline.core.shown import shown

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_VALUE = re.compile(rf"(>=|>|<=|<)\s*({_NUMBER})")
_CHAMPION = re.compile(rf"(no worse|better) than champion(?: by ({_NUMBER}))?")


def read_condition(text: str) -> tuple[str, str, float]:
    """The condition with single spaces, its comparison, and the bound that the metric or a difference is held against.

    Raises:
        SpecError: it is none.

    >>> read_condition(">=  0.9"), read_condition("no worse than champion")
    (('>= 0.9', '>=', 0.9), ('no worse than champion', 'no worse', 0.0))
    """
    said = " ".join(text.split())
    if match := _VALUE.fullmatch(said) or _CHAMPION.fullmatch(said):
        bound = float(match[2] or 0.0)
        if match[1] in (">=", ">", "<=", "<") or bound >= 0:
            return said, match[1], bound
    raise SpecError(
        f'{shown(text)} is not a condition. Write ">= 0.9" (or >, <=, <), '
        '"no worse than champion", "no worse than champion by 0.01" or "better than champion".'
    )


def _condition(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise SpecError(f"say which side of {value} is wanted: '>= {value}' (or >, <=, <), in quotes.")
    if isinstance(value, str):
        read_condition(value)
    return value


def _known(name: str) -> str:
    catalog.config_class("metric", name)
    return name


Condition = Annotated[str, BeforeValidator(_condition)]
MetricName = Annotated[str, AfterValidator(_known)]
