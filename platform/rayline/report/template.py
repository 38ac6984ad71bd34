"""Fills the HTML templates of this folder; every value is escaped but for our own charts."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from rayline.report.notation import amount, condition, metric_name, number, percent, score

_FOLDER = Path(__file__).parent


def fill(template: str, **values: Any) -> str:
    """`template` with `values`; the page's style stands in `css`."""
    return _environment().get_template(template).render(css=_css(), **values)


def breakable(name: str) -> Markup:
    """A name that is broken behind its underscores rather than within its words, where it must be.

    >>> str(breakable("a_<b>"))
    'a_<wbr>&lt;b&gt;'
    """
    return Markup(str(escape(name)).replace("_", "_<wbr>"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        amount=amount,
        breakable=breakable,
        condition=condition,
        metric_name=metric_name,
        number=number,
        percent=percent,
        score=score,
    )
    return environment


@cache
def _css() -> Markup:
    return Markup((_FOLDER / "page.css").read_text(encoding="utf-8"))
