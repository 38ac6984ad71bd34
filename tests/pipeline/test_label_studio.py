"""What a real Label Studio wrote is read in all its forms, and what it is given is what it takes.

The exports were recorded (`label_studio/README.md`); what it refuses was tried on the same server.
"""

import datetime as dt
import json
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest
from sklearn.datasets import load_wine

from rayline.core.errors import DataError, SpecError
from rayline.pipeline.annotate import export
from rayline.pipeline.annotated import Imported, import_labels, join

RECORDED = Path(__file__).parent / "label_studio"


def imported(tmp_path: Path, name: str, key: str = "id", label: str | None = None) -> Imported:
    return import_labels([str(RECORDED / name)], str(tmp_path / "labels.parquet"), key=key, label=label)


def rows(n: int = 24) -> pl.DataFrame:
    """The rows whose export was annotated."""
    return pl.DataFrame(
        {
            "id": [f"k{i:02d}" for i in range(n)],
            "hours per week": [float(i) if i % 5 else None for i in range(n)],
            "größe": ["groß" if i % 2 else None for i in range(n)],
            "label": ["from data"] * n,
            "text": [f"words, number {i}" for i in range(n)],
            "secret": ["s3cret"] * n,
            "topic": [["sport", "art"][i % 2] if i >= 20 else None for i in range(n)],
            "when": [dt.date(2024, 1, 1 + i) for i in range(n)],
        }
    )


@pytest.mark.parametrize(("name", "empty"), [("choices.json", 2), ("choices.min.json", 1), ("choices.csv", 3)])
def test_every_form_of_an_export_gives_the_same_labels(tmp_path: Path, name: str, empty: int) -> None:
    done = imported(tmp_path, name)
    assert done.agreement.annotators == {"1": 4, "2": 3}
    assert done.agreement.percent == pytest.approx(2 / 3)
    assert done.resolved.ties == done.resolved.disagreements == ["k06"]
    assert done.empty == empty, "the flat forms have no skipped ones, the CSV file also tasks that nobody annotated"
    assert pl.read_parquet(tmp_path / "labels.parquet").rows() == [
        ("k00", "sport", 1.0, 2), ("k01", "art", 1.0, 2), ("k08", "sport", 1.0, 1),
    ]  # fmt: skip


def test_tasks_are_what_the_recorded_server_took(tmp_path: Path) -> None:
    rows().write_parquet(tmp_path / "rows.parquet")
    done = export(
        str(tmp_path / "rows.parquet"), str(tmp_path / "tasks.json"), key="id", form="label-studio",
        only_missing="topic", private=["secret"],
    )  # fmt: skip
    assert done.rows == 20
    made = {task["meta"]["key"]: task for task in json.loads((tmp_path / "tasks.json").read_text())}
    for task in json.loads((RECORDED / "choices.json").read_text()):
        assert made[task["meta"]["key"]] == {"data": task["data"], "meta": task["meta"]}
    assert "s3cret" not in (tmp_path / "tasks.json").read_text()
    assert done.config == str(tmp_path / "tasks.xml")
    view = ElementTree.parse(tmp_path / "tasks.xml").getroot()
    fields = made["k00"]["data"]
    shown = {tag.get("name"): tag.get("value", "") for tag in view.iter("Text")}
    assert [value.removeprefix("$") for value in shown.values()] == [name for name in fields if name != "rayline_key"]
    assert all(value.isascii() and value[1:].isidentifier() for value in shown.values()), "else browsers show nothing"
    assert [tag.get("value") for tag in view.iter("Header")] == ["hours per week", "größe", "label", "text", "when"]
    (choices,) = view.iter("Choices")
    assert choices.get("name") == "label"
    assert choices.get("toName") in shown
    assert [choice.get("value") for choice in choices] == ["art", "sport"]


def test_recorded_labels_are_joined_to_the_rows(tmp_path: Path) -> None:
    rows().write_parquet(tmp_path / "rows.parquet")
    imported(tmp_path, "choices.min.json")
    done = join(
        str(tmp_path / "rows.parquet"), str(tmp_path / "labels.parquet"), str(tmp_path / "all.parquet"), key="id",
        target="topic",
    )  # fmt: skip
    assert done.labelled == 4 + 3
    found = dict(pl.read_parquet(tmp_path / "all.parquet").select("id", "topic").iter_rows())
    assert (found["k00"], found["k01"], found["k06"], found["k08"]) == ("sport", "art", None, "sport")


