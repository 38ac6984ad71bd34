"""What a card tells of texts, images, sounds and lists."""

from __future__ import annotations

from typing import Any

from rayline.profile import texts
from rayline.profile.profile import ColumnProfile
from rayline.report.notation import amount, decibels, number, percent, seconds

Facts = list[tuple[str, str]]


def inner_facts(column: ColumnProfile) -> Facts:
    """Names and values, a line each; nothing for what was not measured."""
    inner = column.inner
    if inner is None:
        return []
    if column.kind == "text":
        return _text(column, inner)
    if column.kind == "sequence":
        return _list(inner)
    facts: Facts = [("formats", ", ".join(f"{name} {amount(rows)}" for name, rows in inner["formats"].items()))]
    facts += _image(inner) if inner["what"] == "image" else _sound(inner) if inner["what"] == "audio" else []
    if inner["broken"]:
        facts.append(("broken", amount(inner["broken"])))
    return facts


def _text(column: ColumnProfile, inner: dict[str, Any]) -> Facts:
    words = texts.vocabulary(inner, column.values)
    facts = [("words", _span(inner["words"])), ("characters", _span(inner["characters"]))]
    facts.append(("vocabulary", f"{'about ' if words.truncated else ''}{amount(words.distinct)}"))
    if inner["non_ascii_characters"]:
        facts.append(("not ASCII", percent(inner["non_ascii_characters"] / max(inner["characters"]["total"], 1))))
    if inner["empty"]:
        facts.append(("blank", amount(inner["empty"])))
    return facts


def _image(inner: dict[str, Any]) -> Facts:
    facts = [("width", _span(inner["width"])), ("height", _span(inner["height"]))]
    facts.append(("channels", ", ".join(f"{channels}: {amount(rows)}" for channels, rows in inner["channels"].items())))
    if inner["mean"] is not None:
        facts.append(("brightness", " · ".join(f"{value:.2f}" for value in inner["mean"])))
        facts.append(("brightness std", " · ".join(f"{value**0.5:.2f}" for value in inner["variance"])))
        facts.append(("looked into", f"{amount(inner['decoded'])} images"))
    return facts


def _sound(inner: dict[str, Any]) -> Facts:
    lengths = inner["seconds"]
    facts = [("rates", "; ".join(f"{amount(int(rate))} Hz: {amount(rows)}" for rate, rows in inner["rates"].items()))]
    facts.append(("channels", ", ".join(f"{channels}: {amount(rows)}" for channels, rows in inner["channels"].items())))
    if lengths["mean"] is not None:
        facts.append(("length", f"{seconds(lengths['minimum'])} to {seconds(lengths['maximum'])}"))
        facts.append(("in all", seconds(lengths["total"])))
    return facts + _loudness(inner)


def _loudness(inner: dict[str, Any]) -> Facts:
    """How loud sounds are; profiles saved before it was measured do not tell."""
    if not inner.get("heard"):
        return [("loudness", "not heard: needs the extra audio")] if inner.get("unheard") else []
    level = inner["level"]
    span = f"{decibels(level['minimum'])} to {decibels(level['maximum'])}"
    return [
        ("level, dB", f"{span}, median {decibels(level['median'])}"),
        ("peak, dB", decibels(inner["peak"])),
        ("clipped", percent(inner["clipped"])),
        ("silent", percent(inner["silent"])),
        ("heard", f"first {inner['heard_seconds']} s of {amount(inner['heard'])} sounds"),
    ]


def _list(inner: dict[str, Any]) -> Facts:
    facts = [("length", _span(inner["lengths"])), ("elements", amount(inner["count"]))]
    if inner["missing"]:
        facts.append(("elements missing", amount(inner["missing"])))
    if inner["count"]:
        facts.append(("mean ± std", f"{number(inner['mean'])} ± {number(inner['variance'] ** 0.5)}"))
        facts.append(("range", f"{number(inner['minimum'])} to {number(inner['maximum'])}"))
    return facts


def _span(tally: dict[str, Any]) -> str:
    if not tally["count"]:
        return "–"
    if tally["minimum"] == tally["maximum"]:
        return number(tally["minimum"])
    return f"{number(tally['minimum'])} to {number(tally['maximum'])}, mean {number(round(tally['mean'], 1))}"
