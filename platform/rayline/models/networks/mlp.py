"""A multi-layer perceptron over encoded numbers and embedded categories. Choose it first for tables.

Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data", 2021: a well-regularised MLP with
embeddings is the baseline that fancier networks rarely beat by much.

    B rows · W width of all encoded inputs · H features of the last hidden layer
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator
from torch import nn

from rayline.core.catalog import Plugin, PluginConfig
from rayline.core.columns import Target
from rayline.core.prepared import Layout
from rayline.models.combiner import Combiner
from rayline.models.heads import head_for
from rayline.models.network import Network, refuse_empty, seeded

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


class Config(PluginConfig):
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (128, 64)
    """Widths of the hidden layers; `[]` makes a linear model."""
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of hidden features dropped in training."""
    activation: Literal["silu", "gelu", "relu", "tanh"] = "silu"
    """Smooth by default: with `relu` a rounding error can switch a unit, and runs that should be equal drift apart."""
    numbers: Annotated[PluginConfig, Plugin("encoder", "piecewise")] = Field(default="piecewise", validate_default=True)  # type: ignore[assignment]
    """Encoder of the number columns."""
    categories: Annotated[PluginConfig, Plugin("encoder", "category")] = Field(
        default="category", validate_default=True
    )  # type: ignore[assignment]
    """Encoder of the category columns."""

    @field_validator("numbers", "categories")
    @classmethod
    def _fits(cls, value: PluginConfig, info: object) -> PluginConfig:
        wanted = info.field_name  # type: ignore[attr-defined]
        if value.reads != wanted:  # type: ignore[attr-defined]
            raise ValueError(f"encoder {value.plugin_name!r} reads {value.reads}, not {wanted}")  # type: ignore[attr-defined]
        return value

    def build(self, layout: Layout, target: Target, *, seed: int = 0) -> Network:
        """The network with initial weights drawn from `seed`.

        Raises:
            DataError: the layout has no column.
        """
        refuse_empty(layout)
        with seeded(seed):
            numbers = self.numbers.build(layout) if layout.numbers else None  # type: ignore[attr-defined]
            categories = self.categories.build(layout) if layout.categories else None  # type: ignore[attr-defined]
            combiner = Combiner([encoder.width for encoder in (numbers, categories) if encoder is not None])
            layers: list[nn.Module] = []
            width = combiner.width
            for size in self.hidden:
                layers += [nn.Linear(width, size), ACTIVATIONS[self.activation]()]
                if self.dropout > 0:
                    layers.append(nn.Dropout(self.dropout))
                width = size
            return Network(
                layout=layout,
                numbers=numbers,
                categories=categories,
                combiner=combiner,
                body=nn.Sequential(*layers),
                head=head_for(target, width),
            )
