"""The sections of a spec and their defaults. `name`, `data.source` and `data.target` are required, no more."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    field_validator,
    model_serializer,
    model_validator,
)

from rayline.core import catalog
from rayline.core.catalog import Plugin, PluginConfig, Spelt
from rayline.core.category_text import category_text
from rayline.core.columns import FeatureType, Task, ValueType
from rayline.core.declared import Declared
from rayline.core.errors import listing
from rayline.core.expressions import check_pattern, columns_of
from rayline.core.names import ALIAS_PATTERN, CHAMPION, MODEL_PATTERN, check_alias, check_model
from rayline.spec.bounds import Bound, require_order
from rayline.spec.unknown_source import unknown_source


class Section(Declared):
    model_config = ConfigDict(populate_by_name=True)


_NONE: Any = {"enum": ["none", None]}


ModelName = Annotated[
    str, AfterValidator(check_model), WithJsonSchema({"type": "string", "pattern": f"^{MODEL_PATTERN}$"})
]
AliasName = Annotated[
    str, AfterValidator(check_alias), WithJsonSchema({"type": "string", "pattern": f"^{ALIAS_PATTERN}$"})
]


def _as_category(value: Any) -> Any:
    # YAML reads `1` and `yes` as number and boolean; a category is known by its text
    text = value if value is None or isinstance(value, str) else category_text(value)
    if text is None:
        raise ValueError("give a value, as text, a number, true or false")
    return text


CategoryText = Annotated[str, BeforeValidator(_as_category), WithJsonSchema({"type": ["string", "number", "boolean"]})]


def as_source(value: Any) -> PluginConfig:
    """A source plug-in from `{name: …}`, or from the text of a path or URL, which each source plug-in may claim."""
    if isinstance(value, str):
        for name in catalog.names("source") if value.strip() else ():
            claimed = catalog.config_class("source", name).from_text(value)  # type: ignore[attr-defined]
            if claimed is not None:
                return claimed  # type: ignore[no-any-return]
        raise unknown_source(value)
    return catalog.resolve("source", value)


Source = Annotated[PluginConfig, Plugin("source", free_text=True), BeforeValidator(as_source)]


_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class RowsExpectation(Section):
    """How many rows there are to be."""

    min: int | None = Field(default=None, ge=0)
    max: int | None = Field(default=None, ge=0)
    change: float | None = Field(default=None, gt=0)
    """The most that their number may differ from that of earlier runs of this spec's name, as a share: `0.5`."""


class Expectation(Section):
    """What a column is declared to hold; under `*`, what the rows are. Training checks all of it, an endpoint what a
    single request can break (422)."""

    type: ValueType | None = None
    """What every value is, or a text reads as."""
    min: Bound | None = None
    """The least a number may be, or the earliest date; of text, what its values read as, and one that reads as neither
    breaks it."""
    max: Bound | None = None
    """The largest number, or the latest date; a date without a time of day allows that whole day."""
    allowed: tuple[CategoryText, ...] | None = None
    nullable: bool = True
    pattern: str | None = None
    """A regular expression that matches the whole of every value's text."""
    unique: bool = False
    """Whether no value occurs twice; the first row of those that repeat stays."""
    increasing: bool | Literal["strictly"] = False
    """Whether no value lies below one before it, in the order of the rows; `strictly`: nor equals it."""
    max_age: str | None = None
    """How old the newest date may be: `30m`, `36h`, `2d`, `4w`."""
    missing_share: float | None = Field(default=None, ge=0, le=1)
    """The largest share of rows without a value."""
    rows: RowsExpectation | None = None
    """Under `*`."""
    expressions: Annotated[tuple[str, ...], Spelt(one=True)] = ()
    """Under `*`: conditions over columns that no row breaks, such as `low <= high`; what is missing breaks none."""
    on: Literal["stop", "warn", "quarantine"] = "stop"
    """What is done where training data breaks it. `quarantine` sets rows aside, with the reason and their place, and
    without private columns; what is not about single rows (`max_age`, `missing_share`, `rows`) stops."""

    @field_validator("pattern")
    @classmethod
    def _regular(cls, value: str | None) -> str | None:
        wrong = None if value is None else check_pattern(value)
        if wrong is not None:
            raise ValueError(f"this is no regular expression: {wrong}")
        return value

    @field_validator("max_age")
    @classmethod
    def _age(cls, value: str | None) -> str | None:
        if value is not None and not _AGE.fullmatch(value.strip()):
            raise ValueError("give a number and s, m, h, d or w, such as 36h or 2d")
        return value

    @field_validator("expressions", mode="before")
    @classmethod
    def _conditions(cls, value: Any) -> Any:
        texts = (value,) if isinstance(value, str) else value
        for text in texts if isinstance(texts, list | tuple) else ():
            columns_of(text)
        return texts

    @model_validator(mode="after")
    def _ordered(self) -> Expectation:
        for said in (self, self.rows):
            if said is not None and said.min is not None and said.max is not None:
                require_order(said.min, said.max)
        return self

    @property
    def max_age_s(self) -> float | None:
        """`max_age` in seconds."""
        found = None if self.max_age is None else _AGE.fullmatch(self.max_age.strip())
        return float(found[1]) * _SECONDS[found[2]] if found else None


