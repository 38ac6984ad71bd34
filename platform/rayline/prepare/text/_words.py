"""What steps for text share: how a text becomes words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rayline.prepare.tensors import TensorConfig, UnusableError

MARKS = re.compile("[\u0300-\u036f]")
APOSTROPHES = frozenset("'\u2019\u02bc")


class _Separators(dict[int, int | str]):
    """A table for `str.translate`, filled as characters are met: punctuation, symbols and controls become spaces."""

    def __missing__(self, code: int) -> int | str:
        char = chr(code)
        kind = unicodedata.category(char)
        if char in APOSTROPHES or kind == "Cf":  # don't → dont; soft hyphens and joiners are not there
            found: int | str = ""
        else:
            found = " " if kind[0] in "PSZ" or kind == "Cc" else code
        self[code] = found
        return found


_SEPARATORS = _Separators()


@dataclass(frozen=True)
class Splitter:
    """Turns a text into words (or characters), the same for the same text wherever it runs."""

    lower: bool = True
    accents: bool = False
    punctuation: bool = False
    unit: Literal["word", "character"] = "word"

    def __call__(self, value: Any) -> list[str]:
        """The words of a text in order.

        Raises:
            UnusableError: `value` is no text.
        """
        if not isinstance(value, str):
            raise UnusableError(f"holds {type(value).__name__}, and a text is needed.")
        text = unicodedata.normalize("NFKC", value)
        if self.lower:
            text = text.lower()
        if not self.accents and not text.isascii():
            # only the marks of Latin, Greek and Cyrillic letters: other scripts write vowels with theirs
            text = unicodedata.normalize("NFC", MARKS.sub("", unicodedata.normalize("NFD", text)))
        if not self.punctuation:
            text = text.translate(_SEPARATORS)
        words = text.split()
        return words if self.unit == "word" else list(" ".join(words))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Splitter:
        return cls(**value)


class WordsConfig(TensorConfig):
    """Options of every step that reads words. Unicode comes in form NFKC: no full-width letters, no ligatures."""

    lower: bool = True
    """Whether capital and small letters are the same."""
    accents: bool = False
    """Whether accents are kept; without, `é` is `e`."""
    punctuation: bool = False
    """Whether punctuation and symbols are kept; without, they part words (apostrophes vanish)."""
    unit: Literal["word", "character"] = "word"
    """What a text is made of; `character` for scripts that write no spaces, and for misspelt text."""

    @property
    def splitter(self) -> Splitter:
        return Splitter(self.lower, self.accents, self.punctuation, self.unit)
