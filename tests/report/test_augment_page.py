"""The page of augmented samples: everything a person is to see, nothing private, no network."""

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rayline.core.errors import SpecError
from rayline.pipeline.augment_samples import augment_samples
from rayline.pipeline.cleaned import recipe_of
from rayline.pipeline.collect import collect
from rayline.prepare import preparation
from rayline.report import augment_page
from rayline.report.augment_page import Samples
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
    with pytest.raises(SpecError, match="prepare.augment declares nothing to show"):
        samples({}, {"source": notes, "target": "answer"})
