"""`rayline profile`: the profile of any data, without a spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import polars as pl

from rayline.cluster.connect import connect
from rayline.core.errors import SpecError, listing, nearest
from rayline.profile.profile import Profile, merge, profile_frame
from rayline.sources import on_ray
from rayline.sources._source import Fragment, Source
from rayline.spec.sections import as_source

SEED = 0


def profile_data(data: Any, *, private: Sequence[str] = (), address: str | None = None) -> Profile:
    """Profile a path, URL, `sklearn:NAME` or source mapping in one pass on the cluster.

    Raises:
        DataError: the data cannot be read.
        SpecError: nothing reads such a source, or a private column is not there.
    """
    source = cast(Source, cast(Any, as_source(data)).build())
    columns = source.schema().names
    for name in private:
        if name not in columns:
            raise SpecError(f"--private {name!r} is not a column.{nearest(name, columns)} Columns: {listing(columns)}.")

    def fold(frame: pl.DataFrame, fragment: Fragment) -> Profile:  # noqa: ARG001
        return profile_frame(frame, seed=SEED, private=private)

    with connect(address):
        return merge(on_ray.scan(source, fold))
