"""The predictor: a package and rows in, answers out. The same code answers in training, in batches and online.

predict(frame)    checked rows      → a frame of labels or values, and probabilities
raw(frame)        rows              → the model's numbers
columns(columns)  an endpoint's few → the model's numbers: what `answer` makes of what `clean` makes of them
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file

from rayline.core import catalog, files
from rayline.core.columns import FeatureType, Signature, Task
from rayline.core.errors import DataError, InputError, PackageError, SignatureError
from rayline.models.network import Network
from rayline.prepare.clean._cleaner import RefusedError
from rayline.prepare.number_value import to_floats
from rayline.prepare.preparation import Preparation
from rayline.prepare.recipe import Recipe
from rayline.profile.reference import Reference
from rayline.registry import examples, golden, manifest, package
from rayline.registry.models import Registry
from rayline.registry.past import Past
from rayline.registry.straight import straighten
from rayline.registry.validate import Validator, Values, places_in_file

if TYPE_CHECKING:
    import pandas as pd

Frame = "pl.DataFrame | pd.DataFrame | pa.Table"
Numbers = npt.NDArray[np.float32]


class Predictor:
    """Answers from one package. Safe to use from several threads."""

    def __init__(
        self,
        *,
        signature: Signature,
        preparation: Preparation,
        network: Network,
        folder: str,
        digest: str,
        past: Past | None = None,
    ) -> None:
        self.signature = signature
        self.preparation = preparation
        self.network = network.eval().requires_grad_(False)
        self.folder = folder
        """The local folder of the package."""
        self.digest = digest
        self.validator = Validator(signature, past)
        self._compiled = preparation.with_recipe(None).compile()  # the recipe is applied here, between two checks
        self._numbers_as_text = _numbers_as_text(preparation)
        hidden = [column.name for column in signature.inputs if column.private]
        self._private = preparation.recipe.spread(hidden) if preparation.recipe else ()
        self._looked_at = _looked_at(signature, self._numbers_as_text)
        self._forward = straighten(self.network)

    @cached_property
    def reference(self) -> Reference:
        """What live windows are counted by."""
        return Reference.load(str(Path(self.folder, package.PROFILE)))

    def predict(self, frame: pl.DataFrame | pd.DataFrame | pa.Table) -> pl.DataFrame:
        """Answer every row of a pandas, Polars or Arrow frame.

        Returns:
            In the order of the rows: `prediction` (the label, or the value), and for classification
            `probability_CLASS` for each class.

        Raises:
            SignatureError: a feature lacks, or holds what the signature does not allow.
        """
        rows = as_polars(frame)
        self.validator.check_frame(rows)
        return self.answers(self.raw(rows))

    def raw(self, frame: pl.DataFrame) -> Numbers:
        """The model's answers, rows unchecked: probability of `positive` [n], probabilities [n, K], or values [n]."""
        recipe = self.preparation.recipe
        try:
            clean = frame if recipe is None else recipe.apply(frame)
        except DataError as error:
            told = error.in_request(places_in_file(frame)) if isinstance(error, RefusedError) else error
            raise SignatureError(str(told), reason="type") from None
        if self.validator.checks_cleaned:
            self.validator.check_cleaned(clean)
        return self.raw_of_clean(clean)

    def raw_of_clean(self, frame: pl.DataFrame) -> Numbers:
        """As `raw`, for rows that a cleaned source gave."""
        return self.network.predict(self.preparation.apply(frame))

    def columns(self, columns: Mapping[str, Values]) -> Numbers:
        """As `raw`, from columns of plain values (lists with `None`, or arrays) that `validator` has passed."""
        return self.answer(self.clean(columns))

    def clean(self, columns: Mapping[str, Values]) -> Mapping[str, Values]:
        """A request's columns with those that preparation corrects or derives, as training's profile knows them.

        Raises:
            SignatureError: a value that a step cannot read, or that breaks what is expected of clean columns.
        """
        recipe = self.preparation.recipe
        return columns if recipe is None else self._clean(recipe, columns, check=self.validator.checks_cleaned)

    def answer(self, clean: Mapping[str, Values]) -> Numbers:
        """The model's numbers for what `clean` gave."""
        numbers, categories, _ = self._compiled.columns(clean)
        with torch.inference_mode():
            return cast(Numbers, self._forward(torch.from_numpy(numbers), torch.from_numpy(categories)).numpy())

    def _clean(self, recipe: Recipe, columns: Mapping[str, Values], *, check: bool) -> dict[str, Any]:
        try:
            plain = recipe.plain(columns)
            if plain is not None:
                columns = {**columns, **plain}
                if not self._looked_at:
                    return columns
            clean = recipe.frame(columns) if plain is None else recipe.typed(columns, self._looked_at)
            texts = [
                pl.Series(name, to_floats(clean[name], private=name in self._private)) for name in self._numbers_as_text
            ]
        except DataError as error:
            raise SignatureError(str(error), reason="type") from None
        if check:
            self.validator.check_cleaned(clean)
        return recipe.columns(columns, clean.with_columns(texts) if texts else clean)

    def labels(self, raw: Numbers) -> list[str] | list[float]:
        """The label of each row (binary: by the signature's threshold), or its value."""
        signature = self.signature
        if signature.task is Task.REGRESSION:
            return cast("list[float]", raw.tolist())
        if signature.task is Task.BINARY:
            negative, positive = signature.classes
            return [positive if p >= signature.threshold else negative for p in raw.tolist()]
        return [signature.classes[place] for place in raw.argmax(axis=1).tolist()]

    def answers(self, raw: Numbers) -> pl.DataFrame:
        """`predict`'s frame from `raw`'s numbers."""
        labels = self.labels(raw)
        if self.signature.task is Task.REGRESSION:
            return pl.DataFrame({"prediction": pl.Series(labels, dtype=pl.Float64)})
        chances = np.stack([1 - raw, raw], axis=1) if self.signature.task is Task.BINARY else raw
        return pl.DataFrame(
            {"prediction": pl.Series(labels, dtype=pl.String)}
            | {f"probability_{name}": chances[:, place] for place, name in enumerate(self.signature.classes)}
        )

    def check_golden(self) -> int:
        """Replay the golden rows in the endpoint's form; returns how many there are.

        What is expected of requests is not asked of them: private columns are not among them, and test rows may break
        what only warns.

        Raises:
            PackageError: they are not answered as in training.
        """
        kept = golden.read(self.folder, self.signature)
        if len(kept.rows):
            rows = golden.completed(kept.rows, self.signature)
            columns: Mapping[str, Values] = {name: rows[name].to_list() for name in rows.columns}
            if self.preparation.recipe is not None:
                columns = self._clean(self.preparation.recipe, columns, check=False)
            got = self.answer(columns)
            golden.compare(kept.answers, got, self.signature, self.folder)
        return len(kept.rows)

    def example(self) -> dict[str, Any]:
        """A record such as a request holds, as JSON has it, that this model answers: typical of the golden rows."""
        return self.example_of(golden.read(self.folder, self.signature).rows, self.reference)

    def example_of(self, rows: pl.DataFrame, reference: Reference) -> dict[str, Any]:
        """As `example`, of rows as the source has them."""
        recipe = self.preparation.recipe
        made = () if recipe is None else recipe.makes
        bins = {name: bins for name, bins in reference.features.items() if name not in made}
        record: dict[str, Any] = {}
        for record in examples.candidates(self.signature, rows, bins):
            columns = {name: [value] for name, value in record.items()}
            with suppress(SignatureError, DataError):  # together they may break what each alone does not
                self.validator.check(columns)
                self.columns(columns)
                break
        return record


