"""Data sets of OpenML, by name or number: `openml:adult`, `openml:adult@2`, `openml:1590`.

Choose it for the sets that benchmarks are run on. A set is downloaded when it is first used, checked against OpenML's
checksum, and then read from a folder on this machine, which may be copied to one without a network. Columns and their
types are OpenML's, without those it calls row ids or to be ignored; nominal ones are text. A set says itself which
column is its target: name it as `data.target`. Reference: https://docs.openml.org
"""

from __future__ import annotations

import logging
import re
import warnings
from functools import lru_cache
from typing import Any

import pyarrow as pa
from pydantic import Field

from rayline.core.catalog import PluginConfig
from rayline.core.errors import DataError
from rayline.sources._loaded import LoadedSource, from_pandas
from rayline.sources._source import Source

PREFIX = "openml:"
log = logging.getLogger(__name__)


class Config(PluginConfig):
    dataset: str = Field(pattern=r"^\S.*$")
    """The set's name, or its number, which stands for one version of it for ever."""
    version: int | None = Field(default=None, ge=1)
    """Of a set given by name; `null`: the first that is active."""
    columns: tuple[str, ...] | None = None
    """Columns to read; `null` for all."""
    folder: str | None = None
    """Where downloaded sets lie; `null`: scikit-learn's (`SCIKIT_LEARN_DATA`, else ~/scikit_learn_data)."""

    @classmethod
    def from_text(cls, text: str) -> Config | None:
        """Claims `openml:NAME`, `openml:NAME@VERSION` and `openml:NUMBER`."""
        found = re.fullmatch(r"openml:(?P<dataset>[^@]+)(@(?P<version>\d+))?", text)
        if not found:
            return None
        return cls(dataset=found["dataset"], version=int(found["version"]) if found["version"] else None)

    def build(self) -> Source:
        return LoadedSource(PREFIX + self.dataset, load, self, self.columns)


@lru_cache(maxsize=2)
def load(config: Config) -> pa.Table:
    """The set as a table.

    Raises:
        DataError: OpenML has no such set, or it is not here and cannot be downloaded.
    """
    from sklearn.datasets import get_data_home

    where = PREFIX + config.dataset
    if config.dataset.isdigit() and config.version is not None:
        raise DataError(f"{where}: a number stands for one version already. Leave data.source.version out.")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = _fetch(config, "auto")
        except TypeError:  # scikit-learn's quick parser, of categories that are numbers
            found = _fetch(config, "liac-arff")
        except OSError as error:
            raise DataError(
                f"{where} is not in {get_data_home(config.folder)!r} and cannot be downloaded: {error}. Connect to the "
                "network, or copy the folder from a machine that has the set and name it in data.source.folder."
            ) from None
        except ValueError as error:  # OpenML's own answers, and checksums that differ
            raise DataError(f"{where} cannot be read: {str(error).splitlines()[0]}") from None
    for warning in told:
        if "version" in str(warning.message).lower():
            log.warning("%s: %s", where, str(warning.message).splitlines()[0])
    return from_pandas(found.frame, where)


def _fetch(config: Config, parser: str) -> Any:
    from sklearn.datasets import fetch_openml

    by_number = config.dataset.isdigit()
    return fetch_openml(
        name=None if by_number else config.dataset,
        data_id=int(config.dataset) if by_number else None,
        version="active" if config.version is None else config.version,
        data_home=config.folder,
        as_frame=True,
        parser=parser,
        n_retries=1,
        delay=0.5,
    )
