"""Who answers what: every loaded version by the names a request may call it, as one value that is swapped whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from rayline.core.columns import FeatureType, Signature
from rayline.core.errors import NotFoundError, RequestError, listing, nearest
from rayline.core.names import CHAMPION
from rayline.profile.reference import Reference
from rayline.serve.answers import Raw
from rayline.serve.batcher import Batcher
from rayline.serve.intake import Intake, Validator
from rayline.serve.state import newest


class Predictor(Protocol):
    """What a loaded package gives the endpoint (`registry.predictor.Predictor`)."""

    @property
    def signature(self) -> Signature: ...

    @property
    def validator(self) -> Validator: ...

    def clean(self, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        """A request's columns as the model reads them: themselves where nothing is corrected or derived."""
        ...

    def answer(self, clean: Mapping[str, Any]) -> Raw:
        """The model's numbers for what `clean` gave."""
        ...

    def example(self) -> dict[str, Any]:
        """A record that a request may hold, as JSON has it."""
        ...

    def check_golden(self) -> int:
        """Replay the golden rows; `PackageError` unless they are answered as they were when the package was made."""
        ...


class NotReadyError(RequestError):
    """A model or version that is deployed, and that this replica could not load."""

    status = 503


@dataclass
class Tally:
    """What one version has done on this replica since it was loaded."""

    passes: int = 0
    rows: int = 0
    model_s: float = 0.0
    answered: int = 0
    answered_s: float = 0.0
    refused: int = 0
    refused_s: float = 0.0
    last: float = 0.0
    """When it last answered, seconds since the epoch."""


@dataclass(eq=False)
class Served:
    """One version that is loaded and answers."""

    model: str
    version: str
    package: str
    predictor: Predictor
    batcher: Batcher
    reference: Reference | None
    """Bins of live counts; `None` where the package has none."""
    example: dict[str, Any]
    """One record that the model takes, for its page."""
    tally: Tally = field(default_factory=Tally)

    @cached_property
    def signature(self) -> Signature:
        return self.predictor.signature

    @cached_property
    def intake(self) -> Intake:
        return Intake(self.signature, self.predictor.validator)

    @cached_property
    def kinds(self) -> dict[str, FeatureType]:
        """Type of each input."""
        return {column.name: column.type for column in self.signature.inputs}

    def __str__(self) -> str:
        return f"{self.model} {self.version}"


@dataclass(frozen=True)
class Model:
    """The versions of one model on this replica."""

    name: str
    versions: Mapping[str, Served]
    aliases: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None
    failures: Mapping[str, str] = field(default_factory=dict)
    """Versions that are wanted and could not be loaded, with the reason."""

    def find(self, version: str | None) -> Served:
        """The version that answers to a number or an alias, or that answers where none is named.

        Raises:
            NotFoundError: nothing is called so.
            NotReadyError: it could not be loaded.
        """
        wanted = self.answering if version is None else self.aliases.get(version, version)
        served = self.versions.get(wanted)
        if served is not None:
            return served
        if wanted in self.failures:
            # why is for those who may read the index: it holds paths
            raise NotReadyError(f"version {wanted} of {self.name} could not be loaded. `rayline status` tells why.")
        known = [*self.versions, *self.aliases]
        raise NotFoundError(
            f"{self.name} has no version or alias {wanted!r}.{nearest(wanted, known)} There is: {listing(known)}."
        )

    @cached_property
    def answering(self) -> str:
        return self.default or self.aliases.get(CHAMPION) or newest([*self.versions, *self.failures])

    def aliases_of(self, version: str) -> list[str]:
        return sorted(alias for alias, followed in self.aliases.items() if followed == version)


@dataclass(frozen=True)
class Table:
    """All models of a replica."""

    models: Mapping[str, Model] = field(default_factory=dict)
    loading: bool = True
    """Whether the replica has yet to load, for the first time, what is wanted of it."""

    def model(self, name: str) -> Model:
        """The model of this name.

        Raises:
            NotFoundError: there is none.
            NotReadyError: there may be one in a moment.
        """
        found = self.models.get(name)
        if found is None and self.loading:
            raise NotReadyError("this endpoint is loading its models. Try again in a second.")
        if found is None:
            raise NotFoundError(
                f"no model is called {name!r}.{nearest(name, self.models)} "
                f"Models here: {listing(self.models) or 'none'}."
            )
        return found

    @property
    def ready(self) -> bool:
        """Whether every model that is wanted can answer."""
        return not self.loading and all(
            model.versions.get(model.answering) is not None for model in self.models.values()
        )
