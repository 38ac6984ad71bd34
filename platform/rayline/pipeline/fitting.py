"""Preparation fitted on the training rows, and proof that it is what they alone teach.

    fit(profile of the training rows)                          what the run uses
    fit(profiles of the training parts, plug-ins loaded anew)  must be the same, bit for bit

A plug-in that keeps something of rows it saw before (another run of this process, another fold), a step that draws
numbers without the seed, and a profile that is not of the training rows all show. What a plug-in reads by itself, from
a file or over a network, does not. It costs the time of fitting once more, but for the rows that joint imputers fill
(`prepare/impute/_filled.py`): of a run a hundredth or less, but for imputers and selections that take long to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rayline.core.anew import anew
from rayline.core.columns import Feature
from rayline.pipeline.cleaned import recipe_of
from rayline.pipeline.collected import Collected
from rayline.prepare import leakage, preparation
from rayline.prepare.impute._filled import Filled
from rayline.prepare.preparation import Preparation
from rayline.profile.profile import merge


def fit(collected: Collected, features: Sequence[Feature], tell: Callable[[str], object]) -> Preparation:
    """The declared steps, learnt from the training rows, behind the source's corrections.

    Args:
        collected: what is known of the data.
        features: the columns to learn.
        tell: called with a line where something is found and `prepare.leakage` says `warn`.

    Raises:
        SpecError: a step that does not fit its column.
        DataError: a column that cannot be learnt from as declared.
        LeakageError: rows that are held out, or another run's, moved what was learnt.
    """
    settings = collected.spec.prepare
    filled = Filled()
    fitted = preparation.fit(settings, features, collected.training, collected.target, filled=filled)
    if settings.leakage.found != "ignore":
        training = merge([profile for part, profile in sorted(collected.profiles.items()) if part >= 0])
        again = preparation.fit(anew(settings), features, training, collected.target, filled=filled)
        moved = leakage.moved(fitted, again)
        found = [] if moved is None else [moved]
        if settings.leakage.found == "stop":
            leakage.refuse(found)
        for finding in found:
            tell(leakage.line(finding, stops=False))
    return fitted.with_recipe(recipe_of(collected.source))
