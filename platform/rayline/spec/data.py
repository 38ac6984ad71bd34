"""`data`: where rows come from, what is predicted, and how they are divided."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from rayline.core import catalog
from rayline.core.catalog import Plugin, PluginConfig
from rayline.core.columns import FeatureType, Task
from rayline.spec.expectation import Expect
from rayline.spec.forms import CategoryText, Section
from rayline.spec.unknown_source import unknown_source


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
    sensitive: tuple[str, ...] = ()
    """Columns whose groups are counted among the training rows and told, with the target's rate; nothing reads them."""
    expect: Expect = Field(default={})
    """Column to what it is declared to hold, and `*` to what is said of the rows."""
    split: Annotated[PluginConfig, Plugin("split", "hash")] = Field(default="hash", validate_default=True)  # type: ignore[assignment]
    """How rows are divided into train, validation and test, obeyed by hold-out and every fold."""

    @model_validator(mode="after")
    def _hide_private(self) -> Data:
        if hasattr(self.source, "hide"):  # a source whose messages would show values of a column
            self.source.hide(self.private)
        return self

    @field_validator("features", mode="before")
    @classmethod
    def _refuse_list(cls, value: Any) -> Any:
        if isinstance(value, list):
            raise ValueError("give a mapping of column to type, such as {zip: category, notes: drop}")
        return value
