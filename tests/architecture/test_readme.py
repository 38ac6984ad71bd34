"""What the README shows works as it is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from rayline.cli.app import app
from rayline.spec import load

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


def test_the_imputer_of_the_developer_section_is_the_one_that_is_tested() -> None:
    shown = block("python", '"""Fill missing numbers with the mean of the middle')
    assert shown == (ROOT / "tests" / "contracts" / "added" / "trimmed_mean.py").read_text(encoding="utf-8")
    assert len(shown.splitlines()) < 40


def test_the_spec_of_the_data_section_is_one(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text("name: orders\n" + block("yaml", "data:\n  source: {name: sql"))
    assert load(tmp_path / "orders.yaml").data.expect["amount"].on == "quarantine"


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
