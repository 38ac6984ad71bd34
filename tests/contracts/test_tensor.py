"""What every step for texts, images, sound and sequences must do, run on each found."""

from __future__ import annotations

import io
import json
import pickle
import wave
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest
from PIL import Image
from pydantic import ValidationError

from rayline.core import catalog
from rayline.core.errors import DataError
from rayline.prepare.tensors import TensorConfig, TensorStep
from rayline.profile.column import ColumnProfile

RNG = np.random.default_rng(0)
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "Ünïcode", "ﬁne", "don't"]


def _text() -> str:
    return " ".join(RNG.choice(WORDS, RNG.integers(1, 30)))


def _image() -> bytes:
    size = (int(RNG.integers(5, 90)), int(RNG.integers(5, 90)))
    kind, mode = [("PNG", "RGB"), ("JPEG", "RGB"), ("PNG", "L"), ("PNG", "RGBA"), ("GIF", "P")][RNG.integers(5)]
    channels = {"RGB": 3, "L": 1, "RGBA": 4, "P": 1}[mode]
    pixels = RNG.integers(0, 256, (size[1], size[0], channels)).astype(np.uint8)
    image = Image.fromarray(pixels.squeeze(2) if channels == 1 else pixels)
    packed = io.BytesIO()
    image.convert(mode).save(packed, kind)
    return packed.getvalue()


def _sound() -> bytes:
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(int(RNG.integers(1, 3)))
        file.setsampwidth(2)
        file.setframerate(int(RNG.choice([8000, 16000, 22050])))
        file.writeframes(RNG.integers(-20000, 20000, int(RNG.integers(0, 40000)) * 2).astype("<i2").tobytes())
    return packed.getvalue()


def _sequence() -> list[float | None]:
    values = (RNG.normal(3, 5, RNG.integers(0, 40))).tolist()
    return [None if RNG.random() < 0.1 else value for value in values]


MAKE: dict[str, Callable[[], Any]] = {"text": _text, "image": _image, "audio": _sound, "sequence": _sequence}
WRONG: dict[str, list[Any]] = {
    "text": [7, b"x", ["x"]],
    "image": ["x", 7, b"", b"no image", _image()[:20]],
    "audio": ["x", 7, b"", b"no sound", _sound()[:30]],
    "sequence": ["x", 7, b"x", ["x"], [[1.0], [2.0]]],
}
VALUES: dict[str, list[Any]] = {kind: [make() for _ in range(40)] for kind, make in MAKE.items()}
EDGES: dict[str, list[Any]] = {
    "text": ["", " ", "!?", "\ud800", "a" * 10_000, "漢字 かな", "\x00"],
    "image": [],
    "audio": [],
    "sequence": [[], [None], [float("nan")], [float("inf"), 1.0], [1e300, -1e300], (1, 2), np.arange(3.0), [True, 2]],
}
STEPS = [(kind, name) for kind in MAKE for name in catalog.names(kind)]
pytestmark = pytest.mark.parametrize(("kind", "name"), STEPS, ids=[f"{kind}-{name}" for kind, name in STEPS])


def learnt(kind: str, name: str, **options: Any) -> TensorStep:
    config = cast(TensorConfig, catalog.resolve(kind, {"name": name, **options}))
    inside = kind in ("image", "audio")
    sample = pl.Series("x", [None] * 40, pl.Binary) if inside else pl.Series("x", VALUES[kind])
    return config.learn(cast(ColumnProfile, SimpleNamespace(name="x", inner=None)), sample)


def test_arrays_have_the_shape_and_type_they_say(kind: str, name: str) -> None:
    step = learnt(kind, name)
    for values in (VALUES[kind], VALUES[kind][:1], []):
        made = step(values, "x")
        assert made.shape == (len(values), *step.shape)
        assert made.dtype == step.dtype
        assert made.flags.c_contiguous
        assert np.isfinite(made).all()
    assert step(VALUES[kind], "x").any()


def test_one_by_one_is_all_at_once_bit_for_bit(kind: str, name: str) -> None:
    step = learnt(kind, name)
    values = [*VALUES[kind], None, *EDGES[kind]]
    together = step(values, "x")
    assert np.isfinite(together).all()
    for place in RNG.permutation(len(values)):
        assert step([values[place]], "x").tobytes() == together[place : place + 1].tobytes()


def test_a_column_is_its_values_bit_for_bit(kind: str, name: str) -> None:
    step = learnt(kind, name)
    values = [*VALUES[kind], None]
    assert step.of_column(pl.Series("x", values)).tobytes() == step(values, "x").tobytes()


def test_missing_gives_zeros(kind: str, name: str) -> None:
    made = learnt(kind, name)([None, VALUES[kind][0], None], "x")
    assert not made[[0, 2]].any()


def test_state_is_json_and_arrays(kind: str, name: str) -> None:
    step = learnt(kind, name)
    value = json.loads(json.dumps(step.to_json()))
    arrays = {key: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for key, a in step.arrays().items()}
    restored = catalog.config_class(kind, name).restore(value, arrays)  # type: ignore[attr-defined]
    assert (restored.shape, restored.dtype, restored.ids) == (step.shape, step.dtype, step.ids)
    assert restored.to_json() == step.to_json()
    assert restored(VALUES[kind], "x").tobytes() == step(VALUES[kind], "x").tobytes()
    json.dumps(step.account())


def test_learning_the_same_gives_the_same(kind: str, name: str) -> None:
    one, other = learnt(kind, name), learnt(kind, name)
    assert one.to_json() == other.to_json()
    assert {k: a.tobytes() for k, a in one.arrays().items()} == {k: a.tobytes() for k, a in other.arrays().items()}


def test_a_wrong_value_is_refused_with_its_column_and_place(kind: str, name: str) -> None:
    step = learnt(kind, name)
    for wrong in WRONG[kind]:
        with pytest.raises(DataError, match=r"column 'colour' \[2\]: \w") as refused:
            step([VALUES[kind][0], None, wrong], "colour")
        assert "'x'" not in str(refused.value)


def test_a_hidden_step_makes_the_same_arrays(kind: str, name: str) -> None:
    step = learnt(kind, name)
    hidden = step.hidden("0123")
    assert hidden(VALUES[kind], "x").tobytes() == step(VALUES[kind], "x").tobytes()
    if kind == "text":
        assert not any(f'"{word.lower()}"' in json.dumps(hidden.to_json()) for word in WORDS)


def test_a_pickled_step_makes_the_same_arrays(kind: str, name: str) -> None:
    step = learnt(kind, name)
    assert pickle.loads(pickle.dumps(step))(VALUES[kind], "x").tobytes() == step(VALUES[kind], "x").tobytes()


def test_a_column_without_values_can_be_learnt(kind: str, name: str) -> None:
    config = cast(TensorConfig, catalog.resolve(kind, name))
    empty = pl.Series("x", [None, None], {"text": pl.String, "sequence": pl.List(pl.Float64)}.get(kind, pl.Binary))
    step = config.learn(cast(ColumnProfile, SimpleNamespace(name="x", inner=None)), empty)
    assert np.isfinite(step(VALUES[kind], "x")).all()


def test_options_survive_the_spec(kind: str, name: str) -> None:
    config = catalog.resolve(kind, name)
    assert catalog.resolve(kind, json.loads(json.dumps(catalog.describe(config)))) == config


def test_unknown_options_are_refused(kind: str, name: str) -> None:
    with pytest.raises(ValidationError):
        catalog.config_class(kind, name)(nonsense=1)
