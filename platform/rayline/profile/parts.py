"""Profiles of the parts of a split: test, validation and each fold, from one pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from rayline.profile.profile import Profile, merge, profile_frame, share_sample


def profile_parts(
    frame: pl.DataFrame, parts: npt.NDArray[np.int8], *, seed: int, private: Sequence[str] = ()
) -> dict[int, Profile]:
    """A profile of each part's rows; `parts` [n] holds each row's part. Parts without rows are left out.

    A part's profile is computed from its own rows alone: not one bit of it depends on the others.
    """
    found = np.unique(parts).tolist()
    rows = {part: frame if len(found) == 1 else frame.filter(pl.Series(parts == part)) for part in found}
    return {part: profile_frame(rows[part], seed=seed, private=private) for part in found}


def merge_parts(fragments: Sequence[dict[int, Profile]]) -> dict[int, Profile]:
    """The parts of several fragments, merged part by part in the order of the fragments."""
    parts = sorted({part for fragment in fragments for part in fragment})
    return {part: merge([fragment[part] for fragment in fragments if part in fragment]) for part in parts}


def lighten(fragments: Sequence[dict[int, Profile]]) -> list[dict[int, Profile]]:
    """The same profiles with fewer rows in their samples: one of each part has the rows that all of them would keep
    when merged, the others have none. Whatever is merged with them comes out the same.
    """
    lighter = [dict(fragment) for fragment in fragments]
    for part in sorted({part for fragment in fragments for part in fragment}):
        places = [place for place, fragment in enumerate(fragments) if part in fragment]
        samples = share_sample([fragments[place][part] for place in places])
        for place, profile in zip(places, samples, strict=True):
            lighter[place][part] = profile
    return lighter
