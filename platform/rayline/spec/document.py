"""Spec files: read, overridden by `--set`, validated in the spec's own words, written out whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from rayline.core import catalog, files
from rayline.core.errors import InputError, SpecError, StorageError, listing, nearest_file
from rayline.core.redact import redact_all
from rayline.core.refused import explain_validation
from rayline.core.shown import shown
from rayline.spec.sections import Spec, as_source
from rayline.spec.yaml_text import read_yaml, write_yaml


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
    elif isinstance(spec, str | os.PathLike):
        document = _read(os.fspath(spec))
    else:
        raise SpecError(f"a spec is a file's path, a mapping or a Spec, not {shown(spec)}.")
    short = None
    for item in sets:
        source = _source(document)
        short = source if isinstance(source, str) else short
        _override(document, item)
    if short is not None:
        _lengthen(document, short)
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


def refuse_beside(given: Any, spec: Spec) -> None:
    """Prove that data of a spec's file is not looked for where it is not: paths count from the working directory.

    Args:
        given: the file's path; anything else passes.
        spec: what it holds, with overrides.

    Raises:
        SpecError: the data lies beside the file, and not in the working directory.
    """
    text = getattr(spec.data.source, "path", None)
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else ""
    if "://" in path or not path or not isinstance(text, str) or os.path.isabs(text) or os.path.exists(text):
        return
    folder = os.path.dirname(path)
    beside = os.path.join(folder, text)
    if os.path.exists(beside):
        raise SpecError(
            f"data.source: there is no {shown(text)} in {os.getcwd()}. Paths in a spec count from the working "
            f"directory, and this one lies beside the spec: run the command in {folder}, or give --set "
            f"data.source.path={beside}"
        )


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
    return write_yaml(redacted(spec))


def schema() -> dict[str, Any]:
    """The JSON Schema of a spec, for editors."""
    return Spec.model_json_schema(by_alias=True)


def _read(path: str) -> dict[str, Any]:
    try:
        data = files.read_bytes(path)
    except (FileNotFoundError, StorageError) as error:
        is_folder = "://" not in path and os.path.isdir(path)
        if isinstance(error, FileNotFoundError) or is_folder:
            raise SpecError(_no_file(path)) from None
        raise
    document = read_yaml(data, path)
    if isinstance(document, dict):
        return document
    given = "is empty" if document is None else f"holds {_kind(document)}"
    raise SpecError(
        f"{path} {given}; a spec is a mapping with at least name, data.source and data.target. "
        f"Write one with: rayline init DATA --target COLUMN -o SPEC"
    )


def _kind(document: Any) -> str:
    return "a list" if isinstance(document, list) else f"no more than {shown(document)}"


def _no_file(path: str) -> str:
    if "://" not in path and os.path.isdir(path):
        specs = sorted(name for name in os.listdir(path) if name.endswith((".yaml", ".yml")))
        held = f"it holds {listing(specs, 8)}" if specs else "it holds no .yaml file"
        return f"{path!r} is a folder, and a spec is a file: {held}."
    near = ""
    folder, name = os.path.split(path)
    if "://" not in path and os.path.isdir(folder or "."):
        near = nearest_file(name, [n for n in os.listdir(folder or ".") if n.endswith((".yaml", ".yml"))])
    return f"there is no spec file {path!r}.{near} Write one with: rayline init DATA --target COLUMN -o {path}"


_PART = re.compile(r'"(?:\\.|[^"\\])*"|[^."]+')


def _override(document: dict[str, Any], item: str) -> None:
    key, mark, text = item.partition("=")
    if not mark or not key.strip():
        raise SpecError(f"--set {shown(item)}: write KEY.KEY=VALUE, for example --set train.epochs=3.")
    key = key.strip()
    try:
        value = read_yaml(text, f"--set {key}") if text else None
    except SpecError as error:
        if text.lstrip()[:1] in ("[", "{"):  # meant as YAML; anything else is a text, such as *.csv
            raise SpecError(f"{error} Given: {shown(text)}.") from None
        value = text
    assign(document, key, value)


def assign(document: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted `key` in place; a plug-in given by its bare name becomes a mapping to take an option.

    A name with a dot in it stands in double quotes: `data.expect."net.income".min`.

    Raises:
        SpecError: the key is no path, or leads through a value that has no keys.
    """
    found = _PART.findall(key)
    if ".".join(found) != key:
        raise SpecError(f"{shown(key)} is no key: write names with a dot between them, such as train.optimizer.lr.")
    try:
        *path, last = (orjson.loads(part) if part[0] == '"' else part for part in found)
    except orjson.JSONDecodeError as error:
        raise SpecError(f"{shown(key)} is no key: {error}. Write a quote or backslash in a name as in JSON.") from None
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
            raise SpecError(f"{key}: {part!r} holds {shown(inner)}, which has no keys. Set {part!r} as a whole.")
        here[part] = inner
        here = inner
    here[last] = value


def _source(document: Mapping[str, Any]) -> Any:
    data = document.get("data")
    return data.get("source") if isinstance(data, Mapping) else None


def _lengthen(document: dict[str, Any], short: str) -> None:
    """Give a source that is written `short`, as a path or URL, the options that were set below it."""
    source = _source(document)
    if not isinstance(source, Mapping) or source.get("name") != short or short in catalog.names("source"):
        return
    try:
        claimed = as_source(short)
    except (InputError, ValidationError):
        document["data"]["source"] = short  # so that validation says what is wrong with it, with all else
        return
    said = claimed.model_dump(mode="json", by_alias=True, exclude_unset=True)
    document["data"]["source"] = {**said, **source, "name": claimed.plugin_name}
