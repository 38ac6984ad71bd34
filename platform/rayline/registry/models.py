"""Registered models: versions, aliases, and the package each version stands for.

A version is registered only when its whole package lies in the run's files, so a kill before that leaves a run
with files and no version. Version tags carry what `list` shows, so that it asks the store twice at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson

from rayline.core.errors import InputError, NotFoundError, listing, nearest
from rayline.core.names import CHAMPION, check_alias, check_model
from rayline.registry import package, store, tracking
from rayline.registry.names import parse
from rayline.registry.store import ask, local, writing
from rayline.registry.tracking import Run

if TYPE_CHECKING:
    from mlflow import MlflowClient

PACKAGE = "package"
"""Name of the package among a run's files."""

DIGEST_TAG = "rayline.digest"
METRICS_TAG = "rayline.metrics"
ARCHIVED_TAG = "rayline.archived"


@dataclass(frozen=True)
class Entry:
    """One version of a model."""

    name: str
    version: int
    uri: str
    """Where its package lies: a local folder or a storage URI; in entries of `list` also `mlflow-artifacts:…`, which
    only a client of the tracking server can read."""
    digest: str
    run: str
    """Id of the MLflow run that made it."""
    created: float
    """Seconds since the epoch."""
    aliases: tuple[str, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    """Of the test rows, as given to `publish`."""
    tags: dict[str, str] = field(default_factory=dict)
    archived: bool = False
    description: str = ""


class Registry:
    """Versions and aliases in the MLflow registry that `store.tracking_uri()` names."""

    def publish(
        self,
        folder: str,
        model: str,
        *,
        run: Run | None = None,
        alias: str | None = None,
        metrics: Mapping[str, float | None] | None = None,
        tags: Mapping[str, str] | None = None,
        description: str = "",
        storage: str | None = None,
    ) -> Entry:
        """Upload the package in `folder` and register it as the next version of `model`.

        It goes to the files of `run`; without one, a run is made whose files lie below `storage` (default:
        `RAYLINE_HOME`).

        Raises:
            PackageError: the package is not whole.
            InputError: `model` or `alias` is no name.
            StorageError: the files or the store cannot be written.
        """
        check_model(model)
        if alias is not None:
            check_alias(alias)
        digest = package.verify(folder)
        into = run or tracking.start(model, "publish", storage=storage)
        source = into.log_folder(folder, PACKAGE)
        shown = {key: float(value) for key, value in (metrics or {}).items() if value is not None}
        every_tag = {**(tags or {}), DIGEST_TAG: digest, METRICS_TAG: orjson.dumps(shown).decode()}
        ask(lambda mlflow: mlflow.create_registered_model(model))
        with writing():
            made = ask(
                lambda mlflow: mlflow.create_model_version(
                    model, source, run_id=into.id, tags=every_tag, description=description or None
                )
            )
        assert made is not None
        if alias is not None:
            ask(lambda mlflow: mlflow.set_registered_model_alias(model, alias, str(made.version)))
        if run is None:
            into.finish()
        return _entry(made, {alias: int(made.version)} if alias else {})

    def resolve(self, name: str) -> Entry:
        """The version meant by `NAME/3`, `NAME@alias`, or `NAME` (its champion, else its newest).

        Its `uri` can be given to `package.fetch` on any machine that reaches the storage. What lies behind a
        tracking server is fetched here, since replicas and workers never talk to MLflow.

        Raises:
            NotFoundError: no such model, version or alias.
            InputError: `name` is none of these forms.
        """
        asked = parse(name)
        entries = _of_model(asked.model)
        by_alias = {alias: entry for entry in entries for alias in entry.aliases}
        if asked.alias is not None:
            found = by_alias.get(asked.alias)
            if found is None:
                raise NotFoundError(
                    f"model {asked.model!r} has no alias {asked.alias!r}.{nearest(asked.alias, by_alias)} "
                    f"Aliases: {listing(sorted(by_alias)) or 'none'}. "
                    f"Set one with: rayline models promote {asked.model}/VERSION."
                )
        elif asked.version is not None:
            found = next((entry for entry in entries if entry.version == asked.version), None)
            if found is None:
                known = listing([str(entry.version) for entry in entries])
                raise NotFoundError(f"model {asked.model!r} has no version {asked.version}. Versions: {known}.")
        else:
            found = by_alias.get(CHAMPION) or next((e for e in entries if not e.archived), entries[0])
        return _reachable(found)

    def promote(self, name: str, version: int, alias: str = CHAMPION) -> Entry:
        """Point `alias` at a version; an archived one comes back into use by it.

        Raises:
            NotFoundError: no such model or version.
            InputError: `alias` is no name.
        """
        check_alias(alias)
        entry = self.resolve(f"{name}/{version}")
        if entry.archived:
            ask(lambda mlflow: mlflow.delete_model_version_tag(name, str(version), ARCHIVED_TAG))
        ask(lambda mlflow: mlflow.set_registered_model_alias(name, alias, str(version)))
        return replace(entry, aliases=tuple(sorted({*entry.aliases, alias})), archived=False)

    def archive(self, name: str, version: int, *, force: bool = False) -> Entry:
        """Take a version out of the list, and its aliases off it. Its package stays where it is.

        Raises:
            NotFoundError: no such model or version.
            InputError: it is the champion, and `force` is not set.
        """
        entry = self.resolve(f"{name}/{version}")
        if CHAMPION in entry.aliases and not force:
            raise InputError(
                f"{name}/{version} is the champion. Promote another version first "
                f"(rayline models promote {name}/VERSION), or archive it with --force."
            )
        for alias in entry.aliases:
            ask(lambda mlflow, alias=alias: mlflow.delete_registered_model_alias(name, alias))  # type: ignore[misc]
        ask(lambda mlflow: mlflow.set_model_version_tag(name, str(version), ARCHIVED_TAG, "true"))
        return replace(entry, aliases=(), archived=True)

    def list(self, model: str | None = None, *, archived: bool = False) -> list[Entry]:
        """Versions of `model`, or of every model, by name and newest first; archived ones if asked for.

        Nothing is fetched for it, so what lies behind a tracking server keeps a `uri` that replicas cannot read: who
        hands an entry's `uri` on takes that of `resolve(f"{entry.name}/{entry.version}")`.

        Raises:
            NotFoundError: there is no such model.
        """
        entries = _of_model(model) if model is not None else _every()
        return [entry for entry in entries if archived or not entry.archived]


def _of_model(model: str) -> list[Entry]:
    check_model(model)
    registered = None if store.is_empty() else ask(lambda mlflow: mlflow.get_registered_model(model))
    entries = [] if registered is None else _search(f"name = '{model}'", {model: registered.aliases})
    if not entries:  # a model without a version is what a kill in `publish` can leave
        known = sorted({entry.name for entry in _every()})
        raise NotFoundError(
            f"there is no model {model!r}.{nearest(model, known)} "
            f"Models: {listing(known) or 'none yet'}. Train one with: rayline run SPEC."
        )
    return entries


def _every() -> list[Entry]:
    if store.is_empty():
        return []
    models = _pages(lambda mlflow, token: mlflow.search_registered_models(max_results=100, page_token=token))
    return _search(None, {model.name: model.aliases for model in models})


def _search(only: str | None, aliases: Mapping[str, Mapping[str, str]]) -> list[Entry]:
    found = _pages(lambda mlflow, token: mlflow.search_model_versions(only, max_results=1000, page_token=token))
    # a shared MLflow server holds other people's models too
    entries = [_entry(item, aliases.get(item.name, {})) for item in found if DIGEST_TAG in item.tags]
    return sorted(entries, key=lambda entry: (entry.name, -entry.version))


def _pages(fetch: Callable[[MlflowClient, str | None], Any]) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = ask(lambda mlflow: fetch(mlflow, token))  # noqa: B023 (called before the loop goes on)
        yield from page or ()
        token = page.token if page else None
        if not token:
            return


def _entry(found: Any, aliases: Mapping[str, Any]) -> Entry:
    version = int(found.version)
    tags = dict(found.tags)
    return Entry(
        name=found.name,
        version=version,
        archived=tags.pop(ARCHIVED_TAG, "") == "true",
        digest=tags.pop(DIGEST_TAG),
        metrics=orjson.loads(tags.pop(METRICS_TAG, "{}")),
        tags=tags,
        uri=local(found.source),
        run=found.run_id or "",
        created=found.creation_timestamp / 1000,
        aliases=tuple(sorted(alias for alias, pointed in aliases.items() if int(pointed) == version)),
        description=found.description or "",
    )


def _reachable(entry: Entry) -> Entry:
    if not entry.uri.startswith("mlflow-artifacts:"):
        return entry
    folder = package.keep(entry.digest, lambda folder: tracking.download(entry.run, PACKAGE, folder))
    return replace(entry, uri=folder)