@pytest.mark.parametrize("name", ["controls.json", "controls.min.json", "controls.csv"])
def test_numbers_texts_and_stars_are_read(tmp_path: Path, name: str) -> None:
    for label, wanted in (("amount", "2.5"), ("note", "seen"), ("stars", "4")):
        done = imported(tmp_path, name, key="row", label=label)
        assert set(done.resolved.labels["label"]) == {wanted}
        assert done.agreement.rows == 2
        assert done.agreement.shared == (0 if label == "stars" else 1)
    assert pl.read_parquet(tmp_path / "labels.parquet")["row"].to_list() == [0, 1]


def test_boxes_are_no_labels_of_a_row(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="several controls. Name one with --label: amount, note, stars"):
        imported(tmp_path, "controls.json", key="row")
    with pytest.raises(DataError, match="no control is called 'box'"):
        imported(tmp_path, "controls.json", key="row", label="box")
    with pytest.raises(DataError, match="task 2 holds height, .* a choice, a number or a text is needed"):
        imported(tmp_path, "controls.min.json", key="row", label="box")
    with pytest.raises(DataError, match="row 2 holds height"):
        imported(tmp_path, "controls.csv", key="row", label="box")
    only = [task for task in json.loads((RECORDED / "controls.json").read_text()) if task["data"]["row"] == 2]
    (tmp_path / "boxes.json").write_text(json.dumps(only))
    with pytest.raises(DataError, match="results of kind rectanglelabels alone.*choices, number, rating, textarea"):
        import_labels([str(tmp_path / "boxes.json")], str(tmp_path / "l.parquet"), key="row")


def test_label_studios_own_number_is_not_taken_for_the_key(tmp_path: Path) -> None:
    # a project that was not filled from our export: its tasks had an `id`, and JSON-MIN has written over it
    flat = json.loads((RECORDED / "choices.min.json").read_text())
    for task in flat:
        del task["rayline_key"]
    (tmp_path / "foreign.json").write_text(json.dumps(flat))
    with pytest.raises(DataError, match="task 1: JSON-MIN holds Label Studio's own 'id'.*Export as JSON"):
        import_labels([str(tmp_path / "foreign.json")], str(tmp_path / "l.parquet"), key="id")


def test_tasks_that_nobody_annotated_give_no_label(tmp_path: Path) -> None:
    flat = json.loads((RECORDED / "choices.min.json").read_text())
    for task in flat:  # as it writes data of the control's name
        task.setdefault("label", "from data")
    (tmp_path / "flat.json").write_text(json.dumps([task for task in flat if task["annotation_id"] is None]))
    with pytest.raises(DataError, match="there is no label"):
        import_labels([str(tmp_path / "flat.json")], str(tmp_path / "l.parquet"), key="id")


def test_a_field_that_no_task_has_is_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no task has a field 'topic'. Name the control with --label. Fields: .*label"):
        imported(tmp_path, "choices.min.json", label="topic")
    with pytest.raises(DataError, match="no control is called 'topic'.*Controls: label"):
        imported(tmp_path, "choices.json", label="topic")


@pytest.mark.parametrize(
    ("annotations", "match"),
    [
        ([7], "its annotations are no list of objects"),
        ([{"result": [{"type": "choices", "value": ["a"]}]}], "result of an annotation is no list"),
        ([{"result": "a"}], "result of an annotation is no list"),
        ([{"completed_by": 1}], "there is no label"),
        ([{"result": [{"type": "choices", "from_name": "label", "value": {"choices": [{}]}}]}], "a label is dict"),
    ],
)
def test_broken_annotations_are_refused(tmp_path: Path, annotations: list[object], match: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps([{"data": {"row": 1}, "annotations": annotations}]))
    with pytest.raises(DataError, match=match):
        import_labels([str(tmp_path / "x.json")], str(tmp_path / "l.parquet"), key="row")


def configured(tmp_path: Path, frame: pl.DataFrame, **options: object) -> ElementTree.Element:
    frame.write_parquet(tmp_path / "d.parquet")
    export(str(tmp_path / "d.parquet"), str(tmp_path / "t.json"), form="label-studio", **options)  # type: ignore[arg-type]
    return ElementTree.parse(tmp_path / "t.xml").getroot()


