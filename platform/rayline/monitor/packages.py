"""What the monitor reads of a package: its reference profile, and what its spec says of monitoring."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, cast

import orjson
import yaml

from rayline.core import files
from rayline.core.errors import InputError, PackageError
from rayline.monitor.drift._test import DriftTest
from rayline.profile.reference import Reference
from rayline.registry import manifest
from rayline.spec.sections import Monitor

REFERENCE = "profile/reference.json"
SPEC = "spec.yaml"


@dataclass(frozen=True)
class Watched:
    """How one version is to be watched."""

    digest: str
    """The package's."""
    reference: Reference
    test: DriftTest
    test_name: str
    window_s: float


def read(uri: str) -> Watched:
    """The reference and the settings of the package at `uri`, each file checked against the manifest's digest.

    Raises:
        PackageError: no package, a file altered or missing, or settings this version of Rayline does not know.
        StorageError: the place cannot be read.
    """
    sealed = manifest.read(uri)
    reference = Reference.from_json(_json(_checked(uri, sealed, REFERENCE), uri))
    settings = _settings(_checked(uri, sealed, SPEC), uri)
    build = cast(Any, settings.drift).build
    return Watched(sealed.digest, reference, build(), type(settings.drift).plugin_name, settings.window_s)


def _checked(uri: str, sealed: manifest.Manifest, path: str) -> bytes:
    entry = sealed.files.get(path)
    if entry is None:
        raise PackageError(f"{uri} has no {path}, so its inputs cannot be watched. Train and register the model again.")
    try:
        data = files.read_bytes(files.join(uri, path))
    except FileNotFoundError:
        raise PackageError(f"{uri}: {path} is missing. Publish the model again.") from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise PackageError(f"{uri}: {path} is not the file that was sealed. Publish the model again.")
    return data


def _json(data: bytes, uri: str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise PackageError(f"{uri}: {REFERENCE} is not JSON: {error}") from None


def _settings(data: bytes, uri: str) -> Monitor:
    try:
        document = yaml.safe_load(data)
        return Monitor.model_validate(document.get("monitor") or {})
    except (yaml.YAMLError, AttributeError, ValueError, InputError) as error:
        raise PackageError(f"{uri}: {SPEC} cannot be read: {error}") from None
