"""What every augmenter must do, run on every augmenter found, over inputs of all kinds."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rayline.core import catalog
from rayline.core.columns import Target, Task
from rayline.core.errors import SpecError
from rayline.core.prepared import Layout, TensorInput
from rayline.prepare.augment._augmenter import AugmentConfig, ColumnsConfig, Examples
from rayline.prepare.augmentation import Augmentation

AUGMENTERS = catalog.names("augment")
LAYOUT = Layout(
    ("age", "age=(missing)"),
    ("city",),
    (7,),
    (
        TensorInput("photo", "image", (3, 12, 10)),
        TensorInput("scan", "image", (1, 9, 9)),
        TensorInput("sound", "audio", (64,)),
        TensorInput("spectrum", "audio", (8, 16)),
        TensorInput("note", "text", (12,), "int32", 50),
        TensorInput("left", "sequence", (24,)),
        TensorInput("right", "sequence", (24,)),
    ),
)
LEVELS = {"photo": ((-2.0, 2.5), (-1.9, 2.4), (-1.8, 2.6))}
TARGETS = {
    Task.BINARY: Target("y", Task.BINARY, ("no", "yes"), "yes"),
    Task.MULTICLASS: Target("y", Task.MULTICLASS, ("a", "b", "c")),
    Task.REGRESSION: Target("y", Task.REGRESSION),
}


def examples(rows: int = 16, task: Task = Task.MULTICLASS, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    low = torch.tensor([-2.0, -1.9, -1.8]).reshape(3, 1, 1)
    photo = torch.from_numpy(rng.random((rows, 3, 12, 10), np.float32)) * 4.3 + low
    words = rng.integers(2, 50, (rows, 12)).astype(np.int32)
    lengths = rng.integers(1, 13, rows)
    words[np.arange(12)[None] >= lengths[:, None]] = 0
    target = rng.integers(0, 3 if task is Task.MULTICLASS else 2, rows)
    return Examples(
        numbers=torch.from_numpy(
            np.stack([rng.normal(size=rows), rng.integers(0, 2, rows)], axis=1).astype(np.float32)
        ),
        categories=torch.from_numpy(rng.integers(0, 7, (rows, 1)).astype(np.int32)),
        tensors=(
            photo,
            torch.from_numpy(rng.random((rows, 1, 9, 9), np.float32)),
            torch.from_numpy(rng.uniform(-1, 1, (rows, 64)).astype(np.float32)),
            torch.from_numpy(rng.random((rows, 8, 16), np.float32)),
            torch.from_numpy(words),
            torch.from_numpy(rng.normal(size=(rows, 24)).astype(np.float32)),
            torch.from_numpy(rng.normal(size=(rows, 24)).astype(np.float32)),
        ),
        target=torch.from_numpy(target if task is Task.MULTICLASS else target.astype(np.float32)),
        keys=torch.from_numpy(rng.permutation(1000)[:rows]),
        partner=torch.arange(rows - 1, -1, -1),
    )


def augmentation(name: str, task: Task = Task.MULTICLASS, seed: int = 0, **options: object) -> Augmentation:
    config = catalog.resolve("augment", {"name": name, **options})
    made = Augmentation.of([config], LAYOUT, TARGETS[task], seed=seed, levels=LEVELS)
    assert made is not None
    return made


def arrays(of: Examples) -> dict[str, torch.Tensor]:
    named = {tensor.name: array for tensor, array in zip(LAYOUT.tensors, of.tensors, strict=True)}
    return {"numbers": of.numbers, "categories": of.categories, **named, "target": of.target}


def same(a: Examples, b: Examples) -> bool:
    return all(torch.equal(x, y) for x, y in zip(arrays(a).values(), arrays(b).values(), strict=True))


@pytest.mark.parametrize("name", AUGMENTERS)
def test_shapes_and_kinds_stay_and_what_is_given_is_not_touched(name: str) -> None:
    before, kept = examples(), examples()
    after = augmentation(name, p=1.0)(before, 0)
    assert same(before, kept)
    assert not same(after, kept), "nothing was changed"
    for key, array in arrays(after).items():
        if key != "target":
            assert array.shape == arrays(kept)[key].shape
            assert array.dtype == arrays(kept)[key].dtype
        assert torch.isfinite(array).all()


@pytest.mark.parametrize("name", AUGMENTERS)
def test_only_inputs_of_its_kind_change(name: str) -> None:
    config = catalog.config_class("augment", name)
    assert issubclass(config, AugmentConfig)
    before = examples()
    after = augmentation(name, p=1.0)(before, 0)
    changed = {key for key, array in arrays(after).items() if not torch.equal(array, arrays(before)[key])}
    mixes = config().build().mixes
    if config.kind == "any":
        allowed = {"numbers", "photo", "scan", "sound", "spectrum", "left", "right"}
    elif config.kind == "number":
        allowed = {"numbers"}
    else:
        ranks = config.ranks
        allowed = {t.name for t in LAYOUT.tensors if t.kind == config.kind and (not ranks or len(t.shape) in ranks)}
    assert changed - {"target"} == allowed
    assert ("target" in changed) == mixes
    assert torch.equal(after.keys, before.keys)


@pytest.mark.parametrize("task", list(Task))
@pytest.mark.parametrize("name", AUGMENTERS)
def test_nothing_changes_at_p_0(name: str, task: Task) -> None:
    before = examples(task=task)
    after = augmentation(name, task, p=0.0)(before, 0)
    for key, array in arrays(after).items():
        if key == "target" and array.ndim == 2:
            assert torch.equal(array, torch.nn.functional.one_hot(before.target, 3).float())
        else:
            assert torch.equal(array, arrays(before)[key])


@pytest.mark.parametrize("name", AUGMENTERS)
def test_a_row_changes_alike_whatever_batch_it_is_in(name: str) -> None:
    whole = examples(32)
    step = augmentation(name)
    after = step(whole, 3)
    # pairs stay together: a row's change may read its partner
    places = torch.tensor([28, 3, 17, 14, 0, 31])
    where = {int(place): position for position, place in enumerate(places)}
    part = Examples(
        whole.numbers[places],
        whole.categories[places],
        tuple(array[places] for array in whole.tensors),
        whole.target[places],
        whole.keys[places],
        torch.tensor([where[int(whole.partner[place])] for place in places]),
    )
    for key, array in arrays(step(part, 3)).items():
        torch.testing.assert_close(array, arrays(after)[key][places], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", AUGMENTERS)
def test_the_same_seed_and_epoch_give_the_same_bits_and_others_do_not(name: str) -> None:
    before = examples()
    assert same(augmentation(name, p=0.5)(before, 2), augmentation(name, p=0.5)(before, 2))
    assert not same(augmentation(name, p=0.5)(before, 2), augmentation(name, p=0.5)(before, 3))
    assert not same(augmentation(name, p=0.5)(before, 2), augmentation(name, p=0.5, seed=1)(before, 2))


@pytest.mark.parametrize("name", AUGMENTERS)
def test_about_the_share_p_of_the_rows_changes(name: str) -> None:
    before = examples(400)
    after = augmentation(name, p=0.3)(before, 0)
    unlike = torch.zeros(400, dtype=torch.bool)
    for key, array in arrays(after).items():
        if key != "target":
            unlike |= (array != arrays(before)[key]).reshape(400, -1).any(dim=1)
    assert 60 <= int(unlike.sum()) <= 160


@pytest.mark.parametrize("name", AUGMENTERS)
def test_without_an_input_of_its_kind_it_is_refused(name: str) -> None:
    config = catalog.config_class("augment", name)
    assert issubclass(config, AugmentConfig)
    bare = Layout(("town=secret",), ("city",), (7,)) if config.kind != "number" else Layout((), ("city",), (7,))
    if config.kind == "any":
        assert Augmentation.of([config()], bare, TARGETS[Task.BINARY], seed=0) is not None
        return
    with pytest.raises(SpecError, match=f"prepare.augment: {name} changes .*there is none. Inputs: ") as told:
        Augmentation.of([config()], bare, TARGETS[Task.BINARY], seed=0)
    assert "secret" not in str(told.value)
    if issubclass(config, ColumnsConfig):
        with pytest.raises(SpecError, match="'phto' is none"):
            Augmentation.of([config(columns=("phto",))], LAYOUT, TARGETS[Task.BINARY], seed=0)


@pytest.mark.parametrize("name", AUGMENTERS)
def test_p_is_a_share(name: str) -> None:
    with pytest.raises(ValidationError):
        catalog.config_class("augment", name)(p=1.5)
