"""Texts that are numbers with a unit behind them, and the options of the cleaner `units` that make numbers of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

NEARLY_ALL = 0.9
"""Share of the values that must be a number, with a unit or without …"""
WITH_UNIT = 0.2
"""… and share that must have one."""
MOST_UNITS = 8
NUMBER = {sign: re.compile(rf"([+-]?(?:\d+(?:[{sign}]\d*)?|[{sign}]\d+)(?:[eE][+-]?\d+)?)\s*(.*)") for sign in ".,"}
"""By the decimal sign, a number and what follows it, as the cleaner reads them."""
UNIT = re.compile(r"(?![eE]$)(?:[^\W\d_]|[%‰°€$£¥])[^\s\d,;:]{0,11}")
ORDINALS = frozenset({"st", "nd", "rd", "th"})

Conversion = tuple[Fraction, Fraction]
"""`number * first + second` is the number in the dimension's own unit."""


def _by(**factors: str) -> dict[str, Conversion]:
    return {name: (Fraction(factor), Fraction(0)) for name, factor in factors.items()}


_INCH, _POUND = "127/5000", "45359237/100000000"
DIMENSIONS: tuple[dict[str, Conversion], ...] = (
    _by(kg="1", kilo="1", kilos="1", g="1/1000", mg="1/1000000", t="1000", lb=_POUND, lbs=_POUND,
        oz="45359237/1600000000"),
    _by(m="1", cm="1/100", mm="1/1000", km="1000", inch=_INCH, inches=_INCH, ft="381/1250", feet="381/1250",
        yd="1143/1250", mi="201168/125", miles="201168/125") | {"in": (Fraction(_INCH), Fraction(0))},
    _by(s="1", sec="1", ms="1/1000", min="60", mins="60", minutes="60", h="3600", hr="3600", hrs="3600", hours="3600",
        d="86400", day="86400", days="86400", week="604800", weeks="604800"),
    _by(months="1", month="1", years="12", year="12", yrs="12", yr="12"),
    _by(l="1", L="1", dl="1/10", cl="1/100", ml="1/1000", mL="1/1000"),
    _by(W="1", kW="1000", MW="1000000"),
    _by(B="1", KB="1000", kB="1000", MB="1000000", GB="1000000000", TB="1000000000000"),
    {
        unit: conversion
        for names, conversion in (
            (("C", "°C"), (Fraction(1), Fraction(0))),
            (("F", "°F"), (Fraction(5, 9), Fraction(-160, 9))),
            (("K",), (Fraction(1), Fraction("-273.15"))),
        )
        for unit in names
    },
)  # fmt: skip
"""Units of one dimension each, and how they turn into its first."""
KNOWN = tuple(unit for dimension in DIMENSIONS for unit in dimension)


@dataclass(frozen=True)
class UnitTexts:
    """What was found of a column."""

    units: tuple[str, ...]
    """As they are written, the commonest first."""
    share: float
    """Of the values that the options make a number of."""
    options: dict[str, Any]
    """Of the cleaner `units`, which brings all to the commonest unit."""


def unit_texts(counts: Mapping[str, int]) -> UnitTexts | None:
    """The units of texts, by how often each text is there; `None` where they are no numbers with units.

    >>> unit_texts({"54 kg": 3, "500 g": 1, "60": 1}).options
    {'units': {'kg': 1, 'g': 0.001}, 'bare': 'kg'}
    """
    rows = sum(counts.values())
    found = [(sign, _written(counts, sign)) for sign in ".,"]
    decimal, written = max(found, key=lambda one: sum(one[1].values()))  # the point where both read as many
    named = Counter({unit: number for unit, number in written.items() if unit})
    if not rows or sum(named.values()) < WITH_UNIT * rows or len(named) > MOST_UNITS or ORDINALS & named.keys():
        return None
    ranked = sorted(named, key=lambda unit: (-named[unit], KNOWN.index(unit) if unit in KNOWN else len(KNOWN), unit))
    base = ranked[0]
    conversions = _conversions(base, list(named))
    read = sum(number for unit, number in written.items() if not unit or unit in conversions)
    if read <= NEARLY_ALL * rows:
        return None
    units = tuple(unit for unit in ranked if unit in conversions)
    options: dict[str, Any] = {"units": {unit: conversions[unit] for unit in units}}
    if written.get(""):
        options["bare"] = base
    if decimal != ".":
        options["decimal"] = decimal
    if read < rows:
        options["unparsable"] = "missing"
    return UnitTexts(units, read / rows, options)


def _written(counts: Mapping[str, int], decimal: str) -> Counter[str]:
    """Rows by what stands behind their number; those of other texts are not counted."""
    written: Counter[str] = Counter()
    for text, rows in counts.items():
        found = NUMBER[decimal].fullmatch(text.strip())
        if found and (not found[2] or UNIT.fullmatch(found[2])):
            written[found[2]] += rows
    return written


def _conversions(base: str, units: list[str]) -> dict[str, Any]:
    """From each unit of the base's dimension to the base, as the cleaner takes it; of others nothing is known."""
    dimension = next((known for known in DIMENSIONS if base in known), {base: (Fraction(1), Fraction(0))})
    to, zero = dimension[base]
    made: dict[str, Any] = {}
    for unit in units:
        if unit in dimension:
            multiply, offset = dimension[unit][0] / to, (dimension[unit][1] - zero) / to
            made[unit] = {"multiply": _plain(multiply), "offset": _plain(offset)} if offset else _plain(multiply)
    return made


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
