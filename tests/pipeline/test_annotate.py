"""Rows out to annotators, their labels back, and both joined: what goes out, what is refused, what is left behind."""

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from rayline.core.errors import DataError, InputError, SpecError, StorageError
from rayline.pipeline.annotate import export
from rayline.pipeline.annotated import import_labels, join


@pytest.fixture
def data(tmp_path: Path) -> str:
    rows = pl.DataFrame(
        {
            "id": [f"k{n:03d}" for n in range(100)],
            "text": [f"text, number {n}\nand more" for n in range(100)],
            "amount": [n / 4 if n % 5 else None for n in range(100)],
            "secret": [f"s3cret {n}" for n in range(100)],
            "topic": ["sport" if n % 3 == 0 else None for n in range(100)],
        }
    )
    rows.write_csv(tmp_path / "rows.csv")
    return str(tmp_path / "rows.csv")


def out(tmp_path: Path, name: str) -> str:
    return str(tmp_path / name)


def studio(labels: dict[str, list[tuple[Any, Any]]], key: str = "id") -> str:
    """An export of Label Studio: key to (annotator, label)."""
    return json.dumps(
        [
            {
                "id": place + 1,
                "data": {key: name, "text": "x"},
                "annotations": [
                    {
                        "id": 7,
                        "completed_by": who,
                        "was_cancelled": label is None,
                        "result": []
                        if label is None
                        else [
                            {"from_name": "topic", "to_name": "text", "type": "choices", "value": {"choices": [label]}}
                        ],
                    }
                    for who, label in given
                ],
            }
            for place, (name, given) in enumerate(labels.items())
        ]
    )


def test_csv_holds_the_rows_without_private_columns_and_empty_ones_to_fill(tmp_path: Path, data: str) -> None:
    done = export(data, out(tmp_path, "todo.csv"), key="id", only_missing="topic", private=["secret"])
    found = pl.read_csv(tmp_path / "todo.csv")
    assert found.columns == ["id", "text", "amount", "label", "annotator"]
    assert found["id"].to_list() == [f"k{n:03d}" for n in range(100) if n % 3]
    assert found["text"][0] == "text, number 1\nand more"
    assert found["label"].null_count() == found.height == done.rows == done.found
    assert done.left_out == ("secret",)
    assert "s3cret" not in (tmp_path / "todo.csv").read_text()


def test_a_sample_is_drawn_by_keys_and_a_larger_one_holds_it(tmp_path: Path, data: str) -> None:
    def drawn(rows: int, seed: int = 0, source: str = data) -> list[str]:
        export(source, out(tmp_path, "some.csv"), key="id", sample=rows, seed=seed, columns=["text"])
        return pl.read_csv(tmp_path / "some.csv")["id"].to_list()

    ten, thirty = drawn(10), drawn(30)
    assert len(ten) == 10
    assert set(ten) < set(thirty)
    assert ten == sorted(ten), "in the order of the data"
    assert drawn(10, seed=1) != ten
    (tmp_path / "cut").mkdir()
    for part in range(4):  # the same rows in four files
        pl.read_csv(data)[part * 25 : part * 25 + 25].write_csv(tmp_path / "cut" / f"{part}.csv")
    assert drawn(10, source=str(tmp_path / "cut")) == ten


def test_label_studio_gets_tasks_with_data_and_key(tmp_path: Path, data: str) -> None:
    export(data, out(tmp_path, "tasks.json"), key="id", form="label-studio", columns=["text", "amount"])
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert len(tasks) == 100
    assert tasks[5] == {
        "data": {"rayline_key": "k005", "text": "text, number 5\nand more", "amount": ""},
        "meta": {"key": "k005"},
    }


