"""Spec files: read, overridden by `--set`, validated in the spec's own words, written out whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from rayline.core import files
from rayline.core.errors import SpecError
from rayline.core.redact import redact_all
from rayline.core.refused import explain_validation
from rayline.spec.sections import Spec


class _Loader(yaml.SafeLoader):
    """YAML 1.2 where PyYAML is of 1.1: `1e-4` is a number, and a key is the text that is written (`on`, `1`)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def load(spec: str | os.PathLike[str] | Mapping[str, Any] | Spec, sets: Iterable[str] = ()) -> Spec:
    """A validated spec from a file's path, a mapping, or a `Spec`, with `KEY.KEY=VALUE` overrides applied.

    Raises:
        SpecError: no such file, not YAML, an unknown key or plug-in, or a value that does not fit; every
            problem is listed, each with its place.
    """
    if isinstance(spec, Spec):
        document: dict[str, Any] = to_dict(spec)
    elif isinstance(spec, Mapping):
        document = dict(spec)
    else:
        document = _read(os.fspath(spec))
    for item in sets:
        _override(document, item)
    return validate(document)


def validate(document: Mapping[str, Any]) -> Spec:
    """The `Spec` a mapping stands for.

    Raises:
        SpecError: as `load`.
    """
    try:
        return Spec.model_validate(document)
    except ValidationError as error:
        raise SpecError(explain_validation(error, "", Spec)) from None


def to_dict(spec: Spec) -> dict[str, Any]:
    """Plain JSON-able values, every default included; `load(to_dict(spec)) == spec`."""
    return spec.model_dump(mode="json", by_alias=True)


def redacted(spec: Spec) -> dict[str, Any]:
    """`to_dict` as people, packages and trackers may see it: no credentials in `storage` and `data.source`."""
    document = to_dict(spec)
    document["storage"] = redact_all(document["storage"])
    document["data"]["source"] = redact_all(document["data"]["source"])
    return document


def render(spec: Spec) -> str:
    """The spec as YAML with every default spelled out, and `***` for credentials in URIs.

    It runs as it is where there are none: keep them in the environment (`AWS_ACCESS_KEY_ID`, …), not in a spec.
    """
    return yaml.safe_dump(redacted(spec), sort_keys=False, allow_unicode=True, width=110)


def schema() -> dict[str, Any]:
    """The JSON Schema of a spec, for editors."""
    return Spec.model_json_schema(by_alias=True)


def _read(path: str) -> dict[str, Any]:
    try:
        text = files.read_bytes(path).decode("utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise SpecError(
            f"there is no spec file {path!r}. Write one with: rayline init DATA --target COLUMN > {path}"
        ) from None
    except UnicodeDecodeError:
        raise SpecError(f"{path} is not UTF-8 text; a spec is a YAML file.") from None
    try:
        document = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise SpecError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(document, dict):
        raise SpecError(f"{path}: a spec is a mapping with at least name, data.source and data.target.")
    return document


def _override(document: dict[str, Any], item: str) -> None:
    key, mark, text = item.partition("=")
    if not mark or not key:
        raise SpecError(f"--set {item!r}: write KEY.KEY=VALUE, for example --set train.epochs=3.")
    try:
        value = yaml.load(text, Loader=_Loader) if text else None
    except yaml.YAMLError:
        value = text
    assign(document, key, value)


def assign(document: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted `key` in place; a plug-in given by its bare name becomes a mapping to take an option."""
    *path, last = key.split(".")
    here = document
    for part in path:
        inner = here.get(part)
        if isinstance(inner, str):
            inner = {"name": inner}
        elif isinstance(inner, Mapping):
            inner = dict(inner)
        elif inner is None:
            inner = {}
        else:
            raise SpecError(f"{key}: {part!r} holds {inner!r}, which has no keys.")
        here[part] = inner
        here = inner
    here[last] = value
