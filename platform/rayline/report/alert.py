"""One oddity of a data set, in words, with the line of a spec that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Tone = Literal["bad", "warn", ""]


@dataclass(frozen=True)
class Alert:
    """One oddity: `tag` for the column's card, `text` with the figures."""

    column: str
    """Empty where it is about rows."""
    tag: str
    text: str
    tone: Tone
    line: str = ""
    """What to write in the spec: a suggestion to judge, never done unasked."""
    others: tuple[str, ...] = ()
    """Further columns of which the same is true."""
    detail: str = ""
    """The figure that tells this column from others of which the same is said."""

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *self.others) if self.column else ()

    def to_json(self) -> dict[str, Any]:
        return {"columns": list(self.columns), "tag": self.tag, "text": self.text, "tone": self.tone, "line": self.line}
