from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from rayline.core.errors import SpecError
from rayline.pipeline.line import read_spec
from rayline.pipeline.resolve import render_resolved
from rayline.spec import Spec, document, load, render, schema
from rayline.spec.document import redacted, to_dict

MINIMAL: dict[str, Any] = {"name": "demo", "data": {"source": "sklearn:iris", "target": "target"}}


def write(folder: Path, text: str) -> str:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_three_keys_are_enough_and_rendering_is_a_fixed_point() -> None:
    spec = load(MINIMAL)
    again = load(yaml.safe_load(render(spec)))
    assert again == spec
    assert render(again) == render(spec)
    rendered = to_dict(spec)
    assert rendered["train"]["optimizer"]["name"] == "adamw"
    assert set(rendered) >= {"name", "storage", "data", "prepare", "model", "train", "tune", "evaluate", "register"}


@pytest.mark.parametrize("missing", ["name", "data.source", "data.target"])
def test_the_required_keys_are_required(missing: str) -> None:
    document: dict[str, Any] = {"name": "demo", "data": dict(MINIMAL["data"])}
    section = document["data"] if "." in missing else document
    del section[missing.rsplit(".", maxsplit=1)[-1]]
    with pytest.raises(SpecError, match=f"{missing} is required"):
        load(document)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("train.epoch=3", ["train.epoch", "unknown key 'epoch'", "Did you mean 'epochs'?", "Allowed:"]),
        ("train.epochs=none", ["train.epochs", "'none'"]),
        ("train.epochs=0", ["train.epochs: give a whole number of at least 1, not 0."]),
        ("train.optimizer=adamm", ["train.optimizer", "'adamm'", "Did you mean 'adam'?", "To add one"]),
        ("train.optimizer.lrr=1", ["train.optimizer.lrr", "Did you mean 'lr'?"]),
        ("data.split.by=x", ["data.split.by: unknown key", "This is split 'hash'; 'by' is of: group"]),
        ("model.hiden=[3]", ["model.hiden", "Did you mean 'hidden'?"]),
        ("tain.epochs=3", ["tain", "Did you mean 'train'?"]),
        ("data.source=data.xyz", ["data.source", "'data.xyz'", ".csv"]),
        ("prepare.numbers.impute=medain", ["prepare.numbers.impute", "Did you mean 'median'?"]),
        ("evaluate.metrics=[rocauc]", ["evaluate.metrics", "Did you mean 'roc_auc'?"]),
        ("tune.space.train.epochs=[]", ["tune.space", "train"]),
        ("data.features=[a]", ["data.features", "mapping"]),
        ("evaluate.gates.roc_auc=0.9", ["evaluate.gates.roc_auc: say which side of 0.9 is wanted: '>= 0.9'"]),
        ("evaluate.gates.roc_auc=about 0.9", ["evaluate.gates.roc_auc: 'about 0.9' is not a condition."]),
        ("evaluate.gates.roc_auc=better than champion by -1", ["evaluate.gates.roc_auc", "is not a condition."]),
        ("evaluate.gates.roc_auc=[1]", ["evaluate.gates.roc_auc: give text, not [1]."]),
        ("evaluate.gates.roc_aucc='>= 0.5'", ["evaluate.gates.roc_aucc: no metric", "Did you mean 'roc_auc'?"]),
        ("evaluate.threshold=7", ["evaluate.threshold: give a probability from 0 to 1", "Got 7."]),
        ("evaluate.threshold=yes", ["evaluate.threshold: give a probability"]),
        ("evaluate.threshold=.nan", ["evaluate.threshold: give a probability"]),
        ("evaluate.threshold=f2", ["evaluate.threshold: give a probability", "youden"]),
        ("data.positive=.nan", ["data.positive: give a value"]),
        ("data.positive=[1]", ["data.positive: [1] cannot be a category"]),
        ("data.expect={a: {allowed: [1, null]}}", ["data.expect.a.allowed.1: give a value"]),
        ("data.expect={a: {mn: 1}}", ["data.expect.a.mn", "Did you mean 'min'?", "Allowed: allowed"]),
        ("data.expect={'*': {rows: {mn: 1}}}", ["data.expect.*.rows.mn", "Allowed: change, max, min."]),
        ("prepare.columns={a: {imput: mean}}", ["prepare.columns.a.imput", "Did you mean 'impute'?"]),
        ("register.alis=x", ["register.alis", "Did you mean 'alias'?"]),
        ("data.split={name: random, test: 0.9, validation: 0.5}", ["data.split: validation + test must leave"]),
        ("tune.space={a: {values: [1], low: 1}}", ["tune.space.a: low, high, log and integer make a range"]),
        ("tune.space={a: {values: [1], integer: true}}", ["tune.space.a: low, high, log and integer make a range"]),
        ("tune.space={a: {low: 1, integer: true}}", ["tune.space.a: give either values"]),
        ("tune.space={a: {integer: true}}", ["tune.space.a: give either values"]),
        ("tune.space={a: {low: 0.1, high: 2, integer: true}}", ["tune.space.a: low and high", "whole"]),
        ("tune.space={a: {low: 1, high: .inf}}", ["tune.space.a: low must be below high"]),
        ("name=a b", ["name: 'a b' cannot name a model", "letters"]),
        ("name=ü", ["name: 'ü' cannot name a model", "ASCII"]),
        ("name=" + "x" * 250, ["name: ", "200 at most"]),
        ("name=7", ["name: give text, not 7.", "in quotes"]),
        ("register.model=bad name!", ["register.model: 'bad name!' cannot name a model"]),
        ("register.alias=latest", ["register.alias: 'latest' cannot be an alias", "Usual: champion"]),
        ("register.alias=v3", ["register.alias", "cannot be an alias"]),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_place(change: str, words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        load(MINIMAL, [change])
    for word in words:
        assert word in str(caught.value)


def test_every_problem_is_listed_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        load(MINIMAL, ["train.epoch=3", "model.hiden=[3]"])
    assert len(str(caught.value).splitlines()) == 2


def test_set_reaches_into_a_plugin_given_by_name_or_not_at_all() -> None:
    spec = load({**MINIMAL, "train": {"optimizer": "sgd"}}, ["train.optimizer.lr=1e-2", "train.epochs=3"])
    assert to_dict(spec)["train"]["optimizer"]["name"] == "sgd"
    assert to_dict(spec)["train"]["optimizer"]["lr"] == 0.01
    assert spec.train.epochs == 3
    assert to_dict(load(MINIMAL, ["train.optimizer.lr=0.5"]))["train"]["optimizer"] == {
        **to_dict(load(MINIMAL))["train"]["optimizer"],
        "lr": 0.5,
    }


def test_none_switches_a_step_off() -> None:
    assert load(MINIMAL, ["prepare.numbers.scale=none"]).prepare.numbers.scale is None


@pytest.mark.parametrize("text", ["train.epochs", "=3", ""])
def test_a_set_without_a_value_says_how(text: str) -> None:
    with pytest.raises(SpecError, match="KEY.KEY=VALUE"):
        load(MINIMAL, [text])


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="rayline init"):
        load(str(tmp_path / "nothing.yaml"))
    with pytest.raises(SpecError, match="not valid YAML"):
        load(write(tmp_path, "a: [1"))
    with pytest.raises(SpecError, match="mapping"):
        load(write(tmp_path, "- a\n- b\n"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="UTF-8"):
        load(str(tmp_path / "binary.yaml"))


def test_exponents_are_numbers(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "name: demo\ndata: {source: sklearn:iris, target: target}\ntune: {space: {train.optimizer.lr: [1e-4, 2E-3]}}\n",
    )
    assert load(path).tune.space["train.optimizer.lr"].values == (1e-4, 2e-3)


def test_a_class_may_be_written_as_yaml_reads_it() -> None:
    given = {
        **MINIMAL,
        "data": {**MINIMAL["data"], "positive": 1, "expect": {"a": {"allowed": [1, 2.0, True, "yes", 0.5]}}},
    }
    spec = load(given)
    assert spec.data.positive == "1"
    assert spec.data.expect["a"].allowed == ("1", "2", "true", "yes", "0.5")
    assert load(to_dict(spec)) == spec
    jsonschema.Draft202012Validator(schema()).validate(given)


def test_the_json_schema_takes_what_the_spec_takes() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.validate(MINIMAL)
    validator.validate(to_dict(load(MINIMAL)))
    validator.validate({**MINIMAL, "train": {"optimizer": {"name": "adam", "lr": 0.1}}})
    assert list(validator.iter_errors({**MINIMAL, "train": {"optimizer": {"name": "adam", "lrr": 0.1}}}))
    assert list(validator.iter_errors({**MINIMAL, "trian": {}}))


@pytest.mark.parametrize(
    "short",
    [
        {"prepare": {"select": {"name": "mutual_info", "keep": 20}, "augment": "flip", "duplicates": "keep"}},
        {"prepare": {"clean": {"name": "missing", "columns": ["a"], "values": ["?"]}, "select": "none"}},
        {"prepare": {"reduce": "none", "texts": "none", "columns": {"a": {"impute": "none"}}}},
        {"prepare": {"sequences": {"name": "window", "length": 4, "smooth": "median"}, "leakage": {"groups": "a"}}},
        {"data": {**MINIMAL["data"], "expect": {"*": {"expressions": "a > b"}}}},
        {"tune": {"space": {"train.epochs": [1, 2]}}},
        {"prepare": None, "train": None, "tune": {"space": None}, "register": None},
        {"prepare": {"clean": None, "derive": None, "columns": {"a": None}, "numbers": None}},
        {"prepare": {"clean": {"name": "missing", "columns": "a", "values": "?"}}},
        {"prepare": {"duplicates": {"name": "exact", "columns": "a"}, "augment": {"name": "noise", "columns": "a"}}},
        {"data": {**MINIMAL["data"], "private": "a", "features": None, "expect": {"a": None}}},
        {"evaluate": {"metrics": "accuracy", "slices": "a", "gates": None}, "model": {"hidden": 8}},
    ],
)
def test_the_json_schema_takes_short_spellings_and_no_others(short: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(schema())
    validator.validate({**MINIMAL, **short})
    validator.validate(to_dict(load({**MINIMAL, **short})))
    for wrong in ({"select": "mutual"}, {"clean": 3}, {"duplicates": "dorp"}, {"leakage": {"groups": 3}}):
        assert list(validator.iter_errors({**MINIMAL, "prepare": wrong})), wrong


SPECS = Path(__file__).resolve().parents[2] / "jobs" / "specs"


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_json_schema_takes_the_specs_that_come_with_rayline(path: Path) -> None:
    assert not list(jsonschema.Draft202012Validator(schema()).iter_errors(document._read(str(path))))


def test_what_is_shown_of_a_spec_holds_no_credentials() -> None:
    spec = load(
        {
            "name": "demo",
            "storage": "s3://KEY:SECRET@runs/here?region=eu",
            "data": {"source": {"name": "csv", "path": "https://me:SECRET@host/a.csv?sig=SECRET"}, "target": "y"},
        }
    )
    shown = redacted(spec)
    assert shown["storage"] == "s3://***@runs/here?region=eu"
    assert shown["data"]["source"]["path"] == "https://***@host/a.csv?sig=***"
    assert yaml.safe_load(render(spec)) == shown
    assert "SECRET" not in render(spec)
    assert load(to_dict(spec)) == spec, "what runs keeps them"
    plain = load(MINIMAL)
    assert redacted(plain) == to_dict(plain)


def test_a_spec_is_frozen() -> None:
    spec: Spec = load(MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        spec.name = "other"


def test_a_key_is_the_text_that_is_written(tmp_path: Path) -> None:
    written = tmp_path / "spec.yaml"
    written.write_text(
        "name: m\ndata:\n  source: a.csv\n  target: y\n"
        "  expect: {y: {nullable: false, on: quarantine}, 1: {min: 0}, yes: &same {max: 3}, no: {<<: *same}}\n"
    )
    expect = load(written).data.expect
    assert expect["y"].on == "quarantine"
    assert set(expect) == {"y", "1", "yes", "no"}
    assert expect["no"].max == 3


def test_steps_of_a_column_that_are_not_given_stay_its_types() -> None:
    document: dict[str, Any] = {"name": "m", "data": {"source": "a.csv", "target": "y"}}
    document["prepare"] = {"columns": {"age": {"impute": "mean"}, "fare": {"scale": "none"}}}
    again = load(to_dict(load(document))).prepare.columns
    assert again["age"].model_fields_set == {"impute"}
    assert again["fare"].model_fields_set == {"scale"}


@pytest.mark.parametrize(
    ("short", "sets", "long"),
    [
        ("a.csv", ["delimiter=;", "ragged=skip"], {"name": "csv", "path": "a.csv", "delimiter": ";", "ragged": "skip"}),
        ("s3://b/x.parquet", ["path=y.parquet"], {"name": "parquet", "path": "y.parquet"}),
        ("hf:imdb", ["split=test"], {"name": "huggingface", "dataset": "imdb", "split": "test"}),
        ("openml:adult@2", ["columns=[a]"], {"name": "openml", "dataset": "adult", "version": 2, "columns": ["a"]}),
        ("sklearn:iris", ["dataset=wine"], {"name": "sklearn", "dataset": "wine"}),
        ("lake:adult@7", ["lake=other"], {"name": "lake", "table": "adult", "snapshot": 7, "lake": "other"}),
        (
            "kafka://h:9092/t",
            ["start=earliest"],
            {"name": "kafka", "brokers": "h:9092", "topic": "t", "start": "earliest"},
        ),
        ("sklearn:iris", ["name=csv", "path=b.csv"], {"name": "csv", "path": "b.csv"}),
        ("sklearn:iris", ["path=b.csv", "name=csv"], {"name": "csv", "path": "b.csv"}),
        ("csv", ["path=b.csv"], {"name": "csv", "path": "b.csv"}),
    ],
)
def test_a_source_written_short_takes_options(short: str, sets: list[str], long: dict[str, Any]) -> None:
    given = {"name": "demo", "data": {"source": short, "target": "y"}}
    found = to_dict(load(given, [f"data.source.{item}" for item in sets]))["data"]["source"]
    assert {key: found[key] for key in long} == long
    assert given["data"] == {"source": short, "target": "y"}


def test_a_source_that_an_override_writes_short_takes_options() -> None:
    found = to_dict(load(MINIMAL, ["data.source=a.csv", "data.source.delimiter=;"]))["data"]["source"]
    assert (found["name"], found["path"], found["delimiter"]) == ("csv", "a.csv", ";")


def test_a_source_that_cannot_be_told_is_said_to_be_so_whatever_is_set_below_it() -> None:
    for short in ("nothing.xyz", "lake:adult@seven", "sklearn:irs"):
        document = {"name": "demo", "data": {"source": short, "target": "y"}}
        with pytest.raises(SpecError) as without:
            load(document)
        with pytest.raises(SpecError) as caught:
            load(document, ["data.source.path=x", "train.epoch=3"])
        assert str(without.value) in str(caught.value)
        assert "train.epoch: unknown key" in str(caught.value)


def test_other_short_forms_take_options() -> None:
    spec = to_dict(load({**MINIMAL, "data": {**MINIMAL["data"], "split": "stratified"}}, ["data.split.test=0.3"]))
    assert (spec["data"]["split"]["name"], spec["data"]["split"]["test"]) == ("stratified", 0.3)


def test_what_is_no_spec_at_all_is_said_in_words() -> None:
    with pytest.raises(SpecError, match="a spec is a file's path, a mapping or a Spec, not 5"):
        load(5)  # type: ignore[arg-type]


def test_data_that_lies_beside_the_spec_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "w" / "adult.csv").write_text("x,y\n1,2\n")
    monkeypatch.chdir(tmp_path / "other")
    for source in ("adult.csv", "{name: csv, path: adult.csv}"):
        (tmp_path / "w" / "my.yaml").write_text(f"name: demo\ndata: {{source: {source}, target: y}}\n")
        with pytest.raises(SpecError) as caught:
            read_spec("../w/my.yaml")
        assert str(caught.value) == (
            f"data.source: there is no 'adult.csv' in {tmp_path}/other. Paths in a spec count from the working "
            "directory, and this one lies beside the spec: run the command in ../w, or give --set "
            "data.source.path=../w/adult.csv"
        )
        with pytest.raises(SpecError, match="lies beside the spec"):
            render_resolved("../w/my.yaml")
        read_spec("../w/my.yaml", ["data.source.path=../w/adult.csv"])
        monkeypatch.chdir(tmp_path / "w")
        read_spec("my.yaml")
        monkeypatch.chdir(tmp_path / "other")
    load("../w/my.yaml")  # which reads no data
    (tmp_path / "other" / "adult.csv").write_text("x,y\n1,2\n")
    read_spec("../w/my.yaml")
