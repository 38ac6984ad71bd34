"""The whole of what an endpoint is to do, as one document: models, versions, aliases, settings.

It is Ray Serve's `user_config` of the application, hence what `serve_configs/*.yaml` say, what a replica is handed,
and what `rayline serve` keeps under `RAYLINE_HOME/serve` for its next start. Changes are functions from one
document to the next; nothing here knows of Ray.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from rayline.core import files
from rayline.core.errors import InputError, NotFoundError, listing, nearest
from rayline.core.home import home
from rayline.core.names import CHAMPION
from rayline.core.refused import explain_validation
from rayline.serve.keys import Key


def absolute(package: str) -> str:
    """A package's URI, or its local path made absolute: replicas have another working directory."""
    return package if "://" in package else os.path.abspath(os.path.expanduser(package))


def _is_absolute(package: str) -> str:
    if "://" not in package and not os.path.isabs(package):
        raise ValueError("give an absolute path or a URI: replicas have a working directory of their own")
    return package


Package = Annotated[str, AfterValidator(_is_absolute)]


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Settings(Document):
    """What holds for the whole endpoint."""

    keys: tuple[Key, ...] = ()
    """API keys by their sha256; empty: none is asked for, which a bind beyond loopback refuses."""
    monitor: str | None = None
    """URL of the monitor that windows of live counts are posted to (`POST {monitor}/records`); `null` for none."""
    report_s: float = Field(default=5.0, gt=0)
    """Seconds between two reports to the monitor."""
    max_body_bytes: int = Field(default=16 * 2**20, ge=1024)
    """Largest request body; beyond it the answer is 413."""
    max_waiting_rows: int = Field(default=65_536, ge=1)
    """Rows of one version that may wait for its model; beyond it the answer is 503 with `Retry-After`."""
    access_log: bool = True
    """Write one JSON line a request."""


