"""Leave rows with a missing value out of the data; a request that lacks it is refused.

Choose it where a row without the value is of no use and few rows lack it: the model then knows nothing of rows that
lack it, and where lacking is no accident the rows that stay are a skewed picture. Reference: Little and Rubin,
"Statistical Analysis with Missing Data", 2019, section 3.2 (complete cases).
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from rayline.core.columns import FeatureType
from rayline.prepare.impute._imputer import ImputeConfig, Imputer


class Config(ImputeConfig):
    types: ClassVar[frozenset[FeatureType]] = frozenset({FeatureType.NUMBER, FeatureType.CATEGORY})
    drops_rows: ClassVar[bool] = True

    @field_validator("indicator")
    @classmethod
    def _none_left(cls, value: bool) -> bool:
        if value:
            raise ValueError("no row that lacks the value is left, so there is nothing to indicate; leave it out")
        return value

    def build(self) -> Drop:
        return Drop()


class Drop(Imputer):
    """Fills nothing: `drops_rows` says that rows go instead."""
