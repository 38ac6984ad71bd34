"""The page of augmented samples: everything a person is to see, nothing private, no network."""

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from rayline.core.columns import ROW
from rayline.core.errors import SpecError
from rayline.core.prepared import Rows
from rayline.pipeline.augment_samples import augment_samples
from rayline.pipeline.cleaned import recipe_of
from rayline.pipeline.collect import collect
from rayline.prepare import preparation
from rayline.prepare.target import encode
from rayline.prepare.training_rows import balanced
from rayline.report import augment_page
from rayline.report.augment_page import Samples
from rayline.sources.scan import frame as read
from rayline.sources.scan import scan
from rayline.spec import load


@pytest.fixture
def photos(tmp_path: Path) -> str:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for n in range(30):
            pixels = np.random.default_rng([n, name == "cat"]).integers(0, 256, (10, 10, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{n}.png")
    return str(tmp_path)


def samples(prepare: dict[str, Any], data: dict[str, Any], **more: Any) -> Samples:
    found = collect(load({"name": "shown", "data": data, "prepare": prepare}), scan, stop=False)
    features = (*found.features, *found.tensors)
    fitted = preparation.fit(found.spec.prepare, features, found.training, found.target)
    return augment_samples(found, fitted.with_recipe(recipe_of(found.source)), **more)


def images(page: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def test_images_are_shown_as_they_are_and_as_each_epoch_sees_them(photos: str) -> None:
    prepare = {"images": {"name": "pixels", "size": 10, "scale": "standard"}, "augment": [{"name": "flip", "p": 1.0}]}
    data = {"source": photos, "target": "label", "features": {"path": "drop"}}
    found = samples(prepare, data, rows=4, epochs=2)
    page = augment_page.render(found, title="photos")
    shown = images(page)
    assert len(shown) == 4 * 3
    for row in range(4):
        before, *after = shown[row * 3 : row * 3 + 3]
        assert before.shape == (130, 130, 3)
        for version in after:
            assert np.array_equal(version, before[:, ::-1])
    every = {Image.open(path).tobytes() for path in Path(photos).rglob("*.png")}
    assert all(Image.fromarray(one[::13, ::13]).tobytes() in every for one in shown[::3]), (
        "colours are those of the files"
    )
    assert re.findall(r'class="answer">(\w+)', page)[:6:3] == ["cat", "dog"] or "dog" in page
    assert "1. flip (p 1, direction horizontal)" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page


def test_each_class_is_among_the_rows_and_the_same_rows_come_again(photos: str) -> None:
    prepare = {"images": {"name": "pixels", "size": 10}, "augment": ["cutmix"]}
    data = {"source": photos, "target": "label", "features": {"path": "drop"}}
    one, again = (samples(prepare, data, rows=2) for _ in range(2))
    assert sorted(one.before.target.tolist()) == [0, 1]
    for a, b in zip((one.before, *one.after), (again.before, *again.after), strict=True):
        assert np.array_equal(a.tensors[0], b.tensors[0])
        assert np.array_equal(a.target, b.target)
    page = augment_page.render(one)
    assert re.search(r"\d+% cat, \d+\S*% dog|\d+\S*% dog, \d+\S*% cat", page)


@pytest.fixture
def notes(tmp_path: Path) -> str:
    rows = ["note,size,answer"]
    rows += [
        f"the weather is {'fine' if n % 2 else 'bad'} on day{n % 7} of it,{n * 17 % 41 / 2},{'yes' if n % 2 else 'no'}"
        for n in range(80)
    ]
    (tmp_path / "notes.csv").write_text("\n".join(rows))
    return str(tmp_path / "notes.csv")


def test_texts_are_shown_in_words_and_numbers_in_a_table(notes: str) -> None:
    prepare = {"texts": {"name": "tokens"}, "augment": [{"name": "token_mask", "rate": 0.5, "p": 1.0}, "number_noise"]}
    page = augment_page.render(samples(prepare, {"source": notes, "target": "answer", "features": {"note": "text"}}))
    assert "weather" in page
    assert '<span class="unknown">□</span>' in page
    assert '<th class="num">size</th>' in page
    assert page.count("epoch 4") > 2


def test_private_columns_and_targets_are_not_shown(notes: str) -> None:
    prepare = {
        "texts": {"name": "tokens"},
        "augment": [{"name": "token_mask", "p": 1.0}, {"name": "number_noise", "p": 1.0}],
    }
    data = {"source": notes, "target": "answer", "features": {"note": "text"}, "private": ["note", "size"]}
    page = augment_page.render(samples(prepare, data))
    assert "2 private columns are not shown" in page
    assert "weather" not in page
    assert 'id="numbers"' not in page
    data = {"source": notes, "target": "answer", "features": {"note": "text"}, "private": ["answer"]}
    assert not re.search(r'class="answer">', augment_page.render(samples(prepare, data)))


def test_sequences_and_sounds_are_drawn(tmp_path: Path) -> None:
    from rayline.core.prepared import Layout, TensorInput

    layout = Layout(
        (),
        (),
        (),
        (
            TensorInput("wave", "audio", (5000,)),
            TensorInput("heat", "audio", (8, 20)),
            TensorInput("flat", "sequence", (1,)),
        ),
    )
    rng = np.random.default_rng(0)
    arrays = (rng.normal(size=(2, 5000)), rng.random((2, 8, 20)), np.zeros((2, 1)))
    before = augment_page.Arrays(np.zeros((2, 0), np.float32), arrays, np.zeros(2))
    after = augment_page.Arrays(np.zeros((2, 0), np.float32), (arrays[0] * 2, arrays[1], arrays[2]), np.zeros(2))
    page = augment_page.render(Samples(layout, ("row 1", "row 2"), before, (after,), ("gain",), "y"))
    lines = re.findall(r'<polyline class="(\w+)" points="([^"]+)"', page)
    assert [kind for kind, _ in lines].count("was") == 2, "only what changed has what it was behind it"
    assert max(len(points.split()) for _, points in lines) <= augment_page.POINTS
    assert len(images(page)) == 4
    assert "nan" not in page


def test_nothing_declared_is_nothing_to_show(notes: str) -> None:
    with pytest.raises(SpecError, match="neither prepare.augment nor prepare.balance declares anything"):
        samples({}, {"source": notes, "target": "answer"})


@pytest.fixture
def loans(tmp_path: Path) -> str:
    rows = ["income,age,town,code,repaid"]
    for n in range(300):
        town, repaid = "north" if n * 7 % 5 else "south", "no" if n % 10 == 3 else "yes"
        rows.append(f"{1000 + n * 37 % 500},{20 + n % 41},{town},{'ab'[n % 2]},{repaid}")
    (tmp_path / "loans.csv").write_text("\n".join(rows))
    return str(tmp_path / "loans.csv")


def made_rows(page: str) -> list[list[list[str]]]:
    """The cells of each made-up row between those of its real ones, names first."""
    part = page.split('id="balance"')[1].split("</section>", maxsplit=1)[0].split("Rows made up")[1]
    lines = [re.findall(r"<td[^>]*>([^<]*)</td>", line) for line in re.findall(r"<tr[^>]*>.*?</tr>", part)[1:]]
    return [lines[start : start + 3] for start in range(0, len(lines), 3)]


def test_balancing_shows_classes_before_and_after_and_made_up_rows_beside_real_ones(loans: str) -> None:
    prepare = {"balance": "smotenc", "augment": ["number_noise"]}
    found = samples(prepare, {"source": loans, "target": "repaid"})
    page = augment_page.render(found)
    assert found.balance is not None
    no, yes = (found.balance.account["of_each"][name] for name in ("no", "yes"))
    assert 0 < no["rows"] < yes["rows"]
    assert no["rows"] + no["made_up"] == yes["epoch"] == yes["rows"]
    for shown in (no["rows"], yes["rows"], no["epoch"]):
        assert f'<td class="num">{shown}</td>' in page
    assert f"{no['made_up']} made up" in page
    assert "50%" in page
    assert "smotenc (ratio 1, neighbours 5, among 20000)" in page
    header, *lines = (line.split(",") for line in Path(loans).read_text().splitlines())
    groups = made_rows(page)
    assert len(groups) == 3
    for (begin, *first), (name, *between), (end, *last) in groups:
        assert name == "made up"
        for called, cells in ((begin, first), (end, last)):
            row = dict(zip(header, lines[int(re.fullmatch(r"row (\d+) of loans.csv", called)[1]) - 1], strict=True))  # type: ignore[index]
            assert row["repaid"] == "no"
            assert cells == [row["income"], row["age"], row["town"], row["code"]], "in the data's own units"
        for made, *ends in list(zip(between, first, last, strict=True))[:2]:
            assert min(map(float, ends)) - 0.5 <= float(made) <= max(map(float, ends)) + 0.5
        assert between[2] in ("north", "south")


def test_made_up_rows_are_those_of_training(loans: str) -> None:
    prepare = {"balance": "smote", "numbers": {"scale": "none"}}
    data = {"source": loans, "target": "repaid", "features": {"town": "drop", "code": "drop"}}
    found = collect(load({"name": "shown", "data": data, "prepare": prepare}), scan, stop=False)
    fitted = preparation.fit(found.spec.prepare, found.features, found.training, found.target)
    frame = read(found.source, found.source.fragments()[0], None)
    frame = frame.filter(pl.Series(found.assign(frame) >= 0))
    rows = Rows(fitted.apply(frame), encode(frame["repaid"], found.target), frame[ROW].to_numpy())
    trained = balanced(rows, found.spec.prepare.balance, fitted.layout, found.target, seed=found.spec.train.seed).made
    assert trained is not None
    shown = samples(prepare, data).balance
    assert shown is not None
    assert [[float(cell) for cell in row.made] for row in shown.made] == [
        pytest.approx(row, rel=1e-3) for row in trained.inputs.numbers[:3].tolist()
    ]


@pytest.mark.parametrize("form", ["ids", "onehot", "hash", "target"])
def test_no_value_of_a_private_column_is_among_made_up_rows(loans: str, form: str) -> None:
    prepare = {"balance": "smotenc", "categories": {"encode": form}}
    data = {"source": loans, "target": "repaid", "private": ["town", "income"]}
    page = augment_page.render(samples(prepare, data))
    assert "2 private columns are not shown" in page
    for word in ("north", "south", "town", ">income<"):
        assert word not in page
    assert len(made_rows(page)[0][1]) == 3, "name, age and code"


def test_a_private_target_tells_neither_classes_nor_which_rows_are_scarce(loans: str) -> None:
    data = {"source": loans, "target": "repaid", "private": ["repaid"]}
    for balance in ("smotenc", {"name": "weights", "classes": {"no": 3.0}}):
        page = augment_page.render(samples({"balance": balance}, data))
        assert 'id="balance"' in page
        assert "the target is private" in page
        body = page.split("</style>")[1].split("<footer>", maxsplit=1)[0]
        assert not re.search(r"\bno\b|\byes\b|row \d", body)


def test_repeated_left_out_and_weighed_rows_are_told_without_augmentation(loans: str) -> None:
    for balance, words in (("oversample", "repetitions"), ("undersample", "left out"), ("weights", "each counts")):
        page = augment_page.render(samples({"balance": balance}, {"source": loans, "target": "repaid"}))
        assert words in page
        assert "Training rows before and after balancing" in page
        assert "Rows made up" not in page
        assert "epoch 1" not in page


def test_rows_are_called_by_their_places_in_the_file(notes: str) -> None:
    found = samples({"augment": ["number_noise"]}, {"source": notes, "target": "answer"})
    sizes = [float(line.rsplit(",", 2)[1]) for line in Path(notes).read_text().splitlines()[1:]]
    places = [int(re.fullmatch(r"row (\d+) of notes.csv", name)[1]) for name in found.rows]  # type: ignore[index]
    assert len(set(places)) == 6
    order = np.argsort([sizes[place - 1] for place in places])
    assert (np.diff(found.before.numbers[order, 0]) > 0).all()