class ServedModel(Document):
    """The versions of one model that answer, by version: each a package's URI."""

    versions: dict[str, Package] = Field(min_length=1)
    aliases: dict[str, str] = {}
    """Alias to version. A request may name either."""
    default: str | None = None
    """Version that answers where none is named; default: the champion, else the newest."""
    max_batch_rows: int = Field(default=1024, ge=1)
    """Rows of waiting requests answered by one pass of the model, at most."""

    @field_validator("versions", "aliases")
    @classmethod
    def _names(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            check_name(name)
        return value

    @model_validator(mode="after")
    def _whole(self) -> ServedModel:
        for alias, version in self.aliases.items():
            if alias in self.versions:
                raise ValueError(f"alias {alias!r} is also a version; call it something else")
            if version not in self.versions:
                raise ValueError(
                    f"alias {alias!r} follows version {version!r}, which is not among {listing(self.versions)}"
                )
        if self.default is not None and self.default not in self.versions:
            raise ValueError(f"default {self.default!r} is not among the versions {listing(self.versions)}")
        return self

    @property
    def answering(self) -> str:
        """The version that answers where a request names none."""
        return self.default or self.aliases.get(CHAMPION) or newest(self.versions)


class Desired(Document):
    """What every replica is to serve."""

    models: dict[str, ServedModel] = {}
    settings: Settings = Settings()

    @field_validator("models")
    @classmethod
    def _names(cls, value: dict[str, ServedModel]) -> dict[str, ServedModel]:
        for name in value:
            check_name(name)
        return value

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @property
    def fingerprint(self) -> str:
        """Names this document in a replica's report, so that a deployment knows whom it waits for."""
        return hashlib.sha256(orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


class Entry(Document):
    """One version to deploy."""

    model: str
    version: str
    package: Annotated[str, BeforeValidator(absolute)]
    """URI of its package, readable on every node; a local path is made absolute."""
    aliases: tuple[str, ...] = ()
    """Aliases it takes over from the version that has them now."""
    max_batch_rows: int = Field(default=1024, ge=1)


def parse(document: Any) -> Desired:
    """The validated form of a `user_config`.

    Raises:
        InputError: each problem, with its place.
    """
    document = {} if document is None else document
    models = document.get("models") if isinstance(document, Mapping) else None
    try:
        for name, model in models.items() if isinstance(models, Mapping) else ():
            where = f"user_config.models.{name}"
            ServedModel.model_validate(model)
        where = "user_config"
        return Desired.model_validate(document)
    except ValidationError as error:
        kind = Desired if where == "user_config" else ServedModel
        raise InputError(explain_validation(error, where, kind)) from None


def with_entries(desired: Desired, entries: Sequence[Entry], *, keep: bool = False) -> Desired:
    """`desired` once `entries` are deployed.

    Args:
        desired: what is served now.
        entries: versions to add. Aliases they name move to them.
        keep: keep the model's other versions too. Without it a model's versions are the entries and those that an
            alias which none of the entries took still follows.
    """
    models = dict(desired.models)
    for name in dict.fromkeys(entry.model for entry in entries):
        mine = [entry for entry in entries if entry.model == name]
        held = models.get(name)
        aliases = dict(held.aliases) if held else {}
        aliases.update({alias: entry.version for entry in mine for alias in entry.aliases})
        versions = dict(held.versions) if held else {}
        versions.update({entry.version: entry.package for entry in mine})
        if not keep:
            stay = {entry.version for entry in mine} | set(aliases.values())
            versions = {version: uri for version, uri in versions.items() if version in stay}
        default = None if CHAMPION in aliases else newest(entry.version for entry in mine)
        models[name] = ServedModel(
            versions=versions, aliases=aliases, default=default, max_batch_rows=max(e.max_batch_rows for e in mine)
        )
    return desired.model_copy(update={"models": models})


def staged(now: Desired, target: Desired) -> Desired:
    """`target`'s new packages beside all that answers `now`, which goes on answering: the first half of a deployment.

    A version whose package changes under the same name cannot stand beside itself; it is left for the second half.
    """
    models = dict(now.models)
    for name, wanted in target.models.items():
        held = models.get(name)
        if held is None:
            models[name] = wanted
        else:
            models[name] = held.model_copy(
                update={"versions": {**wanted.versions, **held.versions}, "default": held.answering}
            )
    return target.model_copy(update={"models": models})


def without(desired: Desired, model: str, version: str | None = None) -> Desired:
    """`desired` with a model, or one version of it and the aliases that follow it, taken away.

    Raises:
        NotFoundError: it is not served.
        InputError: the version is the model's last.
    """
    held = desired.models.get(model)
    if held is None:
        raise NotFoundError(
            f"no model {model!r} is served.{nearest(model, desired.models)} "
            f"Served: {listing(desired.models) or 'none'}."
        )
    rest = {name: value for name, value in desired.models.items() if name != model}
    if version is None:
        return desired.model_copy(update={"models": rest})
    chosen = held.aliases.get(version, version)
    if chosen not in held.versions:
        raise NotFoundError(f"{model} is not served in version {version!r}. Served: {listing(held.versions)}.")
    if len(held.versions) == 1:
        raise InputError(f"{chosen!r} is the only version of {model} that is served. Undeploy the model instead.")
    left = ServedModel(
        versions={v: uri for v, uri in held.versions.items() if v != chosen},
        aliases={a: v for a, v in held.aliases.items() if v != chosen},
        default=held.default if held.default != chosen else None,
        max_batch_rows=held.max_batch_rows,
    )
    return desired.model_copy(update={"models": {**rest, model: left}})


def newest(versions: Iterable[str]) -> str:
    """The highest version: by number where they are numbers, else the last given.

    >>> newest(["2", "10", "9"])
    '10'
    """
    every = list(versions)
    numbers = [version for version in every if version.isdecimal()]
    return max(numbers, key=int) if numbers else every[-1]


def check_name(name: str) -> None:
    """Refuse a name that could not stand in a URL's path.

    Raises:
        ValueError: it has other characters than letters, digits, `-`, `_` and `.`, or begins with one of the latter.
    """
    if not (name and name[0].isalnum() and all(c.isalnum() or c in "-_." for c in name)):
        raise ValueError(
            f"{name!r} is not a name: use letters, digits, '-', '_' and '.', beginning with a letter or digit"
        )


def state_file() -> Path:
    return home() / "serve" / "state.json"


def save(desired: Desired) -> None:
    """Keep `desired` for the next `rayline serve` from this `RAYLINE_HOME`."""
    files.write_json(str(state_file()), desired.to_json())


def load() -> Desired:
    """What was served from this `RAYLINE_HOME` when it last changed; nothing where nothing was.

    Raises:
        InputError: the file was edited into something else.
    """
    try:
        return parse(files.read_json(str(state_file())))
    except FileNotFoundError:
        return Desired()
    except orjson.JSONDecodeError as error:
        raise InputError(f"{state_file()} is not JSON ({error}). Delete it to start with no model.") from None
