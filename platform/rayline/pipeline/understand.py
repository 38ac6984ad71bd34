"""`rayline profile`: the profile of any data, without a spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import polars as pl

from rayline.cluster.connect import connect
from rayline.core.errors import SpecError, listing, nearest
from rayline.profile.profile import Profile, merge, profile_frame, share_sample
from rayline.sources import on_ray
from rayline.sources._source import Fragment, Source
from rayline.spec.sections import as_source

SEED = 0


def profile_data(
    data: Any,
    *,
    private: Sequence[str] = (),
    target: str | None = None,
    sensitive: Sequence[str] = (),
    address: str | None = None,
) -> Profile:
    """Profile a path, URL, `sklearn:NAME` or source mapping in one pass on the cluster, repeated rows included.

    Raises:
        DataError: the data cannot be read.
        SpecError: nothing reads such a source, a column that is named is not there, or one is private and named too.
    """
    source = cast(Source, cast(Any, as_source(data)).build())
    columns = source.schema().names
    asked = [("--private", name) for name in private] + [("--sensitive", name) for name in sensitive]
    asked += [("--target", target)] if target is not None else []
    for option, name in asked:
        if name not in columns:
            raise SpecError(f"{option} {name!r} is not a column.{nearest(name, columns)} Columns: {listing(columns)}.")
        if option != "--private" and name in private:
            raise SpecError(f"{option} {name!r} is private too, and nothing of a private column is shown.")

    def fold(frame: pl.DataFrame, fragment: Fragment) -> Profile:  # noqa: ARG001
        return profile_frame(frame, seed=SEED, private=private, target=target, repeats=True)

    with connect(address):
        return merge(on_ray.scan(source, fold, lighten=share_sample))