def test_images_go_out_as_places_of_files(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for n in range(2):
            buffer = io.BytesIO()
            Image.new("RGB", (8, 8), (n * 90, 10, 10)).save(buffer, "PNG")
            (tmp_path / "photos" / name / f"{n}.png").write_bytes(buffer.getvalue())
    folder = str(tmp_path / "photos")
    export(folder, out(tmp_path, "tasks.json"), key="path", form="label-studio", columns=["image"])
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert [set(task["data"]) for task in tasks] == [{"path", "image"}] * 4
    assert all(Path(task["data"]["image"]).read_bytes().startswith(b"\x89PNG") for task in tasks)
    export(folder, out(tmp_path, "tasks.json"), key="path", form="label-studio", url_prefix="/data/local-files/?d=p/")
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=p/cat/0.png"
    assert tasks[0]["data"]["column_1_label"] == "cat", "under the control's name it would look like an answer"
    assert '<Image name="shown_0" value="$image"/>' in (tmp_path / "tasks.xml").read_text()
    with pytest.raises(SpecError, match="has a column 'label', which annotators are to fill"):
        export(folder, out(tmp_path, "todo.csv"), key="path")
    done = export(folder, out(tmp_path, "todo.csv"), key="path", private=["label"])
    assert done.columns == ("path", "image")
    done = export(folder, out(tmp_path, "hidden.csv"), private=["path", "label"])
    assert done.columns == ("row",), "where a file is tells its private path"
    assert set(done.left_out) == {"image", "path", "label"}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"key": "idd"}, "--key 'idd' is not a column. Did you mean 'id'"),
        ({"key": "secret"}, "'secret' is private and cannot be the key"),
        ({"columns": ["secret"]}, "'secret' is private and is never exported"),
        ({"key": "topic"}, "the key 'topic' is missing in 66 rows"),
        ({"only_missing": "topik"}, "--only-missing 'topik' is not a column"),
    ],
)
def test_what_cannot_go_out_is_refused_and_nothing_is_written(
    tmp_path: Path, data: str, options: Any, match: str
) -> None:
    with pytest.raises((SpecError, DataError), match=match):
        export(data, out(tmp_path, "todo.csv"), **{"key": "id", "private": ["secret"], **options})
    assert not (tmp_path / "todo.csv").exists()


def test_nothing_to_label_is_said(tmp_path: Path, data: str) -> None:
    with pytest.raises(DataError, match="nothing to label, no row lacks 'text'"):
        export(data, out(tmp_path, "todo.csv"), key="id", only_missing="text")


def test_a_key_of_several_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,x\n1,a\n2,b\n1,c\n")
    with pytest.raises(DataError, match="'id' names several rows to be labelled: 1"):
        export(out(tmp_path, "a.csv"), out(tmp_path, "todo.csv"), key="id")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError):
        export(out(tmp_path, "a.csv"), out(tmp_path, "folder"))


def test_labels_of_one_file_an_annotator_come_back_with_their_agreement(tmp_path: Path) -> None:
    (tmp_path / "ann.csv").write_text("id,label\nk1,a\nk2,a\nk3,b\nk4,\n")
    (tmp_path / "bob.csv").write_text("id,label\nk1,a\nk2,b\nk3,b\n")
    places = [out(tmp_path, "ann.csv"), out(tmp_path, "bob.csv")]
    done = import_labels(places, out(tmp_path, "labels.parquet"), key="id")
    assert done.agreement.annotators == {"ann": 3, "bob": 3}
    assert done.agreement.percent == pytest.approx(2 / 3)
    assert done.resolved.ties == done.resolved.disagreements == ["k2"]
    assert done.empty == 1
    assert pl.read_parquet(tmp_path / "labels.parquet").to_dicts() == [
        {"id": "k1", "label": "a", "agreement": 1.0, "annotators": 2},
        {"id": "k3", "label": "b", "agreement": 1.0, "annotators": 2},
    ]
    settled = import_labels(places, out(tmp_path, "labels.csv"), key="id", adjudicator="bob")
    assert pl.read_csv(tmp_path / "labels.csv")["label"].to_list() == ["a", "b", "b"]
    assert settled.resolved.ties == []


