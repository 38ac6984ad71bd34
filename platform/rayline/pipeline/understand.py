"""`rayline profile`: the profile of any data, without a spec."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, cast

import polars as pl

from rayline.core.errors import SpecError, listing, nearest
from rayline.profile.population import columns_of
from rayline.profile.profile import Profile, merge, profile_frame, share_sample
from rayline.profile.types import Decision, infer
from rayline.sources._source import Fragment, Source
from rayline.sources.scan import scan
from rayline.spec.sections import as_source

SEED = 0
SMALL_BYTES = 64 << 20
"""Files up to this size together are read here: a pass over them takes less than the start of a cluster."""


def profile_data(
    data: Any,
    *,
    private: Sequence[str] = (),
    target: str | None = None,
    sensitive: Sequence[str] = (),
    population: Sequence[str] = (),
    address: str | None = None,
) -> Profile:
    """Profile a path, URL, `sklearn:NAME` or source mapping in one pass, repeated rows included.

    The pass is made on the cluster, but for small files where none is named; the profile is the same.

    Raises:
        DataError: the data cannot be read.
        SpecError: nothing reads such a source, a column that is named is not there, or one is private and named too.
    """
    options: Any = {"private": private, "target": target, "sensitive": sensitive, "population": population}
    return understand(data, **options, address=address)[0]


def understand(
    data: Any,
    *,
    private: Sequence[str] = (),
    target: str | None = None,
    sensitive: Sequence[str] = (),
    population: Sequence[str] = (),
    address: str | None = None,
) -> tuple[Profile, dict[str, Decision]]:
    """What `profile_data` gives, and what each column is: as the source says, else by its values.

    Raises:
        DataError, SpecError: as `profile_data`.
    """
    source = cast(Source, cast(Any, as_source(data)).build())
    columns = source.schema().names
    asked = [("--private", name) for name in private] + [("--sensitive", name) for name in sensitive]
    asked += [("--population", name) for key in population for name in columns_of(key, columns)]
    asked += [("--target", target)] if target is not None else []
    for option, name in asked:
        if name not in columns:
            raise SpecError(f"{option} {name!r} is not a column.{nearest(name, columns)} Columns: {listing(columns)}.")
        if option != "--private" and name in private:
            raise SpecError(f"{option} {name!r} is private too, and nothing of a private column is shown.")

    def fold(frame: pl.DataFrame, fragment: Fragment) -> Profile:  # noqa: ARG001
        return profile_frame(frame, seed=SEED, private=private, target=target, repeats=True)

    if address is None and not os.environ.get("RAY_ADDRESS") and is_small(source):
        profile = merge(scan(source, fold))
    else:
        from rayline.cluster.connect import connect  # two seconds, which small files need not
        from rayline.sources import on_ray

        with connect(address):
            profile = merge(on_ray.scan(source, fold, lighten=share_sample))
    return profile, infer(profile, source.roles)


def is_small(source: Source) -> bool:
    """Whether all of a source is known to be so few bytes that starting a cluster would take longer than reading it."""
    sizes = [fragment.size_bytes for fragment in source.fragments()]
    return all(sizes) and sum(sizes) <= SMALL_BYTES
