"""What is known of a spec's data after the scan: types, target, the part of every row, a profile of each part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import orjson
import polars as pl

from rayline.core.columns import ROW, Feature, Target
from rayline.prepare.duplicates._duplicates import Positions
from rayline.prepare.expectations import among
from rayline.prepare.split._parts import DROPPED, OUT, Assignment
from rayline.profile.parts import profile_parts
from rayline.profile.profile import Profile, merge
from rayline.sources._source import Source
from rayline.spec import Spec


@dataclass(frozen=True)
class Assigner:
    """The part of every row of a frame: `TEST`, `VALIDATION`, a training fold 0..k-1, or `DROPPED`."""

    assignment: Assignment
    dropped: npt.NDArray[np.int64]
    """Positions of duplicate rows and of those set aside, sorted."""
    aside: Positions
    """Positions of the latter, sorted: the split does not look at them, for they may lack what it goes by."""

    def __call__(self, frame: pl.DataFrame) -> npt.NDArray[np.int8]:
        out = among(frame[ROW].to_numpy(), self.aside)
        if not out.any():
            return self.assignment.parts(frame, dropped=self.dropped)
        parts = np.full(frame.height, DROPPED, dtype=np.int8)
        kept = frame.select(list({*self.assignment.columns, ROW})).filter(~out)
        parts[~out] = self.assignment.parts(kept, dropped=self.dropped)
        return parts

    def profile(self, frame: pl.DataFrame, *, seed: int, private: tuple[str, ...]) -> dict[int, Profile]:
        """A profile of each training part of a frame."""
        parts = self(frame)
        training = parts >= 0
        return profile_parts(frame.filter(pl.Series(training)), parts[training], seed=seed, private=private)

    @property
    def columns(self) -> list[str]:
        """Columns a frame must have, beside `ROW`."""
        return [c for c in self.assignment.columns if c != ROW]


@dataclass(frozen=True)
class Repeat:
    """The training rows divided into folds once more."""

    assign: Assigner
    profiles: dict[int, Profile]
    """By training part."""


@dataclass(frozen=True)
class Collected:
    """What is known of a spec's data after the scan."""

    spec: Spec
    """With task, positive class and every feature's type filled in."""
    source: Source
    features: tuple[Feature, ...]
    """The columns a model reads."""
    target: Target
    reasons: dict[str, tuple[str, str]]
    """Column to its type and the reason for it."""
    target_reason: str
    warnings: tuple[str, ...]
    assign: Assigner
    profiles: dict[int, Profile]
    """By part; training parts are 0 and above."""
    repeats: tuple[Repeat, ...] = ()
    """Further divisions into folds, where folds are repeated."""
    left_out: int = 0
    """Rows that the split leaves out: a gap in time, or a value mapped to `out`."""
    tensors: tuple[Feature, ...] = ()
    """Texts, images, sounds and sequences that are prepared as arrays."""
    set_aside: int = 0
    """Rows that were out before duplicates were looked for, such as those in quarantine."""

    @property
    def decisions(self) -> list[str]:
        """What was inferred, in words, a line each."""
        learnt = {feature.name for feature in self.features}
        return [
            f"target {self.target.name}: {self.target_reason}",
            *(f"{n}: {t}{'' if n in learnt else ', not learnt from'} ({why})" for n, (t, why) in self.reasons.items()),
        ]

    @cached_property
    def training(self) -> Profile:
        """Profile of all training rows."""
        return merge([profile for part, profile in sorted(self.profiles.items()) if part >= 0])

    @property
    def kept(self) -> int:
        """Rows that are kept."""
        return sum(profile.rows for part, profile in self.profiles.items() if part != DROPPED)

    @cached_property
    def everything(self) -> Profile:
        """Profile of all rows that are kept."""
        return merge([profile for part, profile in sorted(self.profiles.items()) if part != DROPPED])

    @cached_property
    def digest(self) -> str:
        """Names what was scanned: equal profiles of every part, and equal rows of private columns, equal digest."""
        # of private columns a profile tells counts alone, so that a change of their values would pass unseen
        parts = {str(part): [profile.to_json(), profile.private_sum] for part, profile in sorted(self.profiles.items())}
        return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)).hexdigest()

    def with_spec(self, spec: Spec) -> Collected:
        """The same data under other settings of preparation, model or training."""
        return replace(self, spec=spec)

    def rows(self, part: int) -> int:
        """Rows of `TEST`, `VALIDATION`, `OUT` or `DROPPED` (duplicates); any part from 0 means all training rows."""
        if part == DROPPED:
            return len(self.assign.dropped) - self.set_aside
        if part == OUT:
            return self.left_out
        if part < 0:
            return self.profiles[part].rows if part in self.profiles else 0
        return sum(profile.rows for k, profile in self.profiles.items() if k >= 0)