def test_label_studios_export_comes_back_and_its_flat_form_too(tmp_path: Path) -> None:
    labels: dict[str, list[tuple[Any, Any]]] = {
        "k1": [(1, "a"), ({"id": 2, "email": "bob@x.org"}, "a")],
        "k2": [(1, "b"), ({"id": 2, "email": "bob@x.org"}, "a"), (3, None)],
        "k3": [],
    }
    (tmp_path / "full.json").write_text(studio(labels))
    done = import_labels([out(tmp_path, "full.json")], out(tmp_path, "labels.parquet"), key="id")
    assert done.agreement.annotators == {"1": 2, "bob@x.org": 2}
    assert done.resolved.ties == ["k2"]
    assert done.empty == 1
    flat = [
        {"key": "k1", "text": "x", "topic": "a", "annotator": 1, "annotation_id": 4},
        {"key": "k1", "text": "x", "topic": {"choices": "a"}, "annotator": 2},
        {"key": "k2", "text": "x", "annotator": 2},
    ]
    (tmp_path / "flat.json").write_text(json.dumps(flat))
    done = import_labels([out(tmp_path, "flat.json")], out(tmp_path, "labels.parquet"), key="key", label="topic")
    assert done.resolved.labels.rows() == [("k1", "a", 1.0, 2)]
    assert done.empty == 1


