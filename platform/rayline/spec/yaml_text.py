"""YAML as specs are written in it, read as YAML 1.2 where PyYAML is of 1.1, and every fault told with its line.

A key is the text that is written (`on`, `1`); `yes`, `no`, `on`, `off` are texts, which a key of true or false takes
too; `1e-4` is a number; `07` and `12:30` are texts, not 7 in base eight and 750 in base sixty. A key written twice is
refused: the first would be lost without a word. What is written out is quoted so that both versions read it alike.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from rayline.core.errors import SpecError
from rayline.core.shown import shown

_STR, _MERGE, _VALUE = (f"tag:yaml.org,2002:{name}" for name in ("str", "merge", "value"))
_BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float"))


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the core schema of YAML 1.2, and without keys that are written twice."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._open: set[str] = set()
        """Anchors of the nodes that are being read."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # here keys are as they are written; where mappings are made, merged ones are among them
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _FaultError(None, None, "a key is a text, not a list or mapping", key.start_mark)
            bare = key.style is None and key.end_mark.index == value.end_mark.index
            if node.flow_style and bare and ":" in key.value:
                problem = f"{shown(key.value)} is one word here; put a space after the colon, or the word in quotes"
                raise _FaultError(None, None, problem, key.start_mark)
            if key.tag == _MERGE:
                continue
            key.tag = _STR
            if key.value in lines:
                problem = f"key {shown(key.value)} is there already, in line {lines[key.value]}; keep one of them"
                raise _FaultError(None, None, problem, key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return node

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        anchor, mark = getattr(event, "anchor", None), event.start_mark
        if isinstance(event, yaml.AliasEvent) and anchor in self._open:
            raise _FaultError(None, None, f"what {anchor!r} stands for would hold itself", mark)
        if anchor is None or isinstance(event, yaml.AliasEvent):
            return super().compose_node(parent, index)
        self._open.add(anchor)
        try:
            return super().compose_node(parent, index)
        finally:
            self._open.discard(anchor)

    def _date(self, node: yaml.ScalarNode) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:  # 2024-02-31 is a text
            return node.value


class _FaultError(yaml.MarkedYAMLError):
    """What is well-formed and yet no spec."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper, which quotes texts that only `_Loader` would read as numbers too."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader._date)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in found if tag not in (_BOOL, _INT, _FLOAT, _VALUE)]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _form, _first in (
    (_BOOL, "true|True|TRUE|false|False|FALSE", "tTfF"),
    (_INT, r"[-+]?(0|[1-9][\d_]*)|0o[0-7]+|0x_*[\da-fA-F][\da-fA-F_]*|0b_*[01][01_]*", "-+0123456789"),
    (_FLOAT, r"[-+]?((0|[1-9][\d_]*)\.[\d_]*|\.\d[\d_]*|\.(inf|Inf|INF))|\.(nan|NaN|NAN)", "-+.0123456789"),
    (_FLOAT, r"[-+]?(\d[\d_]*(\.[\d_]*)?|\.\d+)[eE][-+]?\d+", "-+.0123456789"),
):
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(_tag, re.compile(f"^({_form})$"), list(_first))


def read_yaml(text: str | bytes, place: str) -> Any:
    """What a YAML text holds.

    Args:
        text: UTF-8 where it is bytes, with or without a byte order mark.
        place: what messages call it: a path, an option of the command line.

    Raises:
        SpecError: it is not YAML, or holds a key twice; the message says in which line.
    """
    decoded = _decoded(text, place)
    try:
        return yaml.load(decoded, Loader=_Loader)  # _Loader is safe
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SpecError(f"{place}{where}: {_problem(error)}") from None
    except yaml.reader.ReaderError as error:
        raise SpecError(f"{place}: character {error.position + 1} is none that YAML may hold.") from None
    except (KeyError, AttributeError):  # of a tag such as !!bool before what is none
        raise SpecError(f"{place}: a tag (!!…) does not fit what follows it. Leave it out.") from None
    except (ValueError, OverflowError) as error:  # of a date such as 2024-02-31
        raise SpecError(f"{place}: {error}. Put what is no date or number in quotes.") from None
    except RecursionError:
        raise SpecError(f"{place} is nested too deeply.") from None


def write_yaml(value: Any, width: int = 110, *, inline: bool = False) -> str:
    """Plain values as YAML, mappings in their order; `read_yaml` and YAML 1.1 give them back.

    `inline`: on one line, as `{a: [1, b]}`, without a line break at its end.
    """
    written: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True,
        width=10**6 if inline else width, default_flow_style=inline,
    )  # fmt: skip
    return written.removesuffix("...\n").strip() if inline else written


def _decoded(text: str | bytes, place: str) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise SpecError(
            f"{place} is not UTF-8 text: byte {error.start + 1}, in line {line}, is none of UTF-8. Save it as UTF-8."
        ) from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    """What is wrong, in one line, and what to do."""
    problem = " ".join((error.problem or error.context or "this is not valid YAML").split())
    if "'\\t'" in problem:
        return "a tab; indent with spaces."
    if problem.startswith("could not determine a constructor for the tag"):
        return f"{problem.partition('for the ')[2]} means nothing here. Leave it out."
    if "expected a single document" in (error.context or ""):
        return "a second document begins; a spec is one. Leave out the ---."
    hints = {
        "mapping values are not allowed": " Is a text with a colon to be in quotes, or a space missing?",
        "expected ',' or": " Is a bracket or brace not closed, or a text to be in quotes?",
        "could not find expected ':'": " Is a colon missing, or the space after it?",
        "expected <block end>": " Does the line begin in the column of those it belongs to?",
        "cannot start any token": " Put a text that begins so in quotes.",
        "expected alphabetic or numeric": " Put a text that begins with * or & in quotes.",
        "unexpected end of stream": " Is a quote not closed?",
    }
    hint = next((text for start, text in hints.items() if start in problem), "")
    return f"{problem}." if isinstance(error, _FaultError) else f"not valid YAML: {problem}.{hint}"
