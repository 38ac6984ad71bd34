"""Data as a command line names it: a path, URL or name, or a mapping in YAML, `{name: csv, path: a.csv}`."""

from __future__ import annotations

from typing import Any

from rayline.core.catalog import PluginConfig
from rayline.spec.sections import as_source
from rayline.spec.yaml_text import read_yaml


def given_source(data: str) -> Any:
    """What a spec would hold under `data.source`: the text as it is, or the mapping that it writes.

    >>> given_source("a.csv"), given_source('{name: csv, path: a.csv, decimal: ","}')
    ('a.csv', {'name': 'csv', 'path': 'a.csv', 'decimal': ','})

    Raises:
        SpecError: it begins as a mapping and is no YAML.
    """
    return read_yaml(data, "DATA") if data.startswith("{") else data


def as_config(data: str) -> PluginConfig:
    """The source that is meant.

    Raises:
        SpecError: nothing reads it, or it is no YAML.
    """
    return as_source(given_source(data))