def test_a_key_of_meta_is_found_and_whole_numbers_stay_numbers(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x\n5\n6\n7\n")
    export(out(tmp_path, "rows.csv"), out(tmp_path, "tasks.json"), form="label-studio", columns=["x"])
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    for task in tasks:
        task["data"].pop("row")
        task["annotations"] = json.loads(studio({"-": [(1, "low" if task["data"]["x"] < 7 else "high")]}))[0][
            "annotations"
        ]
    (tmp_path / "done.json").write_text(json.dumps(tasks))
    import_labels([out(tmp_path, "done.json")], out(tmp_path, "labels.parquet"), key="row")
    found = pl.read_parquet(tmp_path / "labels.parquet")
    assert found["row"].to_list() == [0, 1, 2]
    done = join(
        out(tmp_path, "rows.csv"),
        out(tmp_path, "labels.parquet"),
        out(tmp_path, "all.csv"),
        key="row",
        target="size",
    )
    assert done.labelled == 3
    assert pl.read_csv(tmp_path / "all.csv")["size"].to_list() == ["low", "low", "high"]


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("x.json", "{]", "is no JSON"),
        ("x.json", '{"a": 1}', "no export of Label Studio"),
        ("x.json", '[{"data": {"text": "x"}, "annotations": []}]', "task 1 has no 'id' in its data"),
        ("x.csv", "id,labl\n1,a\n", "--label 'label' is not a column. Did you mean 'labl'"),
        ("x.csv", "id,label\n1,\n", "there is no label"),
        ("x.csv", "id,label\n1,a\n1,b\n", "annotator 'x' gave row '1' more than one label"),
        ("x.csv", "id,label\n1,a\n,b\n", "the key 'id' is missing in labelled row 2"),
    ],
)
def test_labels_that_cannot_be_read_are_refused(tmp_path: Path, name: str, text: str, match: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises((DataError, SpecError), match=match):
        import_labels([out(tmp_path, name)], out(tmp_path, "labels.parquet"), key="id")
    assert not (tmp_path / "labels.parquet").exists()


def test_several_choices_and_several_controls_are_refused(tmp_path: Path) -> None:
    document = json.loads(studio({"k1": [(1, "a")]}))
    document[0]["annotations"][0]["result"][0]["value"]["choices"] = ["a", "b"]
    (tmp_path / "x.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"task 1 \(row 'k1'\) has 2 labels of one annotator"):
        import_labels([out(tmp_path, "x.json")], out(tmp_path, "l.parquet"), key="id")
    document = json.loads(studio({"k1": [(1, "a")]}))
    second = document[0]["annotations"][0]["result"][0] | {"from_name": "mood", "value": {"choices": ["glad"]}}
    document[0]["annotations"][0]["result"].append(second)
    (tmp_path / "x.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match="several controls. Name one with --label: mood, topic"):
        import_labels([out(tmp_path, "x.json")], out(tmp_path, "l.parquet"), key="id")
    done = import_labels([out(tmp_path, "x.json")], out(tmp_path, "l.parquet"), key="id", label="mood")
    assert done.resolved.labels["label"].to_list() == ["glad"]


def labels_file(tmp_path: Path, labels: dict[str, str]) -> str:
    pl.DataFrame({"id": list(labels), "label": list(labels.values())}).write_csv(tmp_path / "l.csv")
    return out(tmp_path, "l.csv")


def test_labels_are_joined_to_rows_that_lack_the_target(tmp_path: Path, data: str) -> None:
    labels = labels_file(tmp_path, {"k001": "art", "k050": "sport", "gone": "art", "k000": "sport"})
    done = join(data, labels, out(tmp_path, "all.parquet"), key="id", target="topic")
    found = pl.read_parquet(tmp_path / "all.parquet")
    assert found.columns == ["id", "text", "amount", "secret", "topic"]
    assert found["topic"].to_list()[:3] == ["sport", "art", None]
    assert found["topic"][50] == "sport"
    assert done.unmatched == ["gone"]
    assert done.labelled == 34 + 2
    done = join(data, labels, out(tmp_path, "some.csv"), key="id", target="own", only_labelled=True)
    assert pl.read_csv(tmp_path / "some.csv")["own"].to_list() == ["sport", "art", "sport"]
    assert done.rows == 3


def test_a_label_that_differs_from_what_is_there_is_refused_unless_it_replaces(tmp_path: Path, data: str) -> None:
    labels = labels_file(tmp_path, {"k000": "art"})
    with pytest.raises(DataError, match="has another value already .* key 'k000'. --replace"):
        join(data, labels, out(tmp_path, "all.parquet"), key="id", target="topic")
    assert not (tmp_path / "all.parquet").exists()
    join(data, labels, out(tmp_path, "all.parquet"), key="id", target="topic", replace=True)
    assert pl.read_parquet(tmp_path / "all.parquet")["topic"][0] == "art"


def test_blank_texts_and_nan_are_filled(tmp_path: Path) -> None:
    pl.DataFrame({"id": ["a", "b"], "new": [1, 2], "topic": [" ", "x"], "size": [float("nan"), 1.0]}).write_parquet(
        tmp_path / "d.parquet"
    )
    for target, label in (("topic", "y"), ("size", "3")):
        labels = labels_file(tmp_path, {"a": label})
        join(out(tmp_path, "d.parquet"), labels, out(tmp_path, "o.parquet"), key="id", target=target)
        found = pl.read_parquet(tmp_path / "o.parquet")
        assert str(found[target][0]) in (label, f"{label}.0")
        assert found["new"].to_list() == [1, 2]


KEYS = {
    "texts with noughts": pl.Series(["007", "7", "08"]),
    "texts like powers": pl.Series(["1e3", "1000", "1_0"]),
    "days": pl.Series([dt.date(2024, 1, day) for day in (1, 2, 3)]),
    "times": pl.Series([dt.datetime(2024, 1, 1, hour) for hour in (1, 2, 3)]),
    "fractions": pl.Series([1.5, 2.0, 3.25]),
    "large numbers": pl.Series([2**63 - 1, 2**62, 5]),
    "larger ones": pl.Series([2**64 - 1, 1, 2], dtype=pl.UInt64),
    "texts": pl.Series(["a, b", "ä", 'q"']),
}


@pytest.mark.parametrize("form", ["csv", "label-studio"])
@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_keys_of_any_kind_come_back_to_their_rows(tmp_path: Path, keys: pl.Series, form: Any) -> None:
    pl.DataFrame({"k": keys, "x": ["p", "q", "r"]}).write_parquet(tmp_path / "d.parquet")
    todo, done = out(tmp_path, "todo.csv" if form == "csv" else "todo.json"), out(tmp_path, "labels.csv")
    export(out(tmp_path, "d.parquet"), todo, key="k", form=form)
    if form == "csv":
        filled = pl.read_csv(todo, infer_schema=False).with_columns(pl.Series("label", ["a", "b", "c"]))
        filled.write_csv(todo)
    else:
        tasks = json.loads(Path(todo).read_text())
        for task, label in zip(tasks, "abc", strict=True):
            task["annotations"] = json.loads(studio({"-": [(1, label)]}))[0]["annotations"]
        Path(todo).write_text(json.dumps(tasks))
    import_labels([todo], done, key="k")
    joined = join(out(tmp_path, "d.parquet"), done, out(tmp_path, "o.parquet"), key="k", target="y")
    assert joined.unmatched == []
    assert pl.read_parquet(tmp_path / "o.parquet")["y"].to_list() == ["a", "b", "c"]


def test_noughts_before_numbers_are_no_matter_where_keys_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,x\n007,p\n008,q\n")
    (tmp_path / "ann.csv").write_text("id,label\n007,a\n008,b\n")
    import_labels([out(tmp_path, "ann.csv")], out(tmp_path, "l.csv"), key="id")
    done = join(out(tmp_path, "d.csv"), out(tmp_path, "l.csv"), out(tmp_path, "o.csv"), key="id", target="y")
    assert done.labelled == 2


def test_labels_that_the_column_did_not_hold_are_told(tmp_path: Path, data: str) -> None:
    labels = labels_file(tmp_path, {"k001": "sport", "k002": "spotr"})
    assert join(data, labels, out(tmp_path, "o.parquet"), key="id", target="topic").new == ["spotr"]
    assert join(data, labels, out(tmp_path, "o.parquet"), key="id", target="own").new == []
    numbers = labels_file(tmp_path, {"k000": "2.75"})
    assert join(data, numbers, out(tmp_path, "o.parquet"), key="id", target="amount").new == []


def test_predictions_and_skipped_tasks_alone_are_no_labels(tmp_path: Path) -> None:
    document = json.loads(studio({"k1": [(1, None)], "k2": []}))
    document[1]["predictions"] = json.loads(studio({"k2": [(1, "a")]}))[0]["annotations"]
    (tmp_path / "x.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"there is no label \(1 are empty or skipped; predictions and drafts are none"):
        import_labels([out(tmp_path, "x.json")], out(tmp_path, "l.parquet"), key="id")


def test_numbers_stay_numbers_and_words_among_them_are_refused(tmp_path: Path, data: str) -> None:
    join(data, labels_file(tmp_path, {"k000": "2.5"}), out(tmp_path, "a.parquet"), key="id", target="amount")
    assert pl.read_parquet(tmp_path / "a.parquet")["amount"][0] == 2.5
    with pytest.raises(DataError, match="'amount' holds double, and 1 labels are none: high"):
        join(data, labels_file(tmp_path, {"k000": "high"}), out(tmp_path, "b.parquet"), key="id", target="amount")


def test_joins_that_are_not_one_to_one_are_refused(tmp_path: Path, data: str) -> None:
    (tmp_path / "twice.csv").write_text("id,x\n1,a\n2,b\n1,c\n3,d\n3,e\n")
    with pytest.raises(DataError, match="1 keys that were labelled name several rows: 1"):
        join(
            out(tmp_path, "twice.csv"),
            labels_file(tmp_path, {"1": "a", "2": "b"}),
            out(tmp_path, "o.csv"),
            key="id",
            target="y",
        )
    join(out(tmp_path, "twice.csv"), labels_file(tmp_path, {"2": "b"}), out(tmp_path, "o.csv"), key="id", target="y")
    with pytest.raises(DataError, match="no row of .* has one of the 1 labelled keys"):
        join(data, labels_file(tmp_path, {"x": "a"}), out(tmp_path, "p.csv"), key="id", target="y")
    (tmp_path / "l.csv").write_text("id,label\nk001,a\nk001,b\n")
    with pytest.raises(DataError, match="1 keys are there twice: k001"):
        join(data, out(tmp_path, "l.csv"), out(tmp_path, "p.csv"), key="id", target="y")
    with pytest.raises(InputError, match="give OUT.csv or OUT.parquet"):
        join(data, labels_file(tmp_path, {"k001": "a"}), out(tmp_path, "p.txt"), key="id", target="y")
    assert not (tmp_path / "p.csv").exists()
