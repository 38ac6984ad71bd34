"""A table of the lake for the contract tests of sources."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from rayline.core import catalog
from rayline.core.catalog import PluginConfig
from rayline.lake.lake import Lake


def make(table: pa.Table, folder: Path) -> PluginConfig:
    """`table` in two snapshots, parted by its last column."""
    kept = Lake(str(folder)).create("made", by=[table.column_names[-1]])
    for part in (table.slice(0, 4), table.slice(4)):
        kept.append(table.schema, [part])
    return catalog.resolve("source", {"name": "lake", "table": "made", "lake": str(folder)})
