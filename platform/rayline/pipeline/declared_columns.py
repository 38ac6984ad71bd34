"""Columns of which the spec says what they are, so that no advice on their types is due."""

from __future__ import annotations

from rayline.pipeline.cleaned import raw
from rayline.sources._source import Source
from rayline.spec import Spec


def declared_columns(spec: Spec, source: Source) -> set[str]:
    """Those with a type, steps of their own, a cast, or a type by the source's options."""
    cast = [
        name
        for step in spec.prepare.clean
        if type(step).__module__.endswith(".cast")
        for name in getattr(step, "columns", ())
    ]
    return {*spec.data.features, *spec.prepare.columns, *cast, *getattr(raw(source), "types", {})}


def hush(spec: Spec, source: Source) -> None:
    """Take back what the source noted on the types of declared columns, before it is told."""
    marks = [f"column {name!r} is read as text" for name in declared_columns(spec, source)]
    notes = source.notes
    for key in [key for key, note in notes.items() if any(mark in note for mark in marks)]:
        del notes[key]
