"""A search that is resumed goes on where it ended, however much is known already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rayline.core import catalog
from rayline.spec.sections import Dimension
from rayline.tune.ledger import FoldResult, Ledger, digest
from rayline.tune.on_ray import AskTell

SPACE = {"a": Dimension(low=0.0, high=1.0), "b": Dimension(values=tuple(range(200)))}


def asker(folder: Path, name: str, budget: int) -> AskTell:
    options = {"name": name, "points": 2} if name == "grid" else {"name": name}
    config: Any = catalog.resolve("search", options)
    ledger = Ledger(str(folder))
    known = ledger.trials(1)
    search = config.build(SPACE, seed=0, maximise=True)
    for record in known:
        if record.folds:
            search.tell(record.params, record.folds[0].value)
    names = {record.id for record in known}
    return AskTell(search, ledger, budget, 1, seen=set(names), proposed_before=set(names), asked=len(known))


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("name", catalog.names("search"))
def test_sixty_known_trials_do_not_end_a_search_of_a_hundred(tmp_path: Path, name: str, finished: bool) -> None:
    first = asker(tmp_path, name, 60)
    for number in range(60):
        asked = first.suggest(f"trial{number}")
        assert isinstance(asked, dict)
        if finished:
            trial = digest(asked["params"])
            first.ledger.commit(trial, FoldResult(0, 0.5 + number / 1000, {}, 1.0, 10, 20))
    second = asker(tmp_path, name, 100)
    asked_for = [second.suggest(f"more{number}") for number in range(40)]
    assert all(isinstance(asked, dict) for asked in asked_for)
    assert len({digest(asked["params"]) for asked in asked_for}) == 40
    assert second.suggest("one too many") == "FINISHED"
    assert len(second.ledger.trials(1)) == 100


def test_a_small_space_ends_when_it_is_used_up(tmp_path: Path) -> None:
    config: Any = catalog.resolve("search", "random")
    search = config.build({"a": Dimension(values=(1, 2, 3))}, seed=0, maximise=True)
    made = AskTell(search, Ledger(str(tmp_path)), 50, 1)
    asked = [made.suggest(str(number)) for number in range(4)]
    assert asked[3] == "FINISHED"
    assert sorted(a["params"]["a"] for a in asked[:3]) == [1, 2, 3]


def test_a_trial_given_up_is_not_tried_again(tmp_path: Path) -> None:
    made = asker(tmp_path, "random", 1)
    made.folds = 3
    params = made.suggest("t")["params"]
    made.ledger.commit(digest(params), FoldResult(0, 0.5, {}, 1.0, 10, 20))
    made.on_trial_complete("t", {"value": 0.5, "folds": 1})
    assert made.ledger.trials(3)[0].given_up
