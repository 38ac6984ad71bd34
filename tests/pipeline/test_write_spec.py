"""`rayline init` as a person meets it: specs that can be read back, sources as mappings, data without a feature."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayline.core.columns import FeatureType
from rayline.core.errors import DataError, SpecError
from rayline.pipeline.given import given_source
from rayline.pipeline.no_feature import no_feature
from rayline.pipeline.resolve import write_spec
from rayline.spec import load
from rayline.spec.yaml_text import read_yaml


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(data: str, target: str) -> dict:
    text = write_spec(data, target)
    document = read_yaml(text, "written")
    load(document)
    assert max(map(len, text.splitlines())) <= 120
    return document


def test_a_source_with_options_is_given_as_a_spec_has_it() -> None:
    rows = "".join(f"{n},{n % 7 or '?'},{'yn'[n % 2]}\n" for n in range(60))
    Path("bare.csv").write_text(rows)
    names = ["a_rather_long_name_of_a_column", "another_rather_long_name_of_a_column", "and_the_answer_to_it_all"]
    source = f"{{name: csv, path: bare.csv, header: [{', '.join(names)}], missing: ['?']}}"
    document = written(source, names[2])
    assert document["name"] == "bare"
    assert document["data"]["source"] == given_source(source)
    assert document["data"]["features"] == {names[0]: "id", names[1]: "number"}
    with pytest.raises(SpecError, match="DATA"):
        write_spec("{name: csv, path: [", "y")


def test_names_that_look_like_numbers_stay_names() -> None:
    Path("odd.csv").write_text(
        "1e-4,on,12:30,07\n" + "".join(f"{n % 5},{n % 3},{n},{'ab'[n % 2]}\n" for n in range(60))
    )
    document = written("odd.csv", "07")
    assert document["data"]["target"] == "07"
    assert set(document["data"]["features"]) == {"1e-4", "on", "12:30"}


def test_rows_without_a_target_are_set_aside_by_the_spec_that_is_written() -> None:
    Path("gaps.csv").write_text(
        "a,b,p.m\n" + "".join(f"{n % 9},{n % 4},{n * 1.5 if n % 5 else ''}\n" for n in range(100))
    )
    document = written("gaps.csv", "p.m")
    assert document["data"]["expect"] == {"p.m": {"nullable": False, "on": "quarantine"}}
    assert "# 20 of 100 rows have no target: they are set aside" in write_spec("gaps.csv", "p.m")
    assert "expect" not in written("gaps.csv", "a")["data"]
    Path("none.csv").write_text("a,b\n" + "".join(f"{n},\n" for n in range(50)))
    with pytest.raises(DataError, match="'b' has no value in any of the 50 rows"):
        write_spec("none.csv", "b")


def test_what_each_column_is_where_none_can_be_learnt_from() -> None:
    rows = "".join(f"k{n},2024-01-{n % 28 + 1:02},same,{'yn'[n % 2]}\n" for n in range(60))
    Path("ids.csv").write_text("key,day,note,y\n" + rows)
    with pytest.raises(DataError) as caught:
        write_spec("ids.csv", "y")
    assert str(caught.value).splitlines() == [
        "no feature is left to learn from: of 3 columns beside the target 'y' none is learnt from.",
        "  key: id, text that differs in every row",
        "  day: date, dates",
        "  note: drop, every value is the same",
        "Take its parts, for example: prepare: {clean: {name: dates, columns: [day]}}.",
    ]


@pytest.mark.parametrize(
    ("reasons", "advice"),
    [
        ({}, "the data has no column but the target, 'y'. Give data with columns that tell something of it."),
        ({"key": (FeatureType.ID, "x"), "a b": (FeatureType.TEXT, "x")}, "for example: prepare: {texts: tokens}."),
        ({"a b": (FeatureType.ID, "x")}, 'say what it is, for example: data: {features: {"a b": category}}.'),
        ({"n": (FeatureType.DROP, "x")}, "Give data with a column that has more than one value."),
        ({f"c{n}": (FeatureType.DROP, "x") for n in range(2000)}, "\n  and 1,980 more\nGive data"),
    ],
)
def test_the_advice_is_one_that_a_spec_takes(reasons: dict[str, tuple[FeatureType, str]], advice: str) -> None:
    told = str(no_feature(reasons, "y"))
    assert advice in told
    if "for example: " in told:
        line = told.rpartition("for example: ")[2].removesuffix(".")
        document = {"name": "x", "data": {"source": "x.csv", "target": "y"}}
        for section, keys in read_yaml("{" + line + "}", "advice").items():
            document[section] = {**document.get(section, {}), **keys}
        load(document)