def _in_place(expect: dict[str, Expectation]) -> dict[str, Expectation]:
    for name, said in expect.items():
        of_rows = {"rows", "expressions"}
        wrong = said.model_fields_set - of_rows - {"on"} if name == EVERY else said.model_fields_set & of_rows
        wrong = {key for key in wrong if getattr(said, key) != Expectation.model_fields[key].get_default()}
        if wrong and name == EVERY:
            raise ValueError(f"{EVERY!r} takes rows, expressions and on; give {listing(sorted(wrong))} under a column")
        if wrong:
            raise ValueError(f"{name!r}: give {listing(sorted(wrong))} under {EVERY!r}, since it is said of the rows")
    return expect


EVERY = "*"
"""The key of `data.expect` for what is said of rows, not of one column."""


class Data(Section):
    source: Source
    """A path, folder, glob or URL; `sklearn:NAME`; or `{name: KIND, options}`."""
    target: str
    """The column to predict."""
    features: dict[str, FeatureType] = Field(default={})
    """Types that override the inferred ones: number, category, text, date, id, drop."""
    task: Task | Literal["auto"] = "auto"
    """binary, multiclass or regression; inferred from the target when `auto`."""
    positive: CategoryText | None = None
    """Binary tasks: the class whose probability is predicted; inferred when left out."""
    id: str | None = None
    """A column that names each row for ever; the split follows it. Default: the row's position."""
    private: tuple[str, ...] = ()
    """Columns kept out of golden rows, samples, quarantine, logs and reports, and so is what is made of them."""
    expect: Annotated[dict[str, Expectation], AfterValidator(_in_place)] = Field(default={})
    """Column to what it is declared to hold, and `*` to what is said of the rows."""
    split: Annotated[PluginConfig, Plugin("split", "hash")] = Field(default="hash", validate_default=True)  # type: ignore[assignment]
    """How rows are divided into train, validation and test, obeyed by hold-out and every fold."""

    @field_validator("features", mode="before")
    @classmethod
    def _refuse_list(cls, value: Any) -> Any:
        if isinstance(value, list):
            raise ValueError("give a mapping of column to type, such as {zip: category, notes: drop}")
        return value


Optional_ = BeforeValidator(lambda value: None if value in ("none", None) else value)


def _optional(family: str) -> Any:
    return Annotated[Annotated[PluginConfig, Plugin(family)] | None, Optional_, Spelt({"const": "none"})]


def _as_steps(value: Any) -> Any:
    if value in ("none", None):
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def _several(family: str) -> Any:
    """A list of plug-ins; one alone needs no brackets, and `none` is an empty list."""
    steps = tuple[Annotated[PluginConfig, Plugin(family)], ...]
    return Annotated[steps, BeforeValidator(_as_steps), Spelt(_NONE, one=True)]


class NumberSteps(Section):
    """What is done to number columns, in this order."""

    impute: _optional("impute") = Field(default="median", validate_default=True)  # type: ignore[valid-type]
    outliers: _optional("outliers") = None  # type: ignore[valid-type]
    scale: _optional("scale") = Field(default="standard", validate_default=True)  # type: ignore[valid-type]


class CategorySteps(Section):
    """What is done to category columns, in this order. Without `impute`, missing is a category of its own."""

    impute: _optional("impute") = None  # type: ignore[valid-type]
    encode: Annotated[PluginConfig, Plugin("encode", "ids")] = Field(default="ids", validate_default=True)  # type: ignore[assignment]


