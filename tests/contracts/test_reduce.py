"""What every reducer must do, run on every reducer found."""

import numpy as np
import pytest

from rayline.core import catalog
from rayline.core.errors import DataError, SpecError
from rayline.prepare.reduce._reducer import Projection

REDUCERS = catalog.names("reduce")
pytestmark = pytest.mark.parametrize("name", REDUCERS)
NAMES = tuple(f"c{n}" for n in range(6))


def sample(rows: int = 500) -> np.ndarray:
    """Six columns that are mixtures of three, with a little noise."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 3)) @ rng.normal(size=(3, 6)) + 0.01 * rng.normal(size=(rows, 6)) + 5.0


def learnt(name: str, x: np.ndarray, **options: object) -> Projection:
    config = catalog.resolve("reduce", {"name": name, **options})
    return config.build().learn(x, NAMES[: x.shape[1]], 0)  # type: ignore[attr-defined]


def projected(projection: Projection, x: np.ndarray) -> np.ndarray:
    return (x - projection.mean_W) @ projection.components_KW.T


def test_as_many_columns_as_declared_with_names_of_their_own(name: str) -> None:
    found = learnt(name, sample(), components=2)
    assert found.components_KW.shape == (2, 6)
    assert found.mean_W.shape == (6,)
    assert len(set(found.names)) == len(found.names) == len(found.explained) == 2
    assert not set(found.names) & set(NAMES)
    assert found.components_KW.dtype == found.mean_W.dtype == np.float64


def test_never_more_columns_than_carry_something(name: str) -> None:
    x = sample()
    x[:, 5] = x[:, 4]
    assert len(learnt(name, x, components=6).names) == 5
    assert len(learnt(name, x, components=100).names) == 5
    assert len(learnt(name, sample(3), components=6).names) == 2
    assert len(learnt(name, x[:, :1], components=3).names) == 1


def test_a_share_of_the_variance_is_kept(name: str) -> None:
    found = learnt(name, sample(), components=0.99)
    assert sum(found.explained) >= 0.99 > sum(found.explained[:-1])
    assert len(found.names) <= 3


def test_nothing_is_lost_but_what_is_said_to_be(name: str) -> None:
    x = sample()
    found = learnt(name, x, components=3)
    back = projected(found, x) @ found.components_KW + found.mean_W
    lost = np.square(x - back).sum() / np.square(x - x.mean(axis=0)).sum()
    assert lost == pytest.approx(1.0 - sum(found.explained), abs=1e-9)


def test_the_columns_do_not_go_together(name: str) -> None:
    x = sample()
    z = projected(learnt(name, x, components=3, whiten=True), x)
    np.testing.assert_allclose(np.cov(z.T), np.eye(3), atol=1e-8)


def test_the_same_sample_gives_the_same_bytes_and_a_sign_that_holds(name: str) -> None:
    one, other = learnt(name, sample(), components=3), learnt(name, sample(), components=3)
    assert one.components_KW.tobytes() == other.components_KW.tobytes()
    turned = learnt(name, 10.0 - sample(), components=3)
    np.testing.assert_allclose(turned.components_KW, one.components_KW, atol=1e-9)


def test_columns_that_never_vary_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="no number column varies over the 9 rows"):
        learnt(name, np.ones((9, 3)))


@pytest.mark.parametrize("components", [0, -1, 2.5])
def test_a_number_of_columns_that_is_none_is_refused(name: str, components: float) -> None:
    with pytest.raises(SpecError, match="components"):
        learnt(name, sample(), components=components)
