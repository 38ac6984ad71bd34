"""Prepared shards by Ray Data: fragments stream through map tasks that read, prepare and write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rayline.cluster import passes
from rayline.core.columns import Target
from rayline.prepare.preparation import Preparation
from rayline.prepare.shards import Assign, Form, Source, total, write_fragment


def write_shards(
    source: Source,
    preparation: Preparation,
    target: Target,
    assign: Assign,
    folder: str,
    *,
    columns: Sequence[str] = (),
    form: Form = "arrow",
) -> dict[str, int]:
    """Prepare every fragment on the cluster; arguments, result and files are those of `prepare.shards.write_shards`.

    The task reads its fragment itself: blocks handed over from a read task would be written to the object store and
    read again (half the speed on two cores, see DESIGN). Only the counts come back.

    Raises:
        DataError: rows that cannot be read or prepared.
        StorageError: the folder cannot be written.
    """

    def prepare(fragment: Any) -> dict[str, int]:
        return write_fragment(
            source, fragment, preparation, target, assign=assign, folder=folder, columns=columns, form=form
        )

    return total(passes.fan_out(source.fragments(), prepare))
