"""Features that a package's data source makes of earlier rows (`history`): who gives them to the model, and how.

    Past.of(spec.yaml)             histories of the source, the innermost first
    past.made                      feature → the columns of earlier rows that it is made of
    past.over(config, features)    rows to score, with the histories of training where they lack their columns

An endpoint's caller sends them as any other feature. `rayline predict` makes them of a file that has the rows before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import yaml

from rayline.core import catalog, files
from rayline.core.catalog import PluginConfig
from rayline.core.errors import PackageError, SignatureError, SpecError, listing

HISTORY = "history"


@dataclass(frozen=True)
class Past:
    """The histories of a data source."""

    layers: tuple[Mapping[str, Any], ...] = ()
    """What the spec says of each, the innermost first."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Past:
        """Those of a rendered spec."""
        return cls(tuple(_layers(document.get("data", {}).get("source")))[::-1])

    @classmethod
    def read(cls, folder: str) -> Past:
        """Those of the local package `folder`.

        Raises:
            PackageError: its spec cannot be read.
        """
        path = str(Path(folder, "spec.yaml"))
        try:
            return cls.of(yaml.safe_load(files.read_bytes(path)))
        except (OSError, yaml.YAMLError, AttributeError) as error:
            raise PackageError(f"{path} cannot be read: {error}. Publish the model again.") from None

    @cached_property
    def made(self) -> dict[str, tuple[str, ...]]:
        """Features that are made, each with the columns that tell entities apart, order rows, and hold its values."""
        found: dict[str, tuple[str, ...]] = {}
        for layer in self.layers:
            config = _config(layer, _NO_ROWS)
            for made in config.made:
                reads = dict.fromkeys((*config.by, *config.time, *made.columns))
                # what an inner history makes is made of columns of its own
                found[made.name] = tuple(dict.fromkeys(one for name in reads for one in found.get(name, (name,))))
        return found

    def explain(self, lacking: Sequence[str]) -> str:
        """What to do about features that lack, as a sentence; empty where none of them is made of earlier rows."""
        made = [name for name in lacking if name in self.made]
        if not made:
            return ""
        one = len(made) == 1
        of = dict.fromkeys(column for name in made for column in self.made[name])
        return (
            f" {listing(made, 4)} {'is' if one else 'are'} made of earlier rows by the model's data.source (history): "
            f"send {'it' if one else 'them'} worked out with each row, or give rayline predict a file of all rows, "
            f"those before too, with {listing(of)}, and it makes {'it' if one else 'them'}."
        )

    def over(self, config: PluginConfig, features: Sequence[str]) -> tuple[PluginConfig, list[str]]:
        """Rows to score with the histories that make features they lack, and which columns are made.

        Args:
            config: the source of the rows.
            features: that the model reads.

        Raises:
            SignatureError: the rows lack columns that a history is made of.
            DataError: they cannot be read.
        """
        given = cast(Any, config).build().schema().names
        lacking = [name for name in features if name not in given and name in self.made]
        if not lacking:
            return config, []
        added: list[str] = []
        for layer in self.layers:
            outer = _config(layer, config)
            names = [made.name for made in outer.made]
            if not set(names) <= set(given):  # else they were made before
                config, added = outer, [*added, *names]
        needed = dict.fromkeys(column for name in lacking for column in self.made[name])
        absent = [name for name in needed if name not in given]
        if absent:
            raise SignatureError(
                f"missing features: {listing(lacking)}, which the model's data.source (history) makes of earlier rows. "
                f"To make them here DATA must have {listing(needed)}, with the rows before; it lacks "
                f"{listing(absent)}. Give it with them, or with the features themselves.",
                reason="field",
            )
        return config, added


_NO_ROWS = {"name": "csv", "path": "rows.csv"}
"""Stands for the rows where only a history's columns are asked for."""


def _layers(source: Any) -> Iterator[Mapping[str, Any]]:
    """The outermost first."""
    while isinstance(source, Mapping) and source.get("name") == HISTORY:
        yield source
        source = source.get("source")


def _config(layer: Mapping[str, Any], rows: Any) -> Any:
    try:
        return catalog.resolve("source", {**layer, "source": rows})
    except SpecError as error:
        raise PackageError(
            f"spec.yaml: the history of data.source cannot be read: {error} Train the model again."
        ) from None
