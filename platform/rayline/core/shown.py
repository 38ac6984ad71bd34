"""Values and counts as messages tell them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rayline.core.redact import redact

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that steer a terminal rather than show: all of Unicode's Cc but tab and line feed."""


def visible(text: str) -> str:
    r"""The text with control characters spelled out, tab and line feed apart: data may hold what steers a terminal.

    >>> visible("a\x00\x1b[31mb\r"), visible("a\tb\nc d")
    ('a\\x00\\x1b[31mb\\x0d', 'a\tb\nc d')
    """
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def shown(value: Any, most: int = 60) -> str:
    """A value as messages repeat it: in a spec's spelling, without credentials, cut to about `most` characters.

    Of a mapping only the keys are told, for it may be long and hold what is not to be shown.

    >>> shown(None), shown("mean"), shown({"a": 1, "b": [2]}), shown("x" * 99, most=8)
    ('null', "'mean'", '{a: …, b: …}', "'xxxxx…'")
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):  # credentials go first: a URI that is cut is not known for one
        text = redact(value)
        return repr(text if len(text) + 2 <= most else text[: most - 3] + "…")
    if isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key}: …" for key in value) + "}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(shown(item, most) for item in value[:most]) + "]"
    else:
        text = redact(str(value))
    text = visible(text)
    return text if len(text) <= most else text[: most - 2] + "…" + text[-1] * (text[0] in "[{")


def counted(count: int, noun: str = "row") -> str:
    """How many of them there are, thousands parted; `noun` takes an s where there is not one.

    >>> counted(1), counted(4_000), counted(2, "micro-batch"), counted(3, "epoch")
    ('1 row', '4,000 rows', '2 micro-batches', '3 epochs')
    """
    ending = "" if count == 1 else "es" if noun.endswith(("tch", "s", "x")) else "s"
    return f"{count:,} {noun}{ending}"
