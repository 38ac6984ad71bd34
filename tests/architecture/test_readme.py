"""What the README shows works as it is shown."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import yaml

from rayline.cli.main import app
from rayline.core.columns import ROW, Feature, FeatureType
from rayline.prepare import preparation
from rayline.profile.profile import profile_frame
from rayline.spec import load
from rayline.spec.sections import NumberSteps, Prepare

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, begins: str) -> str:
    found = [b for b in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if b.startswith(begins)]
    assert len(found) == 1, f"one {language} block of the README begins with {begins!r}"
    return found[0]


def test_the_first_spec_is_one(tmp_path: Path) -> None:
    (tmp_path / "adult.csv").write_text("age,income\n1,2\n")
    document: dict[str, Any] = yaml.safe_load(block("yaml", "name: adult"))
    document["data"]["source"] = str(tmp_path / "adult.csv")
    assert load(document).name == "adult"


def test_the_scaler_of_the_developer_section_scales() -> None:
    module = ModuleType("maxabs")
    exec(compile(block("python", '"""Divide'), "README.md", "exec"), module.__dict__)
    module.Config.plugin_name = "maxabs"
    frame = pl.DataFrame({ROW: range(4), "x": [-4.0, 0.0, 1.0, 2.0]})
    steps = Prepare(numbers=NumberSteps(scale=module.Config()))
    fitted = preparation.fit(steps, [Feature("x", FeatureType.NUMBER)], profile_frame(frame, seed=0))
    assert fitted.apply(frame).numbers[:, 0].tolist() == [-1.0, 0.0, 0.25, 0.5]


def test_every_command_is_in_the_table_and_the_other_way_round() -> None:
    known = {command.name for command in app.registered_commands} | {group.name for group in app.registered_groups}
    rows = [line.split("|")[1] for line in README.splitlines() if line.startswith("| `rayline ")]
    shown = set()
    for row in rows:
        for text in re.findall(r"`(?:rayline )?([a-z]+)", row):
            shown.add(text)
    assert known == shown & known
    for row in rows:
        assert re.search(r"`rayline ([a-z]+)", row)[1] in known  # type: ignore[index]
