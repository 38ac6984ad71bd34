"""`prepare`: what is done to rows before a model reads them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
)

from rayline.core.catalog import Plugin, PluginConfig, Spelt
from rayline.core.expressions import columns_of
from rayline.spec.forms import NONE, Section, as_steps, optional, several


class NumberSteps(Section):
    """What is done to number columns: `outliers` come first, then `impute`, then `scale`."""

    impute: optional("impute") = Field(default="median", validate_default=True)  # type: ignore[valid-type]
    outliers: optional("outliers") = None  # type: ignore[valid-type]
    scale: optional("scale") = Field(default="standard", validate_default=True)  # type: ignore[valid-type]


class CategorySteps(Section):
    """What is done to category columns, in this order. Without `impute`, missing is a category of its own."""

    impute: optional("impute") = None  # type: ignore[valid-type]
    encode: Annotated[PluginConfig, Plugin("encode", "ids")] = Field(default="ids", validate_default=True)  # type: ignore[assignment]


class ColumnSteps(Section):
    """Steps of one column; those not given are its type's."""

    impute: optional("impute") = None  # type: ignore[valid-type]
    outliers: optional("outliers") = None  # type: ignore[valid-type]
    scale: optional("scale") = None  # type: ignore[valid-type]
    encode: optional("encode") = None  # type: ignore[valid-type]
    text: optional("text") = None  # type: ignore[valid-type]
    image: optional("image") = None  # type: ignore[valid-type]
    audio: optional("audio") = None  # type: ignore[valid-type]
    sequence: optional("sequence") = None  # type: ignore[valid-type]

    @model_serializer(mode="wrap")
    def _only_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # `none` is a step of its own here: a key that was not given must not come back as one that was
        return {key: value for key, value in handler(self).items() if key in self.model_fields_set}


def _as_duplicates(value: Any) -> Any:
    return as_steps({"drop": "exact", "keep": None}.get(value, value) if isinstance(value, str) else value)


class Leakage(Section):
    """What is looked for between training and held-out rows, and what happens where it is found."""

    found: Literal["stop", "warn", "ignore"] = "stop"
    groups: Annotated[tuple[str, ...], BeforeValidator(as_steps), Spelt(NONE, one=True)] = ()
    """Columns none of whose values may be on both sides: a patient, a customer, a device."""
    time: str | None = None
    """A column by which no training row may be later than a held-out one."""


_Leakage = Annotated[
    Leakage,
    BeforeValidator(lambda value: {"found": value} if isinstance(value, str) else value),
    WithJsonSchema({"anyOf": [{"enum": ["stop", "warn", "ignore"]}, Leakage.model_json_schema()]}),
]


def _expression(text: str) -> str:
    columns_of(text)  # whether it is one; what it reads is known when data is
    return text


class Prepare(Section):
    clean: several("clean") = ()  # type: ignore[valid-type]
    """Corrections of each row by itself, in this order, before anything is learnt."""
    derive: dict[str, Annotated[str, AfterValidator(_expression)]] = Field(default={})
    """New columns by expressions over others: `{ratio: "debt / income", weekend: "weekday(date) >= 6"}`."""
    duplicates: Annotated[
        tuple[Annotated[PluginConfig, Plugin("duplicates")], ...],
        BeforeValidator(_as_duplicates),
        Spelt({"enum": ["drop", "keep", "none", None]}, one=True),
    ] = Field(default="drop", validate_default=True)  # type: ignore[assignment]
    """What counts as a row that is there already and is dropped, the first by position stays: `drop` (exact
    repetitions), `keep`, or a list of rules."""
    numbers: NumberSteps = Field(default_factory=NumberSteps)
    categories: CategorySteps = Field(default_factory=CategorySteps)
    texts: optional("text") = None  # type: ignore[valid-type]
    """How free text becomes numbers; without, text columns are set aside."""
    images: optional("image") = Field(default="pixels", validate_default=True)  # type: ignore[valid-type]
    audio: optional("audio") = Field(default="waveform", validate_default=True)  # type: ignore[valid-type]
    sequences: optional("sequence") = Field(default="window", validate_default=True)  # type: ignore[valid-type]
    columns: dict[str, ColumnSteps] = Field(default={})
    """Steps for single columns, by name."""
    select: several("select") = ()  # type: ignore[valid-type]
    """Which of the prepared number columns a model reads; one after the other."""
    reduce: optional("reduce") = None  # type: ignore[valid-type]
    """Replaces the prepared number columns by few."""
    augment: several("augment") = ()  # type: ignore[valid-type]
    """Changes of training rows on the fly."""
    balance: optional("balance") = None  # type: ignore[valid-type]
    """What is done for scarce classes, on training rows alone."""
    leakage: _Leakage = Leakage()
    """What happens where held-out rows could have taught something: `stop`, `warn`, `ignore`, or
    `{found, groups, time}`."""
