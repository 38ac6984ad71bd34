"""Every search algorithm keeps to its space, repeats itself, and survives being told what it never asked."""

from __future__ import annotations

from typing import Any

import pytest

from rayline.core import catalog
from rayline.spec.sections import Dimension
from rayline.tune.search._search import Search

SPACE = {
    "train.optimizer.lr": Dimension(low=1e-4, high=1e-1, log=True),
    "model.dropout": Dimension(low=0.0, high=0.5),
    "model.hidden": Dimension(values=([8], [8, 4], [16])),
    "train.batch_size": Dimension(low=8, high=64, integer=True),
}


def build(name: str, seed: int = 0, space: dict[str, Dimension] | None = None) -> Search:
    options = {"name": name, "points": 3} if name == "grid" else {"name": name}
    config: Any = catalog.resolve("search", options)
    built: Search = config.build(space or SPACE, seed=seed, maximise=True)
    return built


def ask_and_tell(search: Search, turns: int) -> list[dict[str, Any]]:
    asked = []
    for turn in range(turns):
        params = search.ask()
        if params is None:
            break
        asked.append(params)
        search.tell(params, float(turn % 5))
    return asked


@pytest.mark.parametrize("name", catalog.names("search"))
def test_settings_stay_in_the_space(name: str) -> None:
    asked = ask_and_tell(build(name), 20)
    assert len(asked) == 20
    for params in asked:
        assert set(params) == set(SPACE)
        assert 1e-4 <= params["train.optimizer.lr"] <= 1e-1
        assert 0.0 <= params["model.dropout"] <= 0.5
        assert params["model.hidden"] in SPACE["model.hidden"].values
        assert type(params["train.batch_size"]) is int
        assert 8 <= params["train.batch_size"] <= 64


@pytest.mark.parametrize("name", catalog.names("search"))
def test_the_same_seed_asks_the_same(name: str) -> None:
    assert ask_and_tell(build(name, 3), 12) == ask_and_tell(build(name, 3), 12)


@pytest.mark.parametrize("name", catalog.names("search"))
def test_it_takes_results_it_never_asked_for(name: str) -> None:
    """What a resumed search tells: trials of the run that was killed."""
    search = build(name)
    for params in ask_and_tell(build(name, seed=1), 6):
        search.tell(params, 0.5)
    assert search.ask() is not None


def test_a_grid_is_every_combination_once() -> None:
    space = {"a": Dimension(values=(1, 2)), "b": Dimension(low=1, high=100, log=True)}
    search = build("grid", space=space)
    asked = ask_and_tell(search, 50)
    pairs = [(p["a"], round(p["b"], 6)) for p in asked]
    assert pairs == [(a, b) for a in (1, 2) for b in (1.0, 10.0, 100.0)]
    assert search.ask() is None


def test_optuna_learns_where_the_optimum_is() -> None:
    space = {"x": Dimension(low=-10.0, high=10.0)}

    def best_half(name: str) -> float:
        search = build(name, seed=5, space=space)
        late = []
        for turn in range(40):
            params = search.ask()
            assert params is not None
            search.tell(params, -((params["x"] - 3.0) ** 2))
            if turn >= 20:
                late.append(abs(params["x"] - 3.0))
        return sum(late) / len(late)

    assert best_half("optuna") < 0.5 * best_half("random")