class ColumnSteps(Section):
    """Steps of one column; those not given are its type's."""

    impute: _optional("impute") = None  # type: ignore[valid-type]
    outliers: _optional("outliers") = None  # type: ignore[valid-type]
    scale: _optional("scale") = None  # type: ignore[valid-type]
    encode: _optional("encode") = None  # type: ignore[valid-type]
    text: _optional("text") = None  # type: ignore[valid-type]
    image: _optional("image") = None  # type: ignore[valid-type]
    audio: _optional("audio") = None  # type: ignore[valid-type]
    sequence: _optional("sequence") = None  # type: ignore[valid-type]

    @model_serializer(mode="wrap")
    def _only_given(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # `none` is a step of its own here: a key that was not given must not come back as one that was
        return {key: value for key, value in handler(self).items() if key in self.model_fields_set}


def _as_duplicates(value: Any) -> Any:
    return _as_steps({"drop": "exact", "keep": None}.get(value, value) if isinstance(value, str) else value)


class Leakage(Section):
    """What is looked for between training and held-out rows, and what happens where it is found."""

    found: Literal["stop", "warn", "ignore"] = "stop"
    groups: Annotated[tuple[str, ...], BeforeValidator(_as_steps), Spelt(_NONE, one=True)] = ()
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
    clean: _several("clean") = ()  # type: ignore[valid-type]
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
    texts: _optional("text") = None  # type: ignore[valid-type]
    """How free text becomes numbers; without, text columns are set aside."""
    images: _optional("image") = Field(default="pixels", validate_default=True)  # type: ignore[valid-type]
    audio: _optional("audio") = Field(default="waveform", validate_default=True)  # type: ignore[valid-type]
    sequences: _optional("sequence") = Field(default="window", validate_default=True)  # type: ignore[valid-type]
    columns: dict[str, ColumnSteps] = Field(default={})
    """Steps for single columns, by name."""
    select: _several("select") = ()  # type: ignore[valid-type]
    """Which of the prepared number columns a model reads; one after the other."""
    reduce: _optional("reduce") = None  # type: ignore[valid-type]
    """Replaces the prepared number columns by few."""
    augment: _several("augment") = ()  # type: ignore[valid-type]
    """Changes of training rows on the fly."""
    balance: _optional("balance") = None  # type: ignore[valid-type]
    """What is done for scarce classes, on training rows alone."""
    leakage: _Leakage = Leakage()
    """What happens where held-out rows could have taught something: `stop`, `warn`, `ignore`, or
    `{found, groups, time}`."""


class Train(Section):
    epochs: int = Field(default=10, ge=1)
    batch_size: int = Field(default=256, ge=1)
    """Rows a step over all workers together."""
    optimizer: Annotated[PluginConfig, Plugin("optimizer", "adamw")] = Field(default="adamw", validate_default=True)  # type: ignore[assignment]
    schedule: Annotated[PluginConfig, Plugin("schedule", "cosine")] = Field(default="cosine", validate_default=True)  # type: ignore[assignment]
    early_stopping: int | None = Field(default=None, ge=1)
    """Stop after this many epochs without a better validation loss; the best epoch's weights are kept."""
    clip_norm: float | None = Field(default=1.0, gt=0)
    """Largest norm of the gradient; `null` for none."""
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    """Data-parallel workers. `auto`: one for each GPU of the cluster, one where there is none."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 autocast where the device has it in hardware (GPUs), float32 elsewhere."""
    max_failures: int = Field(default=3, ge=0)
    """How often lost workers are replaced before the run fails."""
    checkpoint_every: int | None = Field(default=None, ge=1)
    """Steps between checkpoints; `null`: at the end of each epoch."""
    seed: int = 0


class Dimension(Section):
    """Values one key may take: `{values: […]}`, or a range `{low, high, log?, integer?}`."""

    values: tuple[Any, ...] | None = None
    low: float | None = None
    high: float | None = None
    log: bool = False
    integer: bool = False

    @model_validator(mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return {"values": value} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _whole(self) -> Dimension:
        if self.values is not None:
            if not self.values:
                raise ValueError("values must not be empty")
            if self.low is not None or self.high is not None or self.log or self.integer:
                raise ValueError("low, high, log and integer make a range; give them or values, not both")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give either values: […] or both low and high")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError("low must be below high, and both finite")
        if self.log and self.low <= 0:
            raise ValueError("a log range needs low > 0")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("low and high of an integer range must be whole")
        return self


class Tune(Section):
    search: Annotated[PluginConfig, Plugin("search", "optuna")] = Field(default="optuna", validate_default=True)  # type: ignore[assignment]
    space: dict[str, Annotated[Dimension, Spelt({"type": "array", "minItems": 1})]] = Field(default={})
    """Any dotted key of the spec to values it may take: `{train.optimizer.lr: {low: 1e-4, high: 0.1, log: yes}}`."""
    trials: int = Field(default=16, ge=1)
    folds: int = Field(default=3, ge=2)
    """Cross-validation folds of the training rows, of the declared split's kind."""
    repeats: int = Field(default=1, ge=1, le=100)
    """How often the training rows are divided into folds, each time into others; a trial is the mean over all."""
    metric: str = "auto"
    """What is optimised: a metric's name. `auto`: roc_auc (binary), log_loss (multi-class), mse (regression)."""
    stopping: Literal["asha", "none"] = "none"
    """`asha`: trials that lag after a fold are given up (successive halving over folds)."""
    max_concurrent: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    seed: int = 0

    @property
    def fits(self) -> int:
        """Folds over all repeats: how often a trial trains."""
        return self.folds * self.repeats


class Evaluate(Section):
    metrics: tuple[str, ...] | Literal["auto"] = "auto"
    """Names of metrics; `auto`: all that fit the task."""
    threshold: Annotated[float, Field(ge=0, le=1)] | Literal["f1", "accuracy", "youden"] = 0.5
    """Binary tasks: where `positive` begins; a name tunes it on the validation rows for that."""
    bootstrap: int = Field(default=200, ge=0)
    """Resamples for the confidence intervals; 0 for none."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    slices: tuple[str, ...] = ()
    """Columns by whose values (numbers: quartiles) every metric is repeated."""
    gates: dict[str, str] = Field(default={})
    """Metric to condition on the test rows: `{roc_auc: ">= 0.9", log_loss: no worse than champion}`."""

    @field_validator("threshold", mode="before")
    @classmethod
    def _share(cls, value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value not in ("f1", "accuracy", "youden") and not (number and 0 <= value <= 1):
            raise ValueError("give a probability from 0 to 1, or one of f1, accuracy, youden")
        return value

    @field_validator("metrics")
    @classmethod
    def _known(cls, value: Any) -> Any:
        for name in () if value == "auto" else value:
            catalog.config_class("metric", name)
        return value


class Explain(Section):
    importance_repeats: int = Field(default=3, ge=0)
    """Permutations a feature for permutation importance; 0 for none."""
    importance_rows: int = Field(default=5000, ge=100)
    """Test rows used for it at most."""


class Register(Section):
    model: ModelName | None = None
    """Name in the registry; default: the spec's name."""
    alias: AliasName | None = CHAMPION
    """Alias the new version takes when it passes its gates; `null` for none. One that is shown to be worse than the
    champion on the same test rows becomes challenger, unless gates compare with the champion themselves."""
    tags: dict[str, str] = Field(default={})


class Serve(Section):
    max_batch_rows: int = Field(default=1024, ge=1)
    """Rows of waiting requests answered by one pass of the model, at most."""


class Monitor(Section):
    drift: Annotated[PluginConfig, Plugin("drift", "psi")] = Field(default="psi", validate_default=True)  # type: ignore[assignment]
    window_s: float = Field(default=3600.0, gt=0)
    """Length of the live window that is compared with training, seconds."""


class Spec(Section):
    name: ModelName
    """Names the run and the model."""
    storage: str | None = None
    """URI every node can read and write (`s3://…`); default: `RAYLINE_HOME`, for one machine."""
    data: Data
    prepare: Prepare = Field(default_factory=Prepare)
    model: Annotated[PluginConfig, Plugin("model", "mlp")] = Field(default="mlp", validate_default=True)  # type: ignore[assignment]
    train: Train = Field(default_factory=Train)
    tune: Tune = Field(default_factory=Tune)
    evaluate: Evaluate = Evaluate()
    explain: Explain = Explain()
    registration: Register = Field(default=Register(), alias="register")
    serve: Serve = Serve()
    monitor: Monitor = Field(default_factory=Monitor)

    @model_validator(mode="before")
    @classmethod
    def _mapping(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError("a spec is a mapping with at least name, data.source and data.target")
        return value

    @property
    def model_name(self) -> str:
        """The name in the registry."""
        return self.registration.model or self.name
