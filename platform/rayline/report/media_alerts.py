"""What is odd about single columns of images, sounds and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rayline.profile.profile import ColumnProfile
from rayline.report.alert import Alert
from rayline.report.named_rows import named_rows
from rayline.report.notation import amount, listed
from rayline.report.spec_lines import feature, line, step


def media(column: ColumnProfile) -> Iterator[Alert]:
    """Of bytes: no known kind, broken ones, several rates of sounds, several sizes of images."""
    name, inner = column.name, column.inner or {}
    if inner.get("what") not in ("image", "audio"):
        text = f"{name} holds bytes of no known kind of image or sound."
        yield Alert(name, "unknown bytes", text, "bad", feature(name, "drop"))
        return
    what = "images" if inner["what"] == "image" else "sounds"
    broken = inner["broken"] + inner.get("undecodable", 0)
    if broken:
        rows = listed(named_rows([[*inner["broken_rows"], *inner.get("undecodable_rows", [])][:5]])[0])
        text = (
            f"{name} holds {amount(broken)} broken {what} (rows {rows}): they stop preparation until they are mended."
        )
        yield Alert(
            name, "broken", text, "bad", line(("data", "expect", name), {"nullable": False, "on": "quarantine"})
        )
    if len(inner.get("rates", {})) > 1:
        rates = listed([f"{rate} Hz" for rate in inner["rates"]])
        commonest = max(inner["rates"], key=lambda rate: inner["rates"][rate])
        text = f"{name} has sounds of several rates: {rates}."
        yield Alert(name, "rates", text, "", step(name, "audio", {"name": "waveform", "rate": int(commonest)}))
    yield from _loudness(name, inner)
    if inner["what"] == "image" and _shapes_differ(inner):
        wide, high = inner["width"], inner["height"]
        sizes = f"{wide['minimum']} x {high['minimum']} to {wide['maximum']} x {high['maximum']}"
        text = f"{name} has images of several sizes, {sizes} pixels: stretching may change their shapes."
        yield Alert(name, "sizes", text, "", step(name, "image", {"name": "pixels", "fit": "pad"}))


def _loudness(name: str, inner: dict[str, Any]) -> Iterator[Alert]:
    """That sounds are cut off at full scale, or silent throughout, of those that were heard."""
    heard = inner.get("heard", 0)
    of = f"of the {amount(heard)} sound{'s' if heard > 1 else ''} heard"
    if heard and inner["clipping"]:
        rows = listed(named_rows([inner["clipping_rows"][:5]])[0])
        are = "is" if inner["clipping"] == 1 else "are"
        text = f"{name} clips: {amount(inner['clipping'])} {of} {are} cut off at full scale (rows {rows})."
        yield Alert(name, "clipping", text, "warn")
    if heard and inner["silences"]:
        rows = listed(named_rows([inner["silences_rows"][:5]])[0])
        text = f"{name} is silent: in {amount(inner['silences'])} {of} nothing is louder than −60 dB (rows {rows})."
        yield Alert(name, "silent", text, "warn")


def _shapes_differ(inner: dict[str, dict[str, int]]) -> bool:
    return any(inner[side]["minimum"] != inner[side]["maximum"] for side in ("width", "height"))


def lists(column: ColumnProfile) -> Iterator[Alert]:
    """Of lists: gaps within them, and lengths that differ."""
    name, inner = column.name, column.inner or {}
    lengths = inner.get("lengths", {})
    if inner.get("missing"):
        text = f"{name} lacks {amount(inner['missing'])} elements within its lists."
        yield Alert(name, "gaps", text, "warn", line(("prepare", "sequences"), "resample"))
    if lengths.get("count") and lengths["maximum"] > 4 * max(1, lengths["minimum"]):
        text = f"{name} has lists of {amount(lengths['minimum'])} to {amount(lengths['maximum'])} elements."
        span = f"{amount(lengths['minimum'])} to {amount(lengths['maximum'])}"
        yield Alert(name, "lengths", text, "", step(name, "sequence", "resample"), detail=span)