def load(uri: str) -> Predictor:
    """The predictor of the package at `uri` (a local folder or a storage URI), every file verified first.

    Raises:
        PackageError: it is not the package that was sealed, or this version of Rayline cannot read it.
        StorageError: the place cannot be read.
    """
    folder = package.fetch(uri)
    signature = read_signature(folder)
    preparation = Preparation.load(folder)
    try:
        document = yaml.safe_load(files.read_bytes(str(Path(folder, package.SPEC))))
        config = catalog.resolve("model", document["model"], "model")
        network = cast(Network, cast(Any, config).build(preparation.layout, signature.as_target()))
        network.load_state_dict(load_file(Path(folder, package.WEIGHTS)))
        past = Past.of(document)
    except (yaml.YAMLError, KeyError, TypeError, RuntimeError, SafetensorError, InputError) as error:
        raise PackageError(
            f"{uri} cannot be loaded: {error} Use the Rayline it was written with (environment.txt), or train again."
        ) from error
    digest = manifest.read(folder).digest
    return Predictor(
        signature=signature, preparation=preparation, network=network, folder=folder, digest=digest, past=past
    )


def load_model(name: str) -> Predictor:
    """The predictor of a registered model (`NAME@champion`, `NAME/3`, `NAME`), or of a package by its folder or URI.

    Raises:
        NotFoundError: no such model, version or alias.
        PackageError: its package is not the one that was sealed.
    """
    if "://" in name:
        return load(name)
    if name.startswith((".", "/", "~")) or Path(name, manifest.MANIFEST).is_file():
        return load(str(Path(name).expanduser()))
    return load(Registry().resolve(name).uri)


def read_signature(folder: str) -> Signature:
    """The signature of a local package.

    Raises:
        PackageError: it cannot be read.
    """
    try:
        return Signature.model_validate_json(Path(folder, package.SIGNATURE).read_bytes())
    except (OSError, ValueError) as error:
        raise PackageError(f"{folder}: {package.SIGNATURE} cannot be read: {error}. Publish the model again.") from None


def as_polars(frame: pl.DataFrame | pd.DataFrame | pa.Table) -> pl.DataFrame:
    """A pandas or Arrow frame as a Polars one; a Polars one as it is.

    Raises:
        InputError: something else.
    """
    if isinstance(frame, pl.DataFrame):
        return frame
    if isinstance(frame, pa.Table):
        return cast(pl.DataFrame, pl.from_arrow(frame))
    if type(frame).__module__.partition(".")[0] == "pandas":
        return pl.from_pandas(frame)
    raise InputError(f"give a pandas, Polars or Arrow frame, not {type(frame).__name__}.")


def _looked_at(signature: Signature, numbers_as_text: Iterable[str]) -> list[str]:
    """The clean columns that are looked at before the model reads them."""
    refusing = [condition for condition in signature.conditions if condition.cleaned and not condition.warns]
    names = [column.name for column in signature.cleaned] + [name for one in refusing for name in one.kinds]
    return list(dict.fromkeys([*names, *numbers_as_text]))


def _numbers_as_text(preparation: Preparation) -> list[str]:
    """Columns that corrections make, that the model reads as numbers, and that are texts all the same."""
    recipe = preparation.recipe
    if recipe is None:
        return []
    numbers = {feature.name for feature in preparation.features if feature.type is FeatureType.NUMBER}
    return [name for name in recipe.makes if name in numbers and recipe.schema[name] == pl.String]
