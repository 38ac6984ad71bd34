"""Texts, one a file: a folder with a folder a class, or a manifest of files with labels beside them.

Columns are `path`, an id, `label` (or the manifest's own) and `text`, free text however few the files. For texts that
stand in a table use `csv`, `parquet` or another table source: a column of free text needs no source of its own.
Reference: scikit-learn's `load_files`.
"""

from __future__ import annotations

import codecs

import pyarrow as pa
from pydantic import field_validator

from rayline.sources._media import BrokenFileError, MediaConfig


class Config(MediaConfig):
    suffixes = (".txt", ".text", ".md")
    column = "text"
    holds = "text"
    kind = pa.string()

    encoding: str = "utf8"
    """Character encoding, as Python names it: utf8, latin-1, cp1252."""

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError("not a character encoding Python knows; try utf8, latin-1 or cp1252") from None
        return value

    def value(self, data: bytes) -> str:
        plain = codecs.lookup(self.encoding).name == "utf-8"
        try:
            return data.decode("utf-8-sig" if plain else self.encoding)
        except UnicodeError as error:
            at = getattr(error, "start", 0)
            line = data.count(b"\n", 0, at) + 1
            raise BrokenFileError(
                f"is not {self.encoding} text in line {line} (name its encoding: data.source.encoding: latin-1)"
            ) from None