def test_the_configuration_fits_what_is_to_be_filled_in(tmp_path: Path) -> None:
    frame = rows().with_columns(
        pl.Series("price", [n + 0.5 if n % 3 else None for n in range(24)]),
        pl.Series("grade", [n % 4 if n % 3 else None for n in range(24)]),
    )
    (number,) = configured(tmp_path, frame, columns=["text"], only_missing="price").iter("Number")
    assert number.attrib == {"name": "label", "toName": "shown_0"}
    grades = configured(tmp_path, frame, columns=["text"], only_missing="grade").iter("Choice")
    assert [choice.get("value") for choice in grades] == ["0", "1", "2", "3"]
    named = configured(tmp_path, frame, columns=["text"], classes=["a & b", '"c"'], label="mood")
    assert [choice.get("value") for choice in named.iter("Choice")] == ["a & b", '"c"']
    assert named.find("Choices").get("name") == "mood"  # type: ignore[union-attr]
    assert list(configured(tmp_path, frame, columns=["text"]).iter("TextArea"))
    hidden = configured(tmp_path, frame, columns=["text"], only_missing="topic", private=["topic"])
    assert list(hidden.iter("TextArea")), "labels of a private column are not told"
    assert "sport" not in (tmp_path / "t.xml").read_text()
    alone = configured(tmp_path, frame.select("id"), key="id")
    assert [tag.get("value") for tag in alone.iter("Text")] == ["$rayline_key"]


def test_suspects_go_out_without_their_labels(tmp_path: Path) -> None:
    x, y = load_wine(return_X_y=True)
    labels = [f"wine {value}" for value in y]
    labels[3], labels[100] = "wine 2", "wine 0"
    frame = pl.DataFrame({f"c{n}": x[:, n] for n in range(x.shape[1])} | {"kind": labels})
    frame.write_csv(tmp_path / "wine.csv")
    done = export(str(tmp_path / "wine.csv"), str(tmp_path / "todo.csv"), suspects="kind")
    todo = pl.read_csv(tmp_path / "todo.csv")
    assert {3, 100} <= set(todo["row"])
    assert done.rows == todo.height < 8
    assert "kind" not in todo.columns
    export(str(tmp_path / "wine.csv"), str(tmp_path / "one.csv"), suspects="kind", sample=1)
    assert pl.read_csv(tmp_path / "one.csv")["row"][0] in (3, 100)
    view = configured(tmp_path, frame, suspects="kind")
    assert [choice.get("value") for choice in view.iter("Choice")] == ["wine 0", "wine 1", "wine 2"]
    # what people said takes the place of what was there
    todo.select("row", pl.lit("wine 1").alias("label")).write_csv(tmp_path / "said.csv")
    import_labels([str(tmp_path / "said.csv")], str(tmp_path / "l.parquet"), key="row")
    places = [str(tmp_path / name) for name in ("wine.csv", "l.parquet", "all.csv")]
    join(*places, key="row", target="kind", replace=True)  # type: ignore[misc]
    assert pl.read_csv(tmp_path / "all.csv")["kind"][3] == "wine 1"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"suspects": "topic", "only_missing": "topic"}, "give one of them"),
        ({"suspects": "topic", "private": ["topic"]}, "'topic' is private too"),
        ({"suspects": "topik"}, "--suspects 'topik' is not a column. Did you mean 'topic'"),
        ({"suspects": "topic"}, "of 'topic' no label can be suspected"),
        ({"classes": ["a"], "form": "csv"}, "give --format label-studio too"),
        ({"classes": ["a", " a"]}, "blank or there twice"),
        ({"label": "id"}, "'id' is a field that Label Studio writes itself"),
        ({"label": "text", "key": "text"}, "the key 'text' is called like what annotators fill in"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path: Path, options: dict[str, object], match: str) -> None:
    rows().write_parquet(tmp_path / "rows.parquet")
    with pytest.raises((SpecError, DataError), match=match):
        export(
            str(tmp_path / "rows.parquet"), str(tmp_path / "tasks.json"),
            **{"key": "id", "form": "label-studio", **options},  # type: ignore[arg-type]
        )  # fmt: skip
    assert not (tmp_path / "tasks.json").exists()
