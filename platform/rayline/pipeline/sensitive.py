"""Groups of the training rows by the columns that `data.sensitive` names: how many rows, and how often the target.

They are told and nothing else: no step of a run reads them.
"""

from __future__ import annotations

from rayline.core.errors import SpecError, listing
from rayline.pipeline.collected import Collected
from rayline.profile.coverage import Coverage, coverage
from rayline.spec import Spec

SHOWN = 3
"""Groups of one column that are warned of by name."""


def refuse_private(spec: Spec, private: tuple[str, ...]) -> None:
    """Raises:
    SpecError: a column is both private and sensitive.
    """
    for name in spec.data.sensitive:
        if name in private:
            raise SpecError(
                f"data.sensitive {name!r} is private, or made of what is, and groups show the values of a column. "
                "Declare it one or the other."
            )


def groups(collected: Collected) -> list[Coverage]:
    """The groups of each sensitive column and of all of them together; none where none is declared.

    Raises:
        SpecError: a column of bytes or lists, which makes no groups.
    """
    spec, training = collected.spec, collected.training
    if not spec.data.sensitive:
        return []
    for name in spec.data.sensitive:
        kind = training.columns[name].kind
        if kind in ("binary", "sequence"):
            raise SpecError(f"data.sensitive {name!r} holds {kind} values, which make no groups. Leave it out.")
    shown = collected.target.name not in training.private
    return coverage(
        training,
        spec.data.sensitive,
        target=collected.target.name if shown else None,
        positive=collected.target.positive if shown else None,
    )


def few(covered: list[Coverage]) -> list[str]:
    """A line for each column with groups of which too few training rows are there."""
    told = [(one.name, [text for group in one.groups for text in group.warnings]) for one in covered]
    return [f"data.sensitive {name}: {listing(texts, SHOWN)}" for name, texts in told if texts]
